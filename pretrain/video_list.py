"""Which videos a run trains on."""

import os
from collections.abc import Sequence
from pathlib import Path

from embedder.video_folder import find_videos
from pretrain.config import FootageConfig
from pretrain.errors import TrainingDataError

LIST_SUFFIXES = (".txt", ".list")
_SHOWN = 60  # letters of a line


def training_videos(footage: FootageConfig) -> list[Path]:
    """All videos of its folders, files and lists, in that order, each once, but those that it must never train on.

    Raises TrainingDataError when there is none.
    """
    never = {os.path.realpath(path) for path in footage.never}
    found = [video for path in footage.paths for video in videos_in(Path(path))]
    kept = list(dict.fromkeys(video for video in found if os.path.realpath(video) not in never))
    if not kept:
        held = f" besides {len(found)} that are held out" if found else ""
        raise TrainingDataError(f"no video files in {', '.join(footage.paths)}{held}; give folders that hold some")
    return kept


def videos_in(path: Path) -> Sequence[Path]:
    """The videos of a folder, of a text file that lists some, or the file itself. Raises TrainingDataError."""
    try:
        if path.suffix.lower() in LIST_SUFFIXES and path.is_file():
            return _listed(path)
        return find_videos(path)
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingDataError(f"{path} cannot be read: {error}") from error


def _listed(path: Path) -> list[Path]:
    """Paths one a line, relative to the list; empty lines and such that begin with # count for nothing. Raises TrainingDataError
    where none of them is there.
    """
    lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    listed = {number: line for number, line in enumerate(lines, 1) if line and not line.startswith("#")}
    paths = [Path(os.path.abspath(path.parent / line)) for line in listed.values()]
    # A file that is gone is a bad video among good ones; where all are, it was perhaps meant as another kind of text.
    if paths and not any(map(_is_there, paths)):
        number, line = next(iter(listed.items()))
        shown = line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."
        raise TrainingDataError(
            f"{path} lists no file that is there, one a line and relative to it. The first, line {number}: {shown!r}"
        )
    return paths


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # no name that a file can have
        return False
