"""How sure a mean over queries is: percentile bootstrap (Efron 1979), of one encoder and of two on the same queries.

Shapes: Q queries, R resamples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
COVERAGE = 0.95
_SEED = 0
_AT_ONCE = 4_000_000
"""Numbers drawn at once: what a resample of many queries takes must not fill the memory."""


@dataclass(frozen=True)
class Interval:
    """Where the mean over another draw of such queries would lie in 95 % of cases, as far as these queries tell."""

    low: float
    high: float


@dataclass(frozen=True)
class PairedDifference:
    """B minus A on the same queries. share_better: of the resamples in which B's mean is above A's, half of those where both are
    the same; near 1, B is better for sure, near 0, A.
    """

    mean: float
    interval: Interval
    share_better: float


def mean_interval(values: Sequence[float], labels: Sequence[str] | None = None) -> Interval:
    """Of the mean of one value per query, or, with labels, of the mean over labels of their own means; queries are drawn again
    within their label then. The same values give the same interval. Raises ValueError where there are none.
    """
    return _interval(_resampled_means(np.asarray(values, np.float64), labels))


def paired_difference(a: Sequence[float], b: Sequence[float], labels: Sequence[str] | None = None) -> PairedDifference:
    """a, b: one value per query, in the same order. labels: as in `mean_interval`. Raises ValueError for unlike lengths."""
    if len(a) != len(b):
        raise ValueError(f"A paired comparison needs the same queries, got {len(a)} and {len(b)}.")
    differences = np.asarray(b, np.float64) - np.asarray(a, np.float64)
    means = _resampled_means(differences, labels)
    # The mean of equal numbers is not always exactly theirs.
    above, same = means > 1e-12, np.abs(means) <= 1e-12
    return PairedDifference(
        mean=_mean(differences, labels),
        interval=_interval(means),
        share_better=float(np.mean(above) + np.mean(same) / 2),
    )


def _mean(values: NDArray[np.float64], labels: Sequence[str] | None) -> float:
    return float(np.mean([values[rows].mean() for rows in _strata(len(values), labels)]))


def _resampled_means(values_Q: NDArray[np.float64], labels: Sequence[str] | None) -> NDArray[np.float64]:
    """(R,)"""
    if len(values_Q) == 0:
        raise ValueError("There is no query to draw again.")
    generator = np.random.default_rng(_SEED)
    strata = _strata(len(values_Q), labels)
    means_R = np.zeros(RESAMPLES)
    for rows in strata:
        at_once = max(1, _AT_ONCE // len(rows))
        for first in range(0, RESAMPLES, at_once):
            count = min(at_once, RESAMPLES - first)
            drawn = generator.integers(len(rows), size=(count, len(rows)))
            means_R[first : first + count] += values_Q[rows][drawn].mean(axis=1)
    return means_R / len(strata)


def _strata(count: int, labels: Sequence[str] | None) -> list[NDArray[np.int64]]:
    if labels is None:
        return [np.arange(count)]
    if len(labels) != count:
        raise ValueError(f"There must be one label per query: {count} queries, {len(labels)} labels.")
    of = np.asarray(labels)
    return [np.flatnonzero(of == label) for label in np.unique(of)]


def _interval(means_R: NDArray[np.float64]) -> Interval:
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(means_R, [tail, 1 - tail])
    return Interval(float(low), float(high))
