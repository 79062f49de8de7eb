"""Reads files that others may be writing to: a content is believed only with a state of the file in which it had it."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.on_disk import FileState, file_state, kept_time

if TYPE_CHECKING:
    from index.catalog.records import FileFingerprint


class SteadyFiles:
    """Hashes files, and again only those that have changed since."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[FileState, str]] = {}

    def fingerprint(self, path: Path) -> "FileFingerprint | None":
        """What is in a file, with the size and the time of change that it has with that; None while it is being written.

        Raises OSError as `open` does.
        """
        from embedder.fingerprint import hash_file
        from index.catalog.records import FileFingerprint

        state = file_state(path)
        if path not in self._read or self._read[path][0] != state:
            content, after = hash_file(path), file_state(path)
            if after != state:  # it may have been touched only; some network disks change a file's number by themselves
                first, state, content = content, after, hash_file(path)
                if content != first:
                    return None
            self._read[path] = state, content
        return FileFingerprint(str(path), state.size, kept_time(state.mtime_ns), self._read[path][1])

    def fingerprint_or_none(self, path: Path) -> "FileFingerprint | None":
        """The same for a file out of its turn: what is wrong with it is said when its turn comes."""
        from embedder.file_kind import is_hollow

        try:
            return None if is_hollow(path) else self.fingerprint(path)
        except (OSError, ValueError):  # ValueError: a name that cannot be opened
            return None

    def as_it_was(self, file: "FileFingerprint") -> "FileFingerprint | None":
        """The file as it is now, if it has the content that it had; None if something else may have been read. Raises OSError."""
        now = self.fingerprint(Path(file.path))
        if now is None or now.content_hash != file.content_hash:
            return None
        return replace(file, size=now.size, mtime_ns=now.mtime_ns)
