"""Vectors of videos by the retrieval protocols, of several networks at once: each video is decoded for all of them together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pretrain.downstream.protocol_clips import read_videos
from pretrain.downstream.protocol_networks import ProtocolNetwork

OnVideo = Callable[[int, int], None]
"""Told after each video, good or not: how many are done, and of how many."""


@dataclass(frozen=True, kw_only=True)
class VideoVectors:
    """vectors: of each network, in order, float32 (F,) by video. left_out: (path, reason) of videos that cannot be read."""

    vectors: list[dict[Path, NDArray[np.float32]]]
    left_out: list[tuple[str, str]]


def vectors_of_videos(
    networks: Sequence[ProtocolNetwork], videos: Sequence[Path], *, on_video: OnVideo | None = None
) -> VideoVectors:
    """A video that comes twice is read once. Memory: the vectors, and the clips of three videos. Raises ValueError for clips too
    large to be held."""
    different = list(dict.fromkeys(videos))
    vectors: list[dict[Path, NDArray[np.float32]]] = [{} for _ in networks]
    left_out: list[tuple[str, str]] = []
    for done, video in enumerate(read_videos(different, [network.protocol for network in networks]), start=1):
        if video.clips is None:
            left_out.append((str(video.path), video.reason))
        else:
            for network, clips_KTHW3, own in zip(networks, video.clips, vectors, strict=True):
                own[video.path] = network.video_vector(clips_KTHW3)
        if on_video is not None:
            on_video(done, len(different))
    return VideoVectors(vectors=vectors, left_out=left_out)
