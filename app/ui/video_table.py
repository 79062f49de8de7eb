"""The videos of a library as a table: picture, facts, outcome and, for broken ones, the reason; and what to do with one."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import streamlit as st

from app.ui import cached, state_keys
from app.ui.queries import Draft
from app.ui.shown_text import as_markdown, clock, count, file_size, printable
from app.ui.video_pictures import as_address, middle_pictures
from app.ui.watch_dialog import Watched, watch

if TYPE_CHECKING:
    from index.catalog import LibrarySummary, VideoRow
    from index.catalog.records import Outcome

_PER_PAGE = 50
_ALL = "all"
_WATCHED_S = 20.0
_REASON_PX, _REASON_LETTERS = 300, 44  # so many letters fit into a line of the column, and some more
_ROW_PX, _LINE_PX = 52, 20
_WRAPS_FROM_PX = 68  # Streamlit wraps text only in rows higher than four times its letters
_MOST_LINES = 8
_ALWAYS = ("name", "outcome", "file size", "folder")


def show_videos(library: "LibrarySummary") -> None:
    """Shows the table with its filters, and the actions for the chosen row."""
    catalog = cached.workspace().catalog
    outcome, text = _filters(library)
    total = catalog.count_videos(library.name, outcome=outcome, text=text)
    if total == 0:
        st.caption("No video matches." if text or outcome else "This library has no videos yet. Update looks for them.")
        return
    page = _page(total, key=f"page-{library.id}-{outcome}-{text}")
    videos = catalog.videos(library.name, outcome=outcome, text=text, limit=_PER_PAGE, offset=page * _PER_PAGE)
    columns = _columns(videos)
    row_px = _row_height(columns.get("reason", ()))
    event = st.dataframe(
        columns,
        hide_index=True,
        row_height=row_px,
        height=min(3 + row_px * len(videos) + 40, 640),
        column_config=_COLUMNS,
        placeholder="",
        on_select="rerun",
        selection_mode="single-row",
        key=f"videos-{library.id}-{outcome}-{text}-{page}",
    )
    chosen = cast("dict[str, Any]", event)["selection"]["rows"]
    if chosen:
        _actions(videos[chosen[0]])
    else:
        st.caption("Choose a row to watch the video or to search with it.")
    watch()


_COLUMNS = {
    "picture": st.column_config.ImageColumn("", width=84),
    "name": st.column_config.TextColumn("Name", width=190),
    "outcome": st.column_config.TextColumn("Outcome", width=74),
    "reason": st.column_config.TextColumn("Reason, or what is odd about it", width=_REASON_PX),
    "length": st.column_config.TextColumn("Length", width=70),
    "clips": st.column_config.NumberColumn("Clips", width=56),
    "picture size": st.column_config.TextColumn("Picture", width=90),
    "codec": st.column_config.TextColumn("Codec", width=62),
    "file size": st.column_config.TextColumn("File", width=70),
    "folder": st.column_config.TextColumn("Folder", width="medium"),
}


def _filters(library: "LibrarySummary") -> "tuple[Outcome | None, str | None]":
    counts = {
        _ALL: library.num_videos,
        "indexed": library.num_indexed,
        "broken": library.num_broken,
        "not-video": library.num_not_videos,
        "missing": library.num_missing,
    }
    shown = [name for name in counts if name == _ALL or counts[name]]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        outcome = st.segmented_control(
            "Outcome",
            shown,
            default=_ALL,
            required=True,
            format_func=lambda name: f"{name} {counts[name]}",
            label_visibility="collapsed",
            key=f"outcome-{library.id}",
        )
        text = st.text_input(
            "Part of the path", placeholder="part of the path", label_visibility="collapsed", key=f"text-{library.id}", width=260
        )
    return (None if outcome in (None, _ALL) else cast("Outcome", outcome)), text.strip() or None


def _page(total: int, key: str) -> int:
    pages = -(-total // _PER_PAGE)
    if pages == 1:
        return 0
    number = st.number_input(f"Page of {pages} ({count(total, 'video')})", 1, pages, key=key, width=200)
    return int(number) - 1


def _row_height(reasons: Sequence[str]) -> int:
    """Pixels of a row in which the longest reason can be read to its end."""
    lines = max((len(textwrap.wrap(reason, _REASON_LETTERS)) for reason in reasons), default=0)
    return _ROW_PX if lines < 2 else max(_WRAPS_FROM_PX, _LINE_PX * min(lines, _MOST_LINES) + 14)


def _columns(videos: "Sequence[VideoRow]") -> dict[str, list[Any]]:
    """The table by columns. One in which there is nothing would only take the room of the others, so it is left out."""
    pictures = middle_pictures(videos)
    columns: dict[str, list[Any]] = {
        "picture": [as_address(pictures[video.id]) if video.id in pictures else None for video in videos],
        "name": [printable(video.path.name) for video in videos],
        "outcome": [video.outcome for video in videos],
        "reason": [printable(video.reason or "; ".join(video.warnings)) for video in videos],
        "length": ["" if video.duration_s is None else clock(video.duration_s) for video in videos],
        "clips": [video.num_clips or None for video in videos],
        "picture size": [f"{video.width} x {video.height}" if video.width else "" for video in videos],
        "codec": [video.codec or "" for video in videos],
        "file size": [file_size(video.size) for video in videos],
        "folder": [printable(video.path.parent) for video in videos],
    }
    return {name: cells for name, cells in columns.items() if name in _ALWAYS or any(cells)}


def _actions(video: "VideoRow") -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="video-actions"):
        st.html('<p class="vret-quiet">The chosen video:</p>')
        if video.duration_s is None or video.outcome != "indexed":
            why = f": {as_markdown(video.reason)}" if video.reason else "."
            st.caption(f"it cannot be watched{why}")
            return
        piece = Watched(path=video.path, name=printable(video.path.name), start_s=0.0, end_s=min(video.duration_s, _WATCHED_S))
        st.button("Watch", key="table-watch", icon=":material/play_arrow:", on_click=piece.open)
        if st.button("Search with it", key="table-search", icon=":material/search:"):
            _search_with(video, video.duration_s)


def _search_with(video: "VideoRow", duration_s: float) -> None:
    st.session_state[state_keys.HISTORY] = ()
    st.session_state[state_keys.DRAFT] = Draft(
        path=video.path,
        name=video.path.name,
        duration_s=duration_s,
        start_s=0.0,
        end_s=min(duration_s, 6.0),
        video_id=video.id,
        note=f"in {video.library}",
    )
    st.switch_page(st.session_state[state_keys.PAGES]["search"])
