"""What is on the disk now: which file lies at a path, and whether a library's folder can be looked through.

A video is its content; a path is where it lies. So a file is known by what the system says it is (device and number), not by its
name, and a folder that cannot be looked through says nothing about the videos below it.
"""

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from index.catalog.records import VideoRow
    from index.search.one_of_each import Sight

GONE = (errno.ENOENT, errno.ENOTDIR)
"""Errors that say that nothing is at a path. All others (permission, a sleeping or failing disk) only that nobody can tell."""
_LARGEST = 2**63 - 1  # what a catalog holds of a number; a file may be dated beyond it, in the year 2400 or long before 1677
_LEFT_BY_SYSTEMS = frozenset(("lost+found", "$RECYCLE.BIN", "System Volume Information", "desktop.ini", "Thumbs.db"))


class FileState(NamedTuple):
    """A file as it is at this moment: two equal states are of the same file, unchanged."""

    device: int
    number: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @property
    def file(self) -> tuple[int, int, int, int]:
        """Equal for every way to one file. Size and time are part of it since some network disks give a number twice."""
        return self.device, self.number, self.size, self.mtime_ns


def file_state(path: str | Path) -> FileState:
    """The state of the file that a path leads to. Raises OSError as `os.stat` does."""
    return state_of(os.stat(path))


def state_of(status: os.stat_result) -> FileState:
    """A status as a state."""
    return FileState(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def kept_time(mtime_ns: int) -> int:
    """A file's time of change as the catalog has it: what is beyond the numbers that it holds is the last of them."""
    return max(-_LARGEST, min(_LARGEST, mtime_ns))


def is_gone(path: str | Path) -> bool:
    """Whether nothing is at a path; False where that cannot be told."""
    try:
        os.stat(path)
    except OSError as error:
        return error.errno in GONE
    return False


def look_at(row: "VideoRow") -> "Sight":
    """What is at a video's path, as the search asks for it."""
    from index.search.one_of_each import Sight

    try:
        status = os.stat(row.path)
    except (OSError, ValueError):  # gone, or not to be reached: not to be played either way
        return Sight(None)
    if not stat.S_ISREG(status.st_mode):
        return Sight(None)
    as_indexed = (row.size, row.mtime_ns) == (status.st_size, kept_time(status.st_mtime_ns))
    return Sight(state_of(status).file, status.st_size, as_indexed)


def folder_trouble(folder: str | os.PathLike[str]) -> str | None:
    """Why a folder says nothing about what should lie in it, such as "is not there"; None when it can be looked through.

    An empty folder is what is left where a disk was mounted. What systems leave behind of themselves does not fill one.
    """
    try:
        names = os.listdir(folder)
    except OSError as error:
        if error.errno in GONE:
            return "is not there"
        return f"cannot be read: {error.strerror or error}"
    if all(name.startswith(".") or name in _LEFT_BY_SYSTEMS for name in names):
        return "is empty, as when a drive is disconnected"
    return None


def away_links(paths: Iterable[str], folder: str) -> dict[str, str]:
    """For each gone path below a folder that lies behind a link to a folder which is absent or empty: that link."""
    found: dict[str, str] = {}
    known: dict[str, str | None] = {folder: None}
    for path in paths:
        link = _away_link(os.path.dirname(path), known)
        if link is None and os.path.islink(path) and folder_trouble(os.path.dirname(os.path.realpath(path))) is not None:
            link = path
        if link is not None:
            found[path] = link
    return found


def _away_link(folder: str, known: dict[str, str | None]) -> str | None:
    """known: what was found of folders so far; the topmost must be in it."""
    if folder not in known:
        parent = os.path.dirname(folder)
        link = _away_link(parent, known) if parent != folder else None
        known[folder] = folder if link is None and os.path.islink(folder) and folder_trouble(folder) is not None else link
    return known[folder]


def same_folders(folders: Iterable[Path], known: Iterable[Path] = ()) -> list[Path]:
    """The folders, each real place once, spelled as it is among the known ones or, if not there, as first given.

    A place inside a known folder is spelled as that folder and the way from there.
    """
    real_known = [(folder, os.path.realpath(folder)) for folder in known]
    kept: dict[str, Path] = {}
    for folder in folders:
        real = os.path.realpath(folder)
        kept.setdefault(real, _as_known(folder, real, real_known))
    return list(kept.values())


def _as_known(folder: Path, real: str, known: list[tuple[Path, str]]) -> Path:
    for own, own_real in known:
        if own_real == real:
            return own
    if any(own == folder or own in folder.parents for own, _ in known):
        return folder
    for own, own_real in known:
        if real.startswith(inside(own_real)):
            return own / os.path.relpath(real, own_real)
    return folder


def inside(folder: str | Path) -> str:
    """What the path of everything inside a folder begins with."""
    return f"{folder}{os.sep}" if str(folder) != os.sep else os.sep
