from math import inf

import pytest

from app.clip_times import parse_range, parse_seconds
from app.commands.output import clock
from app.commands.search_command import parse_moment
from app.errors import BadRange


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12.5", 12.5),
        ("0", 0.0),
        (".5", 0.5),
        ("12.5 s", 12.5),
        ("1e-05", 1e-05),  # as JSON has it
        ("0:35.00", 35.0),
        ("4:07.25", 247.25),
        ("90:00", 5400.0),
        ("1:04:07.25", 3847.25),
        (" 0:7 ", 7.0),
    ],
)
def test_seconds(text: str, seconds: float) -> None:
    assert parse_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "nan", "inf", "1e999", "1_000", "0:60", "0:99.5", "1:60:00", "1:2:3:4", "1,5", "1:", ":30", "\u0664"]
)
def test_what_are_no_seconds_is_told(text: str) -> None:
    with pytest.raises(BadRange, match=r"0:35\.00|No video lasts"):
        parse_seconds(text)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 9.99, 59.99, 60.0, 3599.99, 3600.0, 100804.25])
def test_what_is_shown_can_be_typed(seconds: float) -> None:
    assert parse_seconds(clock(seconds)) == pytest.approx(seconds)
    assert parse_range(f"{clock(seconds)}-{clock(seconds + 1)}") == pytest.approx((seconds, seconds + 1))


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("10-60", (10, 60)),
        ("10-", (10, inf)),
        ("0:04-0:08", (4, 8)),
        ("0:07.4\N{EN DASH}0:10.2", (7.4, 10.2)),  # as the page shows it
        ("1e-3-2", (0.001, 2)),
    ],
)
def test_ranges(text: str, span: tuple[float, float]) -> None:
    assert parse_range(text) == pytest.approx(span)


@pytest.mark.parametrize("text", ["10", "60-10", "5-5", "nan-", "-5", "10-x", "1-2-3", ""])
def test_what_is_no_range_is_told(text: str) -> None:
    with pytest.raises(BadRange, match="10-60"):
        parse_range(text)


def test_a_moment() -> None:
    moment = parse_moment("/v/at@0:30.mp4@1:04:07.25")
    assert (str(moment.path), moment.at_s, moment.end_s) == ("/v/at@0:30.mp4", pytest.approx(3847.25), None)
    moment = parse_moment("a:b@0:04-0:06.5")
    assert (str(moment.path), moment.at_s, moment.end_s) == ("a:b", 4.0, 6.5)
