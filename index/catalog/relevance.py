"""Catalog queries about judgements: a person's word whether a moment that a search found is what was looked for."""

import json
import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from index.catalog.database import Database
from index.catalog.libraries import library_id_of
from index.catalog.records import Judgement
from index.catalog.tables import judgement, video
from index.catalog.videos import storable
from index.errors import UnknownVideo

_SAME_SHARE = 0.5  # of two spans, more than this share of the shorter one in common: the same moment


class JudgementQueries:
    """The part of `Catalog` that is about judgements. None of it changes what can be searched, so the revision stays."""

    _db: Database

    def put_judgement(
        self,
        video_id: int,
        encoder_id: int | None,
        query: Mapping[str, Any],
        start_s: float,
        end_s: float,
        relevant: bool,
        *,
        query_name: str = "",
    ) -> int:
        """Remember a judgement of the moment [start_s, end_s] of a video as an answer to a query. Returns its id.

        It takes the place of earlier ones of the same query and moment, whichever encoder found that. query: a JSON object;
        equal ones are the same query. query_name: what to call it. encoder_id: the encoder that found the moment, if known.
        Raises UnknownVideo, and ValueError for a span that is none or a query that JSON cannot hold.
        """
        if not 0 <= start_s < end_s < math.inf:
            raise ValueError(f"A judged moment must begin at 0 s or later and end after it begins, got {start_s} to {end_s} s.")
        values = {
            "video_id": video_id,
            "encoder_id": encoder_id,
            "query_json": _as_text(query),
            "query_name": storable(query_name),
            "start_s": start_s,
            "end_s": end_s,
            "relevant": int(relevant),
            "created_at": time.time(),
        }
        with self._db.write() as connection:
            if connection.scalar(sa.select(video.c.id).where(video.c.id == video_id)) is None:
                raise UnknownVideo(f"The catalog has no video {video_id}. It may have been removed since; search again.")
            _remove(connection, video_id, query, start_s, end_s)
            return int(connection.scalars(sa.insert(judgement).values(values).returning(judgement.c.id)).one())

    def remove_judgement(self, video_id: int, query: Mapping[str, Any], start_s: float, end_s: float) -> int:
        """Take back what was said of a moment as an answer to a query. Returns how many judgements went: 0 if there was none."""
        with self._db.write() as connection:
            return _remove(connection, video_id, query, start_s, end_s)

    def judgements(self, library_name: str | None = None, *, query: Mapping[str, Any] | None = None) -> list[Judgement]:
        """Judgements of moments in one library or in all, of one query or of all; oldest first. Raises UnknownLibrary."""
        wanted = sa.select(judgement).order_by(judgement.c.id)
        if query is not None:
            wanted = wanted.where(judgement.c.query_json == _as_text(query))
        with self._db.read() as connection:
            if library_name is not None:
                own = video.c.library_id == library_id_of(connection, library_name)
                wanted = wanted.join(video, video.c.id == judgement.c.video_id).where(own)
            return [_judgement(row) for row in connection.execute(wanted)]


def shared_share(one: tuple[float, float], other: tuple[float, float]) -> float:
    """What two spans in seconds have in common, as a share of the shorter one: 0 to 1."""
    shared_s = min(one[1], other[1]) - max(one[0], other[0])
    shorter_s = min(one[1] - one[0], other[1] - other[0])
    return max(0.0, shared_s) / shorter_s if shorter_s > 0 else 0.0


def is_same_moment(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether two spans of one video, in seconds, have more than half of the shorter one in common."""
    return shared_share(one, other) > _SAME_SHARE


def _as_text(query: Mapping[str, Any]) -> str:
    """The one spelling of a query, so that equal queries are equal text. Raises ValueError for what JSON cannot hold."""
    try:
        return json.dumps(dict(query), sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"A judged query must be a JSON object, got {query!r}: {error}.") from error


def _remove(connection: sa.Connection, video_id: int, query: Mapping[str, Any], start_s: float, end_s: float) -> int:
    known = sa.select(judgement.c.id, judgement.c.start_s, judgement.c.end_s).where(
        judgement.c.video_id == video_id, judgement.c.query_json == _as_text(query)
    )
    going = [row.id for row in connection.execute(known) if is_same_moment((row.start_s, row.end_s), (start_s, end_s))]
    if going:
        connection.execute(sa.delete(judgement).where(judgement.c.id.in_(going)))
    return len(going)


def _judgement(row: Any) -> Judgement:
    return Judgement(
        row.id,
        row.video_id,
        row.encoder_id,
        json.loads(row.query_json),
        row.query_name,
        row.start_s,
        row.end_s,
        bool(row.relevant),
        datetime.fromtimestamp(row.created_at, UTC),
    )
