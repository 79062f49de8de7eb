"""An indexing run as it goes: progress, rate, time left, what is broken; and a button that stops it."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from app.ui import cached
from app.ui.index_runs import RunView, run_view, stop_run
from app.ui.shown_text import as_html, as_markdown, clock, count, printable
from app.ui.trouble import say_trouble

_EVERY_S = 1.0
_DISMISSED = "run-dismissed"  # the finished run whose summary was closed
_WAS_LIVE = "run-was-live"


def start_run(library: str, folders: Sequence[Path] = ()) -> None:
    """Starts indexing beside the page and shows it from the next run of the page on."""
    view = _view()
    if view is not None and view.is_live:
        say_trouble(f"{view.library} is being indexed just now. Wait for its end, or stop it.")
        return
    try:
        cached.index_runs().start(library, folders)
    except OSError as error:
        say_trouble(f"Cannot start indexing: {error}.")
        return
    st.session_state.pop(_DISMISSED, None)
    st.rerun()


def show_runs() -> None:
    """Shows the run that is at work, or how the last one of this page ended. While one is at work it follows it."""
    view = _view()
    live = view is not None and view.is_live
    st.session_state[_WAS_LIVE] = live
    if live:
        _live_panel()
    elif view is not None and cached.index_runs().last is not None:
        _ended(view)


@st.fragment(run_every=_EVERY_S)
def _live_panel() -> None:
    view = _view()
    if view is None or not view.is_live:
        if st.session_state.get(_WAS_LIVE):
            st.rerun()  # the whole page: its counts are others now
        return
    with st.container(border=True, key="run-panel"):
        facts, stop = st.columns([5, 1], vertical_alignment="center")
        facts.html(_live_facts(view))
        if stop.button("Stop", icon=":material/stop:", width="stretch", help="What is done stays done", disabled=view.pid is None):
            stop_run(view)
        st.progress(min(1.0, view.done / view.total) if view.total else 0.0)
        if view.current:
            st.html(f'<p class="vret-quiet vret-path">{as_html(view.current)}</p>')


def _live_facts(view: RunView) -> str:
    name = f'<p class="vret-name">Indexing {as_html(view.library)}</p>'
    if view.state == "starting" or view.total == 0:
        return f'<div class="vret-run">{name}<p class="vret-quiet">looking for new and changed videos</p></div>'
    if view.state == "saving":
        return f'<div class="vret-run">{name}<p class="vret-quiet">all read; saving the vectors</p></div>'
    left = f"{clock(view.seconds_left, tenths=False)} left" if view.seconds_left is not None else "time left not known yet"
    parts = [f"<b>{view.done} of {count(view.total, 'video')}</b>", f"{view.clips_per_s:.1f} clips/s", left]
    if view.broken:
        parts.append(f'<span class="vret-flag">{view.broken} broken so far</span>')
    return f'<div class="vret-run">{name}<p>{" · ".join(parts)}</p></div>'


def _ended(view: RunView) -> None:
    last = cached.index_runs().last
    mark = str(last.answer_file) if last is not None else ""
    if st.session_state.get(_DISMISSED) == mark:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="run-ended"):
        if view.state == "failed":
            say_trouble(f"Indexing {view.library} failed: {view.complaint}")
        elif view.state in ("stopped", "interrupted"):
            text = f"Indexing {as_markdown(view.library)} was stopped. What is done stays done; Update does the rest."
            st.warning(text, icon=":material/pause:")
        else:
            st.success(f"{as_markdown(view.library)} is indexed: {as_markdown(_summary(view))}", icon=":material/check:")
        if st.button("Close", key="run-close"):
            st.session_state[_DISMISSED] = mark
            st.rerun()


def _summary(view: RunView) -> str:
    said = [f"{number} {name}" for name, number in view.counts.items() if number]
    return ", ".join(said) or "no videos found"


def _view() -> RunView | None:
    jobs = cached.workspace().catalog.jobs(kind="index", limit=10)
    view = run_view(cached.index_runs().last, jobs)
    return view if view is None else view.shown(printable)
