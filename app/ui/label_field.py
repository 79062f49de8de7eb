"""The field for the labels, and what they come to; or in a sentence why they do not fit the library."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.errors import AppError
from app.ui import label_choice
from app.ui.evaluation_data import fitting_labels, indexed_paths
from app.ui.kept_widgets import kept
from app.ui.label_choice import FittingLabels
from app.ui.shown_text import as_html, count, printable
from app.ui.trouble import say_trouble

if TYPE_CHECKING:
    from index.catalog import LibrarySummary


def show_label_field(library: "LibrarySummary") -> FittingLabels | None:
    """The labels that are named, None while there are none that fit; then it says why."""
    videos = indexed_paths(library.name)
    suggestion = _suggestion(library, videos)
    key = f"measure-labels-{library.id}"
    text = st.text_input(
        "Labels",
        key=kept(key, suggestion),
        placeholder="/home/me/Videos/labels.csv",
        help="A CSV file, a folder whose folders are named after what their videos show, or the folder of the split files of "
        "UCF101, HMDB51 or Kinetics",
    )
    try:
        path = label_choice.typed_path(text)
        if path is None:
            _no_labels(library)
            return None
        options = _official_options(library, path)
        found = fitting_labels(path, library.name, **options)
    except AppError as error:
        say_trouble(str(error))
        return None
    _facts(found)
    return found


def _suggestion(library: "LibrarySummary", videos: Collection[str]) -> str:
    try:
        path = label_choice.suggested_labels(library.folders, videos)
    except (AppError, OSError):  # a folder that cannot be looked through has nothing to suggest
        return ""
    return "" if path is None or printable(path) != str(path) else str(path)


def _official_options(library: "LibrarySummary", path: Path) -> dict[str, Any]:
    """What split files need beside. Raises BadLabels where there is nothing at the path."""
    layout = label_choice.layout_of(path)
    options: dict[str, Any] = {"videos": None, "fold": 1}
    if label_choice.is_official(layout):
        with st.container(horizontal=True):
            text = st.text_input(
                "Folder of their videos", key=kept(f"measure-videos-{library.id}", ""), placeholder="beside the split files"
            )
            options["videos"] = label_choice.typed_path(text)
            if label_choice.has_folds(layout):
                options["fold"] = st.selectbox("Split", (1, 2, 3), key=kept(f"measure-fold-{library.id}", 1, (1, 2, 3)), width=90)
    return options


def _no_labels(library: "LibrarySummary") -> None:
    folder = library.folders[0] if library.folders else Path("VIDEOS")
    st.html(
        "<p>Say what your videos show: write a file such as this to "
        f"<code>{as_html(folder / label_choice.LABEL_FILE)}</code>, or sort the videos into folders named after it. "
        "Test videos are asked with, train videos are found. Hits that you judge while you search can be measured with, too.</p>"
    )
    st.code(label_choice.EXAMPLE, language=None)


def _facts(found: FittingLabels) -> None:
    parts = [
        f"{count(len(found.labels.rows), 'video')} with {count(len(found.names), 'label')}",
        f"{found.num_of('test'):,} to ask with, {found.num_of('train'):,} to find",
    ]
    if found.num_here < len(found.labels.rows):
        parts.append(f"only {found.num_here:,} of them indexed here")
    if found.num_unlabelled:
        parts.append(f"{count(found.num_unlabelled, 'other video')} here without a label take no part")
    if found.labels.missing:
        parts.append(f"{len(found.labels.missing):,} labelled videos are not there")
    notes = "".join(f"<p>{as_html(note)}</p>" for note in found.labels.warnings)
    st.html(f'<div class="vret-quiet"><p>{" · ".join(parts)}</p>{notes}</div>')
