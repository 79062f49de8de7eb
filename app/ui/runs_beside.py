"""Stored runs side by side: class-mean top-1 with intervals, and whether they can be compared at all."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from app.evaluation.interval_charts import past_runs_chart
from app.evaluation.run_view import Encoder, RetrievalView, RunView
from app.ui.run_tables import show_beside
from app.ui.run_words import way_words
from app.ui.shown_text import count, printable


def show_side_by_side(views: Sequence[RunView]) -> None:
    """Shows what several runs measured in the same group and way."""
    st.html(f'<h2 class="vret-heading">{count(len(views), "run")} side by side</h2>')
    fingerprints = {view.fingerprint for view in views}
    if len(fingerprints) > 1 or "" in fingerprints:
        said = "These runs did not all measure the same data, so a difference may be the data's, not the encoder's."
        st.warning(said, icon=":material/warning:")
    sections = common_sections(views)
    if not sections:
        st.caption("None of these runs measured retrieval with labels. Choose one alone to see it.")
        return
    group, way = sections[0]
    if len(sections) > 1:
        group, way = st.selectbox(
            "Compared", sections, format_func=_section_words, width=360, key=f"beside-{[view.id for view in views]}"
        )
    rows = beside(views, group, way)
    st.altair_chart(past_runs_chart(rows), width="stretch", theme=None)
    show_beside(rows)
    without = [str(view.id) for view in views if not any((row.group, row.way) == (group, way) for row in view.rows)]
    if without:
        st.caption(f"Nothing of this was measured in run {', '.join(without)}.")


def common_sections(views: Sequence[RunView]) -> list[tuple[str, str]]:
    """What was measured, as (group, way): first what most of the runs have."""
    found = Counter(section for view in views for section in view.sections())
    return [section for section, _ in found.most_common()]


def beside(views: Sequence[RunView], group: str, way: str) -> dict[str, RetrievalView]:
    """The rows of one group and way by "run: encoder": of each run all that learnt something, and the best that did not."""
    found = {}
    for view in views:
        rows = view.sections().get((group, way), [])
        nothing = sorted((row for row in rows if row.encoder.learnt_nothing), key=lambda row: -row.class_mean_top_1.value)
        for row in [row for row in rows if not row.encoder.learnt_nothing] + nothing[:1]:
            found[f"{view.id}: {row.encoder.name}{_learnt_words(row.encoder)}"] = row
    return found


def _learnt_words(encoder: Encoder) -> str:
    """Told of what learnt nothing; raw colour is no network."""
    return " (untrained)" if encoder.floor else " (learnt nothing)" if encoder.learnt_nothing else ""


def _section_words(section: tuple[str, str]) -> str:
    group, way = section
    return f"{way_words(way)}, within {printable(group)}" if group else way_words(way)
