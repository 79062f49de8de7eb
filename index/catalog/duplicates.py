"""Catalog queries about pairs of videos that a person said are no duplicates of one another."""

import time
from collections.abc import Collection

import sqlalchemy as sa

from index.catalog.database import Database
from index.catalog.tables import not_duplicate, video
from index.errors import UnknownVideo


class DuplicateQueries:
    """The part of `Catalog` that is about duplicates. None of it changes what can be searched, so the revision stays.

    What was said goes with its videos: a forgotten video takes its pairs along.
    """

    _db: Database

    def put_not_duplicates(self, one_ids: Collection[int], other_ids: Collection[int]) -> int:
        """Remember that none of some videos is a duplicate of any of the others. Returns how many pairs that was not known of.

        Several ids on a side are rows of one file, as when two libraries hold it. Raises UnknownVideo, and ValueError for a video
        on both sides.
        """
        pairs = _pairs(one_ids, other_ids)
        with self._db.write() as connection:
            ids = sorted({*one_ids, *other_ids})
            known = set(connection.scalars(sa.select(video.c.id).where(video.c.id.in_(ids))))
            for video_id in ids:
                if video_id not in known:
                    raise UnknownVideo(
                        f"The catalog has no video {video_id}. It may have been removed since; list duplicates again."
                    )
            new = sorted(pairs - _said(connection, ids))
            rows = [{"first_id": first, "second_id": second, "created_at": time.time()} for first, second in new]
            if rows:
                connection.execute(sa.insert(not_duplicate), rows)
        return len(new)

    def remove_not_duplicates(self, one_ids: Collection[int], other_ids: Collection[int]) -> int:
        """Take back what `put_not_duplicates` remembers of these videos. Returns how many pairs that was: 0 if none."""
        pairs = _pairs(one_ids, other_ids)
        with self._db.write() as connection:
            going = sorted(pairs & _said(connection, sorted({*one_ids, *other_ids})))
            for first, second in going:
                own = sa.and_(not_duplicate.c.first_id == first, not_duplicate.c.second_id == second)
                connection.execute(sa.delete(not_duplicate).where(own))
        return len(going)

    def not_duplicates(self) -> set[tuple[int, int]]:
        """All pairs of videos that are marked as no duplicates, the lower number first."""
        with self._db.read() as connection:
            return _said(connection)


def _pairs(one_ids: Collection[int], other_ids: Collection[int]) -> set[tuple[int, int]]:
    both = sorted(set(one_ids) & set(other_ids))
    if both:
        raise ValueError(f"A pair needs two videos, got video {both[0]} on both sides.")
    return {(min(one, other), max(one, other)) for one in one_ids for other in other_ids}


def _said(connection: sa.Connection, first_ids: list[int] | None = None) -> set[tuple[int, int]]:
    query = sa.select(not_duplicate.c.first_id, not_duplicate.c.second_id)
    if first_ids is not None:
        query = query.where(not_duplicate.c.first_id.in_(first_ids))
    return {(row.first_id, row.second_id) for row in connection.execute(query)}
