"""Videos of a stored run on the page: a picture until it is to play; one that is gone says so."""

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.errors import AppError
from app.ui import cached
from app.ui.clip_player import play
from app.ui.shown_text import as_html, printable
from app.ui.video_pictures import as_address, middle_pictures
from embedder.errors import EmbedderError

if TYPE_CHECKING:
    from index.catalog import VideoRow

_PLAYED_S = 12.0  # of a longer video its first seconds; what was labelled is short


def known_videos(paths: Sequence[str]) -> "dict[str, VideoRow]":
    """What the catalog knows of videos, by path; those that are in no library any more are left out."""
    catalog = cached.workspace().catalog
    found = {path: catalog.find_video(path) for path in dict.fromkeys(paths)}
    return {path: video for path, video in found.items() if video is not None}


def pictures_of(videos: "dict[str, VideoRow]") -> dict[str, str]:
    """A picture of each video, as an address that holds all of it."""
    pictures = middle_pictures(list(videos.values()))
    return {path: as_address(pictures[video.id]) for path, video in videos.items() if video.id in pictures}


def show_picture(path: str, pictures: dict[str, str]) -> None:
    """The picture of a video that does not play yet."""
    if path in pictures:
        st.html(f'<img class="vret-still" src="{pictures[path]}" alt="">')
    else:
        why = "no picture" if Path(path).exists() else "The file is not there now."
        st.html(f'<div class="vret-nopreview">{why}</div>')


def begin_preview(path: str, videos: "dict[str, VideoRow]") -> "Future[Path]":
    """Makes the small copy that plays, beside the page."""
    video = videos.get(path)
    end_s = min(_PLAYED_S, (video.duration_s if video is not None else None) or _PLAYED_S)
    return cached.preview_workers().submit(cached.previews().preview, Path(path), 0.0, end_s)


def show_playing(path: str, job: "Future[Path]", *, key: str) -> None:
    """Plays a video in a loop as soon as its copy is made, or says why not. key: its place on the page."""
    try:
        preview = job.result()
        play(preview, key=f"{key}-{preview.stem}", label=printable(Path(path).name))
    except FileNotFoundError:
        st.html('<div class="vret-nopreview">The file is not there now. Is its disk plugged in?</div>')
    except (EmbedderError, AppError, OSError) as error:
        st.html(f'<div class="vret-nopreview" title="{as_html(str(error))}">no preview</div>')
