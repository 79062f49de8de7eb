"""The query beside its results: what was asked, playing, and the ways on and back."""

import streamlit as st

from app.errors import AppError
from app.ui import cached, state_keys
from app.ui.clip_player import play
from app.ui.queries import ShownQuery
from app.ui.search_history import change_range, go_back, start_anew
from app.ui.shown_text import as_html, span
from embedder.errors import EmbedderError

_PLAYED_S = 30.0


def show_query(query: ShownQuery, *, num_before: int) -> None:
    """Shows the query that the hits below it answer. num_before: how many queries one can go back."""
    with st.container(key="query-bar", horizontal=True, vertical_alignment="center"):
        with st.container(key="query-clip", width=190):
            _playing(query)
        with st.container(key="query-text"):
            _text(query)
            with st.container(horizontal=True, gap="small"):
                if num_before:
                    st.button("Back", icon=":material/arrow_back:", on_click=go_back, help="To the query before")
                if state_keys.DRAFT in st.session_state:
                    st.button("Change range", icon=":material/content_cut:", on_click=change_range)
                st.button("New clip", icon=":material/add:", on_click=start_anew)


def _playing(query: ShownQuery) -> None:
    try:
        if query.is_picture:
            st.image(cached.picture(query.path), width="stretch")
            return
        end_s = min(query.end_s, query.start_s + _PLAYED_S)
        preview = cached.previews().preview(query.path, query.start_s, end_s)
    except (EmbedderError, AppError, OSError):  # the hits are still there; their query's file may be gone, or the disk full
        st.html('<div class="vret-nopreview">no preview</div>')
        return
    play(preview, key=f"query-{preview.stem}", label=f"the query: {query.name}")


def _text(query: ShownQuery) -> None:
    kind = "Like this moment" if query.note.startswith("a hit") else "Like this clip"
    seconds = f"{span(query.start_s, query.end_s)} ({query.end_s - query.start_s:.1f} s), "
    if query.is_picture:
        kind, seconds = "Like this picture", ""
    st.html(
        f'<div class="vret-query"><p class="vret-eyebrow">{kind}</p>'
        f'<p class="vret-name" title="{as_html(query.path)}">{as_html(query.name)}</p>'
        f'<p class="vret-quiet">{seconds}{as_html(query.note)}</p></div>'
    )
