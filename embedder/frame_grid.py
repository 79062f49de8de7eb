"""Read a video onto the fixed grid of GRID_HZ slots per second: slot g holds the frame on screen g / GRID_HZ s after the first.

The grid is laid from the first frame on, wherever that lies in its file, so that the same footage gives the same pixels.

Pictures are uint8 (H, W, 3) RGB. Reading is a stream: what a reader keeps is bounded by the longest clip, not by the video.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from embedder.clip_plan import GRID_HZ
from embedder.frame_scaler import FrameScaler
from embedder.video_facts import VideoFacts
from embedder.video_file import TimedFrame, Video, open_video

STAMP_ROUNDING_S = 0.001
"""Containers round time stamps to the millisecond: a frame this much late still counts as on screen."""


@dataclass(frozen=True)
class GridStep:
    """One decoded frame and the grid slots [first_slot, end_slot) it is on screen for (none, when the next came before).

    time_s: since the first frame. until_s: when the next frame comes, or the video ends.
    """

    time_s: float
    until_s: float
    first_slot: int
    end_slot: int
    frame: av.VideoFrame


def grid_steps(frames: Iterable[TimedFrame], video: Video) -> Iterator[GridStep]:
    """Every frame with its slots. Slot 0 is always filled, so that no video is empty, however short."""
    held: av.VideoFrame | None = None
    held_s = 0.0
    for timed in frames:
        time_s = timed.time_s - video.first_frame_s
        if held is not None:
            yield GridStep(held_s, time_s, first_slot(held_s), first_slot(time_s), held)
        held, held_s = timed.frame, time_s
    if held is not None:
        end_s = video.facts().duration_s - video.first_frame_s
        yield GridStep(held_s, end_s, first_slot(held_s), max(first_slot(end_s), 1), held)


def first_slot(time_s: float) -> int:
    """The first grid slot at which a frame that comes at this time is on screen."""
    return math.ceil((time_s - STAMP_ROUNDING_S) * GRID_HZ)


class RecentPictures:
    """The pictures of the latest slots. Equal neighbours are held once, so that a frozen hour is one picture."""

    def __init__(self) -> None:
        self._held: deque[tuple[int, NDArray[np.uint8]]] = deque()

    def put(self, slot: int, picture: NDArray[np.uint8]) -> None:
        """Show this picture from ``slot`` on; slots must grow."""
        if not self._held or not np.array_equal(picture, self._held[-1][1]):
            self._held.append((slot, picture))

    def at(self, slots: NDArray[np.int64]) -> list[NDArray[np.uint8]]:
        """The pictures of ascending slots; equal neighbours are the same object."""
        pictures = []
        held = iter(self._held)
        current = next(held)[1]
        following = next(held, None)
        for slot in slots:
            while following is not None and following[0] <= slot:
                current, following = following[1], next(held, None)
            pictures.append(current)
        return pictures

    def forget_before(self, slot: int) -> None:
        """Drop what is no longer on screen at ``slot`` or later."""
        while len(self._held) > 1 and self._held[1][0] <= slot:
            self._held.popleft()

    def __len__(self) -> int:
        return len(self._held)


@dataclass(frozen=True, kw_only=True)
class GridFrames:
    """A stretch of a video, one small picture per grid slot.

    frames: uint8 (G, H, W, 3) RGB; frames[i] is on screen (first_slot + i) / GRID_HZ seconds after the first frame.
    """

    frames: NDArray[np.uint8]
    first_slot: int
    facts: VideoFacts
    warnings: tuple[str, ...]


def read_grid(
    path: Path,
    *,
    height_px: int,
    width_px: int,
    geometry: str = "squash",
    max_s: float | None = None,
) -> GridFrames:
    """The whole video (or its first ``max_s`` seconds) as grid frames, decoded in this process.

    Where ``max_s`` cuts it short, facts and warnings tell of the part that was read. In a hole of the time stamps the
    last frame is repeated, at most to ``max_s``; give one for files whose stamps are not known to be sound.
    Raises VideoRejected, FileNotFoundError.
    """
    end_slot = None if max_s is None else max(1, math.floor(max_s * GRID_HZ))
    pictures: list[NDArray[np.uint8]] = []
    with open_video(path) as video:
        scaler = FrameScaler(height_px, width_px, geometry, video.pixel_aspect)
        for step in grid_steps(video.frames(), video):
            stop = step.end_slot if end_slot is None else min(step.end_slot, end_slot)
            if stop > step.first_slot:
                pictures.extend([scaler.picture(step.frame)] * (stop - step.first_slot))
            if end_slot is not None and len(pictures) >= end_slot:
                break
        facts, warnings = video.facts(), () if end_slot is not None and len(pictures) >= end_slot else video.warnings()
    return GridFrames(frames=np.stack(pictures), first_slot=0, facts=facts, warnings=warnings)
