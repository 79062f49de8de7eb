"""The worst queries of a run: each with what was returned, its label right or wrong, and all of it plays beside each other."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from app.evaluation.run_view import Query, RetrievalView, Video
from app.ui.run_videos import begin_preview, known_videos, pictures_of, show_picture, show_playing
from app.ui.shown_text import as_html, count

_AT_ONCE = 5
_RETURNED = 5


def show_failures(run_id: int, row: RetrievalView) -> None:
    """Shows the queries whose nearest video has another label, worst first, a few at a time."""
    if not row.queries:
        st.caption("This run was stored without its queries.")
        return
    failed = row.worst()
    if not failed:
        st.caption("Every query found its label first.")
        return
    shown_key = f"failures-{run_id}"
    num_shown = min(len(failed), st.session_state.get(shown_key, _AT_ONCE))
    st.html(
        f'<p class="vret-quiet">{len(failed):,} of {count(len(row.queries), "query")} found a video of another label first; '
        "those that found their own last, or not at all, come first.</p>"
    )
    shown = failed[:num_shown]
    videos = known_videos([video.path for query in shown for video in _videos_of(query)])
    pictures = pictures_of(videos)
    for number, query in enumerate(shown, start=1):
        playing_key = f"playing-{run_id}-{query.video.path}"
        with st.container(border=True, key=f"failure-{number}", gap="small"):
            playing = st.session_state.get(playing_key, False)
            _head(number, query, playing_key, playing=playing)
            jobs = [begin_preview(video.path, videos) for video in _videos_of(query)] if playing else []
            with st.container(key=f"failure-videos-{number}"):
                for cell, video in enumerate(_videos_of(query)):
                    with st.container(key=f"failure-{number}-video-{cell}", gap=None):
                        if jobs:
                            show_playing(video.path, jobs[cell], key=f"failure-{number}-{cell}")
                        else:
                            show_picture(video.path, pictures)
                        st.html(_words(query, cell))
    if num_shown < len(failed):
        more = min(_AT_ONCE, len(failed) - num_shown)
        st.button(f"Show {more} more", key="more-failures", icon=":material/expand_more:", on_click=_show_more, args=(shown_key,))


def _show_more(key: str) -> None:
    st.session_state[key] = st.session_state.get(key, _AT_ONCE) + _AT_ONCE


def _toggle(key: str) -> None:
    st.session_state[key] = not st.session_state.get(key, False)


def _head(number: int, query: Query, key: str, *, playing: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"failure-head-{number}"):
        st.html(
            f'<p class="vret-name" title="{as_html(query.video.path)}"><span class="vret-rank">{number}</span>'
            f'{as_html(Path(query.video.path).name)}</p><p class="vret-quiet">{_how_late(query)}</p>'
        )
        icon = ":material/stop:" if playing else ":material/play_arrow:"
        st.button("Stop" if playing else "Play", key=f"play-failure-{number}", icon=icon, on_click=_toggle, args=(key,))


def _how_late(query: Query) -> str:
    label = as_html(query.video.label)
    if not query.nearest:
        return f"{label}: nothing was found"
    if query.first_hit is None:
        return f"{label} is in no video that was found"
    return f"the first {label} came at place {query.first_hit + 1:,}"


def _videos_of(query: Query) -> Sequence[Video]:
    """The query and what was returned."""
    return (query.video, *(video for video, _ in query.nearest[:_RETURNED]))


def _words(query: Query, cell: int) -> str:
    """What stands below a video: its label, and whether that is the query's."""
    if cell == 0:
        return _caption("vret-asked", "asked", query.video, "")
    video, score = query.nearest[cell - 1]
    right = video.label == query.video.label
    known = "" if score is None else f" \N{MIDDLE DOT} {score:.2f}"
    return _caption("vret-right" if right else "vret-wrong", "\N{CHECK MARK}" if right else "\N{BALLOT X}", video, known)


def _caption(kind: str, mark: str, video: Video, score: str) -> str:
    return (
        f'<p class="vret-answer {kind}" title="{as_html(video.path)}"><b>{mark}</b> {as_html(video.label)}'
        f'<span class="vret-quiet">{score}</span></p>'
    )
