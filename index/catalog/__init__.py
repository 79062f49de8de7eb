"""The catalog: what vret knows of libraries, videos, clips and jobs. It is the only truth; vector indexes are caches of it."""

import os
from contextlib import AbstractContextManager
from types import TracebackType

import sqlalchemy as sa

from index.catalog.change_log import Snapshot, open_snapshot
from index.catalog.database import Database
from index.catalog.duplicates import DuplicateQueries
from index.catalog.embeddings import EmbeddingQueries
from index.catalog.evaluations import EvaluationQueries
from index.catalog.jobs import JobQueries
from index.catalog.libraries import LibraryQueries, below, ids_really_below, library_id_of, spelled_below
from index.catalog.records import (
    EncoderRow,
    EvaluationRun,
    FileFingerprint,
    Job,
    Judgement,
    KnownFile,
    KnownPlace,
    LabelRow,
    Library,
    LibrarySummary,
    VideoClips,
    VideoFacts,
    VideoRow,
)
from index.catalog.relevance import JudgementQueries
from index.catalog.schema import ensure_schema
from index.catalog.tables import video
from index.catalog.videos import VideoQueries

__all__ = [
    "Catalog",
    "EncoderRow",
    "EvaluationRun",
    "FileFingerprint",
    "Job",
    "Judgement",
    "KnownFile",
    "KnownPlace",
    "LabelRow",
    "Library",
    "LibrarySummary",
    "VideoClips",
    "VideoFacts",
    "VideoRow",
]


class Catalog(LibraryQueries, VideoQueries, EmbeddingQueries, JobQueries, EvaluationQueries, JudgementQueries, DuplicateQueries):
    """One catalog, open. Every writing method is one transaction: it happens whole or not at all.

    Safe to share between threads; other processes may read and write the same catalog at the same time.
    """

    def __init__(self, database: Database) -> None:
        self._db = database
        self._ids_of_library: dict[str, tuple[tuple[int, str | None], list[int]]] = {}  # with the revision they are of

    @classmethod
    def open(cls, url: str) -> "Catalog":
        """Open, and create or migrate if needed. url: sqlite:////absolute/catalog.db or postgresql://user@host/name.

        Raises CatalogUnavailable, CatalogReadOnly, CatalogCorrupt, CatalogTooNew, StorageFull.
        """
        database = Database(url)
        try:
            ensure_schema(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def __enter__(self) -> "Catalog":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections. The catalog opens new ones if it is used again."""
        self._db.close()

    @property
    def is_read_only(self) -> bool:
        """Whether this user may only read it: all that writes raises CatalogReadOnly."""
        return self._db.is_read_only

    @property
    def revision(self) -> int:
        """Counts changes of what can be searched or listed; equal revisions mean that nothing changed."""
        with self.snapshot() as snapshot:
            return snapshot.revision

    def damage(self) -> list[str]:
        """What is damaged, a sentence each; looks at everything but the pictures themselves, so it may take minutes.

        Raises CatalogError where the catalog cannot be read on.
        """
        from index.catalog.check import find_damage

        return list(find_damage(self._db))

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """One state of the catalog, for caches that catch up with it."""
        return open_snapshot(self._db)

    def video_ids(self, *, library: str | None = None, folder: str | os.PathLike[str] | None = None) -> list[int]:
        """Ids of the videos of a library, below a folder, or both, ascending. Raises UnknownLibrary.

        The folder may be spelled otherwise than the libraries' folders are, such as by a link: real places are compared.
        """
        if library is not None and folder is None:
            return self._of_library(library)
        query = sa.select(video.c.id).order_by(video.c.id)
        with self._db.read() as connection:
            if library is not None:
                query = query.where(video.c.library_id == library_id_of(connection, library))
            if folder is None:
                return list(connection.scalars(query))
            found = connection.scalars(query.where(sa.or_(*map(below, spelled_below(connection, folder))))).all()
            if found:
                return list(found)
            query = query.add_columns(video.c.path)  # last, for it is slow: a link on the way to the videos themselves
            return ids_really_below(folder, connection.execute(query))

    def _of_library(self, library: str) -> list[int]:
        """Ids of a library's videos, read once for each revision: every search in it asks for them."""
        with self.snapshot() as snapshot:
            number = library_id_of(snapshot.connection, library)
            revision = snapshot.revision, snapshot.token(snapshot.revision)
            kept = self._ids_of_library.get(library)
            if kept is None or kept[0] != revision:
                query = sa.select(video.c.id).where(video.c.library_id == number).order_by(video.c.id)
                kept = revision, list(snapshot.connection.scalars(query))
                self._ids_of_library[library] = kept
        return list(kept[1])
