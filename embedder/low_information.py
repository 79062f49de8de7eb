"""Tell clips in which there is nothing to search for: black, frozen, colour bars, fades of a plain picture.

A clip is looked at as a coarse map of brightness, so that sensor and coding noise average out. It holds something only
if some place of the map changes over the clip and the map is not plain. Shapes: T frames, H x W pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCKS = 14
"""The map is BLOCKS x BLOCKS: of 112 pixels, 8 x 8 each, small enough that a blinking eye changes one of them."""

SAMPLES_PER_SIDE = 4
"""Pixels looked at along each side of a block, where it has so many."""

STILL_LEVELS = 4.0
"""Changes of a block's mean brightness (0 to 255) up to this are coding noise."""

PLAIN_LEVELS = 3.0
"""A picture whose blocks differ less than this (standard deviation of their brightness) has no texture."""


def is_low_information(clip_THWC: NDArray[np.uint8]) -> bool:
    """Whether a clip, uint8 (T, H, W, 3), shows nothing that moves or nothing that has texture."""
    maps = _brightness_maps(clip_THWC)
    moves = float(np.ptp(maps, axis=0).max()) > STILL_LEVELS
    has_texture = float(maps.std(axis=(1, 2)).max()) > PLAIN_LEVELS
    return not (moves and has_texture)


def _brightness_maps(clip_THWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean brightness of each block, float32 (T, rows, columns)."""
    # A few pixels of each block tell its brightness as well as all of them, in a tenth of the time.
    step = max(1, min(clip_THWC.shape[1:3]) // (BLOCKS * SAMPLES_PER_SIDE))
    green = clip_THWC[:, ::step, ::step, 1]  # most of brightness
    rows, columns = min(BLOCKS, green.shape[1]), min(BLOCKS, green.shape[2])
    high, wide = green.shape[1] // rows, green.shape[2] // columns
    whole = green[:, : rows * high, : columns * wide].astype(np.float32)
    maps: NDArray[np.float32] = whole.reshape(-1, rows, high, columns, wide).mean(axis=(2, 4))
    return maps
