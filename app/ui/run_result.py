"""One stored run from the headline down to its single videos."""

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from app.evaluation.run_view import RetrievalView, RunView
from app.ui.evaluation_panel import offer_floors
from app.ui.run_charts import show_confusion, show_curve_and_labels, show_differences, show_figures, show_notes
from app.ui.run_downloads import show_downloads
from app.ui.run_failures import show_failures
from app.ui.run_map import show_map
from app.ui.run_tables import show_flat_rows, show_rows
from app.ui.run_words import kind_words, way_words
from app.ui.shown_text import as_html, printable

_FAILURES = "What went wrong"
_CONFUSION = "Confusion matrix"
_MAP = "Map"
_DOT = " \N{MIDDLE DOT} "


@st.fragment
def show_result(view: RunView, *, floors_for: str | None = None) -> None:
    """A fragment: what is chosen in it draws it alone. floors_for: the encoder to make an untrained network of, where the run's
    library has none.
    """
    _head(view)
    if view.rows:
        _retrieval(view, floors_for)
    else:
        show_flat_rows(view)
        show_differences(view)
        for number, confusion in enumerate(view.confusions):
            st.html(f'<h2 class="vret-heading">{as_html(confusion.title)}</h2>')
            show_confusion(confusion, number=number)
    show_notes(view)


def _head(view: RunView) -> None:
    when = view.created_at.astimezone().strftime("%Y-%m-%d %H:%M")
    preset = str(view.settings.get("preset") or "")
    of = as_html(view.library or (f"protocol {preset}" if preset else Path(str(view.settings.get("labels", ""))).name))
    labels = as_html(str(view.settings.get("labels", "")))
    facts = [when, as_html(kind_words(view.kind)), *[labels] * bool(labels)]
    with st.container(horizontal=True, vertical_alignment="center", key="run-head"):
        st.html(
            f'<div class="vret-run-head"><h2 class="vret-heading">Run {view.id}: {of}</h2>'
            f'<p class="vret-quiet vret-path" title="{labels}">{_DOT.join(facts)}</p></div>'
        )
        show_downloads(view)


def _retrieval(view: RunView, floors_for: str | None) -> None:
    rows, chosen = _choice(view)
    show_figures(chosen)
    if floors_for and chosen.floor is None and not chosen.encoder.learnt_nothing:
        offer_floors(view.library, floors_for, key="result")
    show_rows(rows, chosen)
    show_curve_and_labels(rows, chosen)
    part = st.segmented_control(
        "Look closer",
        [_FAILURES, _CONFUSION, _MAP],
        default=_FAILURES,
        required=True,
        label_visibility="collapsed",
        key=f"closer-{view.id}",
    )
    if part == _CONFUSION:
        show_confusion(chosen.confusion())
    elif part == _MAP:
        show_map(view, chosen)
    else:
        show_failures(view.id, chosen)


def _choice(view: RunView) -> tuple[list[RetrievalView], RetrievalView]:
    """The rows of one group and way, and the one that is looked at; chosen where there are several. First, what a search finds."""
    sections = view.sections()
    ways = sorted(dict.fromkeys(way for _, way in sections), key=lambda way: way == "mean")
    groups = list(dict.fromkeys(group for group, _ in sections))
    with st.container(horizontal=True, key="run-choice"):
        way = _one_of("Compared", ways, f"way-{view.id}", way_words)
        group = groups[0]
        if len(groups) > 1:
            group = st.selectbox("Within", groups, format_func=printable, key=f"group-{view.id}", width=220) or groups[0]
        rows = sections.get((group, way)) or next(iter(sections.values()))
        # Those that learnt something first.
        by_name = {row.encoder.name: row for row in sorted(rows, key=lambda row: row.encoder.learnt_nothing)}
        name = _one_of("Encoder", list(by_name), f"encoder-{view.id}", printable)
    return rows, by_name[name]


def _one_of(label: str, names: Sequence[str], key: str, words: Callable[[str], str]) -> str:
    """One of several names, the first at first; nothing to choose where there is one."""
    if len(names) == 1:
        return names[0]
    if st.session_state.get(key) not in names:  # what was chosen may not have been measured in this way
        st.session_state[key] = names[0]
    return st.segmented_control(label, names, required=True, format_func=words, key=key) or names[0]
