from fractions import Fraction

import pytest

from embedder.frame_clock import FrameClock

MS = Fraction(1, 1000)


def times(stamps: list[int | None], rate_hz: float | None = 25.0) -> list[float]:
    clock = FrameClock(MS, rate_hz)
    return [round(time_s, 4) for time_s, _ in clock.timed(range(len(stamps)), lambda number: stamps[number])]


@pytest.mark.parametrize(
    ("stamps", "wanted"),
    [
        ([0, 40, 80], [0, 0.04, 0.08]),
        ([5000, 5040, 5080], [0, 0.04, 0.08]),  # a late start is no hole
        ([-500, -460, -420], [0, 0.04, 0.08]),
        ([0, 40, 3000, 3040], [0, 0.04, 3.0, 3.04]),  # a hole is kept
        ([0, 0, 0], [0, 0.04, 0.08]),  # equal: one frame later
        ([0, 40, 20, 120], [0, 0.04, 0.08, 0.12]),  # backwards: one frame later
        ([None, None, None], [0, 0.04, 0.08]),  # raw streams have no stamps
        ([0, None, 80], [0, 0.04, 0.08]),
        ([None, 700, 740], [0, 0.04, 0.08]),  # the first stamp that is there sets the zero
        ([0, 40, 40 + 8 * 86_400_000, 80], [0, 0.04, 0.08, 0.12]),  # a week and more is damage
        ([0, 40, 3_600_000, 120, 160], [0, 0.04, 0.08, 0.12, 0.16]),  # one stamp far ahead shifts nothing that follows
        ([0, 40, 3_600_000, 3_600_040], [0, 0.04, 3600, 3600.04]),  # a hole that the following frame confirms
        ([0, 40, 3_600_000, None, 160], [0, 0.04, 0.08, 0.12, 0.16]),
        ([0, 10_000, 20_000], [0, 10, 20]),  # one picture every ten seconds
    ],
)
def test_time_rules(stamps: list[int | None], wanted: list[float]) -> None:
    assert times(stamps) == wanted


def test_time_rules__a_day_is_a_hole() -> None:
    assert times([0, 86_400_000])[-1] == 86_400


@pytest.mark.parametrize("rate_hz", [None, 1000.0, 0.0001])
def test_time_rules__without_a_plausible_rate_the_gaps_tell_the_period(rate_hz: float | None) -> None:
    assert times([0, 100, 200, 200], rate_hz) == [0, 0.1, 0.2, 0.3]


def test_end__one_period_after_the_last_frame() -> None:
    clock = FrameClock(MS, 1000.0)
    for pts in (0, 50, 100, 150):
        clock.time_of(pts)
    assert clock.end_s() == pytest.approx(0.2)


def test_end__of_one_frame() -> None:
    clock = FrameClock(MS, None)
    clock.time_of(7)
    assert clock.end_s() == pytest.approx(0.04)
