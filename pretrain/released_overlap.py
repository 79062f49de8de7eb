"""The released code's way to draw two overlapping clips, for comparisons: labels that do not fit are drawn again.

So wide overlaps are commoner, above all in the picture (about two thirds have the whole crop in common), and 0.8 in time comes out
one frame short, because 1 - 0.8 is a little less than 0.2 in floating point and is cut to a whole number.

Shapes: T frames of a clip, S x S pixels of a source frame.
"""

from collections.abc import Sequence

import numpy as np

from pretrain.overlap_sampler import OVERLAPS, CropPair, TimePair, draw_size


def draw_times_as_released(num_source: int, num_frames: int, paces: Sequence[int], rng: np.random.Generator) -> TimePair:
    """A video no longer than the clip's duration is looped, both clips alike."""
    last = num_frames - 1
    usable = [number for number, pace in enumerate(paces) if pace * last <= num_source] or [0]
    number = usable[int(rng.integers(len(usable)))]
    duration = paces[number] * last
    steps_T = paces[number] * np.arange(num_frames, dtype=np.int64)
    if num_source <= duration:
        return TimePair(label=0, pace=number, places_2T=np.stack([steps_T, steps_T]) % num_source, fits=False)
    first = int(rng.integers(num_source - duration))
    while True:
        label = int(rng.integers(len(OVERLAPS)))
        shift = int((1 - OVERLAPS[label]) * duration)
        second = first + shift if rng.random() < 0.5 else first - shift
        if 0 <= second < num_source - duration:
            return TimePair(label=label, pace=number, places_2T=np.stack([first + steps_T, second + steps_T]), fits=True)


def draw_crops_as_released(size_px: int, areas: tuple[float, float], rng: np.random.Generator) -> CropPair:
    """Everything is drawn again until the second crop lies inside the frame."""
    while True:
        height, width = draw_size(size_px, areas, rng)
        top, left = int(rng.integers(size_px - height + 1)), int(rng.integers(size_px - width + 1))
        label = int(rng.integers(len(OVERLAPS)))
        shared_width = int(rng.integers(int(OVERLAPS[label] * width), width + 1))
        shared_height = int(OVERLAPS[label] * width * height / shared_width) if shared_width else height + 1
        down = (height - shared_height) * (1 if rng.random() < 0.5 else -1)
        right = (width - shared_width) * (1 if rng.random() < 0.5 else -1)
        inside = 0 <= top + down <= size_px - height and 0 <= left + right <= size_px - width
        if inside and 0 <= shared_height <= height:
            return CropPair(label=label, height=height, width=width, corners=((top, left), (top + down, left + right)))
