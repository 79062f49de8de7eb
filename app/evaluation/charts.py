"""The charts of one retrieval run, as Altair objects: the page shows them as they are, the report their SVG.

width_px is the whole width, axes and legend included. Data go in as plain values under fixed names, so labels may be any text.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.evaluation.chart_theme import COLOURS, GREYS, RIGHT, WRONG, bounds, in_order, layered, tooltip
from app.evaluation.run_view import Confusion, LabelShare, RetrievalView
from app.ui.shown_text import printable

if TYPE_CHECKING:
    import altair as alt

_CELL_TEXT_UP_TO = 20
_LARGEST_CELL_PX = 48
_SMALL_LETTERS_FROM = 40
_DASHES = ([5, 4], [9, 3, 2, 3], [12, 4])
_LEGEND_LETTER_PX, _LEGEND_SYMBOL_PX = 7, 40  # of a wide letter, and of a line with what is around it


def top_k_chart(rows: Sequence[RetrievalView], *, width_px: int = 600) -> "alt.LayerChart":
    """Top-k by k with its 95 % band, one line a row; what learnt nothing grey and dashed; what guessing gets as a rule.

    rows: of one group and way, or whatever is to be compared; their lines are named by what tells them apart.
    """
    import altair as alt

    names = line_names(rows)
    values = [
        {"line": name, "k": k, "share": share.value, **bounds(share)}
        for name, row in zip(names, rows, strict=True)
        for k, share in row.top_k.items()
    ]
    axis: dict[str, Any] = {"title": "share of queries with a right video", "scale": alt.Scale(domain=[0, 1])}
    colour, dash = _lines(names, rows)
    told = [*tooltip({"line": "encoder", "k": "k"}), *tooltip({"share": "top-k", "low": "from", "high": "to"}, ".3f")]
    chart = alt.Chart(alt.InlineData(values=values)).encode(
        x=alt.X("k:O", title="among the k nearest videos", axis=alt.Axis(labelAngle=0, grid=False)),
        color=colour,
        tooltip=told,
    )
    band = chart.transform_filter("isValid(datum.low)").mark_area(opacity=0.14).encode(y=alt.Y("low:Q", **axis), y2="high:Q")
    line = chart.mark_line(strokeWidth=2).encode(y=alt.Y("share:Q", **axis), strokeDash=dash)
    points = chart.mark_point(filled=True, size=45, opacity=1).encode(y=alt.Y("share:Q", **axis))
    return layered(band, line, points, *_chance(rows), height=260, width_px=width_px)


def per_label_chart(row: RetrievalView, *, width_px: int = 600) -> "alt.LayerChart":
    """Top-1 of each label, the weakest on top, and how many of its queries that is."""
    import altair as alt

    shares = sorted(row.per_label, key=lambda share: (share.top_1, share.label))
    values = [{"label": printable(share.label), "share": share.top_1, "of": _queries_right(share)} for share in shares]
    labels = in_order([printable(share.label) for share in shares])
    small: dict[str, Any] = {"labelFontSize": 10} if len(values) >= _SMALL_LETTERS_FROM else {}
    quarters = alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format=".2~f")
    chart = alt.Chart(alt.InlineData(values=values)).encode(
        # What stands beside a full bar needs room too.
        x=alt.X("share:Q", title="top-1", scale=alt.Scale(domain=[0, 1.16], nice=False), axis=quarters),
        y=alt.Y("label:N", title=None, scale=labels, axis=alt.Axis(grid=False, **small)),
        tooltip=[*tooltip({"label": "label", "of": "queries"}), *tooltip({"share": "top-1"}, ".3f")],
    )
    bars = chart.mark_bar(color=RIGHT, height=alt.RelativeBandSize(0.68))
    text = chart.mark_text(align="left", dx=5, fontSize=10 if small else 12).encode(text="of:N")
    return layered(bars, text, height=max(1, len(values)) * (14 if small else 22), width_px=width_px)


def confusion_chart(confusion: Confusion, *, width_px: int = 600, cell_px: float | None = None) -> "alt.LayerChart":
    """A heat map: rows are true labels, columns what they were taken for; the deeper a cell, the larger its share of the row.

    cell_px: side of a cell; by default as width_px allows, at most 40. Up to 20 labels the counts stand in the cells.
    """
    import altair as alt

    labels = [printable(label) for label in confusion.labels]
    cell_px = cell_px or min(_LARGEST_CELL_PX, (width_px - 190) / max(1, len(labels)))
    told = [*tooltip({"true": "true label", "taken": "taken for", "count": "times"}), *tooltip({"share": "share"}, ".2f")]
    chart = alt.Chart(alt.InlineData(values=_cells(labels, confusion.counts))).encode(
        x=alt.X("taken:N", title="taken for", scale=in_order(labels), axis=_label_axis(cell_px, labelAngle=-90)),
        y=alt.Y("true:N", title="true label", scale=in_order(labels), axis=_label_axis(cell_px)),
        tooltip=told,
    )
    colour = alt.condition("datum.true === datum.taken", alt.value(RIGHT), alt.value(WRONG))
    depth = alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.16, 1]), legend=None)
    layers = [chart.mark_rect().encode(color=colour, opacity=depth)]
    if len(labels) <= _CELL_TEXT_UP_TO:
        readable = alt.condition("datum.share > 0.7", alt.value("white"), alt.value("currentColor"))
        layers.append(chart.mark_text(fontSize=11).encode(text="count:Q", color=readable))
    side_px = max(1.0, cell_px * len(labels))
    frame = alt.ViewBackground(stroke="currentColor", strokeOpacity=0.25)
    # Pad: the size is that of the cells alone, which are square, whoever shows the chart.
    return layered(*layers, width=side_px, height=side_px, view=frame, autosize="pad")


def line_names(rows: Sequence[RetrievalView]) -> list[str]:
    """What tells rows apart: the encoder, with the way and the group where the rows have several of them."""
    several_ways, several_groups = len({row.way for row in rows}) > 1, len({row.group for row in rows}) > 1
    return [
        printable(", ".join([row.encoder.name, *[row.way] * several_ways, *[row.group or "all"] * several_groups])) for row in rows
    ]


def _lines(names: Sequence[str], rows: Sequence[RetrievalView]) -> "tuple[alt.Color, alt.StrokeDash]":
    """How the lines look, in one legend: those that learnt nothing last, grey and dashed."""
    import altair as alt

    learnt_nothing = {name: row.encoder.learnt_nothing for name, row in zip(names, rows, strict=True)}
    learnt, floors = ([name for name in learnt_nothing if learnt_nothing[name] is nothing] for nothing in (False, True))
    colours = [COLOURS[place % len(COLOURS)] for place in range(len(learnt))]
    colours += [GREYS[place % len(GREYS)] for place in range(len(floors))]
    dashes = [[1, 0]] * len(learnt) + [_DASHES[place % len(_DASHES)] for place in range(len(floors))]
    legend = alt.Legend(
        orient="bottom",
        symbolType="stroke",
        symbolOpacity=1,
        symbolSize=500,
        symbolStrokeWidth=2,
        # Beside each other where the page is wide enough for both: a legend's names are cut at the chart's end.
        columns=alt.ExprRef(f"width >= {2 * (_LEGEND_LETTER_PX * max(map(len, names), default=0) + _LEGEND_SYMBOL_PX)} ? 2 : 1"),
        labelLimit=alt.ExprRef(f"max(80, width - {_LEGEND_SYMBOL_PX})"),
    )
    domain = [*learnt, *floors]
    return (
        alt.Color("line:N", title=None, scale=alt.Scale(domain=domain, range=colours), legend=legend),
        alt.StrokeDash("line:N", title=None, scale=alt.Scale(domain=domain, range=dashes), legend=legend),
    )


def _chance(rows: Sequence[RetrievalView]) -> "list[alt.Chart]":
    """A rule with its words, where all rows have the same chance; it is that of the first video, hence the words."""
    import altair as alt

    chances = {None if row.chance is None else round(row.chance, 4) for row in rows}
    if len(chances) != 1 or None in chances:
        return []
    chart = alt.Chart(alt.InlineData(values=[{"chance": chances.pop()}])).encode(y="chance:Q")
    rule = chart.mark_rule(color="currentColor", opacity=0.55, strokeDash=[2, 3])
    text = chart.transform_calculate(words="'guessing, k = 1: ' + format(datum.chance, '.3f')").encode(
        x=alt.value("width"), text="words:N"
    )
    return [rule, text.mark_text(align="right", baseline="bottom", dy=-3, fontSize=11, opacity=0.8)]


def _queries_right(share: LabelShare) -> str:
    if share.num_queries is None:
        return f"{share.top_1:.2f}"
    return f"{round(share.top_1 * share.num_queries)} of {share.num_queries}"


def _cells(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> list[dict[str, Any]]:
    """Those that are not empty, each with its share of its row."""
    return [
        {"true": true, "taken": taken, "count": count, "share": count / sum(row)}
        for true, row in zip(labels, counts, strict=True)
        for taken, count in zip(labels, row, strict=True)
        if count
    ]


def _label_axis(cell_px: float, **others: Any) -> "alt.Axis":
    """Labels of a band of cells; where they would overlap, some are left out."""
    import altair as alt

    size = min(12.0, max(8.0, cell_px - 1))
    return alt.Axis(
        grid=False, labelFontSize=size, labelLimit=130, labelOverlap="greedy", labelPadding=4, titlePadding=14, **others
    )
