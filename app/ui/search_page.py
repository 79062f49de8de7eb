"""The page that vret is for: a clip goes in, moments come out."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.find_similar import EmbeddedQuery, SearchResult, embed_for_search, find_similar
from app.on_disk import FileState, file_state
from app.ui import cached, state_keys
from app.ui.examples import show_examples
from app.ui.hit_grid import show_hits
from app.ui.queries import ShownQuery
from app.ui.query_bar import show_query
from app.ui.query_builder import show_builder
from app.ui.scroll_up import scroll_up_for
from app.ui.search_history import history
from app.ui.search_options import SearchOptions, show_options
from app.ui.shown_text import count, length, printable
from app.ui.suggestions import show_suggestions
from app.ui.trouble import shown_trouble
from embedder.encoder_card import DEFAULT_LOOK

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from index.catalog import LibrarySummary

_KEPT_EXAMPLES = 40  # of which the vectors are kept; the oldest ones go
_CLEARED_S = 0.1  # Streamlit sends what changed in one piece, so an emptied place that is filled at once was never empty


def show() -> None:
    """Draws the page: the choice of a clip, or the hits of the query that was asked last."""
    libraries = cached.workspace().catalog.libraries()
    if not any(library.num_indexed for library in libraries):
        _nothing_yet(has_libraries=bool(libraries))
        return
    asked = history()
    view = _view_name(asked)
    with _cleared_for(view):
        scroll_up_for(view)
        if asked:
            _answer(asked, libraries)
        else:
            _question(libraries)


def _question(libraries: "Sequence[LibrarySummary]") -> None:
    show_builder()
    show_options(libraries)
    if state_keys.DRAFT not in st.session_state:
        show_suggestions()
    videos = sum(library.num_indexed for library in libraries)
    seconds = sum(library.seconds for library in libraries)
    st.html(f'<p class="vret-quiet vret-foot">{count(videos, "video")} can be searched, {length(seconds)} of footage.</p>')


def _answer(asked: tuple[ShownQuery, ...], libraries: "Sequence[LibrarySummary]") -> None:
    query = asked[-1]
    with st.container(key="answer"):
        left, right = st.columns([1, 1.25], vertical_alignment="bottom")
        with left:
            show_query(query, num_before=len(asked) - 1)
        with right:
            options = show_options(libraries)
    show_examples(query)
    with shown_trouble(query.path, query.name):
        show_hits(query, _result(query, options), options)


def _view_name(asked: tuple[ShownQuery, ...]) -> str:
    """What is shown, as text: another text, another view."""
    if asked:
        query = asked[-1]
        further = f"{len(query.also)}+{len(query.unlike)}" if query.has_several else ""
        return f"{len(asked)} {printable(query.path)} {query.start_s}-{query.end_s} {further}"
    draft = st.session_state.get(state_keys.DRAFT)
    return "choose a clip" if draft is None else f"choose a range {printable(draft.path)}"


def _cleared_for(view: str) -> "DeltaGenerator":
    """A container for the view. What another view left there goes at once, not only when all of this one is drawn.

    A view that stays is not emptied: the browser may be sent the empty place before its container, and would build all of it anew.
    """
    if st.session_state.get(state_keys.VIEW) == view:
        return st.container()
    st.session_state[state_keys.VIEW] = view
    place = st.empty()
    time.sleep(_CLEARED_S)
    return place.container()


def _result(query: ShownQuery, options: SearchOptions) -> SearchResult:
    """The hits; searches only when the question or the catalog has changed."""
    waiting = st.empty()  # in every run: what comes after keeps its place, or the browser sets up anew what hears keys
    ws = cached.workspace()
    revision = ws.catalog.revision
    asked = (query, options, revision, tuple(_state_of(one) for one in (*query.examples, *query.unlike)))
    kept = st.session_state.get(state_keys.RESULT)
    if kept is not None and kept[0] == asked:
        result: SearchResult = kept[1]
        return result
    # No st.spinner: it shows itself from a thread of its own after a tenth of a second, also when a quick search is just over.
    waiting.html('<p class="vret-quiet" role="status">Looking for similar moments…</p>')
    try:
        result = find_similar(
            ws,
            [_embedded(one, options, revision) for one in query.examples],
            unlike=[_embedded(one, options, revision) for one in query.unlike],
            encoder_name=options.encoder,
            k=options.num_hits,
            filters=options.filters(),
            one_per_video=options.one_per_video,
            look=_look(query, options),
            min_score=options.min_score,
            collapse_copies=not options.all_copies,
            leave_out=lambda moment: any(one.is_itself(moment) for one in query.examples),
        )
    finally:
        waiting.empty()
    st.session_state[state_keys.RESULT] = (asked, result)
    return result


def _look(query: ShownQuery, options: SearchOptions) -> float | None:
    """The weight of look that is asked for; None leaves it to the search, which compares what does not move by its look alone."""
    left_to_search = options.look == DEFAULT_LOOK or all(one.is_picture for one in query.examples)
    return None if left_to_search else options.look


def _embedded(query: ShownQuery, options: SearchOptions, revision: int) -> EmbeddedQuery:
    """An example's vectors, made once for each state of its file, or of the catalog, and each encoder; whatever else is chosen."""
    ws = cached.workspace()
    of = (query, _state_of(query) or revision, ws.known_encoder_id(ws.encoder_path(options.encoder)))
    kept: dict[object, EmbeddedQuery] = st.session_state.setdefault(state_keys.EMBEDDED, {})
    if of not in kept:
        embedded = embed_for_search(ws, query.to_find(), encoder_name=options.encoder, filters=options.filters())
        while len(kept) >= _KEPT_EXAMPLES:
            del kept[next(iter(kept))]
        kept[of] = replace(embedded, name=query.name)
    return kept[of]


def _state_of(query: ShownQuery) -> FileState | None:
    """Of the file that a query is read from; None for one whose vectors are stored."""
    return None if query.video_id is not None else _state(query.path)


def _state(path: Path) -> FileState | None:
    try:
        return file_state(path)
    except OSError:  # the search says so
        return None


def _nothing_yet(*, has_libraries: bool) -> None:
    what = "None of your videos could be indexed yet." if has_libraries else "There is nothing to search in yet."
    todo = "See the reasons on the Libraries page." if has_libraries else "Name a folder of videos; vret makes it searchable."
    st.html(f'<div class="vret-empty"><h1>{what}</h1><p>{todo}</p></div>')
    pages = st.session_state.get(state_keys.PAGES, {})
    if "libraries" in pages:
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.page_link(pages["libraries"], label="Go to Libraries", icon=":material/video_library:")
