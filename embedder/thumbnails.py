"""One small WebP picture per clip, made while its video is decoded for embedding anyway.

Pictures are taken at a fixed beat, since which clips end a video is known only at its end; a clip gets the picture of
the beat nearest to its middle. Only pictures that a clip asks for are compressed, and each only once. In a video so long that its
pictures would not fit into memory, the beat slows down: each time half of what is left is used up, to half its pace.
"""

from __future__ import annotations

import io
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedder.clip_plan import GRID_HZ
from embedder.frame_grid import GridStep
from embedder.frame_scaler import BoxScaler

BEAT_SLOTS = GRID_HZ // 2
MAX_BYTES = 384 * 2**20
"""Of one video's pictures: 50 hours and more of them at every beat. They wait in memory until their video is read to its end."""
MAX_SIDE_PX = 160
WEBP_QUALITY = 60
WEBP_EFFORT = 2
"""Of 0 to 6. At 160x120: 1 takes 1.0 ms and 2.7 kB, 2 takes 1.2 ms and 2.1 kB, 4 takes 2.3 ms and 1.9 kB."""


@dataclass
class _Picture:
    first_beat: int
    pixels: NDArray[np.uint8]
    number: int | None = None


class Thumbnails:
    """Collects the pictures of a video's latest seconds. ``fresh`` holds those compressed since it was last emptied."""

    def __init__(self, pixel_aspect: float) -> None:
        self.fresh: list[bytes] = []
        self._scaler = BoxScaler(MAX_SIDE_PX, MAX_SIDE_PX, pixel_aspect)
        self._pictures: deque[_Picture] = deque()
        self._num_made = 0
        self._bytes_left = MAX_BYTES
        self._slow_down_at = MAX_BYTES // 2
        self._every = 1

    def see(self, step: GridStep) -> None:
        """Keep the frame of this step if it is on screen at a beat."""
        first_beat = -(-step.first_slot // BEAT_SLOTS)
        if first_beat * BEAT_SLOTS >= step.end_slot:
            return
        if self._pictures and first_beat < self._pictures[-1].first_beat + self._every:
            return
        pixels = self._scaler.picture(step.frame)
        if not self._pictures or not np.array_equal(pixels, self._pictures[-1].pixels):
            self._pictures.append(_Picture(first_beat, pixels))

    def number_for(self, start_s: float, end_s: float) -> int:
        """Number (from 0, in the order made) of the picture for a clip; compresses it into ``fresh`` when it is new."""
        beat = round((start_s + end_s) / 2 * GRID_HZ / BEAT_SLOTS)
        picture = next((p for p in reversed(self._pictures) if p.first_beat <= beat), self._pictures[0])
        if picture.number is None:
            self.fresh.append(to_webp(picture.pixels))
            picture.number = self._num_made
            self._num_made += 1
            self._bytes_left -= len(self.fresh[-1])
            if self._bytes_left < self._slow_down_at:
                self._every, self._slow_down_at = 2 * self._every, self._slow_down_at // 2
        return picture.number

    def forget_before(self, slot: int) -> None:
        """Drop pictures that no clip whose middle is at ``slot`` or later can ask for."""
        while len(self._pictures) > 1 and self._pictures[1].first_beat * BEAT_SLOTS <= slot - BEAT_SLOTS:
            self._pictures.popleft()


def to_webp(pixels: NDArray[np.uint8]) -> bytes:
    """A picture, uint8 (H, W, 3) RGB, as WebP."""
    from PIL import Image  # takes 25 ms to import and is not needed to read frames

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=WEBP_QUALITY, method=WEBP_EFFORT)
    return file.getvalue()
