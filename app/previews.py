"""Small playable copies of moments, made when first asked for and kept up to a size."""

import atexit
import hashlib
import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from app.clip_times import check_range
from app.errors import DataFolderError
from app.given_path import GivenPath, given_path
from embedder.reading_rules import READING_RULES
from pretrain.atomic_file import replacing

DEFAULT_MAX_BYTES = 512 * 1024 * 1024
_PREVIEW = re.compile(r"[0-9a-f]{32}\.(mp4|jpg)")
_HALF = re.compile(r"\.?[0-9a-f]{32}(\.(mp4|jpg))?\.[0-9a-f]{1,8}\.part")
"""Only files of such names are counted and deleted: whatever else lies in the folder is somebody's."""
_STRAY_AFTER_S = 3600.0  # half a preview this old belongs to a writer that was killed
_SPARED_S = 60.0  # a preview that was just handed out may not have been read yet, perhaps by another process


def preview_folder(folder: Path) -> Path:
    """Where previews can be kept: the folder, or where the data folder around it may only be read, one of this process's own,
    which goes when it ends. Raises OSError where there is no temporary folder either.
    """
    nearest = folder if folder.exists() else folder.parent
    if os.access(nearest, os.W_OK | os.X_OK):
        return folder
    temporary = Path(tempfile.mkdtemp(prefix="vret-previews-"))
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    return temporary


@dataclass(frozen=True)
class PreviewCache:
    """Previews by what they show: file (path, size, time of change), span, height, and rules of reading.

    Several processes may share one folder.

    max_bytes: the least recently used go when all together are larger.
    """

    folder: Path
    max_bytes: int = DEFAULT_MAX_BYTES

    def preview(self, path: GivenPath, start_s: float, end_s: float, *, height_px: int = 240) -> Path:
        """An H.264 file of [start_s, end_s) of a video. Raises VideoRejected, FileNotFoundError, BadRange,
        BadPath, DataFolderError.
        """
        check_range(start_s, end_s)
        path = given_path(path)
        target = self.folder / f"{self._key(path, start_s, end_s, height_px)}.mp4"
        if not self._touch(target):
            from embedder.preview import write_preview

            self._make_folder()
            write_preview(path, start_s, end_s, target, height_px=height_px)
            target = self._as_read(target, self._key(path, start_s, end_s, height_px))
            self._drop_oldest()
        return target

    def frame(self, path: GivenPath, at_s: float, *, max_px: int = 640) -> Path:
        """A JPEG of the picture on screen at `at_s`. Raises as `preview` does."""
        check_range(at_s, None)
        path = given_path(path)
        target = self.folder / f"{self._key(path, at_s, at_s, max_px)}.jpg"
        if not self._touch(target):
            from embedder.preview import read_frame

            picture = read_frame(path, at_s, max_px)
            self._make_folder()
            try:
                with replacing(target, durable=False) as file:
                    file.write(picture)
            except OSError as error:
                raise DataFolderError(f"Cannot write {target}: {error.strerror}.") from error
            target = self._as_read(target, self._key(path, at_s, at_s, max_px))
            self._drop_oldest()
        return target

    def size_bytes(self) -> int:
        """Bytes of all previews together."""
        return sum(size for _, size, _ in self._files())

    def clear(self) -> None:
        """Deletes all previews."""
        for _, _, path in self._files():
            path.unlink(missing_ok=True)

    def _key(self, path: Path, start_s: float, end_s: float, size_px: int) -> str:
        stat = path.stat()
        what = (
            f"{os.path.abspath(path)}\n{stat.st_size}\n{stat.st_mtime_ns}\n{start_s:.3f}\n{end_s:.3f}\n{size_px}\n{READING_RULES}"
        )
        return hashlib.blake2b(what.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()

    def _as_read(self, target: Path, key: str) -> Path:
        """A file that was replaced while it was read may be shown by what was made now; it must not be kept under what it was."""
        actual = target.with_stem(key)
        return target if actual == target else target.replace(actual)

    def _touch(self, target: Path) -> bool:
        """Marks a preview as just used; False when it is not there."""
        try:
            os.utime(target)
        except FileNotFoundError:
            return False
        except OSError:  # in a read-only data folder it can be shown all the same
            return target.is_file()
        return True

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise DataFolderError(f"Cannot make the folder for previews {self.folder}: {error.strerror}.") from error

    def _files(self) -> list[tuple[float, int, Path]]:
        """(last use, bytes, path) of each preview; one that another process deletes meanwhile is left out."""
        files = []
        for path in self._own(_PREVIEW):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            files.append((stat.st_mtime, stat.st_size, path))
        return files

    def _own(self, names: re.Pattern[str]) -> list[Path]:
        return [path for path in self.folder.glob("*") if names.fullmatch(path.name)]

    def _drop_strays(self) -> None:
        for path in self._own(_HALF):
            try:
                if path.stat().st_mtime < time.time() - _STRAY_AFTER_S:
                    path.unlink()
            except OSError:  # another process was quicker, or it may not be removed: no harm
                continue

    def _drop_oldest(self) -> None:
        self._drop_strays()
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        for used, size, path in files:
            if total <= self.max_bytes or used > time.time() - _SPARED_S:
                return
            path.unlink(missing_ok=True)
            total -= size
