"""Decoded frames on a disk, for several runs at once, within two limits: how much they may be, and what the disk must keep free.

Nothing here is needed: where a file cannot be read or written, the frames are decoded again, and a remark says so.

Shapes: N frames, H x W pixels.
"""

import math
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pretrain.atomic_file import replacing
from pretrain.cache_remarks import Remark, cache_full, disk_full, not_writable

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


@dataclass(frozen=True, kw_only=True)
class EntryName:
    """video: of the path. plan: of how it is read. state: of the file's size and time."""

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
        """own: prefixes of the entries that this run may ask for. Others are thrown out for them."""
        self._folder = folder
        self._max_bytes = max_bytes
        self._own = own
        self._full_until_s = -math.inf
        self._remarks: list[Remark] = []

    def sweep(self) -> None:
        """Remove what killed processes left unfinished."""
        for folder in (self._folder, self._folder / _OUTLINES):
            for path in folder.glob(".*.part"):
                with suppress(OSError):
                    if time.time() - path.stat().st_mtime > LEFT_BEHIND_S:
                        path.unlink()

    def load(self, name: EntryName) -> Frames | None:
        """uint8 (N, H, W, 3), mapped; None where there is no such entry or it cannot be read."""
        path = self._path(name)
        try:
            frames = np.asarray(np.load(path, mmap_mode="r"), dtype=np.uint8)
        except (ValueError, EOFError):  # cut short by a full disk or a power cut
            _remove(path)
            return None
        except OSError:  # not there, or another user's
            return None
        with suppress(OSError):
            os.utime(path)  # it is in use
        return frames

    def keep(self, name: EntryName, frames: Frames) -> bool:
        """Store an entry if there is room; entries of older states of the same file go."""
        with suppress(OSError):
            for older in self._folder.glob(f"{name.prefix}*.npy"):
                if older != self._path(name):
                    _remove(older)
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
            self._folder.mkdir(parents=True, exist_ok=True)
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
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path, durable=False) as file:
                file.write(text.encode())

    def read_outline(self, name: EntryName) -> str | None:
        """What was written about the video, None where nothing was."""
        try:
            return self._outline_path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def take_remarks(self) -> list[Remark]:
        """What happened since the last call."""
        remarks, self._remarks = self._remarks, []
        return remarks

    def _path(self, name: EntryName) -> Path:
        return self._folder / f"{name}.npy"

    def _outline_path(self, name: EntryName) -> Path:
        return self._folder / _OUTLINES / f"{name}.json"

    def _make_room(self, num_bytes: int) -> bool:
        entries = list(_entries(self._folder))
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
            self._remarks.append(disk_full(self._folder, KEEP_FREE_BYTES))
        elif self._max_bytes > 0:  # none at all is as the user wants it
            own = [entry.num_bytes for entry in entries if self._is_own(entry)]
            others = sum(entry.num_bytes for entry in entries) - sum(own)
            self._remarks.append(cache_full(self._max_bytes, len(self._own), own, others, num_bytes))

    def _cannot_write(self, error: OSError) -> None:
        self._full_until_s = time.monotonic() + FULL_FOR_S
        self._remarks.append(not_writable(self._folder, error))


def _entries(folder: Path) -> Iterator[_Entry]:
    """All entries, and those that are being written."""
    for found in os.scandir(folder):
        if found.name.endswith((".npy", ".part")):
            with suppress(FileNotFoundError):  # gone since the folder was listed
                stat = found.stat()
                yield _Entry(path=Path(found.path), num_bytes=stat.st_size, used_s=stat.st_mtime)


def _remove(path: Path) -> bool:
    """Whether it is gone; another user's file may have to stay."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True
