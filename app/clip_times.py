"""Seconds of a video as people write them: 12.5, or as vret shows them, 0:35.00 and 1:04:07.25; and ranges of them."""

import re
from math import inf

from app.errors import BadRange

_TIME = r"(?:(?:[0-9]+:[0-5]?[0-9]|[0-9]+):[0-5]?[0-9](?:\.[0-9]*)?|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
_ONE = re.compile(_TIME)
_DASH = "[-\N{EN DASH}]"  # the page shows the longer one
_RANGE = re.compile(rf"({_TIME})\s*{_DASH}\s*({_TIME})?")
RANGE_MARK = re.compile(rf"(?<![eE]){_DASH}")
"""What stands between the two times of a range, and in no single one."""
HOW = "such as 12.5, 0:35.00 or 1:04:07.25"


def parse_seconds(text: str) -> float:
    """Seconds from 0 on, finite. Raises BadRange."""
    shown = text.strip().removesuffix("s").rstrip()
    if not _ONE.fullmatch(shown):
        comma = " Write a decimal point, not a comma." if "," in shown else ""
        raise BadRange(f"A time must be 0 s or later, {HOW}, got {text!r}.{comma}")
    return _value(shown, text)


def parse_range(text: str) -> tuple[float, float]:
    """`10-60`, `0:35.00-1:10`, or `10-` up to infinity. Raises BadRange, also for one that ends before it begins."""
    found = _RANGE.fullmatch(text.strip())
    if not found:
        raise BadRange(f"A range is two times, the later one last, such as 10-60, 0:10-1:00 or 10-, got {text!r}.")
    start_s, end_s = _value(found[1], text), inf if found[2] is None else _value(found[2], text)
    if not start_s < end_s:
        raise BadRange(f"A range ends after it begins, such as 10-60, got {text!r}.")
    return start_s, end_s


def check_range(start_s: float | None, end_s: float | None) -> None:
    """Whether seconds are a range; None is the video's own start or end. Raises BadRange, also for numbers that are none."""
    first = 0.0 if start_s is None else start_s
    if not 0 <= first < inf or (end_s is not None and not end_s > first):
        raise BadRange(f"The range must begin at 0 s or later and end after it begins, got {start_s} to {end_s} s.")


def _value(shown: str, text: str) -> float:
    seconds = 0.0
    for part in shown.split(":"):
        seconds = 60 * seconds + float(part)
    if seconds == inf:
        raise BadRange(f"No video lasts {text} s.")
    return seconds
