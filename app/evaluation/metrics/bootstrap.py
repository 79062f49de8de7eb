"""How sure a mean over queries is: percentile bootstrap (Efron 1979), of one encoder and of two on the same queries.

Shapes: Q queries, M means of them, U units drawn together, R resamples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
COVERAGE = 0.95
FEWEST_GROUPS = 10
"""Of fewer groups nothing can be drawn that tells about others: the interval of one is a point. Then queries are drawn singly, and
the interval is about other queries of the same groups."""
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


def mean_interval(
    values: Sequence[float],
    labels: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    *,
    fewest_groups: int = FEWEST_GROUPS,
) -> Interval:
    """Of the mean of one value per query, or, with labels, of the mean over labels of their own means.

    groups: queries of one group, such as one scene or source video, are drawn again together, for they are right or wrong
    together; an empty one stands for itself, and of fewer than fewest_groups every query does. The same values give the same
    interval. Raises ValueError where there are none, for NaN, and for unlike lengths.
    """
    return mean_intervals([values], labels, groups, fewest_groups=fewest_groups)[0]


def mean_intervals(
    values: Sequence[Sequence[float]],
    labels: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    *,
    fewest_groups: int = FEWEST_GROUPS,
) -> list[Interval]:
    """Of several values per query, from the same draws: one list of Q values for each mean. As `mean_interval` otherwise."""
    values_QM = np.asarray(values, np.float64).T
    return [_interval(means_R) for means_R in _resampled_means(values_QM, labels, groups, fewest_groups).T]


def paired_difference(
    a: Sequence[float], b: Sequence[float], labels: Sequence[str] | None = None, groups: Sequence[str] | None = None
) -> PairedDifference:
    """a, b: one value per query, in the same order. labels, groups: as in `mean_interval`. Raises ValueError as that does."""
    if len(a) != len(b):
        raise ValueError(f"A paired comparison needs the same queries, got {len(a)} and {len(b)}.")
    differences = np.asarray(b, np.float64) - np.asarray(a, np.float64)
    means = _resampled_means(differences[:, None], labels, groups)[:, 0]
    # The mean of equal numbers is not always exactly theirs.
    above, same = means > 1e-12, np.abs(means) <= 1e-12
    weights = _weights(len(differences), labels)
    return PairedDifference(
        mean=float((weights * differences).sum() / weights.sum()),
        interval=_interval(means),
        share_better=float(np.mean(above) + np.mean(same) / 2),
    )


def _resampled_means(
    values_QM: NDArray[np.float64], labels: Sequence[str] | None, groups: Sequence[str] | None, fewest_groups: int = FEWEST_GROUPS
) -> NDArray[np.float64]:
    """(R, M). Units are drawn from all labels together, each query with its label's weight: drawn within labels, a label of one
    query would never vary.
    """
    num_queries = len(values_QM)
    if num_queries == 0:
        raise ValueError("There is no query to draw again.")
    if np.isnan(values_QM).any():
        raise ValueError("A query's value is NaN.")
    weights_Q = _weights(num_queries, labels)
    unit_of = _units(num_queries, groups, fewest_groups)
    num_units = int(unit_of.max()) + 1
    total_UM = np.zeros((num_units, values_QM.shape[1]))
    np.add.at(total_UM, unit_of, weights_Q[:, None] * values_QM)
    weight_U = np.bincount(unit_of, weights_Q, num_units)
    generator = np.random.default_rng(_SEED)
    means, at_once = [], max(1, _AT_ONCE // num_units)
    for first in range(0, RESAMPLES, at_once):
        count = min(at_once, RESAMPLES - first)
        drawn = generator.integers(num_units, size=(count, num_units)) + num_units * np.arange(count)[:, None]
        times_RU = np.bincount(drawn.ravel(), minlength=count * num_units).reshape(count, num_units).astype(np.float64)
        means.append(times_RU @ total_UM / (times_RU @ weight_U)[:, None])
    return np.concatenate(means)


def _weights(count: int, labels: Sequence[str] | None) -> NDArray[np.float64]:
    """Of each query, so that every label counts alike."""
    if labels is None:
        return np.ones(count)
    if len(labels) != count:
        raise ValueError(f"There must be one label per query: {count} queries, {len(labels)} labels.")
    _, label_of, sizes = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = 1.0 / sizes[label_of]
    return weights


def _units(count: int, groups: Sequence[str] | None, fewest_groups: int) -> NDArray[np.int64]:
    """The number, from 0, of what each query is drawn with."""
    if groups is None:
        return np.arange(count)
    if len(groups) != count:
        raise ValueError(f"There must be one group per query: {count} queries, {len(groups)} groups.")
    keys = [("", str(number)) if not group else ("group", group) for number, group in enumerate(groups)]
    number_of = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    if len(number_of) < fewest_groups:
        return np.arange(count)
    return np.array([number_of[key] for key in keys], np.int64)


def _interval(means_R: NDArray[np.float64]) -> Interval:
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(means_R, [tail, 1 - tail])
    return Interval(float(low), float(high))
