"""The runs that were stored, newest first: one is shown, or several side by side."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

import streamlit as st

from app.evaluation.run_summary import RunSummary
from app.ui.evaluation_data import run_summary
from app.ui.run_words import kind_words
from app.ui.shown_text import printable

_ROW_PX = 35
_ROWS_SEEN = 6


def show_history(run_ids: Sequence[int]) -> list[int]:
    """Shows the list and returns the chosen runs, the newest one where none is chosen. run_ids: newest first."""
    if len(run_ids) < 2:
        return list(run_ids)
    with st.expander(f"All measurements ({len(run_ids)})", icon=":material/history:", key="run-history"):
        summaries = [run_summary(run_id) for run_id in run_ids]
        marks = data_marks([summary.fingerprint for summary in reversed(summaries)])
        event = st.dataframe(
            _columns(summaries, marks),
            hide_index=True,
            row_height=_ROW_PX,
            height=3 + _ROW_PX * (1 + min(len(run_ids), _ROWS_SEEN)),
            column_config=_COLUMNS,
            on_select="rerun",
            selection_mode="multi-row",
            placeholder="",
            key=f"runs-{run_ids[0]}",  # a new run moves the others down: what was chosen would be another
        )
        st.caption("Choose one to see it, or several to see them side by side. Runs with the same letter measured the same data.")
    chosen = [run_ids[place] for place in cast("dict[str, Any]", event)["selection"]["rows"] if place < len(run_ids)]
    return chosen or [run_ids[0]]


_BEST = "What the best of the encoders that were asked for got, averaged over what was measured apart"
_COLUMNS = {
    "when": st.column_config.DatetimeColumn("When", format="YYYY-MM-DD HH:mm", width=130),
    "library": st.column_config.TextColumn("Library", width=110),
    "encoders": st.column_config.TextColumn("Encoders", width=190),
    "best": st.column_config.NumberColumn("Best", format="%.3f", width=60, help=_BEST),
    "measure": st.column_config.TextColumn("Measure", width=120),
    "queries": st.column_config.NumberColumn("Queries", width=70),
    "how": st.column_config.TextColumn("How", width=150, help="In what way, where it is not the usual one"),
    "data": st.column_config.TextColumn("Same data", width=80),
    "kind": st.column_config.TextColumn("What", width=180),
    "run": st.column_config.NumberColumn("Run", width=50),
}


def data_marks(fingerprints: Sequence[str]) -> dict[str, str]:
    """A letter for each fingerprint that several runs have, in the order of their first; A to Z, then A2 and so on."""
    shared = [name for name, times in Counter(filter(None, fingerprints)).items() if times > 1]
    return {name: chr(ord("A") + place % 26) + (str(place // 26 + 1) if place >= 26 else "") for place, name in enumerate(shared)}


def _columns(summaries: Sequence[RunSummary], marks: dict[str, str]) -> dict[str, list[Any]]:
    return {
        "when": [one.created_at.astimezone().replace(tzinfo=None) for one in summaries],
        "library": [printable(one.library) for one in summaries],
        "encoders": ["cannot be read" if one.encoders is None else printable(", ".join(one.encoders)) for one in summaries],
        "best": [None if one.best is None else one.best.value for one in summaries],
        "measure": ["" if one.best is None else one.best.measure for one in summaries],
        "queries": [one.num_queries for one in summaries],
        "how": [printable(one.how) for one in summaries],
        "data": [marks.get(one.fingerprint, "") for one in summaries],
        "kind": [kind_words(one.kind) for one in summaries],
        "run": [one.id for one in summaries],
    }
