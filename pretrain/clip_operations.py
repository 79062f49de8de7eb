"""What may happen to the middle clip of a cloze: turns, exchanged tiles, exchanged stretches. Exact: no pixel is interpolated.

Shapes: T frames, S x S pixels.
"""

from collections.abc import Sequence
from itertools import permutations
from typing import Literal

import numpy as np

from pretrain.frame_source import Frames

TILE_ORDERS: tuple[tuple[int, ...], ...] = tuple(permutations(range(4)))[1:]
"""All orders of four tiles but the natural one: 23."""

TileOrders = Literal["any", "swap", "reversal"]


def turn(clip_TSSC: Frames, quarters: int) -> Frames:
    """All frames turned anticlockwise by `quarters` x 90 degrees: uint8 (T, S, S, 3), a copy. Frames must be squares."""
    _, height, width, _ = clip_TSSC.shape
    if height != width:
        raise ValueError(f"only squares can be turned by quarters, the frames are {width}x{height}")
    return np.ascontiguousarray(np.rot90(clip_TSSC, quarters, axes=(1, 2)))


def reorder_tiles(clip_TSSC: Frames, order: Sequence[int]) -> Frames:
    """Tile `order[i]` of 2 x 2 is put in place i, the same in all frames: uint8 (T, S, S, 3), a copy.

    Places: 0 top left, 1 top right, 2 bottom left, 3 bottom right. Sides must be even, ValueError otherwise.
    """
    _, height, width, _ = clip_TSSC.shape
    if height % 2 or width % 2:
        raise ValueError(f"four tiles need frames of even sides, these are {width}x{height}; use an even clip size")
    if sorted(order) != [0, 1, 2, 3]:
        raise ValueError(f"an order of four tiles names 0, 1, 2 and 3 once each, got {tuple(order)}")
    rows, columns = (slice(0, height // 2), slice(height // 2, height)), (slice(0, width // 2), slice(width // 2, width))
    out = np.empty_like(clip_TSSC)
    for place, tile in enumerate(order):
        out[:, rows[place // 2], columns[place % 2]] = clip_TSSC[:, rows[tile // 2], columns[tile % 2]]
    return out


def exchange_stretches(clip_THWC: Frames, first: int, second: int, *, num_stretches: int = 4) -> Frames:
    """Cut in time into `num_stretches`, of which two change places: uint8 (T, H, W, 3), a copy. Too few frames: ValueError."""
    if (num_frames := len(clip_THWC)) < num_stretches:
        raise ValueError(f"a clip of {num_frames} frames has no {num_stretches} stretches; use {num_stretches} frames or more")
    order = list(range(num_stretches))
    order[first], order[second] = order[second], order[first]
    stretches = np.array_split(clip_THWC, num_stretches)
    return np.concatenate([stretches[i] for i in order])


def draw_tile_order(rng: np.random.Generator, orders: TileOrders) -> tuple[int, ...]:
    """`any`: one of the 23 others than the natural one. `swap`: two of the tiles change places. `reversal`: 3, 2, 1, 0."""
    if orders == "reversal":
        return (3, 2, 1, 0)
    if orders == "any":
        return TILE_ORDERS[int(rng.integers(len(TILE_ORDERS)))]
    first, second = draw_two(rng, 4)
    order = [0, 1, 2, 3]
    order[first], order[second] = order[second], order[first]
    return tuple(order)


def draw_two(rng: np.random.Generator, count: int) -> tuple[int, int]:
    """Two different numbers in [0, count), in any order."""
    first, second = rng.choice(count, size=2, replace=False)
    return int(first), int(second)
