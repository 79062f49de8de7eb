"""The panel of something that is at work beside the page: how far it is, a button that stops it, and then how it ended."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import streamlit as st

from app.ui.page_process import ProcessView, stop_process
from app.ui.trouble import say_trouble

_EVERY_S = 1.0

View = TypeVar("View", bound=ProcessView)


@dataclass(frozen=True, kw_only=True)
class ProcessPanel(Generic[View]):
    """What one kind of process shows. name: what the keys begin with.

    view: what is at work, else what ended last; None where there is neither. facts: HTML of how far it is. below: HTML of what
    stands below the bar, "" for nothing. stop_help: what the button that stops it says. busy: what is being done to the library,
    such as "indexed". ended_mark: what tells one end from others, so that a closed one stays closed; None where there is nothing to
    say of it. ended: says how it ended.
    """

    name: str
    view: Callable[[], View | None]
    facts: Callable[[View], str]
    below: Callable[[View], str] = lambda _: ""
    stop_help: str | None = None
    busy: str
    ended_mark: Callable[[View], str | None]
    ended: Callable[[View], None]


def start_process(panel: ProcessPanel[View], start: Callable[[], object], *, what: str) -> None:
    """Starts something beside the page, unless its like is at work, and shows it from the next run of the page on. what: such as
    "indexing".
    """
    view = panel.view()
    if view is not None and view.is_live:
        say_trouble(f"{view.library} is being {panel.busy} just now. Wait for its end, or stop it.")
        return
    try:
        start()
    except OSError as error:
        say_trouble(f"Cannot start {what}: {error}.")
        return
    st.rerun()


def show_process(panel: ProcessPanel[View]) -> None:
    """Shows what is at work, and follows it; or how the last one of this page ended."""
    view = panel.view()
    live = view is not None and view.is_live
    st.session_state[_was_live_key(panel)] = live
    if live:
        _live(panel)
    elif view is not None:
        _ended(panel, view)


@st.fragment(run_every=_EVERY_S)
def _live(panel: ProcessPanel[View]) -> None:
    view = panel.view()
    if view is None or not view.is_live:
        if st.session_state.get(_was_live_key(panel)):
            st.rerun()  # the whole page: it has other things to show now
        return
    with st.container(border=True, key=f"{panel.name}-panel"):
        facts, stop = st.columns([5, 1], vertical_alignment="center")
        facts.html(panel.facts(view))
        stopped = stop.button(
            "Stop",
            key=f"stop-{panel.name}",
            icon=":material/stop:",
            width="stretch",
            help=panel.stop_help,
            disabled=view.pid is None,
        )
        if stopped:
            stop_process(view)
        st.progress(min(1.0, view.done / view.total) if view.total else 0.0)
        if below := panel.below(view):
            st.html(below)


def _ended(panel: ProcessPanel[View], view: View) -> None:
    closed_key, mark = f"{panel.name}-dismissed", panel.ended_mark(view)
    if mark is None or st.session_state.get(closed_key) == mark:
        return
    with st.container(horizontal=True, vertical_alignment="center", key=f"{panel.name}-ended"):
        panel.ended(view)
        if st.button("Close", key=f"{panel.name}-close"):
            st.session_state[closed_key] = mark
            st.rerun()


def _was_live_key(panel: ProcessPanel[View]) -> str:
    return f"{panel.name}-was-live"
