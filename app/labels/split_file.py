"""What the official split files have in common: lines of words, and videos to be looked for."""

import os
from collections.abc import Iterator
from pathlib import Path

from app.errors import BadLabels


def lines_of(file: Path) -> Iterator[tuple[int, str]]:
    """Line numbers from 1 and lines, without empty ones. Raises BadLabels where the file cannot be read."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise BadLabels(f"There is no split file {file}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadLabels(f"{file} cannot be read as text: {error}") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, line.strip()


def first_there(candidates: list[Path]) -> Path | None:
    """The first path that is a file."""
    return next((path for path in candidates if os.path.isfile(path)), None)


def check_fold(fold: int, layout: str) -> None:
    """Three splits there are. Raises BadLabels."""
    if fold not in (1, 2, 3):
        raise BadLabels(f"{layout} has the splits 1, 2 and 3, not {fold}.")
