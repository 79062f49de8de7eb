"""Clips that a test makes itself, where an export looks for some."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pretrain.sample_clips import ClipSpec


@dataclass(frozen=True)
class GivenClips:
    """These batches, uint8 (N, T, H, W, 3) each, whatever is asked for."""

    given: tuple[NDArray[np.uint8], ...]
    words: str = "given clips"

    def batches(self, num_clips: int, spec: ClipSpec, *, seed: int) -> Iterator[NDArray[np.uint8]]:
        return iter(self.given)


def moving_squares(count: int, *, seed: int = 0, num_frames: int = 8, size_px: int = 32) -> NDArray[np.uint8]:
    """uint8 (count, T, H, W, 3): on a coloured, grained ground a square that goes somewhere; each clip unlike the others."""
    rng = np.random.default_rng(seed)
    side = size_px // 4
    clips = rng.integers(0, 40, (count, num_frames, size_px, size_px, 3)) + rng.integers(0, 200, (count, 1, 1, 1, 3))
    for clip in clips:
        start, end, colour = rng.integers(0, size_px - side, 2), rng.integers(0, size_px - side, 2), rng.integers(0, 256, 3)
        for number, frame in enumerate(clip):
            y, x = np.round(start + (end - start) * number / (num_frames - 1)).astype(int)
            frame[y : y + side, x : x + side] = colour
    return clips.clip(0, 255).astype(np.uint8)
