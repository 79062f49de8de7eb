"""Where a search begins: choose a clip (upload, library, path), then a range on it."""

import os
from dataclasses import replace
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.given_path import absolute_path
from app.ui import access, cached, state_keys
from app.ui.queries import Draft, ShownQuery
from app.ui.range_picker import pick_range
from app.ui.search_history import ask
from app.ui.shown_text import as_html, clock, printable
from app.ui.trouble import about_clip, say_trouble, shown_trouble
from embedder.errors import EmbedderError
from embedder.file_kind import is_picture

_UPLOAD = "Upload a clip"
_INDEXED = "From a library"
_PATH = "File on this computer"
_LISTED = 500  # videos in the list of a library; the filter finds the others
_WHOLE_UP_TO_S = 12.0  # a longer clip starts with a range of its first seconds: a moment is short
_FIRST_RANGE_S = 6.0


def show_builder() -> None:
    """Shows the choice of a clip, or of a range once there is a clip."""
    draft: Draft | None = st.session_state.get(state_keys.DRAFT)
    if draft is None:
        _choose_clip()
    else:
        _choose_range(draft)


def _choose_clip() -> None:
    st.html(
        '<div class="vret-lead"><h1>Find moments like a clip</h1>'
        "<p>Give a few seconds of video, or a picture. vret looks for moments like it in your libraries: no words, no labels.</p>"
        "</div>"
    )
    source = st.segmented_control(
        "Where the clip is",
        # The file of whoever sits at this computer is theirs to name; others get what is in the libraries.
        [_UPLOAD, _INDEXED] if access.is_open_to_others() else [_UPLOAD, _INDEXED, _PATH],
        default=_UPLOAD,
        required=True,
        label_visibility="collapsed",
        key="clip-source",
    )
    with shown_trouble():
        if source == _INDEXED:
            _from_library()
        elif source == _PATH:
            _from_path()
        else:
            _from_upload()


def _from_upload() -> None:
    uploads = cached.uploads()
    upload = st.file_uploader("A clip of any video format, or a still picture", key="clip-upload")
    if upload is None:
        return
    session = _taken()
    path = uploads.keep(session, upload.name, upload.getvalue())
    upload.close()  # its bytes are on disk now
    with shown_trouble(path, upload.name):
        try:
            _begin(path, upload.name, note="uploaded")
        except EmbedderError:
            uploads.discard(session, path)
            raise


def _taken() -> str:
    """Frees what Streamlit would hold of an upload for as long as the session lasts; returns the session's id."""
    context = get_script_run_ctx()
    if context is None:
        raise RuntimeError("The page was run without Streamlit.")
    context.uploaded_file_mgr.remove_session_files(context.session_id)
    return context.session_id


def _from_path() -> None:
    with st.form("clip-path-form", border=False):
        text = st.text_input("Path of a video file or picture", placeholder="~/Videos/clip.mp4", key="clip-path")
        asked = st.form_submit_button("Open")
    if asked:
        path = absolute_path(text.strip()) if text.strip() else None
        if path is None or not os.path.isfile(path):
            say_trouble(f"There is no file {path}." if path else "Type the path of a video file or a picture.")
        else:
            _begin(path, path.name, note=str(path.parent))


def _from_library() -> None:
    catalog = cached.workspace().catalog
    names = [library.name for library in catalog.libraries()]
    left, right = st.columns([1, 2])
    library = left.selectbox("Library", names, key="clip-library", format_func=printable)
    text = right.text_input("Part of the name", key="clip-filter", placeholder="all")
    videos = catalog.videos(library, outcome="indexed", text=text.strip() or None, limit=_LISTED)
    if not videos:
        st.caption("No indexed video matches.")
        return
    rows = {video.id: video for video in videos}
    chosen = st.selectbox(
        "Video",
        list(rows),
        index=None,
        placeholder=f"choose one of {len(videos)}" if len(videos) < _LISTED else f"the first {_LISTED} are listed; filter above",
        format_func=lambda video_id: f"{printable(rows[video_id].path.name)}  ({clock(rows[video_id].duration_s or 0)})",
        key="clip-video",
    )
    if chosen is not None:
        video = rows[chosen]
        _begin(video.path, video.path.name, note=f"in {video.library}", video_id=video.id, duration_s=video.duration_s)


def _begin(path: Path, name: str, *, note: str, video_id: int | None = None, duration_s: float | None = None) -> None:
    """Goes on to the choice of a range, or with a still picture to its hits. Raises VideoRejected for a file that is neither,
    DataFolderError.
    """
    if video_id is None and is_picture(path):
        ask(ShownQuery.of_picture(path, name, note))
        st.rerun()
    duration_s = duration_s if duration_s is not None else cached.strip(path).length_s
    end_s = duration_s if duration_s <= _WHOLE_UP_TO_S else _FIRST_RANGE_S
    st.session_state[state_keys.DRAFT] = Draft(
        path=path, name=name, duration_s=duration_s, start_s=0.0, end_s=end_s, video_id=video_id, note=note
    )
    st.rerun()


def _choose_range(draft: Draft) -> None:
    title, other = st.columns([4, 1], vertical_alignment="center")
    title.html(
        f'<div class="vret-lead vret-lead-small"><h1 title="{as_html(draft.path)}">{as_html(draft.name)}</h1>'
        f"<p>{clock(draft.duration_s)} long, {as_html(draft.note)}. Choose the moment to look for.</p></div>"
    )
    if other.button("Other clip", icon=":material/close:", width="stretch"):
        del st.session_state[state_keys.DRAFT]
        st.rerun()
    try:
        start_s, end_s = pick_range(draft, key=f"range-{draft.path}")
    except (EmbedderError, FileNotFoundError) as error:
        say_trouble(f"This clip cannot be shown: {about_clip(error, draft.path, draft.name)}")
        return
    if st.button("Find similar moments", type="primary", icon=":material/search:", width="stretch"):
        chosen = replace(draft, start_s=start_s, end_s=end_s)
        st.session_state[state_keys.DRAFT] = chosen
        ask(ShownQuery.of_draft(chosen))
        st.rerun()
