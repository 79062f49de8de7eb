"""Decoded frames on a disk, for several runs at once, within two limits: how much they may be, and what the disk must keep free.

Nothing here is needed: where a file cannot be read or written, the frames are decoded again, and a remark says so.

They lie in a folder of our own (`own_folder`) inside the one that was named, which may be anybody's. Counted, read and removed are
regular files in there that are called as only this module calls them; nothing else is, ever.

Shapes: N frames, H x W pixels.
"""

import math
import os
import re
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pretrain.atomic_file import replacing
from pretrain.cache_remarks import Remark, cache_full, disk_full, not_ours, not_writable
from pretrain.own_folder import MARKER_NAME, OWN_NAME, NotOurs, is_own_file, is_own_folder, is_real_folder, make_own_folder

Frames = NDArray[np.uint8]

KEEP_FREE_BYTES = 2_000_000_000
"""Left on the disk for others: a checkpoint of a large network is 0.5 GB, and beside it lies the one before."""

IN_USE_S = 3600.0
"""Entries that were looked at since are in use by another run."""

LEFT_BEHIND_S = 600.0
"""Unfinished files that were not written to for so long are of a process that was killed."""

FULL_FOR_S = 60.0
"""So long a full store is taken for full without a look at the disk."""

_OUTLINES = "outlines"

_ENTRY = r"[0-9a-f]{16}-[0-9a-f]{8}-[0-9a-f]{16}"
_WHOLE = re.compile(rf"{_ENTRY}\.(npy|json)")
_UNFINISHED = re.compile(rf"\.{_ENTRY}\.(npy|json)\.[0-9a-f]{{8}}\.part")
"""As `EntryName` and `atomic_file` call them."""


# NumPy reads a header by `ast`. Where several threads do so at once, CPython 3.11 fails now and then (SystemError: AST constructor
# recursion depth mismatch). What is loaded is mapped, so nothing is read while others wait.
_one_header_at_a_time = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class EntryName:
    """video: of the path. plan: of how it is read. state: of the file's size and time. In hexadecimal, 16, 8 and 16 digits."""

    video: str
    plan: str
    state: str

    @property
    def prefix(self) -> str:
        return f"{self.video}-{self.plan}-"

    def __str__(self) -> str:
        return self.prefix + self.state


@dataclass(frozen=True, kw_only=True)
class _Entry:
    path: Path
    num_bytes: int
    used_s: float


class FrameStore:
    """Entries by name, and outlines of those for which there is no room."""

    def __init__(self, folder: Path, max_bytes: int, own: frozenset[str]) -> None:
        """folder: in which ours is made. own: prefixes of the entries that this run may ask for. Others are thrown out for them."""
        self._parent = folder
        self._folder = folder / OWN_NAME
        self._max_bytes = max_bytes
        self._own = own
        self._full_until_s = -math.inf
        self._remarks: list[Remark] = []

    def sweep(self) -> None:
        """Remove what killed processes left unfinished."""
        for folder in self._folders():
            with suppress(OSError):
                for found in _files(folder, _UNFINISHED):
                    if time.time() - found.used_s > LEFT_BEHIND_S:
                        _remove(found.path)

    def load(self, name: EntryName) -> Frames | None:
        """uint8 (N, H, W, 3), mapped; None where there is no such entry or it cannot be read."""
        path = self._path(name)
        if not (is_own_folder(self._folder) and is_own_file(path)):
            return None
        try:
            with _one_header_at_a_time:
                frames = np.asarray(np.load(path, mmap_mode="r"), dtype=np.uint8)
        except (ValueError, EOFError):  # cut short by a full disk or a power cut
            _remove(path)
            return None
        except OSError:  # gone since, or another user's
            return None
        with suppress(OSError):
            os.utime(path)  # it is in use
        return frames

    def keep(self, name: EntryName, frames: Frames) -> bool:
        """Store an entry if there is room; entries of older states of the same file go."""
        if is_own_folder(self._folder):
            with suppress(OSError):
                for older in _files(self._folder, _WHOLE):
                    if older.path.name.startswith(name.prefix) and older.path != self._path(name):
                        _remove(older.path)
        if not self.has_room(frames.nbytes):
            return False
        try:
            with replacing(self._path(name), durable=False) as file:
                np.save(file, frames)
        except OSError as error:
            self._cannot_write(error)
            return False
        return True

    def has_room(self, num_bytes: int) -> bool:
        """Whether so much more may be stored, after entries were thrown out that this run does not ask for, the oldest first.

        This run's own stay: one that visits its videos in turn would throw out each before it comes again.
        """
        if time.monotonic() < self._full_until_s:
            return False
        try:
            make_own_folder(self._parent)
            has_room = self._make_room(num_bytes)
        except OSError as error:
            self._cannot_write(error)
            return False
        if not has_room:
            self._full_until_s = time.monotonic() + FULL_FOR_S
        return has_room

    def write_outline(self, name: EntryName, text: str) -> None:
        """A few words on a video whose frames are not stored."""
        path = self._outline_path(name)
        with suppress(OSError):
            make_own_folder(self._parent)
            path.parent.mkdir(exist_ok=True)
            if is_real_folder(path.parent):
                with replacing(path, durable=False) as file:
                    file.write(text.encode())

    def read_outline(self, name: EntryName) -> str | None:
        """What was written about the video, None where nothing was."""
        path = self._outline_path(name)
        if not (is_own_folder(self._folder) and is_own_file(path)):
            return None
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def take_remarks(self) -> list[Remark]:
        """What happened since the last call."""
        remarks, self._remarks = self._remarks, []
        return remarks

    def _folders(self) -> tuple[Path, ...]:
        """Those whose files are ours; none where nothing proves it."""
        if not is_own_folder(self._folder):
            return ()
        return (self._folder, self._folder / _OUTLINES) if is_real_folder(self._folder / _OUTLINES) else (self._folder,)

    def _path(self, name: EntryName) -> Path:
        return self._folder / f"{name}.npy"

    def _outline_path(self, name: EntryName) -> Path:
        return self._folder / _OUTLINES / f"{name}.json"

    def _make_room(self, num_bytes: int) -> bool:
        entries = [*_files(self._folder, _WHOLE), *_files(self._folder, _UNFINISHED)]
        too_much = sum(entry.num_bytes for entry in entries) + num_bytes - self._max_bytes
        too_little_free = num_bytes + KEEP_FREE_BYTES - shutil.disk_usage(self._folder).free
        missing = max(too_much, too_little_free)
        unused = sorted((entry for entry in entries if self._is_unused(entry)), key=lambda entry: entry.used_s)
        if sum(entry.num_bytes for entry in unused) >= missing:
            for entry in unused:
                if missing <= 0:
                    break
                missing -= entry.num_bytes if _remove(entry.path) else 0
        if missing > 0:
            self._is_full(entries, num_bytes, by_disk=too_little_free >= too_much)
        return missing <= 0

    def _is_unused(self, entry: _Entry) -> bool:
        return entry.path.suffix == ".npy" and not self._is_own(entry) and time.time() - entry.used_s > IN_USE_S

    def _is_own(self, entry: _Entry) -> bool:
        video_and_plan, dash, _ = entry.path.name.rpartition("-")
        return video_and_plan + dash in self._own

    def _is_full(self, entries: list[_Entry], num_bytes: int, *, by_disk: bool) -> None:
        if by_disk:
            self._remarks.append(disk_full(self._parent, KEEP_FREE_BYTES))
        elif self._max_bytes > 0:  # none at all is as the user wants it
            own = [entry.num_bytes for entry in entries if self._is_own(entry)]
            others = sum(entry.num_bytes for entry in entries) - sum(own)
            self._remarks.append(cache_full(self._max_bytes, len(self._own), own, others, num_bytes))

    def _cannot_write(self, error: OSError) -> None:
        self._full_until_s = time.monotonic() + FULL_FOR_S
        self._remarks.append(not_ours(error) if isinstance(error, NotOurs) else not_writable(self._parent, error))


def remove_frames(folder: Path) -> None:
    """Remove all that a store has kept in `folder`, and the folders that are empty then. What is not ours stays."""
    own = folder / OWN_NAME
    places = FrameStore(folder, 0, frozenset())._folders()
    for place in reversed(places):
        with suppress(OSError):  # another user's, or somebody else's files lie there as well
            for found in (*_files(place, _WHOLE), *_files(place, _UNFINISHED)):
                _remove(found.path)
            if place == own and [found.name for found in own.iterdir()] == [MARKER_NAME]:
                _remove(own / MARKER_NAME)
            place.rmdir()
    if places:
        with suppress(OSError):
            folder.rmdir()


def _files(folder: Path, pattern: re.Pattern[str]) -> Iterator[_Entry]:
    """The regular files in a folder of ours whose whole name matches. Raises OSError where it cannot be listed."""
    with os.scandir(folder) as listed:
        for found in listed:
            if pattern.fullmatch(found.name):
                with suppress(FileNotFoundError):  # gone since the folder was listed
                    status = found.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode):
                        yield _Entry(path=Path(found.path), num_bytes=status.st_size, used_s=status.st_mtime)


def _remove(path: Path) -> bool:
    """Whether it is gone; another user's file may have to stay."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True
