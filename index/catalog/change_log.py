"""The catalog's change counter, and what changed since: how caches of the catalog stay right.

Every writing transaction that changes what can be searched or seen counts the revision up by one and notes which videos it
touched. A revision carries a random token. Whoever remembers (revision, token) can tell whether the catalog still has that
history behind it or was replaced by an older copy.
"""

import logging
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from index.catalog.database import Database
from index.catalog.records import VideoClips
from index.catalog.serialization import decode_clips
from index.catalog.tables import catalog_state, change_log, embedding, encoder, library, video
from index.errors import CatalogCorrupt, UnknownEncoder

ChangeKind = Literal["added", "removed", "noted"]
Change = tuple[int, int, ChangeKind]
"""(video_id, encoder_id, kind). 'noted' with encoder 0: something else about the video changed."""

logger = logging.getLogger(__name__)

_PAGE_VIDEOS = 500  # rows per query: some tens of megabytes, and below every database's limit of parameters
_SEARCHABLE = embedding.join(video, video.c.id == embedding.c.video_id)


def record_changes(connection: sa.Connection, changes: Iterable[Change]) -> int:
    """Count the revision up and log the changes under it. Call it last in a transaction. Returns the new revision."""
    rows = {(video_id, encoder_id): kind for video_id, encoder_id, kind in changes}
    connection.execute(sa.update(catalog_state).values(revision=catalog_state.c.revision + 1))
    revision = _revision(connection)
    token = secrets.token_hex(16)
    rows = rows or {(0, 0): "noted"}
    connection.execute(
        sa.insert(change_log),
        [
            {"revision": revision, "video_id": video_id, "encoder_id": encoder_id, "kind": kind, "token": token}
            for (video_id, encoder_id), kind in rows.items()
        ],
    )
    return revision


@dataclass(frozen=True)
class Snapshot:
    """One state of the catalog, seen through one reading transaction."""

    connection: sa.Connection
    revision: int

    def token(self, revision: int) -> str | None:
        """Random mark of a revision; None when this catalog's history has no such revision. Revision 0 has ''."""
        if revision == 0:
            return ""
        query = sa.select(change_log.c.token).where(change_log.c.revision == revision).limit(1)
        return self.connection.scalar(query)

    def changed_videos(self, encoder_id: int, since_revision: int) -> list[int]:
        """Ids of videos whose clips of this encoder came, went or were replaced after a revision."""
        query = (
            sa.select(change_log.c.video_id)
            .where(change_log.c.revision > since_revision, change_log.c.encoder_id == encoder_id)
            .distinct()
            .order_by(change_log.c.video_id)
        )
        return list(self.connection.scalars(query))

    def count_clips(self, encoder_id: int) -> int:
        """How many clips of this encoder can be searched."""
        query = sa.select(sa.func.coalesce(sa.func.sum(embedding.c.num_clips), 0)).select_from(_SEARCHABLE)
        return int(self.connection.scalar(query.where(embedding.c.encoder_id == encoder_id, video.c.missing_since.is_(None))) or 0)

    def dim(self, encoder_id: int) -> int:
        """Vector dimension of an encoder. Raises UnknownEncoder."""
        dim = self.connection.scalar(sa.select(encoder.c.dim).where(encoder.c.id == encoder_id))
        if dim is None:
            raise UnknownEncoder(f"The catalog knows no encoder with id {encoder_id}.")
        return int(dim)

    def all_clips(self, encoder_id: int) -> Iterator[VideoClips]:
        """Clips of all searchable videos in order of video id, some pages of rows in memory at a time; a damaged one is left
        out, and logged."""
        dim = self.dim(encoder_id)
        last_id = 0
        while True:
            query = _clip_rows(encoder_id).where(embedding.c.video_id > last_id).limit(_PAGE_VIDEOS)
            rows = self.connection.execute(query).all()
            for row in rows:
                yield from _decoded(row, dim)
            if len(rows) < _PAGE_VIDEOS:
                return
            last_id = rows[-1].video_id

    def clips_of(self, encoder_id: int, video_ids: list[int]) -> Iterator[VideoClips]:
        """Clips of those of the given videos that can be searched, in order of video id; a damaged one is left out, and logged."""
        dim = self.dim(encoder_id)
        ordered = sorted(set(video_ids))
        for start in range(0, len(ordered), _PAGE_VIDEOS):
            page = ordered[start : start + _PAGE_VIDEOS]
            for row in self.connection.execute(_clip_rows(encoder_id).where(embedding.c.video_id.in_(page))):
                yield from _decoded(row, dim)


@contextmanager
def open_snapshot(database: Database) -> Iterator[Snapshot]:
    """A snapshot, valid inside the `with`."""
    with database.read() as connection:
        yield Snapshot(connection, _revision(connection))


def _revision(connection: sa.Connection) -> int:
    return int(connection.scalars(sa.select(catalog_state.c.revision)).one())


def _decoded(row: Any, dim: int) -> Iterator[VideoClips]:
    """The clips of a row, or none: one damaged video must not keep all others from being searched."""
    try:
        yield decode_clips(row, dim)
    except CatalogCorrupt as error:
        logger.warning("Left out of the search: %s", error)


def _clip_rows(encoder_id: int) -> sa.Select[Any]:
    return (
        sa.select(embedding, video.c.path, library.c.name.label("library_name"))
        .select_from(_SEARCHABLE.join(library, library.c.id == video.c.library_id))
        .where(embedding.c.encoder_id == encoder_id, video.c.missing_since.is_(None))
        .order_by(embedding.c.video_id)
    )
