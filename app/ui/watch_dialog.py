"""Watches a moment in its video: a bounded piece around it, made on demand, beginning to play at the moment."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from app.ui import cached, state_keys
from app.ui.clip_player import play
from app.ui.shown_text import as_html, clock, printable, span
from app.ui.trouble import shown_trouble

CONTEXT_S = 10.0  # so much is shown before and after a moment
_LONGEST_S = 60.0  # of a longer moment the rest is reached with "Later"
_STEP_S = 20.0
_LEAST_S = 1.0  # of the video, with which a piece ends at the latest
_HEIGHT_PX = 480


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A moment being watched. shift_s: how far the piece was moved from the moment with "Earlier" and "Later"."""

    path: Path
    name: str
    start_s: float
    end_s: float
    shift_s: float = 0.0

    def open(self) -> None:
        """Opens the player; call it from a button's callback."""
        st.session_state[state_keys.WATCHED] = self
        st.session_state.pop(_shown_key(self), None)

    def piece(self, length_s: float) -> tuple[float, float, float]:
        """(first second, last second, seconds from the first to where playing begins). length_s: of the video, at most."""
        begin_s = max(0.0, min(self.start_s + self.shift_s, max(self.start_s, length_s - _LEAST_S)))
        lead_s = min(CONTEXT_S, begin_s) if self.shift_s == 0 else 0.0
        end_s = begin_s + min(self.end_s - self.start_s + CONTEXT_S, _LONGEST_S)
        return begin_s - lead_s, max(min(end_s, length_s), begin_s), lead_s


def watch() -> None:
    """Shows the player when a moment was opened."""
    watched: Watched | None = st.session_state.pop(state_keys.WATCHED, None)
    if watched is not None:
        _dialog(watched)


@st.dialog("Watch", width="large")
def _dialog(opened: Watched) -> None:
    """A fragment: its buttons run it alone."""
    watched: Watched = st.session_state.get(_shown_key(opened), opened)
    video = cached.workspace().catalog.find_video(watched.path)
    length_s = math.inf if video is None or video.duration_s is None else video.duration_s
    first_s, last_s, lead_s = watched.piece(length_s)
    st.html(
        f'<p class="vret-name">{as_html(watched.name)}</p><p class="vret-quiet">The moment is '
        f"{span(watched.start_s, watched.end_s)}. Playing from {clock(first_s + lead_s)}; "
        f"this piece of the video is {span(first_s, last_s)}.</p>"
    )
    with shown_trouble():
        with st.spinner("Cutting the piece…"):
            preview = cached.previews().preview(watched.path, first_s, last_s, height_px=_HEIGHT_PX)
        play(preview, key=f"watch-{preview.stem}", label=watched.name, kind="watch", start_s=lead_s)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Earlier", icon=":material/fast_rewind:", on_click=_shift, args=(opened, watched, -_STEP_S), disabled=first_s <= 0
        )
        st.button("The moment", icon=":material/my_location:", on_click=_shift, args=(opened, watched, -watched.shift_s))
        st.button(
            "Later", icon=":material/fast_forward:", on_click=_shift, args=(opened, watched, _STEP_S), disabled=last_s >= length_s
        )
    st.code(printable(watched.path), language=None, wrap_lines=True)


def _shift(opened: Watched, watched: Watched, by_s: float) -> None:
    st.session_state[_shown_key(opened)] = replace(watched, shift_s=max(-watched.start_s, watched.shift_s + by_s))


def _shown_key(opened: Watched) -> str:
    return f"{state_keys.WATCHED}-{opened.path}-{opened.start_s}"
