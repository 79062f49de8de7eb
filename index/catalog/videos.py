"""Catalog queries about videos: one row per file of a library."""

import json
import os
import time
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from index.catalog.change_log import Change, record_changes
from index.catalog.database import Database
from index.catalog.libraries import delete_videos, library_id_of, spelled_below
from index.catalog.records import FileFingerprint, KnownFile, KnownPlace, Outcome, VideoRow
from index.catalog.tables import embedding, library, video
from index.errors import UnknownVideo
from index.path_text import folded, path_to_text, shown_bytes, shown_path, spellings, text_to_path

_PAGE = 500  # ids per statement, below every database's limit of parameters


class VideoQueries:
    """The part of `Catalog` that is about videos, but not their vectors."""

    _db: Database

    def videos(
        self,
        library_name: str | None = None,
        *,
        outcome: Outcome | None = None,
        text: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[VideoRow]:
        """Videos of one library or of all, by path. text: part of the path as it is or as `shown_path` has it; capitals count for
        nothing, and accents may be written as one letter or as two.
        """
        with self._db.read() as connection:
            if not text:
                query = _conditions(connection, _video_rows(), library_name, outcome)
                query = query.order_by(video.c.path, video.c.id).limit(limit).offset(offset)
                return [_video_row(row) for row in connection.execute(query)]
            ids = _ids_with(connection, text, library_name, outcome)
        end = None if limit is None else offset + limit
        found = self.videos_by_id(ids[offset:end])
        return [found[video_id] for video_id in ids[offset:end] if video_id in found]

    def count_videos(self, library_name: str | None = None, *, outcome: Outcome | None = None, text: str | None = None) -> int:
        """How many videos `videos` would list without a limit."""
        with self._db.read() as connection:
            if text:
                return len(_ids_with(connection, text, library_name, outcome))
            query = _conditions(connection, sa.select(sa.func.count()).select_from(video), library_name, outcome)
            return int(connection.scalars(query).one())

    def video(self, video_id: int) -> VideoRow:
        """One video. Raises UnknownVideo."""
        found = self.videos_by_id([video_id])
        if video_id not in found:
            raise _unknown(video_id)
        return found[video_id]

    def videos_by_id(self, video_ids: Iterable[int]) -> dict[int, VideoRow]:
        """Several videos at once; those that are not there are left out."""
        wanted = sorted(set(video_ids))
        found: dict[int, VideoRow] = {}
        with self._db.read() as connection:
            for start in range(0, len(wanted), _PAGE):
                rows = connection.execute(_video_rows().where(video.c.id.in_(wanted[start : start + _PAGE])))
                found.update((row.id, _video_row(row)) for row in rows)
        return found

    def rows_like(self, rows: Iterable[VideoRow], encoder_id: int | None = None, *, sizes: Collection[int] = ()) -> list[VideoRow]:
        """Videos of any library with the path or the content of one of these; they themselves among them. encoder_id: only those
        that can be searched by this encoder. sizes: and those of so many bytes."""
        rows = list(rows)
        known = {row.id: row for row in rows}
        found: dict[int, VideoRow] = {}
        has_vectors = sa.exists().where(embedding.c.video_id == video.c.id, embedding.c.encoder_id == encoder_id)
        query = _video_rows()
        if encoder_id is not None:
            query = query.where(video.c.missing_since.is_(None), has_vectors)
        with self._db.read() as connection:
            for start in range(0, len(rows), _PAGE):
                page = rows[start : start + _PAGE]
                paths = {path_to_text(str(row.path)) for row in page}
                hashes = {row.content_hash for row in page if row.content_hash}
                like = sa.or_(video.c.path.in_(paths), video.c.content_hash.in_(hashes))
                found.update((row.id, known.get(row.id) or _video_row(row)) for row in connection.execute(query.where(like)))
            if sizes:
                found.update((row.id, _video_row(row)) for row in connection.execute(query.where(video.c.size.in_(sizes))))
        return list(found.values())

    def find_video(self, path: Path | str, library_name: str | None = None) -> VideoRow | None:
        """The video at a path, None if there is none. Of several libraries that hold it, one where it is indexed.

        A path that is stored otherwise is found too: by a link, with `..`, with its accents composed otherwise, or by another
        name of the same file.
        """
        rows = _video_rows().order_by(video.c.id)
        with self._db.read() as connection:
            if library_name is not None:
                rows = rows.where(video.c.library_id == library_id_of(connection, library_name))
            for text in spellings(path):
                found = [_video_row(row) for row in connection.execute(rows.where(video.c.path == path_to_text(text)))]
                if found:
                    return _best(found)
            inside = [path_to_text(text) for text in spelled_below(connection, path)]
            found = [_video_row(row) for row in connection.execute(rows.where(video.c.path.in_(inside)))]
            return _best(found or self._same_file(connection, rows, path))

    def _same_file(self, connection: sa.Connection, rows: sa.Select[Any], path: Path | str) -> list[VideoRow]:
        """Rows of the file that lies at a path under whatever name they have it."""
        status = next((status for status in map(_status, spellings(path)) if status is not None), None)
        if status is None:
            return []
        # Not by its time of change as well: it may have been touched since, or be dated beyond the numbers of a database.
        alike = rows.where(video.c.size == status.st_size)
        return [row for row in map(_video_row, connection.execute(alike)) if _is_file(row.path, status)]

    def places_of(self, content_hash: str | None, encoder_id: int) -> list[KnownPlace]:
        """Every file of any library with this content, oldest first; none for an unknown hash (None, '')."""
        if not content_hash:
            return []
        query = _known_files(encoder_id).add_columns(library.c.name.label("library")).where(video.c.content_hash == content_hash)
        with self._db.read() as connection:
            rows = connection.execute(query.join(library, library.c.id == video.c.library_id).order_by(video.c.id))
            return [KnownPlace(row.library, text_to_path(row.path), _known_file(row)) for row in rows]

    def known_files(self, library_name: str, encoder_id: int) -> dict[str, KnownFile]:
        """Every file of a library by its path, with what decides whether it must be read again. One query."""
        query = _known_files(encoder_id).order_by(video.c.path)
        with self._db.read() as connection:
            query = query.where(video.c.library_id == library_id_of(connection, library_name))
            return {text_to_path(row.path): _known_file(row) for row in connection.execute(query)}

    def find_by_content(self, content_hash: str | None, encoder_id: int) -> list[VideoRow]:
        """Videos of any library with this content and with vectors of this encoder; none for an unknown hash (None, '')."""
        if not content_hash:
            return []
        has_vectors = sa.exists().where(embedding.c.video_id == video.c.id, embedding.c.encoder_id == encoder_id)
        query = _video_rows().where(video.c.content_hash == content_hash, has_vectors).order_by(video.c.id)
        with self._db.read() as connection:
            return [_video_row(row) for row in connection.execute(query)]

    def put_broken(
        self,
        library_name: str,
        file: FileFingerprint,
        reason: str,
        *,
        failures: int = 0,
        not_video: bool = False,
        reading: int = 1,
    ) -> int:
        """Remember that a file cannot be used, and why. Vectors of an earlier content are dropped. Returns the video's id.

        failures: how often it has failed now for a reason that may pass; 0 where the reason is the file itself.
        not_video: it is a file of another kind under a video's name, so that nothing is wrong with it.
        reading: the version of the rules of reading by which it was refused.
        """
        with self._db.write() as connection:
            values: dict[str, Any] = {"outcome": "broken", "reason": storable(reason), "failures": failures}
            values |= {"not_video": int(not_video), "reading": reading}
            video_id, changes = upsert_video(connection, library_id_of(connection, library_name), file, values)
            changes += _drop_embeddings(connection, video_id)
            record_changes(connection, [*changes, (video_id, 0, "noted")])
        return video_id

    def touch(self, video_id: int, file: FileFingerprint) -> None:
        """The file's time of change is another, its content is not. It counts as present again. Raises UnknownVideo."""
        with self._db.write() as connection:
            row_of(connection, video_id)
            changes = _set_missing(connection, [video_id], None)
            values = {"size": file.size, "mtime_ns": file.mtime_ns, "content_hash": file.content_hash or None}
            connection.execute(sa.update(video).where(video.c.id == video_id).values(values))
            record_changes(connection, changes)

    def move_videos(self, moves: Sequence[tuple[int, FileFingerprint]], library_name: str | None = None) -> None:
        """The same contents now lie at other paths; ids and vectors stay, and what the catalog knew at the new paths is forgotten.

        They may take each other's paths, as two files do whose names were exchanged. library_name: where they lie now; None leaves
        each in its library, in which they must then all be. Raises UnknownVideo, UnknownLibrary.
        """
        with self._db.write() as connection:
            rows = {video_id: row_of(connection, video_id) for video_id, _ in moves}
            library_id = library_id_of(connection, library_name) if library_name is not None else rows[moves[0][0]].library_id
            texts = [path_to_text(file.path) for _, file in moves]
            own = sa.and_(video.c.library_id == library_id, video.c.path.in_(texts), video.c.id.not_in(list(rows)))
            changes = delete_videos(connection, sa.select(video.c.id).where(own))
            changes += _set_missing(connection, list(rows), None)
            for video_id in rows:  # out of each other's way: no path begins so
                on_the_way = {"library_id": library_id, "path": f"moving:{video_id}"}
                connection.execute(sa.update(video).where(video.c.id == video_id).values(on_the_way))
            for (video_id, file), text in zip(moves, texts, strict=True):
                values = {"path": text, "size": file.size, "mtime_ns": file.mtime_ns}
                connection.execute(sa.update(video).where(video.c.id == video_id).values(values))
            record_changes(connection, [*changes, *((video_id, 0, "noted") for video_id in rows)])

    def mark_missing(self, video_ids: Iterable[int]) -> None:
        """These files were not found. Their vectors are kept but not searched, until `mark_present` or `forget_videos`."""
        self._mark(video_ids, time.time())

    def mark_present(self, video_ids: Iterable[int]) -> None:
        """These files are back, unchanged."""
        self._mark(video_ids, None)

    def forget_videos(self, video_ids: Iterable[int]) -> int:
        """Forget these videos and their vectors for good; the files stay. Returns how many were known."""
        ids = sorted(set(video_ids))
        count = 0
        with self._db.write() as connection:
            changes: list[Change] = []
            for start in range(0, len(ids), _PAGE):
                query = sa.select(video.c.id).where(video.c.id.in_(ids[start : start + _PAGE]))
                count += len(connection.scalars(query).all())
                changes += delete_videos(connection, query)
            if count:
                record_changes(connection, changes)
        return count

    def _mark(self, video_ids: Iterable[int], missing_since: float | None) -> None:
        ids = sorted(set(video_ids))
        with self._db.write() as connection:
            changes = _set_missing(connection, ids, missing_since)
            if changes:
                record_changes(connection, changes)


def upsert_video(
    connection: sa.Connection, library_id: int, file: FileFingerprint, values: dict[str, Any]
) -> tuple[int, list[Change]]:
    """Insert or update the row of a file. Returns its id and what to log.

    When the content is another than the one known, or unknown, the vectors of all encoders are dropped: they show what is
    no longer there.
    """
    text = path_to_text(file.path)
    known = connection.execute(
        sa.select(video.c.id, video.c.content_hash).where(video.c.library_id == library_id, video.c.path == text)
    ).one_or_none()
    content = file.content_hash or None
    row = {
        "size": file.size,
        "mtime_ns": file.mtime_ns,
        "content_hash": content,
        "reason": None,
        "failures": 0,
        "not_video": 0,
        "warnings": "[]",
        "missing_since": None,
        "indexed_at": time.time(),
    } | values
    if known is None:
        insert = sa.insert(video).values(row | {"library_id": library_id, "path": text})
        return int(connection.scalars(insert.returning(video.c.id)).one()), []
    changes = _set_missing(connection, [known.id], None)
    if content is None or content != known.content_hash:
        changes += _drop_embeddings(connection, known.id)
    connection.execute(sa.update(video).where(video.c.id == known.id).values(row))
    return int(known.id), changes


def storable(text: str) -> str:
    """Text as every database takes it: messages may quote badly spelled file names or hold NUL."""
    return shown_bytes(text).replace("\0", "\ufffd")


def _set_missing(connection: sa.Connection, video_ids: list[int], missing_since: float | None) -> list[Change]:
    """Mark those videos whose state differs; returns what to log."""
    changes: list[Change] = []
    differs = video.c.missing_since.is_not(None) if missing_since is None else video.c.missing_since.is_(None)
    for start in range(0, len(video_ids), _PAGE):
        page = sa.and_(video.c.id.in_(video_ids[start : start + _PAGE]), differs)
        ids = list(connection.scalars(sa.select(video.c.id).where(page)))
        touched = connection.execute(sa.select(embedding.c.video_id, embedding.c.encoder_id).where(embedding.c.video_id.in_(ids)))
        changes += [(row.video_id, row.encoder_id, "added" if missing_since is None else "removed") for row in touched]
        changes += [(video_id, 0, "noted") for video_id in ids]
        connection.execute(sa.update(video).where(video.c.id.in_(ids)).values(missing_since=missing_since))
    return changes


def _drop_embeddings(connection: sa.Connection, video_id: int) -> list[Change]:
    own = embedding.c.video_id == video_id
    changes: list[Change] = [
        (video_id, encoder_id, "removed") for encoder_id in connection.scalars(sa.select(embedding.c.encoder_id).where(own))
    ]
    connection.execute(sa.delete(embedding).where(own))
    return changes


def row_of(connection: sa.Connection, video_id: int) -> Any:
    row = connection.execute(sa.select(video).where(video.c.id == video_id)).one_or_none()
    if row is None:
        raise _unknown(video_id)
    return row


def _unknown(video_id: int) -> UnknownVideo:
    return UnknownVideo(f"The catalog has no video {video_id}. It may have been removed since; search again.")


@cache
def _video_rows() -> sa.Select[Any]:
    num_clips = (
        sa.select(sa.func.coalesce(sa.func.sum(embedding.c.num_clips), 0))
        .where(embedding.c.video_id == video.c.id)
        .correlate(video)
        .scalar_subquery()
        .label("num_clips")
    )
    return sa.select(video, library.c.name.label("library"), num_clips).join(library, library.c.id == video.c.library_id)


def _conditions(
    connection: sa.Connection, query: sa.Select[Any], library_name: str | None, outcome: Outcome | None
) -> sa.Select[Any]:
    if library_name is not None:
        query = query.where(video.c.library_id == library_id_of(connection, library_name))
    if outcome == "missing":
        query = query.where(video.c.missing_since.is_not(None))
    elif outcome is not None:
        stored = "indexed" if outcome == "indexed" else "broken"
        not_video = int(outcome == "not-video")
        query = query.where(video.c.outcome == stored, video.c.not_video == not_video, video.c.missing_since.is_(None))
    return query


def _ids_with(connection: sa.Connection, text: str, library_name: str | None, outcome: Outcome | None) -> list[int]:
    """Ids of the videos with a text in their path, by path. Compared here: databases fold letters each in their own way."""
    query = _conditions(connection, sa.select(video.c.id, video.c.path), library_name, outcome)
    rows = connection.execute(query.order_by(video.c.path, video.c.id))
    wanted = folded(text)
    return [row.id for row in rows if any(wanted in folded(form) for form in _forms(row.path))]


def _forms(stored: str) -> tuple[str, ...]:
    """A path as it is, and as it is shown where that is another."""
    path = text_to_path(stored)
    shown = shown_path(path)
    return (path,) if path == shown else (path, shown)


def _known_files(encoder_id: int) -> sa.Select[Any]:
    """Rows as `_known_file` takes them."""
    return sa.select(
        video.c.id,
        video.c.path,
        video.c.size,
        video.c.mtime_ns,
        video.c.content_hash,
        video.c.outcome,
        video.c.reason,
        video.c.failures,
        video.c.not_video,
        video.c.missing_since,
        embedding.c.encoder_id,
        sa.func.coalesce(embedding.c.reading, video.c.reading).label("reading"),
    ).outerjoin(embedding, sa.and_(embedding.c.video_id == video.c.id, embedding.c.encoder_id == encoder_id))


def _known_file(row: Any) -> KnownFile:
    return KnownFile(
        row.id,
        row.size,
        row.mtime_ns,
        row.content_hash,
        _outcome(row),
        row.reason,
        row.encoder_id is not None,
        row.failures,
        row.reading,
    )


def _best(rows: list[VideoRow]) -> VideoRow | None:
    return min(rows, key=lambda row: (row.outcome != "indexed", row.num_clips == 0), default=None)


def _is_file(path: Path, status: os.stat_result) -> bool:
    """Whether the file at a path is the one of which this is the status."""
    own = _status(path)
    return own is not None and os.path.samestat(own, status)


def _status(path: Path | str) -> os.stat_result | None:
    """None where nothing is, or nobody can tell."""
    try:
        return os.stat(path)
    except (OSError, ValueError):
        return None


def _outcome(row: Any) -> Outcome:
    if row.missing_since is not None:
        return "missing"
    if row.outcome == "indexed":
        return "indexed"
    return "not-video" if row.not_video else "broken"


def _video_row(row: Any) -> VideoRow:
    return VideoRow(
        id=row.id,
        library=row.library,
        path=Path(text_to_path(row.path)),
        size=row.size,
        mtime_ns=row.mtime_ns,
        content_hash=row.content_hash,
        duration_s=row.duration_s,
        width=row.width,
        height=row.height,
        frame_rate=row.frame_rate,
        codec=row.codec,
        container=row.container,
        outcome=_outcome(row),
        reason=row.reason,
        warnings=() if row.warnings == "[]" else tuple(json.loads(row.warnings)),
        num_clips=int(row.num_clips),
        indexed_at=datetime.fromtimestamp(row.indexed_at, UTC),
    )
