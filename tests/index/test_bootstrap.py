"""Intervals against scipy's, and comparisons whose answer is plain."""

import numpy as np
import pytest
from scipy import stats

from index.bootstrap import mean_interval, paired_difference


def test_interval__is_that_of_scipy() -> None:
    hits = np.random.default_rng(0).random(60) < 0.7
    ours = mean_interval(hits.tolist())
    theirs = stats.bootstrap((hits.astype(float),), np.mean, method="percentile", n_resamples=10_000, random_state=1)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.02)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.02)
    assert mean_interval(hits.tolist()) == ours


def test_interval__of_labels_counts_each_label_alike() -> None:
    values, labels = [1.0] * 90 + [0.0] * 10, ["common"] * 90 + ["rare"] * 10
    even = mean_interval(values, labels)
    assert (even.low, even.high) == (0.5, 0.5)  # within a label nothing varies
    assert mean_interval(values).low > 0.8


def test_interval__narrows_with_more_queries() -> None:
    few, many = mean_interval([0.0, 1.0] * 10), mean_interval([0.0, 1.0] * 1000)
    assert few.high - few.low > 5 * (many.high - many.low)


def test_paired_difference__sees_what_two_intervals_cannot() -> None:
    """Both are right for half of the queries, one of them for five more: their own intervals overlap widely."""
    a = [1.0] * 50 + [0.0] * 50
    b = [1.0] * 55 + [0.0] * 45
    found = paired_difference(a, b)
    assert found.mean == pytest.approx(0.05)
    assert found.interval.low > 0
    assert found.share_better > 0.98
    assert mean_interval(a).high > mean_interval(b).low
    assert paired_difference(b, a).share_better == pytest.approx(1 - found.share_better)


def test_paired_difference__of_the_same_says_that_nothing_is_known() -> None:
    found = paired_difference([1.0, 0.0, 1.0], [1.0, 0.0, 1.0], ["a", "a", "b"])
    assert (found.mean, found.interval.low, found.interval.high, found.share_better) == (0, 0, 0, 0.5)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="no query"):
        mean_interval([])
    with pytest.raises(ValueError, match="same queries, got 1 and 2"):
        paired_difference([1.0], [1.0, 0.0])
    with pytest.raises(ValueError, match="one label per query: 2 queries, 1 labels"):
        mean_interval([1.0, 0.0], ["a"])
