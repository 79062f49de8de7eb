"""The data folder itself: made for its owner alone, and known as vret's by a note in it."""

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from app.errors import DataFolderError
from embedder.exclusions import DATA_FOLDER_MARK

_NOTE = """vret keeps its data in this folder and takes no file in it for footage.
When vret wrote this note it made the folder readable for its owner alone, unless somebody had chosen other rights. It does so once.
"""
_OWN_NAMES = {"vectors", "encoders", "previews", "uploads", "runs", "logs", "samples", "temporary", "index.lock", "index.lock.json"}


def make_data_folder(home: Path) -> None:
    """Makes the folder, readable for its owner alone. One of an older version, or an empty one, that has the mode which folders
    have by default is made so too, once. What else it holds, an owner or mode that somebody chose (a folder shared by a group)
    leave it as it is. Raises DataFolderError when it cannot be made.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a null byte
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataFolderError(
            f"Cannot make the data folder {home}: {reason}. Set VRET_HOME to a folder that you may write."
        ) from error
    note = home / DATA_FOLDER_MARK
    if os.path.lexists(note) or not os.access(home, os.W_OK | os.X_OK):
        return
    # Where rights cannot be changed, or no note be written, vret works nonetheless, and `vret doctor` tells.
    with contextlib.suppress(OSError):
        if _has_default_mode(home) and _is_ours_alone(home):
            home.chmod(0o700)
        note.write_text(_NOTE)


def others_may_read(home: Path) -> bool:
    """Whether anybody but owner and group may look into the folder."""
    return os.name == "posix" and bool(home.stat().st_mode & (stat.S_IROTH | stat.S_IXOTH))


def provide_temporary_folder(home: Callable[[], Path]) -> None:
    """Where no temporary folder can be written, one in the data folder is used, by this process and those it starts.

    home: tells the data folder; asked only if need be. Where that cannot be written either, who needs one says so
    (`lacks_temporary_folder`); a search does not.
    """
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        own = home() / "temporary"
        with contextlib.suppress(OSError, DataFolderError):
            make_data_folder(own.parent)
            own.mkdir(mode=0o700, exist_ok=True)
        if os.access(own, os.W_OK | os.X_OK):
            tempfile.tempdir = os.environ["TMPDIR"] = str(own)


def lacks_temporary_folder(error: OSError) -> bool:
    """Whether this is how Python says that it found no temporary folder."""
    return isinstance(error, FileNotFoundError) and "No usable temporary directory" in str(error.strerror)


def _has_default_mode(home: Path) -> bool:
    """Whether the folder is this user's, with the mode that mkdir gives it under the usual umasks, 022 and 002."""
    if sys.platform == "win32":
        return False
    status = home.stat()
    mode = stat.S_IMODE(status.st_mode)
    return status.st_uid == os.geteuid() and (mode == 0o755 or (mode == 0o775 and status.st_gid == os.getegid()))


def _is_ours_alone(home: Path) -> bool:
    return all(name in _OWN_NAMES or name.startswith("catalog.db") or name.startswith("frames-") for name in os.listdir(home))
