"""Looks a catalog through for damage, down to the last blob. Slow: it reads everything but the pictures."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import sqlalchemy as sa

from index.catalog.database import Database
from index.catalog.serialization import decode_clips, thumbnails_fit
from index.catalog.tables import embedding, encoder, library, thumbnail_pack, video
from index.errors import CatalogCorrupt

_MOST_OF_SQLITE = 5
_PAGE = 200
_UNIT_TOLERANCE = 0.02  # of half precision


def find_damage(database: Database) -> Iterator[str]:
    """What is wrong, a sentence each; nothing when all is well. Raises CatalogError where the catalog cannot be read on."""
    with database.read() as connection:
        if database.is_sqlite:
            pages = [row[0] for row in connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST_OF_SQLITE})")]
            if pages != ["ok"]:
                yield f"SQLite finds the file damaged: {'; '.join(' '.join(str(page).split()) for page in pages)}"
                return
            for table, number, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(_MOST_OF_SQLITE):
                yield f"row {number} of {table} belongs to a row of {parent} that is not there"
        last = (0, 0)
        while rows := connection.execute(_clips_after(last)).all():
            for row in rows:
                yield from _damage_of(row)
            last = (rows[-1].video_id, rows[-1].encoder_id)


def _clips_after(last: tuple[int, int]) -> sa.Select[Any]:
    key = sa.tuple_(embedding.c.video_id, embedding.c.encoder_id)
    pictures = sa.and_(thumbnail_pack.c.video_id == embedding.c.video_id, thumbnail_pack.c.encoder_id == embedding.c.encoder_id)
    return (
        sa.select(
            embedding,
            encoder.c.dim,
            video.c.path,
            library.c.name.label("library_name"),
            thumbnail_pack.c.places,
            sa.func.length(thumbnail_pack.c.pictures).label("picture_bytes"),
        )
        .join_from(embedding, video)
        .join(library)
        .join(encoder, encoder.c.id == embedding.c.encoder_id)
        .outerjoin(thumbnail_pack, pictures)
        .where(key > sa.tuple_(*last))
        .order_by(embedding.c.video_id, embedding.c.encoder_id)
        .limit(_PAGE)
    )


def _damage_of(row: Any) -> Iterator[str]:
    try:
        clips = decode_clips(row, row.dim)
    except CatalogCorrupt as error:
        yield str(error)
        return
    lengths = np.linalg.norm(clips.vectors.astype(np.float32), axis=1)
    spans = clips.spans_s
    # Written so that NaN, for which every comparison is false, is damage.
    if not (np.abs(lengths - 1) <= _UNIT_TOLERANCE).all() or not ((spans[:, 0] >= 0) & (spans[:, 0] < spans[:, 1])).all():
        yield f"The stored clips of video {row.video_id}, {row.path}, hold numbers that cannot be; embed it anew"
    if row.places is not None and not thumbnails_fit(row.places, row.picture_bytes, row.num_clips):
        yield f"The pictures of video {row.video_id}, {row.path}, are damaged; embed it anew"
