"""An evaluation as it goes: what it does, how far it is, a button that stops it; and how it ended where it did not end well."""

import streamlit as st

from app.ui import cached
from app.ui.evaluation_runs import EvaluationRequest, EvaluationView, Purpose, evaluation_view, stop_evaluation
from app.ui.shown_text import as_html, as_markdown, printable
from app.ui.trouble import say_trouble

_EVERY_S = 1.0
_DISMISSED = "evaluation-dismissed"  # the run whose end was closed
_WAS_LIVE = "evaluation-was-live"
_WHAT: dict[Purpose, str] = {"retrieval": "Measuring", "floors": "Indexing untrained networks for"}


def start_evaluation(request: EvaluationRequest) -> None:
    """Starts measuring beside the page and shows it from the next run of the page on."""
    if _is_free():
        try:
            cached.evaluation_runs().start(request)
        except OSError as error:
            say_trouble(f"Cannot start measuring: {error}.")
            return
        st.rerun()


def offer_floors(library: str, encoder: str, *, key: str) -> None:
    """A button that indexes the library with an untrained network like this encoder, beside the page. key: its place there."""
    said = "Indexes this library with a network of the same make and random weights, and with raw colour, to compare with"
    if st.button("Index an untrained network", key=f"floors-{key}", icon=":material/casino:", help=said) and _is_free():
        try:
            cached.evaluation_runs().start_floors(library, encoder)
        except OSError as error:
            say_trouble(f"Cannot start indexing untrained networks: {error}.")
            return
        st.rerun()


def show_evaluations() -> None:
    """Shows the run that is at work, and follows it; or how the last one of this page ended, unless its result says so."""
    view = _view()
    live = view is not None and view.is_live
    st.session_state[_WAS_LIVE] = live
    if live:
        _live_panel()
    elif view is not None:
        _ended(view)


def _is_free() -> bool:
    """Whether nothing is at work; else says so."""
    view = _view()
    if view is not None and view.is_live:
        say_trouble(f"{view.library} is being worked on just now. Wait for its end, or stop it.")
        return False
    return True


@st.fragment(run_every=_EVERY_S)
def _live_panel() -> None:
    view = _view()
    if view is None or not view.is_live:
        if st.session_state.get(_WAS_LIVE):
            st.rerun()  # the whole page: there is a result now
        return
    with st.container(border=True, key="evaluation-panel"):
        facts, stop = st.columns([5, 1], vertical_alignment="center")
        facts.html(_facts(view))
        if stop.button("Stop", key="stop-evaluation", icon=":material/stop:", width="stretch", disabled=view.pid is None):
            stop_evaluation(view)
        st.progress(min(1.0, view.done / view.total) if view.total else 0.0)


def _facts(view: EvaluationView) -> str:
    what = "Measuring" if view.purpose == "retrieval" else "Indexing untrained networks for"
    return (
        f'<div class="vret-run"><p class="vret-name">{what} {as_html(view.library)}</p><p class="vret-quiet">{_now(view)}</p></div>'
    )


def _now(view: EvaluationView) -> str:
    if view.state == "starting":
        return "starting" if view.purpose == "retrieval" else "making the network, which takes a few minutes"
    if view.state == "saving":
        return "storing the result" if view.purpose == "retrieval" else "going on"
    if not view.total:
        return as_html(view.phase) or "reading the vectors"
    return f"{as_html(view.phase)}: {min(view.done, view.total):,} of {view.total:,}"


def _ended(view: EvaluationView) -> None:
    last = cached.evaluation_runs().last
    mark = "" if last is None else str(last.command.answer_file)
    if st.session_state.get(_DISMISSED) == mark or (view.state == "done" and view.purpose == "retrieval"):
        return
    with st.container(horizontal=True, vertical_alignment="center", key="evaluation-ended"):
        if view.state == "failed":
            say_trouble(f"{_WHAT[view.purpose]} {view.library} failed: {view.complaint}")
        elif view.state == "done":
            said = f"{as_markdown(view.library)} is indexed with an untrained network and raw colour. Measure to see them beside."
            st.success(said, icon=":material/check:")
        else:
            stays = (
                "Nothing was stored." if view.purpose == "retrieval" else "What is indexed stays; the same button does the rest."
            )
            st.warning(f"{_WHAT[view.purpose]} {as_markdown(view.library)} was stopped. {stays}", icon=":material/pause:")
        if st.button("Close", key="evaluation-close"):
            st.session_state[_DISMISSED] = mark
            st.rerun()


def _view() -> EvaluationView | None:
    catalog = cached.workspace().catalog
    last = cached.evaluation_runs().last
    indexing = catalog.jobs(kind="index", limit=10) if last is not None and last.purpose == "floors" else []
    view = evaluation_view(last, catalog.jobs(kind="evaluate", limit=10), indexing)
    return view if view is None else view.shown(printable)
