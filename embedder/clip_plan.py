"""Which spans of a video become clips, and which grid slots a clip looks at. Arithmetic only, no files.

Times are seconds since the first video frame; where that comes later in its file, the plan is moved by as much.
Letters: N windows of a video, M windows of a query, T frames of a clip.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GRID_HZ = 16
"""Grid slots per second: slot g holds the frame on screen at g / GRID_HZ seconds."""

DEFAULT_HOP = 0.5
WHOLE_QUERY_FACTOR = 1.25
"""A query of up to this many times the longest span is one clip over its whole length."""

QUERY_HOP = 0.25
SHORT_QUERY_HOP = 0.125
"""Of dense windows, as a share of their length. Half as far apart in a query that is short enough for one clip: then its place
is right to a sixteenth of a clip against an index of hop one half, and windows that lie so near score as the same footage."""
SAME_LENGTH = 0.02
"""Two lengths closer than this share of either count as equal: a second clip over them would say nothing new."""

_ROUNDING_S = 1e-6


@dataclass(frozen=True)
class ClipPlan:
    """How a video is cut: window lengths in seconds, ascending, and the hop as a share of the length (0 < hop <= 1)."""

    spans_s: tuple[float, ...]
    hop: float = DEFAULT_HOP

    def __post_init__(self) -> None:
        check_spans(self.spans_s)
        if not 0 < self.hop <= 1:
            raise ValueError(f"hop must be a share of the clip's length, over 0 and up to 1, got {self.hop}. Use 0.5.")


@dataclass(frozen=True)
class QueryPlan:
    """Windows of a query, seconds since the query's start.

    spans_s: float64 (M, 2). whole: row of the clip over the whole query, or None where the query is too long for one.
    dense: rows int64 of the windows an eighth of their length apart (a quarter in longer queries), by which a place is set
    right. parts: rows int64 of the
    clips that `plan_clips` makes of a video that is this query (and the whole clip); empty where there is no whole clip.
    """

    spans_s: NDArray[np.float64]
    whole: int | None
    dense: NDArray[np.int64]
    parts: NDArray[np.int64]


def check_spans(spans_s: Sequence[float]) -> None:
    """Raise ValueError unless these are positive, finite, ascending clip lengths in seconds."""
    good = len(spans_s) > 0 and all(math.isfinite(span) and span > 0 for span in spans_s)
    if not good or any(a >= b for a, b in itertools.pairwise(spans_s)):
        raise ValueError(f"spans_s must be positive clip lengths in seconds, ascending, such as (2, 4, 8); got {spans_s}")


def plan_clips(duration_s: float, plan: ClipPlan) -> NDArray[np.float64]:
    """Spans of every clip of a video without holes, float64 (N, 2), ordered by length, then by start; N >= 1.

    Windows of every length that fits, at the plan's hop; one more that ends with the video where the last window leaves
    out more than a grid slot; and for a video shorter than the longest span, one clip over the whole of it.
    """
    check_duration(duration_s)
    spans = [window for span_s in plan.spans_s for window in regular_windows(duration_s, span_s, plan.hop)]
    return in_order(spans + closing_windows(duration_s, plan))


def regular_windows(duration_s: float, span_s: float, hop: float) -> Iterator[tuple[float, float]]:
    """Windows of one length from the start of the video on, as many as fit."""
    count = math.floor((duration_s - span_s + _ROUNDING_S) / (hop * span_s)) + 1
    for k in range(max(count, 0)):
        start_s = k * hop * span_s
        yield start_s, start_s + span_s


def closing_windows(duration_s: float, plan: ClipPlan) -> list[tuple[float, float]]:
    """What only the end of the video decides: a last window of each length, and the clip over a short video's whole."""
    spans: list[tuple[float, float]] = []
    for span_s in plan.spans_s:
        if span_s > duration_s + _ROUNDING_S:
            continue
        step_s = plan.hop * span_s
        last_end_s = math.floor((duration_s - span_s + _ROUNDING_S) / step_s) * step_s + span_s
        if duration_s - last_end_s > max(1 / GRID_HZ, SAME_LENGTH * span_s):
            spans.append((duration_s - span_s, duration_s))
    is_window = any(abs(span_s - duration_s) <= SAME_LENGTH * duration_s for span_s in _fitting(duration_s, plan))
    if duration_s < plan.spans_s[-1] and not is_window:
        spans.append((0.0, duration_s))
    return spans


def plan_query(duration_s: float, spans_s: Sequence[float]) -> QueryPlan:
    """Windows of a query: its whole length if that is short enough for one clip, dense windows of every shorter span, and
    what an index would make of it besides.

    The whole clip, where there is one, is row 0; then dense windows by length, then by start; then the rest.
    """
    check_duration(duration_s)
    check_spans(spans_s)
    windows: list[tuple[float, float]] = []
    whole = None
    if duration_s <= WHOLE_QUERY_FACTOR * spans_s[-1] + _ROUNDING_S:
        windows.append((0.0, duration_s))
        whole = 0
    for span_s in spans_s:
        if span_s <= duration_s / WHOLE_QUERY_FACTOR + _ROUNDING_S:
            windows.extend(regular_windows(duration_s, span_s, QUERY_HOP if whole is None else SHORT_QUERY_HOP))
    dense = np.arange(0 if whole is None else 1, len(windows))
    parts = [] if whole is None else _rows_of(plan_clips(duration_s, ClipPlan(tuple(spans_s))), windows)
    return QueryPlan(
        np.asarray(windows, dtype=np.float64).reshape(-1, 2), whole, dense, np.array(sorted({*parts, *_row(whole)}), np.int64)
    )


def _rows_of(spans: NDArray[np.float64], windows: list[tuple[float, float]]) -> list[int]:
    """Rows of the spans among the windows, to which those that are missing are added."""
    rows = []
    for start_s, end_s in spans.tolist():
        same = (row for row, (a, b) in enumerate(windows) if max(abs(a - start_s), abs(b - end_s)) <= _ROUNDING_S)
        row = next(same, len(windows))
        if row == len(windows):
            windows.append((start_s, end_s))
        rows.append(row)
    return rows


def _row(whole: int | None) -> list[int]:
    return [] if whole is None else [whole]


def sample_slots(start_s: float, end_s: float, num_frames: int) -> NDArray[np.int64]:
    """Grid slots of a clip's frames, int64 (T,): those nearest to the middles of T equal parts of the span."""
    middles_s = start_s + (np.arange(num_frames) + 0.5) * ((end_s - start_s) / num_frames)
    # The nudge decides ties one way, so that 0.1 + 0.2 and 0.3 look at the same slots.
    slots: NDArray[np.int64] = np.floor(middles_s * GRID_HZ + 0.5 + 1e-6).astype(np.int64)
    return slots


def check_duration(duration_s: float) -> None:
    """Raise ValueError unless this is a positive, finite number of seconds."""
    if not (math.isfinite(duration_s) and duration_s > 0):
        raise ValueError(f"duration_s must be a positive number of seconds, got {duration_s}")


def in_order(spans: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """The spans as float64 (N, 2), by length (to the microsecond), then by start."""
    return np.asarray(sorted(spans, key=sort_key), dtype=np.float64).reshape(-1, 2)


def sort_key(span: tuple[float, float]) -> tuple[float, float]:
    """What clips of a video are ordered by."""
    return round(span[1] - span[0], 6), span[0]


def _fitting(duration_s: float, plan: ClipPlan) -> list[float]:
    return [span_s for span_s in plan.spans_s if span_s <= duration_s + _ROUNDING_S]
