"""Follows what was moved: a content that is known from a path at which it no longer is has come from there.

The row of the catalog goes with the content: its number, its vectors, and what people said of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from app.library_scan import FoundFile, Scan
from app.on_disk import is_gone

if TYPE_CHECKING:
    from index.catalog import Catalog, FileFingerprint, KnownFile, KnownPlace

    Moves = list[tuple[KnownPlace, FileFingerprint]]


class MovedFiles:
    """The moves of one run.

    fingerprint: reads the file that was found at a path, None when that cannot be done.
    """

    def __init__(
        self,
        catalog: "Catalog",
        library: str,
        encoder_id: int,
        scan: Scan,
        fingerprint: "Callable[[FoundFile], FileFingerprint | None]",
    ) -> None:
        self._catalog = catalog
        self._library = library
        self._encoder_id = encoder_id
        self._fingerprint = fingerprint
        self._scan = scan
        self._gone_ids = {entry.video_id for entry in scan.gone.values()}
        self._changed = {str(found.path): (found, known) for found, known in scan.to_compare}
        self._unchanged = frozenset(scan.unchanged)
        self._by_size: dict[int, list[FoundFile]] = {}
        for found, _ in scan.to_compare:
            self._by_size.setdefault(found.size, []).append(found)
        self._is_gone: dict[str, bool] = {}
        self._handled: set[str] = set()  # paths whose turn has come: what the scan knew of their rows may no longer hold
        self.arrived: dict[str, KnownFile] = {}
        """What is known now of the files whose content came from elsewhere, by their paths."""
        self.from_paths: dict[int, str] = {}
        """Where they were, by number."""
        self.from_libraries: dict[str, int] = {}
        """How many were another library's."""

    def follow(self, file: "FileFingerprint", known: "KnownFile | None") -> "KnownFile | None":
        """What is known of a file, its row being fetched from where the content was; None for a content that is new here.

        What was known at its path before goes to where that content is now, if it was found.
        """
        self._handled.add(file.path)
        if file.path in self.arrived:
            return self.arrived[file.path]
        if known is not None and known.content_hash == file.content_hash:
            return known
        origin = self._origin(file)
        moves = [] if origin is None else [(origin, file)]
        moves += self._displaced(moves, file)
        if not moves:
            return known
        self._catalog.move_videos([(place.file.video_id, target) for place, target in moves], self._library)
        for place, target in moves:
            entry = replace(place.file, size=target.size, mtime_ns=target.mtime_ns)
            self.arrived[target.path] = entry
            self.from_paths[entry.video_id] = place.path
            self._scan.gone.pop(place.path if place.library == self._library else "", None)
            if place.library != self._library:
                self.from_libraries[place.library] = self.from_libraries.get(place.library, 0) + 1
        return self.arrived.get(file.path)

    def _origin(self, file: "FileFingerprint") -> "KnownPlace | None":
        """Where this content was and no longer is: best in this library, and with vectors."""
        places = [
            place
            for place in self._catalog.places_of(file.content_hash, self._encoder_id)
            if place.file.video_id not in self.from_paths and self._has_left(place)
        ]
        return min(places, key=lambda place: (place.library != self._library, not place.file.embedded), default=None)

    def _has_left(self, place: "KnownPlace") -> bool:
        if place.library == self._library:
            if place.file.video_id in self._gone_ids:
                return True
            if place.path in self._unchanged:
                return False
            if place.path in self._changed:
                found, _ = self._changed[place.path]
                now = None if (found.size, found.mtime_ns) == (place.file.size, place.file.mtime_ns) else self._fingerprint(found)
                return now is not None and now.content_hash != place.file.content_hash
        if place.path not in self._is_gone:
            self._is_gone[place.path] = is_gone(place.path)
        return self._is_gone[place.path]

    def _displaced(self, moves: "Moves", file: "FileFingerprint") -> "Iterator[tuple[KnownPlace, FileFingerprint]]":
        """Whose path is taken, and where their own content is found now: names that were exchanged, in a circle perhaps."""
        from index.catalog import KnownPlace

        moving = {place.file.video_id for place, _ in moves}
        taken = {file.path}
        while True:
            path = file.path
            known = self._changed[path][1] if path in self._changed else None
            if known is None or known.video_id in moving or known.video_id in self.from_paths or not known.content_hash:
                return
            moving.add(known.video_id)
            target = next((one for one in self._candidates(known) if one.path not in taken), None)
            if target is None:
                return
            taken.add(target.path)
            yield KnownPlace(self._library, path, known), target
            file = target

    def _candidates(self, known: "KnownFile") -> "Iterator[FileFingerprint]":
        """Files in which the content of a known one is now, and was not before."""
        for found in self._by_size.get(known.size, ()):
            own = self._changed[str(found.path)][1]
            if str(found.path) in self._handled or str(found.path) in self.arrived:
                continue
            if own is None or own.content_hash != known.content_hash:
                file = self._fingerprint(found)
                if file is not None and file.content_hash == known.content_hash:
                    yield file
