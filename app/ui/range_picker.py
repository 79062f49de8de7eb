"""Chooses the range of a clip: a strip of its pictures, a slider, and what lies between its two ends, playing."""

import base64
from dataclasses import replace
from pathlib import Path

import streamlit as st

from app.ui import cached, state_keys
from app.ui.clip_player import play
from app.ui.queries import Draft
from app.ui.shown_text import as_html, clock

_END_PX = 480
_PLAYED_S = 30.0  # of a longer range only the beginning is played, so that the page answers soon
_SHORTEST_S = 0.2
_LAST_FRAME_S = 0.05  # the picture at the very end of a clip is the one shortly before it


def pick_range(draft: Draft, key: str) -> tuple[float, float]:
    """Shows the picker and returns the chosen seconds. Raises VideoRejected for what cannot be read."""
    _strip(draft)
    start_s, end_s = _slider(draft, key)
    with st.container(key="range-row"):
        with st.container(key="range-first"):
            _end_picture(draft.path, start_s, "first picture")
        with st.container(key="range-clip"):
            _playing(draft, start_s, end_s)
        with st.container(key="range-last"):
            _end_picture(draft.path, max(start_s, end_s - _LAST_FRAME_S), "last picture")
    return start_s, end_s


def _slider(draft: Draft, key: str) -> tuple[float, float]:
    if draft.duration_s <= 2 * _SHORTEST_S:
        return 0.0, draft.duration_s
    step = 0.1 if draft.duration_s < 600 else 0.5
    whole_asked = f"{key}-whole-asked"
    times_asked = st.session_state.get(whole_asked, 0)
    slider, whole = st.columns([6, 1], vertical_alignment="bottom")
    if whole.button("Use whole", key=f"{key}-whole", width="stretch", help="Take the clip from its start to its end"):
        times_asked += 1
        st.session_state[whole_asked] = times_asked
        draft = replace(draft, start_s=0.0, end_s=draft.duration_s)
        st.session_state[state_keys.DRAFT] = draft
    # Another key makes another slider: the only way to move one that takes its first value from us.
    first = (draft.start_s, draft.end_s)
    start_s, end_s = slider.slider(
        "From and to, in seconds of the clip", 0.0, draft.duration_s, first, step=step, format="%.1f s", key=f"{key}-{times_asked}"
    )
    if end_s - start_s < _SHORTEST_S:
        st.caption(f"A range has at least {_SHORTEST_S:.1f} s.")
        start_s = max(0.0, min(start_s, draft.duration_s - _SHORTEST_S))
        end_s = start_s + _SHORTEST_S
    return start_s, end_s


def _strip(draft: Draft) -> None:
    """Pictures spread over the clip, as wide as the slider below them."""
    pictures = "".join(_picture(picture, "a picture of the clip") for picture in cached.strip(draft.path).pictures)
    st.html(f'<div class="vret-strip">{pictures}</div>')


def _end_picture(path: Path, at_s: float, name: str) -> None:
    picture = cached.previews().frame(path, at_s, max_px=_END_PX).read_bytes()
    st.html(f'<figure class="vret-end">{_picture(picture, name)}<figcaption>{clock(at_s)} {name}</figcaption></figure>')


def _playing(draft: Draft, start_s: float, end_s: float) -> None:
    shown_end_s = min(end_s, start_s + _PLAYED_S)
    with st.spinner("Cutting the range…"):
        preview = cached.previews().preview(draft.path, start_s, shown_end_s, height_px=360)
    play(preview, key=f"range-{preview.stem}", label="the chosen range")
    more = f", the first {_PLAYED_S:.0f} s playing" if shown_end_s < end_s else ""
    st.html(f'<p class="vret-quiet vret-centre">{end_s - start_s:.1f} s chosen{more}</p>')


def _picture(jpeg: bytes, name: str) -> str:
    data = base64.b64encode(jpeg).decode("ascii")
    return f'<img src="data:image/jpeg;base64,{data}" alt="{as_html(name)}">'
