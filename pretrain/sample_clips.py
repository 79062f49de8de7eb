"""Seeded drawn clips in batches: for fitting a whitening and for checking that an exported encoder equals its network."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pretrain.drawn_videos import draw_clip


def drawn_batches(num_clips: int, *, num_frames: int, size_px: int, seed: int, batch_size: int = 16) -> Iterator[NDArray[np.uint8]]:
    """uint8 (up to batch_size, T, H, W, 3), together num_clips; the same for the same seed."""
    rng = np.random.default_rng(seed)
    for first in range(0, num_clips, batch_size):
        count = min(batch_size, num_clips - first)
        yield np.stack([draw_clip(rng, num_frames=num_frames, size_px=size_px).frames for _ in range(count)])
