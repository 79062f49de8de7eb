"""The runs that were stored, newest first: one is shown, or several side by side."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Any, cast

import streamlit as st

from app.errors import AppError
from app.evaluation.run_view import RunView
from app.ui.evaluation_data import stored_run
from app.ui.run_words import kind_words
from app.ui.shown_text import printable

_ROW_PX = 35
_ROWS_SEEN = 6


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """A line of the list. best: see `best_of`. fingerprint: of the data, "" where it
    is not known.
    """

    id: int
    created_at: datetime | None
    kind: str
    library: str
    encoders: str
    best: float | None
    num_queries: int | None
    fingerprint: str


def show_history(run_ids: Sequence[int]) -> list[int]:
    """Shows the list and returns the chosen runs, the newest one where none is chosen. run_ids: newest first."""
    if len(run_ids) < 2:
        return list(run_ids)
    with st.expander(f"All measurements ({len(run_ids)})", icon=":material/history:", key="run-history"):
        summaries = [_summary(run_id) for run_id in run_ids]
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


_COLUMNS = {
    "when": st.column_config.DatetimeColumn("Measured", format="YYYY-MM-DD HH:mm", width=130),
    "library": st.column_config.TextColumn("Library", width=130),
    "encoders": st.column_config.TextColumn("Encoders", width=230),
    "best": st.column_config.NumberColumn("Best class mean", format="%.3f", width=110),
    "queries": st.column_config.NumberColumn("Queries", width=70),
    "data": st.column_config.TextColumn("Same data", width=80),
    "kind": st.column_config.TextColumn("What", width=180),
    "run": st.column_config.NumberColumn("Run", width=50),
}


def data_marks(fingerprints: Sequence[str]) -> dict[str, str]:
    """A letter for each fingerprint that several runs have, in the order of their first; A to Z, then A2 and so on."""
    shared = [name for name, times in Counter(filter(None, fingerprints)).items() if times > 1]
    return {name: chr(ord("A") + place % 26) + (str(place // 26 + 1) if place >= 26 else "") for place, name in enumerate(shared)}


def summary_of(view: RunView) -> RunSummary:
    """A stored run in a line."""
    asked = [row["queries"] for row in view.flat_rows if isinstance(row.get("queries"), int)]
    trained = [encoder.name for encoder in view.encoders if not encoder.floor]
    return RunSummary(
        id=view.id,
        created_at=view.created_at,
        kind=view.kind,
        library=view.library,
        encoders=", ".join(trained or [encoder.name for encoder in view.encoders]),
        best=best_of(view),
        num_queries=max(asked, default=None),
        fingerprint=view.fingerprint,
    )


def best_of(view: RunView) -> float | None:
    """Class-mean top-1 of the encoder and way that did best, averaged over groups; of those that learnt something, if any."""
    rows = [row for row in view.rows if not row.encoder.floor] or list(view.rows)
    shares: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        shares.setdefault((row.encoder.name, row.way), []).append(row.class_mean_top_1.value)
    return max((fmean(own) for own in shares.values()), default=None)


@st.cache_resource(show_spinner=False, max_entries=1000)
def _summary(run_id: int) -> RunSummary:
    try:
        return summary_of(stored_run(run_id))
    except AppError:  # why is said when it is chosen
        return RunSummary(
            id=run_id, created_at=None, kind="", library="", encoders="cannot be read", best=None, num_queries=None, fingerprint=""
        )


def _columns(summaries: Sequence[RunSummary], marks: dict[str, str]) -> dict[str, list[Any]]:
    return {
        "when": [None if one.created_at is None else one.created_at.astimezone().replace(tzinfo=None) for one in summaries],
        "library": [printable(one.library) for one in summaries],
        "encoders": [printable(one.encoders) for one in summaries],
        "best": [one.best for one in summaries],
        "queries": [one.num_queries for one in summaries],
        "data": [marks.get(one.fingerprint, "") for one in summaries],
        "kind": [kind_words(one.kind) for one in summaries],
        "run": [one.id for one in summaries],
    }
