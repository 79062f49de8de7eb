"""The part of the train videos by which settings and checkpoints are chosen, so that the test videos need not be looked at."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pretrain.downstream.labelled_footage import LabelledFile

_LARGEST_SHARE = 1 / 3
"""Of the videos, that one scene may be to be held out where none is small enough: more would leave too few to learn from."""


@dataclass(frozen=True, kw_only=True)
class HeldOutPart:
    """places: of the files that are held out, ascending; none where none can be spared. by: `scene`, so that no scene is on both
    sides; `video` where there are too few scenes for that.
    """

    places: tuple[int, ...]
    by: Literal["scene", "video"]


def hold_out(
    files: Sequence[LabelledFile], *, share: float, at_most: int | None = None, keep_labels: bool, seed: int
) -> HeldOutPart:
    """At random, whole scenes, together at most `share` of the files, and `at_most`; of too few or too large scenes the smallest
    one, or else single videos. keep_labels: every label keeps a video to learn from.
    """
    limit = max(1, int(share * len(files)))
    limit = limit if at_most is None else min(limit, at_most)
    rng = np.random.default_rng([seed, len(files)])
    scenes = _shuffled([file.scene for file in files], rng)
    room = _Room(files, keep_labels)
    chosen = room.fill(scenes, limit)
    if not chosen:
        chosen = room.fill(sorted(scenes, key=len)[:1], int(_LARGEST_SHARE * len(files)))
    if chosen:
        return HeldOutPart(places=tuple(sorted(chosen)), by="scene")
    singles = _shuffled([str(place) for place in range(len(files))], rng)
    return HeldOutPart(places=tuple(sorted(room.fill(singles, limit))), by="video")


class _Room:
    """What may go without harm."""

    def __init__(self, files: Sequence[LabelledFile], keep_labels: bool) -> None:
        self._labels = [file.label if keep_labels else "" for file in files]

    def fill(self, units: Sequence[Sequence[int]], limit: int) -> list[int]:
        """As many of the units, in this order, as fit."""
        left = Counter(self._labels)
        chosen: list[int] = []
        for unit in units:
            own = Counter(self._labels[place] for place in unit)
            if len(chosen) + len(unit) <= limit and all(left[label] > count for label, count in own.items()):
                chosen.extend(unit)
                left -= own
        return chosen


def _shuffled(names: Sequence[str], rng: np.random.Generator) -> list[list[int]]:
    """The places of each name."""
    places = defaultdict(list)
    for place, name in enumerate(names):
        places[name].append(place)
    units = [places[name] for name in sorted(places)]
    return [units[number] for number in rng.permutation(len(units))]
