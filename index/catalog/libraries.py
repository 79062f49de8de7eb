"""Catalog queries about libraries: named sets of folders."""

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from index.catalog.change_log import Change, record_changes
from index.catalog.database import Database
from index.catalog.records import KEY_FRAMES_ALONE, Library, LibrarySummary
from index.catalog.tables import embedding, library, library_exclude, library_folder, video
from index.errors import UnknownLibrary
from index.path_text import path_to_text, spellings, stored_prefixes, text_to_path

_MAX_NAME = 200


class LibraryQueries:
    """The library part of `Catalog`."""

    _db: Database

    def add_library(self, name: str, folders: Sequence[Path] = ()) -> Library:
        """Get or make a library and add folders to it (those it has are kept). Raises ValueError for an unusable name."""
        check_library_name(name)
        texts = [path_to_text(os.path.abspath(folder)) for folder in folders]
        with self._db.write() as connection:
            library_id = connection.scalar(sa.select(library.c.id).where(library.c.name == name))
            if library_id is None:
                insert = sa.insert(library).values(name=name, created_at=time.time())
                library_id = connection.scalar(insert.returning(library.c.id))
            known = set(connection.scalars(sa.select(library_folder.c.path).where(library_folder.c.library_id == library_id)))
            for text in dict.fromkeys(texts):
                if text not in known:
                    connection.execute(sa.insert(library_folder).values(library_id=library_id, path=text))
        return self.library(name)

    def library(self, name: str) -> Library:
        """A library by name. Raises UnknownLibrary, which lists those there are."""
        with self._db.read() as connection:
            library_id = library_id_of(connection, name)
            excludes = _excludes(connection).get(library_id, ())
            return Library(library_id, name, _folders(connection).get(library_id, ()), excludes)

    def set_excludes(self, name: str, patterns: Sequence[str]) -> None:
        """What a library leaves out from its next run on, in the place of what it left out. Raises UnknownLibrary."""
        with self._db.write() as connection:
            library_id = library_id_of(connection, name)
            connection.execute(sa.delete(library_exclude).where(library_exclude.c.library_id == library_id))
            rows = [
                {"library_id": library_id, "place": place, "pattern": pattern}
                for place, pattern in enumerate(dict.fromkeys(patterns))
            ]
            if rows:
                connection.execute(sa.insert(library_exclude), rows)

    def libraries(self) -> list[LibrarySummary]:
        """All libraries with their counts, by name."""
        missing = video.c.missing_since.is_not(None)
        indexed = sa.and_(video.c.outcome == "indexed", ~missing)
        videos = (
            sa.select(
                video.c.library_id,
                sa.func.count().label("num_videos"),
                _count_if(indexed).label("num_indexed"),
                _count_if(sa.and_(video.c.outcome == "broken", video.c.not_video == 0, ~missing)).label("num_broken"),
                _count_if(sa.and_(video.c.not_video == 1, ~missing)).label("num_not_videos"),
                _count_if(missing).label("num_missing"),
                sa.func.sum(sa.case((indexed, video.c.duration_s), else_=0.0)).label("seconds"),
            )
            .group_by(video.c.library_id)
            .subquery()
        )
        by_key_frames = sa.case((embedding.c.reading == KEY_FRAMES_ALONE, video.c.id))
        clips = (
            sa.select(
                video.c.library_id,
                sa.func.sum(embedding.c.num_clips).label("num_clips"),
                sa.func.count(by_key_frames.distinct()).label("num_by_key_frames"),
            )
            .join(embedding, embedding.c.video_id == video.c.id)
            .group_by(video.c.library_id)
            .subquery()
        )
        query = (
            sa.select(library.c.id, library.c.name, videos, clips.c.num_clips, clips.c.num_by_key_frames)
            .outerjoin(videos, videos.c.library_id == library.c.id)
            .outerjoin(clips, clips.c.library_id == library.c.id)
            .order_by(library.c.name)
        )
        with self._db.read() as connection:
            folders, excludes = _folders(connection), _excludes(connection)
            return [
                LibrarySummary(
                    row.id,
                    row.name,
                    folders.get(row.id, ()),
                    row.num_videos or 0,
                    row.num_indexed or 0,
                    row.num_broken or 0,
                    row.num_missing or 0,
                    int(row.num_clips or 0),
                    float(row.seconds or 0.0),
                    row.num_not_videos or 0,
                    excludes.get(row.id, ()),
                    row.num_by_key_frames or 0,
                )
                for row in connection.execute(query)
            ]

    def remove_library(self, name: str) -> int:
        """Forget a library with all its videos and vectors; the files stay. Returns how many videos were forgotten."""
        with self._db.write() as connection:
            library_id = library_id_of(connection, name)
            ids = list(connection.scalars(sa.select(video.c.id).where(video.c.library_id == library_id)))
            changes = delete_videos(connection, sa.select(video.c.id).where(video.c.library_id == library_id))
            connection.execute(sa.delete(library).where(library.c.id == library_id))
            record_changes(connection, changes)
        return len(ids)

    def remove_folder(self, name: str, folder: Path) -> int:
        """Take a folder out of a library and forget the videos below it, but for those below another folder of the library.

        Returns how many videos were forgotten. Raises UnknownLibrary; a folder the library does not have is a ValueError.
        """
        with self._db.write() as connection:
            library_id = library_id_of(connection, name)
            own = library_folder.c.library_id == library_id
            others = list(connection.scalars(sa.select(library_folder.c.path).where(own)))
            text = _as_stored(folder, others)
            if text is None:
                raise ValueError(f"Library {name!r} has no folder {folder}. It has: {', '.join(others) or 'none'}.")
            others.remove(text)
            connection.execute(sa.delete(library_folder).where(own, library_folder.c.path == text))
            going = sa.select(video.c.id).where(video.c.library_id == library_id, below(Path(text_to_path(text))))
            for other in others:
                going = going.where(~below(Path(text_to_path(other))))
            ids = list(connection.scalars(going))
            record_changes(connection, delete_videos(connection, going))
        return len(ids)


def check_library_name(name: str) -> None:
    """Raises ValueError for a name that no library can have."""
    if not name.strip() or len(name) > _MAX_NAME or not name.isprintable():
        raise ValueError(f"A library's name must be 1 to {_MAX_NAME} printable characters, got {name!r}.")


def library_id_of(connection: sa.Connection, name: str) -> int:
    """A library's id. Raises UnknownLibrary, which lists those there are."""
    # A name of bytes, which no database takes, is no library's.
    known = name.isprintable()
    library_id = connection.scalar(sa.select(library.c.id).where(library.c.name == name)) if known else None
    if library_id is None:
        names = list(connection.scalars(sa.select(library.c.name).order_by(library.c.name)))
        raise UnknownLibrary(
            f"There is no library {name!r}. There are: {', '.join(names) or 'none yet; make one with vret index FOLDER'}."
        )
    return int(library_id)


def below(folder: str | os.PathLike[str]) -> sa.ColumnElement[bool]:
    """SQL condition: a video's path lies below a folder. Compares exactly, unlike LIKE, which folds case in SQLite."""
    return sa.or_(*(sa.func.substr(video.c.path, 1, len(prefix)) == prefix for prefix in stored_prefixes(folder)))


def spelled_below(connection: sa.Connection, folder: str | os.PathLike[str]) -> list[str]:
    """The folders below which the videos of a folder are stored, however it is spelled: itself, and the same real place as the
    libraries spell it, be it inside one of their folders or around it."""
    texts = list(spellings(folder))
    if "\0" in os.fspath(folder):  # no file's name has one
        return texts
    places = dict.fromkeys(map(os.path.realpath, texts))
    for text in connection.scalars(sa.select(library_folder.c.path).distinct()):
        own = text_to_path(text)
        own_real = os.path.realpath(own)
        for real in places:
            if _is_below(real, own_real):
                texts.append(os.path.normpath(os.path.join(own, os.path.relpath(real, own_real))))
            elif _is_below(own_real, real):
                texts.append(own)
    return list(dict.fromkeys(texts))


def ids_really_below(folder: str | os.PathLike[str], rows: Iterable[Any]) -> list[int]:
    """Of (id, path) rows the ids of those whose real place is below a folder."""
    reals = dict.fromkeys(map(os.path.realpath, spellings(folder)))
    places: dict[str, bool] = {}
    ids = []
    for row in rows:
        parent = os.path.dirname(text_to_path(row.path))
        if parent not in places:
            places[parent] = any(_is_below(os.path.realpath(parent), real) for real in reals)
        if places[parent]:
            ids.append(row.id)
    return ids


def _is_below(path: str, folder: str) -> bool:
    """Both without links; a folder counts as below itself."""
    return os.path.commonpath([path, folder]) == folder


def _as_stored(folder: Path, stored: Sequence[str]) -> str | None:
    """A folder as it is stored among others, also when it is given by a link to it."""
    for spelled in spellings(folder):
        if path_to_text(spelled) in stored:
            return path_to_text(spelled)
    real = os.path.realpath(folder)
    return next((text for text in stored if os.path.realpath(text_to_path(text)) == real), None)


def delete_videos(connection: sa.Connection, video_ids: sa.Select[Any]) -> list[Change]:
    """Delete the videos that a query selects, with all that hangs on them. Returns what to log."""
    touched = connection.execute(sa.select(embedding.c.video_id, embedding.c.encoder_id).where(embedding.c.video_id.in_(video_ids)))
    changes: list[Change] = [(row.video_id, row.encoder_id, "removed") for row in touched]
    gone = list(connection.scalars(video_ids))
    changes.extend((video_id, 0, "noted") for video_id in gone)
    connection.execute(sa.delete(video).where(video.c.id.in_(video_ids)))
    return changes


def _folders(connection: sa.Connection) -> dict[int, tuple[Path, ...]]:
    folders: dict[int, tuple[Path, ...]] = {}
    query = sa.select(library_folder.c.library_id, library_folder.c.path).order_by(library_folder.c.path)
    for row in connection.execute(query):
        folders[row.library_id] = (*folders.get(row.library_id, ()), Path(text_to_path(row.path)))
    return folders


def _excludes(connection: sa.Connection) -> dict[int, tuple[str, ...]]:
    excludes: dict[int, tuple[str, ...]] = {}
    for row in connection.execute(sa.select(library_exclude).order_by(library_exclude.c.library_id, library_exclude.c.place)):
        excludes[row.library_id] = (*excludes.get(row.library_id, ()), row.pattern)
    return excludes


def _count_if(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))
