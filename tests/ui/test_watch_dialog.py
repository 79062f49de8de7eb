"""Which piece of a video the player shows."""

from dataclasses import replace
from pathlib import Path

from app.ui.watch_dialog import Watched

MOMENT = Watched(path=Path("/v/a.mp4"), name="a.mp4", start_s=40.0, end_s=44.0)


def test_piece__the_moment_and_ten_seconds_on_both_sides() -> None:
    assert MOMENT.piece(300.0) == (30.0, 54.0, 10.0)
    assert replace(MOMENT, start_s=4.0, end_s=8.0).piece(300.0) == (0.0, 18.0, 4.0)


def test_piece__ends_with_the_video() -> None:
    assert MOMENT.piece(47.5) == (30.0, 47.5, 10.0)
    first_s, last_s, _ = replace(MOMENT, shift_s=20.0).piece(47.5)
    assert 44.0 < first_s < last_s == 47.5


def test_piece__earlier_and_later() -> None:
    assert replace(MOMENT, shift_s=20.0).piece(300.0) == (60.0, 74.0, 0.0)
    assert replace(MOMENT, shift_s=-40.0).piece(300.0) == (0.0, 14.0, 0.0)
