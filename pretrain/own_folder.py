"""A folder inside one that somebody else chose, which vret made and can prove it made: only in there it ever removes a file.

The folder that a user names may be anything: a home, a library of videos, a collection of arrays.
"""

import contextlib
import os
import secrets
import stat
from pathlib import Path

OWN_NAME = "vret-frames"
MARKER_NAME = "made-by-vret.txt"

_FIRST_LINE = "vret: decoded frames of videos, format 1"
_MARKER = f"""{_FIRST_LINE}

vret made this folder, writes into it, and removes from it what it no longer needs. The whole folder may be deleted while no
training runs. Without this file vret leaves all that lies here alone, and does not use it.
"""


class NotOurs(OSError):
    """There is something where our folder should be, and nothing proves that vret made it."""


def make_own_folder(parent: Path) -> Path:
    """Our folder in `parent`, made if it is not there, together with its marker, so that there never is one without the other.

    Raises NotOurs, or OSError where it cannot be made.
    """
    own = parent / OWN_NAME
    if is_own_folder(own):
        return own
    parent.mkdir(parents=True, exist_ok=True)
    new = parent / f".{OWN_NAME}.{secrets.token_hex(4)}.part"
    new.mkdir()
    try:
        (new / MARKER_NAME).write_text(_MARKER, encoding="utf-8")
        with contextlib.suppress(OSError):  # another process was quicker, or somebody else's lies there: the next line tells
            os.rename(new, own)  # takes the place of an empty folder, and of nothing else
        if not is_own_folder(own):
            raise NotOurs(
                f"{own} is there, and nothing shows that vret made it (it lacks {MARKER_NAME}, or is a link), so nothing in it is "
                "touched; move it away"
            )
    finally:
        if new.exists():
            (new / MARKER_NAME).unlink(missing_ok=True)
            new.rmdir()
    return own


def is_own_folder(folder: Path) -> bool:
    """Whether it is a folder, no link, that has the marker."""
    marker = folder / MARKER_NAME
    if not (is_real_folder(folder) and is_own_file(marker)):
        return False
    try:
        with marker.open(encoding="utf-8", errors="replace") as file:
            return file.readline().rstrip("\n") == _FIRST_LINE
    except OSError:
        return False


def is_real_folder(path: Path) -> bool:
    """A folder, and no link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def is_own_file(path: Path) -> bool:
    """A file as vret writes them: no link, no device, no folder."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
