"""A few of the person's own videos to begin with: one click shows what vret does."""

import random
from typing import TYPE_CHECKING

import streamlit as st

from app.ui import cached, state_keys
from app.ui.queries import ShownQuery
from app.ui.search_history import ask
from app.ui.shown_text import as_html, clock
from app.ui.video_pictures import as_address, middle_pictures

if TYPE_CHECKING:
    from index.catalog import VideoRow

_SHOWN = 6
_LONGEST_S = 6.0  # of a longer video its middle is asked about


def show_suggestions() -> None:
    """Shows some videos of the libraries, each of which can be searched with at once; the same ones while the session lasts."""
    videos = _some_videos()
    pictures = middle_pictures(videos)
    shown = [video for video in videos if video.id in pictures]
    if not shown:
        return
    st.html('<h2 class="vret-heading">Or begin with one of yours</h2>')
    with st.container(key="suggestions"):
        for place, video in enumerate(shown):
            with st.container(key=f"suggestion-{place}", gap="small"):
                st.html(
                    f'<figure class="vret-pick"><img src="{as_address(pictures[video.id])}" alt="">'
                    f'<figcaption title="{as_html(video.path)}">{as_html(video.path.name)}</figcaption></figure>'
                )
                st.button("Find similar", key=f"suggest-{place}", width="stretch", on_click=ask, args=(_query(video),))


def _some_videos() -> "list[VideoRow]":
    catalog = cached.workspace().catalog
    total = catalog.count_videos(outcome="indexed")
    offsets: tuple[int, ...] | None = st.session_state.get(state_keys.SUGGESTED)
    if offsets is None or max(offsets, default=0) >= total:
        offsets = tuple(sorted(random.sample(range(total), min(_SHOWN, total))))
        st.session_state[state_keys.SUGGESTED] = offsets
    return [video for offset in offsets for video in catalog.videos(outcome="indexed", limit=1, offset=offset)]


def _query(video: "VideoRow") -> ShownQuery:
    duration_s = video.duration_s or 0.0
    start_s = max(0.0, (duration_s - _LONGEST_S) / 2)
    return ShownQuery(
        path=video.path,
        name=video.path.name,
        start_s=start_s,
        end_s=min(duration_s, start_s + _LONGEST_S),
        duration_s=duration_s,
        video_id=video.id,
        note=f"in {video.library}, {clock(duration_s)} long",
    )
