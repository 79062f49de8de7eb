"""Charts of values with their intervals: past runs side by side, and how far two encoders differ."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.evaluation.chart_theme import GREYS, RIGHT, bounds, in_order, layered, tooltip
from app.evaluation.run_view import RetrievalView, Share
from app.ui.shown_text import printable

if TYPE_CHECKING:
    import altair as alt

_LINE_PX = 36


def past_runs_chart(rows: Mapping[str, RetrievalView], *, width_px: int = 600) -> "alt.LayerChart":
    """Class-mean top-1 with its 95 % interval, one line a row; what learnt nothing grey. rows: by what each is to be called."""
    import altair as alt

    shares = {name: row.class_mean_top_1 for name, row in rows.items()}
    colours = [GREYS[0] if row.encoder.learnt_nothing else RIGHT for row in rows.values()]
    x: dict[str, Any] = {
        "title": "class-mean top-1",
        "scale": alt.Scale(domain=[0, 1]),
        "axis": alt.Axis(tickCount=5, labelFlush=False),
    }
    return layered(*_intervals(shares, colours, x, ".3f"), height=_height_px(shares), width_px=width_px)


def difference_chart(differences: Mapping[str, Share], *, axis: str, width_px: int = 600) -> "alt.LayerChart":
    """Differences of two encoders, -1..1, with their 95 % intervals; grey where the interval holds 0. axis: what the values are."""
    import altair as alt

    colours = [RIGHT if _sure(share) else GREYS[0] for share in differences.values()]
    ends = [abs(end) for share in differences.values() for end in (share.value, share.low, share.high) if end is not None]
    farthest = max([*ends, 0.1])
    x: dict[str, Any] = {
        "title": axis,
        "scale": alt.Scale(domain=[-farthest, farthest], nice=True),
        "axis": alt.Axis(format="+.2~f", tickCount=5, labelFlush=False),
    }
    zero = alt.Chart(alt.InlineData(values=[{"value": 0}])).mark_rule(color="currentColor", opacity=0.55)
    layers = [zero.encode(x=alt.X("value:Q", **x)), *_intervals(differences, colours, x, "+.3f")]
    return layered(*layers, height=_height_px(differences), width_px=width_px)


def _sure(share: Share) -> bool:
    return share.low is not None and share.high is not None and not share.low <= 0 <= share.high


def _height_px(lines: Mapping[str, Any]) -> int:
    return max(1, len(lines)) * _LINE_PX


def _intervals(shares: Mapping[str, Share], colours: Sequence[str], x: Mapping[str, Any], number_format: str) -> "list[alt.Chart]":
    """A point and its interval on each line. x: how the axis of values looks."""
    import altair as alt

    values = [
        {"name": printable(name), "value": share.value, "colour": colour, **bounds(share)}
        for (name, share), colour in zip(shares.items(), colours, strict=True)
    ]
    names = alt.Axis(title=None, grid=False, labelLimit=240)
    chart = alt.Chart(alt.InlineData(values=values)).encode(
        y=alt.Y("name:N", scale=in_order([printable(name) for name in shares]), axis=names),
        color=alt.Color("colour:N", scale=None),
        tooltip=[*tooltip({"name": "run"}), *tooltip({"value": "value", "low": "from", "high": "to"}, number_format)],
    )
    interval = chart.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=4, opacity=0.4)
    points = chart.mark_point(filled=True, size=90, opacity=1).encode(x=alt.X("value:Q", **x))
    words = chart.mark_text(dy=-12, fontSize=11).encode(x=alt.X("value:Q", **x), text=alt.Text("value:Q", format=number_format))
    return [interval.encode(x=alt.X("low:Q", **x), x2="high:Q"), points, words.encode(color=alt.value("currentColor"))]
