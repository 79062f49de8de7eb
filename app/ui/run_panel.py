"""An indexing run as it goes: progress, rate, time left, what is broken; and a button that stops it."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from app.index_report import rate_words
from app.ui import cached
from app.ui.index_runs import RunView, run_view
from app.ui.process_panel import ProcessPanel, show_process, start_process
from app.ui.shown_text import as_html, as_markdown, clock, count, printable
from app.ui.trouble import say_trouble


def start_run(library: str, folders: Sequence[Path] = (), excludes: Sequence[str] = (), *, quick: bool = False) -> None:
    """Starts indexing beside the page and shows it when the page is drawn again. quick: read key frames only."""
    start_process(_panel(), lambda: cached.index_runs().start(library, folders, excludes, quick=quick), what="indexing")


def show_runs() -> None:
    """Shows the run that is at work, or how the last one of this page ended. While one is at work it follows it."""
    show_process(_panel())


def _panel() -> ProcessPanel[RunView]:
    return ProcessPanel(
        name="run",
        view=_view,
        facts=_facts,
        below=lambda view: f'<p class="vret-quiet vret-path">{as_html(view.current)}</p>' if view.current else "",
        stop_help="What is done stays done",
        busy="indexed",
        ended_mark=_ended_mark,
        ended=_say_end,
    )


def _facts(view: RunView) -> str:
    name = f'<p class="vret-name">Indexing {as_html(view.library)}</p>'
    if view.state == "starting" or view.total == 0:
        return f'<div class="vret-run">{name}<p class="vret-quiet">looking for new and changed videos</p></div>'
    if view.state == "saving":
        return f'<div class="vret-run">{name}<p class="vret-quiet">all read; saving the vectors</p></div>'
    left = f"{clock(view.seconds_left, tenths=False)} left" if view.seconds_left is not None else "time left not known yet"
    parts = [f"<b>{view.done} of {count(view.total, 'video')}</b>", rate_words(view.clips_per_s), left]
    if view.broken:
        parts.append(f'<span class="vret-flag">{view.broken} broken so far</span>')
    return f'<div class="vret-run">{name}<p>{" · ".join(filter(None, parts))}</p></div>'


def _ended_mark(_: RunView) -> str | None:
    """None where this page started nothing: the run is an old one of somebody else."""
    last = cached.index_runs().last
    return None if last is None else str(last.answer_file)


def _say_end(view: RunView) -> None:
    if view.state == "failed":
        say_trouble(f"Indexing {view.library} failed: {view.complaint}")
    elif view.state in ("stopped", "interrupted"):
        text = f"Indexing {as_markdown(view.library)} was stopped. What is done stays done; Update does the rest."
        st.warning(text, icon=":material/pause:")
    else:
        st.success(f"{as_markdown(view.library)} is indexed: {as_markdown(_summary(view))}", icon=":material/check:")
        for note in view.notes:
            st.caption(as_markdown(note))


def _summary(view: RunView) -> str:
    said = [f"{number} {name}" for name, number in view.counts.items() if number]
    return ", ".join(said) or "no videos found"


def _view() -> RunView | None:
    jobs = cached.workspace().catalog.jobs(kind="index", limit=10)
    view = run_view(cached.index_runs().last, jobs)
    return view if view is None else view.shown(printable)
