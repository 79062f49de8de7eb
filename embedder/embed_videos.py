"""Turn video files into clips with vectors: decoding in worker processes, ahead of inference, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedder.video_facts import VideoFacts

if TYPE_CHECKING:
    from embedder.onnx_encoder import OnnxEncoder

LOW_INFORMATION = 1
"""Bit of ``EmbeddedVideo.flags``: black, frozen, colour bars, or nothing textured."""


@dataclass(frozen=True, kw_only=True)
class EmbeddedVideo:
    """All clips of one video, ordered by length, then by start.

    spans_s float64 (N, 2) seconds since the first frame; vectors float32 (N, D) of unit length; flags uint8 (N,);
    thumbnails: N WebP pictures (equal ones are one object). warnings: one clear line each, empty for a sound file.
    """

    path: Path
    facts: VideoFacts
    spans_s: NDArray[np.float64]
    vectors: NDArray[np.float32]
    flags: NDArray[np.uint8]
    thumbnails: list[bytes]
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RejectedVideo:
    """One file that gives no clips, and why, in one line without the path."""

    path: Path
    reason: str


def embed_videos(
    paths: Iterable[Path],
    encoder: OnnxEncoder,
    *,
    hop: float = 0.5,
    spans_s: Sequence[float] | None = None,
    decode_workers: int | None = None,
    time_limit_s: float | None = None,
    batch_size: int | None = None,
) -> Iterator[EmbeddedVideo | RejectedVideo]:
    """Embed every file; results come as they get ready, not in the order of ``paths``. One bad file stops nothing."""
    raise NotImplementedError
