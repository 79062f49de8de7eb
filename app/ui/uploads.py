"""Clips that were uploaded, kept as files for as long as somebody may search by them.

Only files that are named as this names them are ever deleted; whatever else lies in the folder is not ours.
"""

import hashlib
import re
import threading
import time
import weakref
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from app.errors import DataFolderError
from index.errors import CatalogError
from pretrain.atomic_file import replacing

_KEPT = 20  # the newest of those that no session holds; an older one is uploaded again if it is wanted again
_OF_SESSION, _OF_SESSION_BYTES = 10, 2**30  # what a session may keep; its newest stays, however large
_LEFT_S = 180.0  # after so long without its browser a session is taken to be over; Streamlit gives a broken connection 120 s
_SWEPT_EVERY_S = 60.0
_DAY_S = 24 * 3600.0  # what a page that was killed left behind
_STRAY_AFTER_S = 3600.0  # half an upload this old belongs to a writer that was killed
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")
_OWN = re.compile(r"[0-9a-f]{32}\.[a-z0-9]{1,8}")
_PARTIAL = re.compile(r"\.[0-9a-f]{32}\.[a-z0-9]{1,8}\.[0-9a-f]{1,8}\.part")  # as `replacing` names them


def keep_upload(folder: Path, name: str, content: bytes | memoryview, *, needed: Collection[str] = ()) -> Path:
    """Writes an upload to a file named by its content, whole or not at all, and drops old ones. Raises DataFolderError.

    needed: names of files that stay, however old they are.
    """
    suffix = Path(name).suffix
    suffix = suffix.lower() if _SUFFIX.fullmatch(suffix) else ".video"
    target = folder / f"{hashlib.blake2b(content, digest_size=16).hexdigest()}{suffix}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(target, durable=False) as file:
            file.write(content)
    except OSError as error:
        raise DataFolderError(f"Cannot keep the uploaded clip in {folder}: {error.strerror}.") from error
    _drop_old(folder, needed)
    return target


class SessionUploads:
    """The uploads of the page's sessions. A session's go when it is over, when it has too many, and never while they are needed.

    needed: names that stay, whoever holds them. is_open: whether a session, by its id, has a browser. Safe between threads.
    """

    def __init__(self, folder: Path, *, needed: Callable[[], Collection[str]], is_open: Callable[[str], bool]) -> None:
        self._folder = folder
        self._needed = needed
        self._is_open = is_open
        self._held: dict[str, list[str]] = {}  # names by session, newest last
        self._left_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def keep(self, session: str, name: str, content: bytes | memoryview) -> Path:
        """Keeps an upload of a session. Raises DataFolderError, CatalogError."""
        with self._lock:
            path = keep_upload(self._folder, name, content, needed=self._in_use())
            held = [other for other in self._held.get(session, ()) if other != path.name]
            self._held[session] = [*held, path.name]
            self._bound(session)
            return path

    def discard(self, session: str, path: Path) -> None:
        """Lets an upload go that nobody can search by."""
        with self._lock:
            self._held[session] = [name for name in self._held.get(session, ()) if name != path.name]
            self._drop([path.name])

    def sweep(self, now_s: float | None = None) -> None:
        """Lets the uploads go of sessions that are over, and what pages left that were killed. now_s: of `time.monotonic()`."""
        now_s = time.monotonic() if now_s is None else now_s
        with self._lock:
            for session in list(self._held):
                if self._is_open(session):
                    self._left_at.pop(session, None)
                elif now_s - self._left_at.setdefault(session, now_s) >= _LEFT_S:
                    del self._left_at[session]
                    self._drop(self._held.pop(session))
            _drop_left_behind(self._folder, self._in_use())

    def sweep_always(self) -> None:
        """Sweeps from now on, beside the page, for as long as anybody uses this object."""
        threading.Thread(target=_sweeping, args=(weakref.ref(self),), name="uploads", daemon=True).start()

    def _bound(self, session: str) -> None:
        held = self._held[session]
        while len(held) > 1 and (len(held) > _OF_SESSION or sum(map(self._size, held)) > _OF_SESSION_BYTES):
            self._drop([held.pop(0)])

    def _size(self, name: str) -> int:
        try:
            return (self._folder / name).stat().st_size
        except OSError:  # it is not there any more
            return 0

    def _in_use(self) -> set[str]:
        return {*self._needed(), *(name for names in self._held.values() for name in names)}

    def _drop(self, names: Collection[str]) -> None:
        in_use = self._in_use()
        for name in names:
            if name not in in_use:
                (self._folder / name).unlink(missing_ok=True)


def _sweeping(uploads: "weakref.ref[SessionUploads]") -> None:
    while (swept := uploads()) is not None:
        with suppress(OSError, CatalogError):  # the data folder may be away for a while; who uploads is told
            swept.sweep()
        del swept
        time.sleep(_SWEPT_EVERY_S)


def _drop_old(folder: Path, needed: Collection[str]) -> None:
    files = sorted(_own_files(folder, _OWN, but=needed), reverse=True)
    for _, path in files[_KEPT:]:
        path.unlink(missing_ok=True)


def _drop_left_behind(folder: Path, needed: Collection[str]) -> None:
    old = [
        *((changed, path, _DAY_S) for changed, path in _own_files(folder, _OWN, but=needed)),
        *((changed, path, _STRAY_AFTER_S) for changed, path in _own_files(folder, _PARTIAL, but=())),
    ]
    for changed, path, kept_s in old:
        if changed < time.time() - kept_s:
            path.unlink(missing_ok=True)


def _own_files(folder: Path, named: re.Pattern[str], *, but: Collection[str]) -> list[tuple[float, Path]]:
    """(time of change, path) of our files in the folder; one that another process deletes meanwhile is left out."""
    files = []
    for path in folder.iterdir() if folder.is_dir() else ():
        if named.fullmatch(path.name) and path.name not in but and path.is_file() and not path.is_symlink():
            try:
                files.append((path.stat().st_mtime, path))
            except FileNotFoundError:
                continue
    return files
