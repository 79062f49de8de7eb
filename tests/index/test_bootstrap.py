"""Intervals against scipy's, and comparisons whose answer is plain."""

import numpy as np
import pytest
from scipy import stats

from app.evaluation.metrics.bootstrap import Interval, mean_interval, paired_difference


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
    assert even.low < 0.5 < even.high
    assert mean_interval(values).low > 0.8


def test_interval__of_labels_with_one_query_each_is_not_certain() -> None:
    even = mean_interval([1.0, 0.0, 1.0, 1.0], ["a", "b", "c", "d"])
    assert even.low < 0.5 and even.high == 1.0


def test_interval__of_groups_is_that_of_as_many_queries() -> None:
    """Five clips of one scene that are right or wrong together tell no more than one."""
    hits = (np.random.default_rng(1).random(40) < 0.6).astype(float)
    alone = mean_interval(hits.tolist())
    together = mean_interval(np.repeat(hits, 5).tolist(), groups=np.repeat([f"g{n}" for n in range(40)], 5).tolist())
    assert (together.low, together.high) == (pytest.approx(alone.low), pytest.approx(alone.high))
    assert mean_interval(hits.tolist(), groups=[""] * 40) == alone  # no group: each for itself


def test_interval__of_few_groups_is_no_point() -> None:
    hits = [1.0] * 30 + [0.0] * 10
    assert mean_interval(hits, groups=["one scene"] * 40) == mean_interval(hits)


def test_interval__of_few_groups_is_by_them_where_that_is_asked() -> None:
    values, groups = [1.0, 1.0, 0.0, 0.0, 0.0, 0.0], list("aabbcc")
    assert mean_interval(values, None, groups, fewest_groups=3) == Interval(0.0, 1.0)
    assert mean_interval(values, None, groups, fewest_groups=4) == mean_interval(values)


def test_paired_difference__of_two_that_are_equally_good_is_seldom_sure() -> None:
    """Coin flips, 10 labels of 5 groups of 3 queries: 5 % of verdicts should be wrong, and hardly more are."""
    rng = np.random.default_rng(2)
    labels = np.repeat([f"c{n}" for n in range(10)], 15).tolist()
    groups = np.repeat([f"g{n}" for n in range(50)], 3).tolist()
    sure = 0
    for _ in range(200):
        a, b = (np.repeat(rng.random(50) < 0.5, 3).astype(float).tolist() for _ in range(2))
        interval = paired_difference(a, b, labels, groups).interval
        sure += interval.low > 0 or interval.high < 0
    assert sure / 200 < 0.1


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
    with pytest.raises(ValueError, match="one group per query: 2 queries, 1 groups"):
        mean_interval([1.0, 0.0], groups=["a"])
    with pytest.raises(ValueError, match="NaN"):
        mean_interval([1.0, float("nan")])
