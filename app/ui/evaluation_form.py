"""What to measure: library, labels, encoders and how to compare; everything that is wrong with it is said before it is started."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from app.errors import AppError
from app.evaluation.labelled_library import measured_rows
from app.evaluation.measurement import MOST_BY_SEARCH
from app.ui import cached, label_choice
from app.ui.evaluation_data import indexed_encoders
from app.ui.evaluation_panel import offer_floors, start_evaluation
from app.ui.evaluation_runs import EvaluationRequest
from app.ui.kept_widgets import kept
from app.ui.label_choice import FittingLabels
from app.ui.label_field import show_label_field
from app.ui.run_words import WAY_CHOICES
from app.ui.search_options import LOOK_STEP
from app.ui.shown_text import printable
from app.ui.trouble import say_trouble
from embedder.encoder_card import DEFAULT_LOOK

if TYPE_CHECKING:
    from index.catalog import LibrarySummary

_JUDGEMENTS = "judgements"
_LABELS = "labels"
_ALL = ""


def show_form(libraries: "Sequence[LibrarySummary]") -> None:
    """Shows the form; its button starts the evaluation beside the page. libraries: those with something indexed."""
    with st.container(key="measure"):
        left, right = st.columns([2, 3], gap="medium")
        with left:
            library = _library(libraries)
            encoders = indexed_encoders(library.name)
            chosen = _encoders(library, encoders.to_measure)
            look = _look(library, chosen)
        with right:
            source = _source(library)
            labels = show_label_field(library) if source == _LABELS else None
        if source == _JUDGEMENTS:
            right.caption(
                "Every query that was judged is asked again; it is right when something relevant comes before all that is not."
            )
            request = EvaluationRequest(library=library.name, encoders=chosen, labels=None)
        elif labels is None:
            return
        else:
            request = _labelled_request(library, chosen, labels)
        request = replace(request, look=look)
        with st.container(horizontal=True, vertical_alignment="center", key="measure-start"):
            if st.button("Measure", type="primary", icon=":material/play_arrow:", key="run-evaluation"):
                _start(request, labels)
            if labels is not None and chosen and not encoders.has_floor:
                st.html('<p class="vret-quiet">Without an untrained network beside, no figure says what the training is worth.</p>')
                offer_floors(library.name, chosen[0], key="form")


def _start(request: EvaluationRequest, labels: FittingLabels | None) -> None:
    """Starts it, or says what must be chosen."""
    if not request.encoders:
        say_trouble("Choose at least one encoder.")
        return
    if labels is not None and not request.ways:
        say_trouble("Choose at least one way to compare.")
        return
    try:
        if labels is not None:
            measured_rows(labels.labels, within=request.within, ignore_labels=request.ignore_labels)
    except AppError as error:
        say_trouble(str(error))
        return
    start_evaluation(request)


def _library(libraries: "Sequence[LibrarySummary]") -> "LibrarySummary":
    by_name = {library.name: library for library in libraries}
    name = st.selectbox("Library", list(by_name), key=kept("measure-library", libraries[0].name, by_name), format_func=printable)
    return by_name[name]


def _encoders(library: "LibrarySummary", names: Sequence[str]) -> tuple[str, ...]:
    preferred = cached.workspace().settings.encoder_name
    default = [preferred if preferred in names else names[0]] if names else []
    if not names:
        st.caption("None of the encoders that are here has vectors of this library. Update it on the Libraries page.")
    chosen = st.multiselect(
        "Encoders",
        names,
        key=kept(f"measure-encoders-{library.id}", default, names),
        help="Untrained networks and raw colour are measured beside them where the library is indexed with some",
    )
    return tuple(chosen)


def _look(library: "LibrarySummary", encoders: Sequence[str]) -> float | None:
    """How much look counts: a slider, where one of the encoders keeps movement and look apart."""
    if not any(cached.weighs_look(name) for name in encoders):
        return None
    chosen: float = st.slider(
        "Movement ↔ Look", 0.0, 1.0, step=LOOK_STEP, key=kept(f"measure-look-{library.id}", DEFAULT_LOOK),
        help="What counts with encoders that keep both apart: how things move (left), or what is to be seen (right)",
    )  # fmt: skip
    return None if round(chosen, 2) == DEFAULT_LOOK else round(chosen, 2)


def _source(library: "LibrarySummary") -> str:
    told = len(cached.workspace().catalog.judgements(library.name))
    if not told:
        return _LABELS
    words = {_LABELS: "Labels", _JUDGEMENTS: f"My judgements ({told})"}
    chosen = st.segmented_control(
        "What is right",
        list(words),
        format_func=words.__getitem__,
        required=True,
        key=kept(f"measure-source-{library.id}", _LABELS, words),
        help="Labels of whole videos, or what was judged while searching",
    )
    return chosen or _LABELS


def _labelled_request(library: "LibrarySummary", encoders: tuple[str, ...], found: FittingLabels) -> EvaluationRequest:
    """The choices that labels allow."""
    within = None
    # Of very many the search itself takes minutes: it is asked only by who chooses it.
    many = found.num_of("test") * found.num_of("train") > MOST_BY_SEARCH
    with st.container(horizontal=True, key="measure-how"):
        ways = st.multiselect(
            "Compared",
            list(WAY_CHOICES),
            format_func=WAY_CHOICES.__getitem__,
            key=kept(f"measure-ways-{'many' if many else 'few'}", ["mean"] if many else list(WAY_CHOICES), WAY_CHOICES),
            width=330,
            help="By the means of the stored vectors, which is quick, and by the search itself, which is what you get",
        )
        if found.columns:
            words = {_ALL: "all together"} | {name: f"within each {name}" for name in found.columns}
            within = st.selectbox(
                "Against",
                list(words),
                format_func=words.__getitem__,
                key=kept(f"measure-within-{library.id}", _ALL, words),
                width=180,
            )
        ignored = st.multiselect(
            "Leave out",
            found.names,
            format_func=printable,
            key=kept(f"measure-ignored-{library.id}", [], found.names),
            placeholder="no label",
            width=260,
        )
    if ignored:
        st.caption(f"Without them {found.num_of('test', ignored):,} to ask with, {found.num_of('train', ignored):,} to find")
    return EvaluationRequest(
        library=library.name,
        encoders=encoders,
        labels=found.labels.path,
        videos=found.labels.root if label_choice.is_official(found.labels.layout) else None,
        fold=st.session_state.get(f"measure-fold-{library.id}", 1) if label_choice.has_folds(found.labels.layout) else 1,
        within=within or None,
        ignore_labels=tuple(ignored),
        ways=tuple(ways),
    )
