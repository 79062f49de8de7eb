"""Tables of a stored run, as plain as the command line's: shares with three digits, intervals beside them."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app.evaluation.run_view import RetrievalView, RunView
from app.ui.run_words import figure, interval, way_words
from app.ui.shown_text import as_html, printable

_LOW, _HIGH = "_low", "_high"
_SHORT = {"mean_average_precision": "mAP", "class_mean_top_1": "class mean", "way": "compared", "floor": "untrained"}


def show_table(columns: Sequence[str], lines: Sequence[Sequence[str]], *, chosen: int | None = None) -> None:
    """A table that is scrolled sideways where it is too wide. chosen: the line that is marked."""
    head = "".join(f"<th>{as_html(name)}</th>" for name in columns)
    body = "".join(
        f"<tr{' class=vret-chosen' if place == chosen else ''}>{''.join(f'<td>{as_html(cell)}</td>' for cell in line)}</tr>"
        for place, line in enumerate(lines)
    )
    st.html(f'<div class="vret-scroll"><table class="vret-table"><tr>{head}</tr>{body}</table></div>')


def show_rows(rows: Mapping[str, RetrievalView], chosen: RetrievalView | None = None, *, first: str = "encoder") -> None:
    """Rows that can be compared. rows: by what each is to be called. first: what these names are."""
    ranks = sorted({k for row in rows.values() for k in row.top_k})
    columns = [first, *[f"top-{k}" for k in ranks], "mAP", "class mean", "95 %", "chance", "untrained", "queries"]
    lines = [[name, *_cells(row, ranks)] for name, row in rows.items()]
    show_table(columns, lines, chosen=next((place for place, row in enumerate(rows.values()) if row is chosen), None))


def _cells(row: RetrievalView, ranks: Sequence[int]) -> list[str]:
    floor = "" if row.floor is None else figure(row.floor) + ("" if row.above_floor else " covered")
    return [
        *(figure(row.top_k[k].value) if k in row.top_k else "" for k in ranks),
        figure(row.mean_average_precision),
        figure(row.class_mean_top_1.value),
        interval(row.class_mean_top_1),
        figure(row.chance),
        floor,
        "" if row.num_queries is None else f"{row.num_queries:,}",
    ]


def show_flat_rows(view: RunView) -> None:
    """The rows of a run of any kind, as it stored them."""
    columns, lines = readable(view.flat_rows)
    show_table(columns, lines)


def readable(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Columns and cells of flat rows: ends of an interval in one cell after its value, columns in which nothing is left out."""
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if any(_known(row.get(name)) for row in rows)]
    values = [name for name in names if not (name.endswith((_LOW, _HIGH)) and name.rpartition("_")[0] in names)]
    heads, columns = [], []
    for name in values:
        heads.append(_SHORT.get(name) or printable(name.replace("top_", "top-").replace("_", " ")))
        columns.append([_cell(name, row.get(name)) for row in rows])
        if {name + _LOW, name + _HIGH} <= set(names):
            heads.append("95 %")
            columns.append([_ends(row.get(name + _LOW), row.get(name + _HIGH)) for row in rows])
    return heads, [list(line) for line in zip(*columns, strict=True)]


def _known(value: Any) -> bool:
    return value is not None and value != ""


def _cell(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return figure(value)
    if value is None:
        return ""
    return way_words(value) if name == "way" else str(value)


def _ends(low: Any, high: Any) -> str:
    return "" if low is None or high is None else f"{low:.2f} to {high:.2f}"
