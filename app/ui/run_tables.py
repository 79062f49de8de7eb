"""Tables of stored runs, as the report has them."""

from collections.abc import Mapping, Sequence

import streamlit as st

from app.evaluation.report_table import Cell, Table, table_of
from app.evaluation.run_view import RetrievalView, RunView
from app.ui.shown_text import as_html

_SAID_ELSEWHERE = ("group", "way", "gallery", "labels")


def show_rows(rows: Sequence[RetrievalView], chosen: RetrievalView) -> None:
    """Rows of one group and way, of which one is looked at."""
    shown = table_of([row.flat for row in rows], [row.encoder for row in rows], without=_SAID_ELSEWHERE)
    _show(shown, chosen=list(rows).index(chosen))


def show_beside(rows: Mapping[str, RetrievalView]) -> None:
    """Rows of several runs. rows: by what each is to be called."""
    named = [{"run": name, **row.flat} for name, row in rows.items()]
    _show(table_of(named, [], without=(*_SAID_ELSEWHERE, "encoder")))


def show_flat_rows(view: RunView) -> None:
    """The rows of a run of any kind."""
    _show(table_of(view.flat_rows, view.encoders))


def _show(table: Table, *, chosen: int | None = None) -> None:
    """A table that is scrolled sideways where it is too wide. chosen: the line that is marked."""
    sides = [" class=vret-number" if number else "" for number in table.numbers]
    head = "".join(f"<th{side}>{as_html(name)}</th>" for name, side in zip(table.heads, sides, strict=True))
    body = "".join(
        f"<tr{' class=vret-chosen' if place == chosen else ''}>"
        f"{''.join(f'<td{side}>{_inside(cell)}</td>' for cell, side in zip(line, sides, strict=True))}</tr>"
        for place, line in enumerate(table.lines)
    )
    st.html(f'<div class="vret-scroll"><table class="vret-table"><tr>{head}</tr>{body}</table></div>')
    st.html(f'<p class="vret-quiet">{as_html(table.note)}</p>')


def _inside(cell: Cell) -> str:
    below = f"<i{' class=vret-doubtful' if cell.doubtful else ''}>{as_html(cell.below)}</i>" if cell.below else ""
    return as_html(cell.text) + below
