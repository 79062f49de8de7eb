"""Which videos a run trains on."""

import os
from collections.abc import Sequence
from pathlib import Path

from embedder.video_folder import find_videos
from pretrain.config import FootageConfig
from pretrain.errors import TrainingDataError

LIST_SUFFIXES = (".txt", ".list")


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
    """Paths one a line, relative to the list; empty lines and such that begin with # count for nothing."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    return [Path(os.path.abspath(path.parent / line)) for line in lines if line and not line.startswith("#")]
