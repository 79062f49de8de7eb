"""Where and how to search: library, number of hits and the like, in one row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from app.encoder_files import list_encoders
from app.ui import cached, state_keys
from app.ui.shown_text import printable
from embedder.encoder_card import DEFAULT_LOOK

if TYPE_CHECKING:
    from index.catalog import LibrarySummary
    from index.search import Filters

_ALL = "All libraries"
_NUMBERS = (12, 24, 48, 96)
LOOK_STEP = 0.05


@dataclass(frozen=True)
class SearchOptions:
    """library: None for all. encoder: None for the one that settings name. look: how much look counts against movement, 0 to 1;
    None where the encoder does not keep them apart. min_score: hits below are left out, 0 to 1; None for any.
    all_copies: near-equal moments of several videos are hits of their own, not one.
    """

    library: str | None = None
    num_hits: int = _NUMBERS[0]
    one_per_video: bool = False
    include_flagged: bool = False
    encoder: str | None = None
    look: float | None = None
    min_score: float | None = None
    all_copies: bool = False

    def filters(self) -> "Filters":
        from index.search import Filters

        return Filters(library=self.library, include_flagged=self.include_flagged)


def show_options(libraries: "Sequence[LibrarySummary]") -> SearchOptions:
    """Shows the row of options and returns what is chosen; the choice stays when the page is left."""
    names = [library.name for library in libraries]
    _keep_alive(names)
    with st.container(horizontal=True, vertical_alignment="bottom", key="options"):
        library = st.selectbox(
            "Search in", ["", *names], format_func=lambda name: printable(name) or _ALL,
            key=state_keys.LIBRARY, width=190,
        )  # fmt: skip
        num_hits = st.selectbox("Hits", _NUMBERS, key=state_keys.NUM_HITS, width=90)
        encoder = _encoder()
        look = _look(encoder)
        percent = st.number_input(
            "At least, %",
            0,
            100,
            step=5,
            key=state_keys.MIN_SCORE,
            width=110,
            help="Hits with a lower score are left out. Point at the bar of a hit to see its score",
        )
        one_per_video = st.toggle("One per video", key=state_keys.ONE_PER_VIDEO, help="Only the best moment of each video")
        all_copies = st.toggle(
            "Every copy", key=state_keys.ALL_COPIES, help="Otherwise near-equal moments of several videos are one hit, marked x3"
        )
        flagged = st.toggle(
            "Also empty footage",
            key=state_keys.INCLUDE_FLAGGED,
            help="Otherwise black footage is left out. At look 0, frozen footage is too.",
        )
    min_score = percent / 100 if percent else None
    return SearchOptions(library or None, num_hits or _NUMBERS[0], one_per_video, flagged, encoder, look, min_score, all_copies)


def _encoder() -> str | None:
    """The encoder to search with: a choice where there are clips of several; None leaves it to the settings."""
    ws = cached.workspace()
    indexed = {row.id for row in ws.catalog.encoders() if row.num_clips}
    files = [file for file in list_encoders(ws.encoders_folder) if cached.known_encoder_id(file.path) in indexed]
    names = [file.name for file in files]
    preferred = ws.settings.encoder_name
    if len(names) < 2:
        # One that was indexed with is better than one of which there is nothing to search in.
        return None if not names or preferred in names or preferred.endswith(".onnx") else names[0]
    if st.session_state.get(state_keys.ENCODER) not in names:
        st.session_state[state_keys.ENCODER] = preferred if preferred in names else names[0]
    return st.selectbox("Encoder", names, key=state_keys.ENCODER, width=160)


def _look(encoder: str | None) -> float | None:
    """How much look counts: a slider, for an encoder that keeps movement and look apart."""
    if not cached.weighs_look(encoder):
        return None
    if state_keys.LOOK not in st.session_state:
        st.session_state[state_keys.LOOK] = DEFAULT_LOOK
    chosen: float = st.slider(
        "Movement ↔ Look", 0.0, 1.0, step=LOOK_STEP, key=state_keys.LOOK, width=190,
        help="What counts: how things move (left), or what is to be seen (right)",
    )  # fmt: skip
    return round(chosen, 2)  # browsers send 0.35000000000000003


def _keep_alive(names: Sequence[str]) -> None:
    """Streamlit forgets a widget's value when its page is left, unless the value is set anew."""
    state = st.session_state
    if state.get(state_keys.LIBRARY) not in names:
        state[state_keys.LIBRARY] = ""
    for key in (
        state_keys.LIBRARY,
        state_keys.NUM_HITS,
        state_keys.ONE_PER_VIDEO,
        state_keys.INCLUDE_FLAGGED,
        state_keys.ALL_COPIES,
        state_keys.ENCODER,
        state_keys.LOOK,
        state_keys.MIN_SCORE,
    ):
        if key in state:
            state[key] = state[key]
