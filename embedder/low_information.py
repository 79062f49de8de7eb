"""Tell clips in which there is nothing to search for: those in which nothing moves, and those that are plain.

A clip is looked at as a coarse map of brightness, so that sensor and coding noise average out. Something moves if some place of
the map changes over the clip and the map is not plain. Where green, most of brightness, shows nothing, red and blue are looked at
as well: a stage may be lit by them alone. Shapes: T frames, H x W pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCKS = 14
"""The map is BLOCKS x BLOCKS: of 112 pixels, 8 x 8 each, small enough that a blinking eye changes one of them."""

STILL_LEVELS = 4.0
"""Changes of a block's mean brightness (0 to 255) up to this are coding noise."""

PLAIN_LEVELS = 3.0
"""A picture whose blocks differ less than this (standard deviation of their brightness) has no texture."""


RED, GREEN, BLUE = 0, 1, 2
COARSER = 2.0
"""Codecs keep colour less exactly than brightness: in red and blue, noise is so many times as large."""


def is_low_information(clip_THWC: NDArray[np.uint8]) -> bool:
    """Whether a clip, uint8 (T, H, W, 3), shows nothing that moves or nothing that has texture: black, frozen, a fade of one
    colour. To an encoder of movement there is nothing in it to search for.
    """
    return not any(_shows_something(clip_THWC, colour) for colour in (GREEN, RED, BLUE))


def is_plain_clip(clip_THWC: NDArray[np.uint8]) -> bool:
    """Whether a clip, uint8 (T, H, W, 3), is of one colour in every frame: to an encoder of looks, too, it is empty."""
    return not any(_has_texture(_brightness_maps(clip_THWC, colour), colour) for colour in (GREEN, RED, BLUE))


def is_plain(picture_HWC: NDArray[np.uint8]) -> bool:
    """Whether a still picture, uint8 (H, W, 3), is of one colour: nothing in it has texture. That it does not move is no matter."""
    return is_plain_clip(picture_HWC[None])


def _shows_something(clip_THWC: NDArray[np.uint8], colour: int) -> bool:
    maps = _brightness_maps(clip_THWC, colour)
    moves = float(np.ptp(maps, axis=0).max()) > _noise(colour) * STILL_LEVELS
    return moves and _has_texture(maps, colour)


def _has_texture(maps: NDArray[np.float32], colour: int) -> bool:
    return float(maps.std(axis=(1, 2)).max()) > _noise(colour) * PLAIN_LEVELS


def _noise(colour: int) -> float:
    return 1.0 if colour == GREEN else COARSER


def _brightness_maps(clip_THWC: NDArray[np.uint8], colour: int) -> NDArray[np.float32]:
    """Mean brightness of each block in one colour, float32 (T, rows, columns)."""
    rows, columns = min(BLOCKS, clip_THWC.shape[1]), min(BLOCKS, clip_THWC.shape[2])
    high, wide = clip_THWC.shape[1] // rows, clip_THWC.shape[2] // columns
    pixels = np.ascontiguousarray(clip_THWC[:, : rows * high, : columns * wide, colour])
    # Whole numbers, rows of pixels first: a quarter of the time of a mean over both axes.
    of_rows = np.add.reduce(pixels.reshape(-1, rows, high, columns * wide), axis=2, dtype=np.uint32)
    of_blocks = np.add.reduce(of_rows.reshape(-1, rows, columns, wide), axis=3, dtype=np.uint32)
    maps: NDArray[np.float32] = of_blocks.astype(np.float32) / np.float32(high * wide)
    return maps
