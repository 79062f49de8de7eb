"""What all sessions of the page share: the open workspace, previews, workers for them, uploads, the runs it starts."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app import part_weights
from app.errors import UnknownEncoder
from app.judge_moments import judged_uploads
from app.previews import PreviewCache, preview_folder
from app.ui.evaluation_runs import EvaluationRuns
from app.ui.index_runs import IndexRuns
from app.ui.uploads import SessionUploads
from app.workspace import Workspace
from embedder.errors import EncoderError
from embedder.glance import Glance, glance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PICTURE_PX = 380  # of a query that is a picture; it is shown half as large


@st.cache_resource(show_spinner=False)
def workspace() -> Workspace:
    """The data folder, with the encoder and the vector indexes that it keeps open."""
    ws = Workspace()
    ws.make_home()
    return ws


def known_encoder_id(path: Path) -> int | None:
    """The catalog's number of an encoder file; None of one that it has not seen, or that is damaged or gone."""
    try:
        return workspace().known_encoder_id(path)
    except EncoderError:
        return None


def weighs_look(encoder_name: str | None) -> bool:
    """Whether an encoder keeps movement and look apart, so that a search can weigh them; False of one that is damaged or gone."""
    try:
        return part_weights.weighs_look(workspace(), encoder_name)
    except (UnknownEncoder, EncoderError):
        return False


@st.cache_resource(show_spinner=False)
def previews() -> PreviewCache:
    return PreviewCache(preview_folder(workspace().previews_folder))


def strip(path: Path) -> Glance:
    """Length and pictures of a clip, kept for as long as its file is as it is. Raises VideoRejected, FileNotFoundError."""
    stat = path.stat()
    return _strip(path, stat.st_mtime_ns, stat.st_size)


@st.cache_data(show_spinner="Looking through the clip…", max_entries=50)
def _strip(path: Path, mtime_ns: int, size: int) -> Glance:
    return glance(path)


def picture(path: Path) -> "NDArray[np.uint8]":
    """A still picture for display, uint8 (H, W, 3), cached until its file changes. Raises VideoRejected, FileNotFoundError."""
    stat = path.stat()
    return _picture(path, stat.st_mtime_ns, stat.st_size)


@st.cache_data(show_spinner=False, max_entries=50)
def _picture(path: Path, mtime_ns: int, size: int) -> "NDArray[np.uint8]":
    from embedder.embed_query import shown_picture

    return shown_picture(path, side_px=_PICTURE_PX)


@st.cache_resource(show_spinner=False)
def preview_workers() -> ThreadPoolExecutor:
    """Makes previews beside the page. Few threads: each keeps a decoder and an encoder busy."""
    return ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1), thread_name_prefix="preview")


@st.cache_resource(show_spinner=False)
def uploads() -> SessionUploads:
    ws = workspace()
    kept = SessionUploads(ws.uploads_folder, needed=lambda: judged_uploads(ws), is_open=_is_open)
    kept.sweep_always()
    return kept


def _is_open(session: str) -> bool:
    return not st.runtime.exists() or st.runtime.get_instance().is_active_session(session)


@st.cache_resource(show_spinner=False)
def index_runs() -> IndexRuns:
    return IndexRuns(workspace().logs_folder)


@st.cache_resource(show_spinner=False)
def evaluation_runs() -> EvaluationRuns:
    return EvaluationRuns(workspace().logs_folder)
