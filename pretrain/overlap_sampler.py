"""Two clips of a video that overlap by a wanted share, in time and in the picture.

A label k = 0 .. 4 stands for an overlap of (5 - k) / 5. The label is drawn first and never changed, and whatever else a clip
shows (how fast it plays, how much of the frame it is) is drawn from the same for all labels, so that one clip does not
tell the label.

Shapes: T frames of a clip, S x S pixels of a source frame.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

OVERLAPS: tuple[float, ...] = (1.0, 0.8, 0.6, 0.4, 0.2)
ASPECTS = (3 / 4, 4 / 3)

Sizes = Literal["alike", "largest"]


@dataclass(frozen=True, kw_only=True)
class TimePair:
    """label: k. pace: number of the pace among the given. places_2T: int64 source frame numbers of both clips. fits: whether the
    video is long enough for all labels at the slowest pace.
    """

    label: int
    pace: int
    places_2T: NDArray[np.int64]
    fits: bool


@dataclass(frozen=True, kw_only=True)
class CropPair:
    """label: k. Both crops have the same height and width. corners: (top, left) of each, in pixels of the source frame."""

    label: int
    height: int
    width: int
    corners: tuple[tuple[int, int], tuple[int, int]]


def shifts(num_frames: int) -> tuple[int, ...]:
    """How many clip frames later (or earlier) the second clip starts, for each label: 0, 3, 6, 9, 12 for 16 frames.

    The duration is counted from the first to the last frame, 15 steps for 16 frames, as published, so all of these are whole.
    """
    return tuple(round((1 - overlap) * (num_frames - 1)) for overlap in OVERLAPS)


def frames_for_all_labels(num_frames: int, pace: int) -> int:
    """Source frames from the first of one clip to the last of the other where they overlap least."""
    return pace * (num_frames - 1 + shifts(num_frames)[-1]) + 1


def draw_times(num_source: int, num_frames: int, paces: Sequence[int], rng: np.random.Generator) -> TimePair:
    """Both clips at one of those paces at which every label fits. Where none does, the slowest is slowed down until it does:
    frames are repeated, for every label alike.
    """
    label, later = int(rng.integers(len(OVERLAPS))), rng.random() < 0.5
    fitting = [pace for pace in paces if frames_for_all_labels(num_frames, pace) <= num_source]
    pace = fitting[int(rng.integers(len(fitting)))] if fitting else min(paces)
    shift = shifts(num_frames)[label] * pace
    needed = frames_for_all_labels(num_frames, pace)
    long_enough = max(num_source, needed)
    earliest = int(rng.integers(long_enough - shift - pace * (num_frames - 1)))
    starts = (earliest, earliest + shift) if later else (earliest + shift, earliest)
    places_2T = np.array(starts, dtype=np.int64)[:, None] + pace * np.arange(num_frames, dtype=np.int64)
    if not fitting:
        places_2T = places_2T * num_source // needed
    return TimePair(label=label, pace=list(paces).index(pace), places_2T=places_2T, fits=bool(fitting))


def draw_crops(size_px: int, areas: tuple[float, float], sizes: Sizes, rng: np.random.Generator) -> CropPair:
    """Two crops inside a frame of S = size_px. areas: range of their share of it.

    sizes: `alike`: those for which every label has room (up to about 0.44 of the frame). `largest`: any, shrunk where the
    label needs that; then small crops are mostly those that overlap little.
    """
    label = int(rng.integers(len(OVERLAPS)))
    height, width = draw_size(size_px, areas, rng)
    if sizes == "alike":
        while not all(len(_displacements(height, width, size_px, overlap)) for overlap in reversed(OVERLAPS)):  # the hardest first
            height, width = draw_size(size_px, areas, rng)
    while not len(possible := _displacements(height, width, size_px, OVERLAPS[label])):
        height, width = max(1, math.floor(0.95 * height)), max(1, math.floor(0.95 * width))
    down, right = possible[int(rng.integers(len(possible)))]
    tops = _ends(int(down), size_px - height, rng)
    lefts = _ends(int(right), size_px - width, rng)
    return CropPair(label=label, height=height, width=width, corners=((tops[0], lefts[0]), (tops[1], lefts[1])))


def draw_size(size_px: int, areas: tuple[float, float], rng: np.random.Generator) -> tuple[int, int]:
    """Height and width of a crop that fits into the frame; half of them upright."""
    while True:
        area = rng.uniform(*areas) * size_px**2
        aspect = rng.uniform(*ASPECTS)
        sides = round(math.sqrt(area / aspect)), round(math.sqrt(area * aspect))
        height, width = sides if rng.random() < 0.5 else sides[::-1]
        if 1 <= height <= size_px and 1 <= width <= size_px:
            return height, width


def _displacements(height: int, width: int, size_px: int, overlap: float) -> NDArray[np.int64]:
    """All (down, right) that leave this overlap, to the nearest pixel, and for which the frame has room: int64 (n, 2)."""
    right = np.arange(width - math.ceil(overlap * width) + 1)
    shared_height = np.rint(overlap * width * height / (width - right)).astype(np.int64)
    down = height - np.minimum(shared_height, height)
    has_room = (right <= size_px - width) & (down <= size_px - height)
    return np.stack([down, right], axis=1)[has_room]


def _ends(displacement: int, room: int, rng: np.random.Generator) -> tuple[int, int]:
    """Two places in 0 .. room that are so far apart, either of them first."""
    near = int(rng.integers(room - displacement + 1))
    return (near, near + displacement) if rng.random() < 0.5 else (near + displacement, near)
