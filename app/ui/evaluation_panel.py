"""An evaluation as it goes: what it does, how far it is, a button that stops it; and how it ended where it did not end well."""

import streamlit as st

from app.ui import cached
from app.ui.evaluation_runs import EvaluationRequest, EvaluationView, Purpose, evaluation_view
from app.ui.process_panel import ProcessPanel, show_process, start_process
from app.ui.shown_text import as_html, as_markdown, printable
from app.ui.trouble import say_trouble

_WHAT: dict[Purpose, str] = {"retrieval": "Measuring", "floors": "Indexing untrained networks for"}


def start_evaluation(request: EvaluationRequest) -> None:
    """Starts measuring beside the page and shows it from the next run of the page on."""
    start_process(_panel(), lambda: cached.evaluation_runs().start(request), what="measuring")


def offer_floors(library: str, encoder: str, *, key: str) -> None:
    """A button that indexes the library with an untrained network like this encoder, beside the page. key: its place there."""
    said = "Indexes this library with a network of the same make and random weights, and with raw colour, to compare with"
    if st.button("Index an untrained network", key=f"floors-{key}", icon=":material/casino:", help=said):
        runs = cached.evaluation_runs()
        start_process(_panel(), lambda: runs.start_floors(library, encoder), what="indexing untrained networks")


def show_evaluations() -> None:
    """Shows the run that is at work, and follows it; or how the last one of this page ended, unless its result says so."""
    show_process(_panel())


def _panel() -> ProcessPanel[EvaluationView]:
    return ProcessPanel(name="evaluation", view=_view, facts=_facts, busy="worked on", ended_mark=_ended_mark, ended=_say_end)


def _facts(view: EvaluationView) -> str:
    what = f"{_WHAT[view.purpose]} {as_html(view.library)}{', started elsewhere' if view.elsewhere else ''}"
    return f'<div class="vret-run"><p class="vret-name">{what}</p><p class="vret-quiet">{_now(view)}</p></div>'


def _now(view: EvaluationView) -> str:
    if view.state == "starting":
        return "starting" if view.purpose == "retrieval" else "making the network, which takes a few minutes"
    if view.state == "saving":
        return "storing the result" if view.purpose == "retrieval" else "going on"
    if not view.total:
        return as_html(view.phase) or "reading the vectors"
    return f"{as_html(view.phase)}: {min(view.done, view.total):,} of {view.total:,}"


def _ended_mark(view: EvaluationView) -> str | None:
    """None where the result is there to be seen."""
    last = cached.evaluation_runs().last
    if last is None or (view.state == "done" and view.purpose == "retrieval"):
        return None
    return str(last.command.answer_file)


def _say_end(view: EvaluationView) -> None:
    if view.state == "failed":
        say_trouble(f"{_WHAT[view.purpose]} {view.library} failed: {view.complaint}")
    elif view.state == "done":
        said = f"{as_markdown(view.library)} is indexed with an untrained network and raw colour. Measure to see them beside."
        st.success(said, icon=":material/check:")
    else:
        stays = "Nothing was stored." if view.purpose == "retrieval" else "What is indexed stays; the same button does the rest."
        st.warning(f"{_WHAT[view.purpose]} {as_markdown(view.library)} was stopped. {stays}", icon=":material/pause:")


def _view() -> EvaluationView | None:
    catalog = cached.workspace().catalog
    last = cached.evaluation_runs().last
    indexing = catalog.jobs(kind="index", limit=10) if last is not None and last.purpose == "floors" else []
    view = evaluation_view(last, catalog.jobs(kind="evaluate", limit=10), indexing)
    return view if view is None else view.shown(printable)
