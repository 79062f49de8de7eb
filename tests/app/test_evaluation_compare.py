"""Which of two encoders is called better."""

import pytest

from app.evaluation.compare import Comparison
from app.evaluation.metrics.bootstrap import Interval, PairedDifference


@pytest.mark.parametrize(
    ("low", "high", "queries", "verdict"),
    [(0.1, 0.3, 50, "b"), (-0.3, -0.1, 50, "a"), (-0.1, 0.3, 50, "unsure"), (0.0, 0.3, 50, "unsure"), (1.0, 1.0, 9, "unsure")],
)
def test_verdict__needs_an_interval_without_zero_and_enough_queries(low: float, high: float, queries: int, verdict: str) -> None:
    difference = PairedDifference(mean=(low + high) / 2, interval=Interval(low, high), share_better=0.5)
    found = Comparison(group="", way="mean", num_queries=queries, a=0.5, b=0.5, difference=difference)
    assert found.verdict == verdict
