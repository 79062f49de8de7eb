"""How a probe chooses: by parts of the training videos that it holds out from itself. No test video is ever in here.

Shapes: N training videos, H held-out ones of them, D dimensions.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MOST_PARTS = 5

Rows = NDArray[np.intp]
Guess = Callable[[Rows, Rows], Sequence[NDArray[np.int64]]]
"""From (rows to fit on, rows held out): of each setting, in order, the numbers (H,) of the labels that it guesses."""
Predict = Callable[[NDArray[np.floating]], NDArray[np.int64]]
"""From features (M, D): the numbers (M,) of their labels."""


@dataclass(frozen=True, kw_only=True)
class TrainSide:
    """What a probe learns from. features_ND: finite. labels: of two or more kinds. groups: videos of one are never parted by a
    fold; an empty one stands for itself. Raises ValueError for anything else.
    """

    features_ND: NDArray[np.float32]
    labels: Sequence[str]
    groups: Sequence[str]
    names: tuple[str, ...] = field(init=False)
    numbers_N: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        shape = self.features_ND.shape
        if len(shape) != 2 or not len(self.labels) == len(self.groups) == shape[0]:
            raise ValueError(f"Features must be (videos, dimensions) with a label and a group for each video, got {shape}.")
        if not np.isfinite(self.features_ND).all():
            raise ValueError("The features hold NaN or infinity. The encoder gave a bad vector.")
        names = tuple(sorted(set(self.labels)))
        if len(names) < 2:
            raise ValueError(f"A probe needs two labels or more to tell apart, got {', '.join(names) or 'none'}.")
        number_of = {name: number for number, name in enumerate(names)}
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "numbers_N", np.array([number_of[label] for label in self.labels], np.int64))


@dataclass(frozen=True, kw_only=True)
class FittedProbe:
    """A probe that learnt from all of its training videos. names: the labels it can answer with. chosen: its settings, such as
    {"C": 0.1}. held_out_class_mean: 0..1, of the chosen setting on held-out training videos, None where none could be held out.
    notes: what makes it doubtful, in sentences.
    """

    names: tuple[str, ...]
    predict_numbers: Predict
    chosen: Mapping[str, float | int | str]
    held_out_class_mean: float | None
    notes: tuple[str, ...] = ()

    def predict(self, features_MD: NDArray[np.floating]) -> list[str]:
        """A label for each row."""
        return [self.names[number] for number in self.predict_numbers(features_MD)]


@dataclass(frozen=True, kw_only=True)
class Folds:
    """parts: (rows to fit on, rows held out); every row is held out in one of them. by_groups: no group is on both sides of one.
    notes: what cannot be done as it should, in sentences.
    """

    parts: tuple[tuple[Rows, Rows], ...]
    by_groups: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Choice:
    """setting: place of the chosen one. class_mean: 0..1, of it, on what was held out; None where nothing could be."""

    setting: int
    class_mean: float | None


def held_out_folds(train: TrainSide) -> Folds:
    """Up to five parts, whole groups where there are any, and of each label as many videos as can be.

    Videos are held out one by one where groups do not allow to judge two labels or more; without groups in the order of the labels,
    in which neighbours are often of one take. Without a second video of two labels there are no parts.
    """
    notes = []
    if any(train.groups):
        units = np.array([f"g{group}" if group else f"v{place}" for place, group in enumerate(train.groups)])
        parts = _split(train, units)
        judged = _judged(train, parts)
        if len(judged) >= 2:
            return Folds(parts=parts, by_groups=True, notes=_unjudged(train, judged))
        notes.append(
            "fewer than two labels have training videos of several groups, so settings were chosen on single held-out videos, "
            "whose like, of the same scene, was trained on"
        )
    parts = _split(train, None)
    judged = _judged(train, parts)
    if len(judged) < 2:
        said = "fewer than two labels have a second training video, so nothing could be held out: the settings are C 1 and k 1"
        return Folds(parts=(), by_groups=False, notes=(said,))
    return Folds(parts=parts, by_groups=False, notes=(*notes, *_unjudged(train, judged)))


def choose(train: TrainSide, folds: Folds, num_settings: int, default: int, guess: Guess) -> Choice:
    """The setting with the best class-mean accuracy on the held-out videos, of equal ones the first; `default` without parts.

    A held-out video whose label is not among those that were fitted on says nothing about a setting, and does not count.
    """
    if not folds.parts:
        return Choice(setting=default, class_mean=None)
    right_SL = np.zeros((num_settings, len(train.names)))
    asked_L = np.zeros(len(train.names))
    for fit, held in folds.parts:
        held = held[np.isin(train.numbers_N[held], train.numbers_N[fit])]
        if not len(held):
            continue
        wanted_H = train.numbers_N[held]
        asked_L += np.bincount(wanted_H, minlength=len(train.names))
        for setting, guessed_H in enumerate(guess(fit, held)):
            right_SL[setting] += np.bincount(wanted_H[guessed_H == wanted_H], minlength=len(train.names))
    judged_L = asked_L > 0
    class_mean_S = (right_SL[:, judged_L] / asked_L[judged_L]).mean(axis=1)
    best = int(np.flatnonzero(class_mean_S >= class_mean_S.max() - 1e-9)[0])
    return Choice(setting=best, class_mean=float(class_mean_S[best]))


def _split(train: TrainSide, units: "NDArray[np.str_] | None") -> tuple[tuple[Rows, Rows], ...]:
    """Parts in which two labels or more are fitted on. units: videos of the same one go together."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    num_units = len(train.labels) if units is None else len(np.unique(units))
    num_parts = min(MOST_PARTS, num_units, int(np.bincount(train.numbers_N).max()))
    if num_parts < 2:
        return ()
    splitter = StratifiedKFold(num_parts) if units is None else StratifiedGroupKFold(num_parts)
    with warnings.catch_warnings():
        # That a label has fewer videos than there are parts is said by `_unjudged`, where it matters.
        warnings.filterwarnings("ignore", message="The least populated class in y", category=UserWarning)
        parts = list(splitter.split(train.features_ND, train.numbers_N, units))
    return tuple((fit, held) for fit, held in parts if len(held) and len(np.unique(train.numbers_N[fit])) >= 2)


def _judged(train: TrainSide, parts: Sequence[tuple[Rows, Rows]]) -> set[str]:
    """The labels of which a video is held out while others are fitted on."""
    numbers: set[int] = set()
    for fit, held in parts:
        numbers |= set(train.numbers_N[held].tolist()) & set(train.numbers_N[fit].tolist())
    return {train.names[number] for number in numbers}


def _unjudged(train: TrainSide, judged: set[str]) -> tuple[str, ...]:
    without = [name for name in train.names if name not in judged]
    if not without:
        return ()
    named = ", ".join(repr(name) for name in without[:5]) + (f" and {len(without) - 5} more" if len(without) > 5 else "")
    return (f"settings were chosen without {named}: too few training videos or groups to hold some of them out",)
