"""Find the video files of a folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

# fmt: off
VIDEO_SUFFIXES = frozenset((
    ".3g2", ".3gp", ".264", ".265", ".apng", ".asf", ".av1", ".avi", ".divx", ".dv", ".f4v",
    ".flv", ".gif", ".gxf", ".h264", ".h265", ".hevc", ".ivf", ".m1v", ".m2ts", ".m2v", ".m4v",
    ".mj2", ".mkv", ".mov", ".mp4", ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".obu",
    ".ogm", ".ogv", ".ps", ".qt", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv", ".wtv",
    ".y4m",
))
# fmt: on
"""File name endings, lower case, that are taken for videos. What a file really is, its content decides."""


def find_videos(folder: Path, *, on_error: Callable[[OSError], None] | None = None) -> list[Path]:
    """All files under a folder whose name ends like a video's, sorted; a path that is a file gives itself.

    Capitals do not matter. Hidden files and folders (leading dot) are skipped, and so are files without an ending and
    anything that is no regular file. Links are followed, each real folder once, so that a loop of links ends.
    on_error: told of every folder and file that cannot be looked at; such ones are skipped. Raises FileNotFoundError.
    """
    if folder.is_file():
        return [folder]
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such folder")
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    for parent, subfolders, names in os.walk(folder, onerror=on_error, followlinks=True):
        status = os.stat(parent)
        if (status.st_dev, status.st_ino) in seen:
            subfolders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        # In order, so that of two ways to one real folder always the same is taken.
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        found.extend(path for name in names if is_video_name(name) and _is_file(path := Path(parent, name), on_error))
    return sorted(found)


def _is_file(path: Path, on_error: Callable[[OSError], None] | None) -> bool:
    """Like ``path.is_file()``, which raises where a folder may be listed but not entered."""
    try:
        return path.is_file()
    except OSError as error:
        if on_error is not None:
            on_error(error)
        return False


def is_video_name(name: str) -> bool:
    """Whether a file of this name is taken for a video."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES
