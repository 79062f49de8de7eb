"""Catalog queries about encoders and the clips they made: one row of blobs per (video, encoder).

Shapes: N clips of one video, D dimensions.
"""

import json
import logging
import math
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import ArrayLike

from index.catalog.change_log import record_changes
from index.catalog.database import Database
from index.catalog.libraries import library_id_of
from index.catalog.records import WHOLE_VIDEO, EncoderRow, Facts, FileFingerprint, VideoClips
from index.catalog.serialization import decode_clips, encode_clips, pack_thumbnails, unpack_thumbnail
from index.catalog.tables import embedding, encoder, library, thumbnail_pack, video
from index.catalog.videos import row_of, storable, upsert_video
from index.errors import CatalogCorrupt, EncoderMismatch, NoClips, UnknownEncoder
from index.path_text import path_to_text

logger = logging.getLogger(__name__)

_PAGE = 500
_FACT_COLUMNS = ("duration_s", "width", "height", "frame_rate", "codec", "container")


_IS_CALLED_DAMAGED = sa.exists().where(video.c.id == embedding.c.video_id, video.c.warnings.like("%damaged%"))


class EmbeddingQueries:
    """The part of `Catalog` that is about encoders, clips and thumbnails."""

    _db: Database

    def register_encoder(self, identity: str, name: str, dim: int, card_json: str) -> int:
        """The id of an encoder, made on first sight. identity: 64 hexadecimal digits; name and card may be corrected.

        A catalog that may only be read learns nothing: there an unknown encoder is 0, which has no clips.
        Raises EncoderMismatch when the known encoder has another dimension.
        """
        query = sa.select(encoder).where(encoder.c.identity == identity)
        with self._db.read() as connection:  # nearly always known and unchanged: then nobody has to wait for a writer
            row = connection.execute(query).one_or_none()
        if row is not None and row.dim != dim:
            raise EncoderMismatch(
                f"Encoder {name!r} ({identity[:12]}) is known with {row.dim} dimensions, got {dim}. Its file or card is damaged."
            )
        if self._db.is_read_only or (row is not None and (row.name, row.card_json) == (name, card_json)):
            return 0 if row is None else int(row.id)
        with self._db.write() as connection:
            values: dict[str, Any] = {"name": name, "card_json": card_json}
            row = connection.execute(query).one_or_none()
            if row is not None:
                connection.execute(sa.update(encoder).where(encoder.c.id == row.id).values(values))
                return int(row.id)
            values |= {"identity": identity, "weights_sha256": identity, "dim": dim, "created_at": time.time()}
            return int(connection.scalars(sa.insert(encoder).values(values).returning(encoder.c.id)).one())

    def find_encoder(self, identity: str) -> int | None:
        """The id of an encoder; None of one that is not known."""
        with self._db.read() as connection:
            found: int | None = connection.scalar(sa.select(encoder.c.id).where(encoder.c.identity == identity))
        return found

    def unidentified_encoder(self, weights_sha256: str) -> EncoderRow | None:
        """The row that an older version wrote of files that claim this hash, if nobody has said yet which encoder it is."""
        query = sa.select(encoder).where(encoder.c.weights_sha256 == weights_sha256, encoder.c.identity.is_(None))
        with self._db.read() as connection:
            known = connection.execute(query).one_or_none()
        return None if known is None else self.encoder(known.id)

    def identify_encoder(self, encoder_id: int, identity: str) -> None:
        """Says which encoder a row of an older version is. Nothing happens to one of which that was said before."""
        with self._db.write() as connection:
            connection.execute(
                sa.update(encoder).where(encoder.c.id == encoder_id, encoder.c.identity.is_(None)).values(identity=identity)
            )

    def clip_lengths_s(self, encoder_id: int) -> list[tuple[float, frozenset[float]]]:
        """Of each video with clips of an encoder its duration, and the lengths of its clips but those that are the whole of it; all
        in seconds, lengths to the millisecond.
        """
        query = sa.select(embedding.c.spans, embedding.c.flags, video.c.duration_s).join(video, video.c.id == embedding.c.video_id)
        found = []
        with self._db.read() as connection:
            for spans, flags, duration_s in connection.execute(query.where(embedding.c.encoder_id == encoder_id)):
                spans_N2 = np.frombuffer(spans, "<f8").reshape(-1, 2)
                pieces = (np.frombuffer(flags, np.uint8) & WHOLE_VIDEO) == 0
                lengths = np.round(spans_N2[pieces, 1] - spans_N2[pieces, 0], 3)
                found.append((float(duration_s or 0.0), frozenset(np.unique(lengths).tolist())))
        return found

    def encoders(self) -> list[EncoderRow]:
        """All encoders the catalog knows, oldest first."""
        num_clips = sa.func.coalesce(sa.func.sum(embedding.c.num_clips), 0).label("num_clips")
        query = sa.select(encoder, num_clips).outerjoin(embedding).group_by(*encoder.c).order_by(encoder.c.id)
        with self._db.read() as connection:
            return [
                EncoderRow(row.id, row.identity, row.weights_sha256, row.name, row.dim, row.card_json, int(row.num_clips))
                for row in connection.execute(query)
            ]

    def encoder(self, encoder_id: int) -> EncoderRow:
        """One encoder by id. Raises UnknownEncoder."""
        for row in self.encoders():
            if row.id == encoder_id:
                return row
        raise UnknownEncoder(f"The catalog knows no encoder with id {encoder_id}. Register it first.")

    def vector_files_key(self, encoder_id: int) -> str:
        """What an encoder's vector files are named by (`EncoderRow.files_key`). Raises UnknownEncoder."""
        with self._db.read() as connection:
            key = connection.scalar(sa.select(encoder.c.weights_sha256).where(encoder.c.id == encoder_id))
        if key is None:
            raise UnknownEncoder(f"The catalog knows no encoder with id {encoder_id}. Register it first.")
        return str(key)

    def put_embedded(
        self,
        library_name: str,
        file: FileFingerprint,
        facts: Facts,
        encoder_id: int,
        spans_s: ArrayLike,
        vectors: ArrayLike,
        flags: ArrayLike,
        thumbnails: Sequence[bytes],
        *,
        warnings: Sequence[str] = (),
        reading: int = 1,
    ) -> int:
        """Store all clips of one video, or none: insert, or replace what this encoder had. Returns the video's id.

        reading: the version of the rules of reading by which they were made. Warnings of earlier readings stay for as long as other
        encoders have clips of this content by other rules.
        spans_s (N, 2) seconds; vectors (N, D) unit length; flags (N,); thumbnails: one picture per clip, or none at all.
        Raises UnknownLibrary, UnknownEncoder, EncoderMismatch, ValueError for arrays that contradict each other and for a duration
        that is none, ValueRefused for what the database cannot hold. A frame rate that is none is left out.
        """
        if not (math.isfinite(facts.duration_s) and facts.duration_s > 0):
            raise ValueError(f"A video's duration must be more than 0 seconds, got {facts.duration_s}.")
        dim = self._dim(encoder_id)
        clips = encode_clips(spans_s, vectors, flags, dim=dim, duration_s=facts.duration_s)
        if thumbnails and len(thumbnails) != clips.num_clips:
            raise ValueError(
                f"There must be one thumbnail per clip or none: {clips.num_clips} clips, {len(thumbnails)} thumbnails."
            )
        values: dict[str, Any] = {name: getattr(facts, name) for name in _FACT_COLUMNS}
        if not math.isfinite(facts.frame_rate):
            values["frame_rate"] = None
        values |= {"codec": storable(facts.codec)[:64], "container": storable(facts.container)[:64]}
        values |= {"outcome": "indexed", "reading": reading}
        blobs = {
            "reading": reading,
            "num_clips": clips.num_clips,
            "spans": clips.spans,
            "vectors": clips.vectors,
            "flags": clips.flags,
        }
        with self._db.write() as connection:
            library_id = library_id_of(connection, library_name)
            said = [storable(warning) for warning in warnings]
            earlier = _warnings_of_other_readings(connection, library_id, file, encoder_id, reading)
            values["warnings"] = json.dumps([*said, *(warning for warning in earlier if warning not in said)])
            video_id, changes = upsert_video(connection, library_id, file, values)
            key = {"video_id": video_id, "encoder_id": encoder_id}
            connection.execute(sa.delete(embedding).where(_is(embedding, video_id, encoder_id)))
            connection.execute(sa.insert(embedding).values(key | blobs))
            if thumbnails:
                places, pictures = pack_thumbnails(thumbnails)
                connection.execute(sa.insert(thumbnail_pack).values(key | {"places": places, "pictures": pictures}))
            record_changes(connection, [*changes, (video_id, encoder_id, "added")])
        return video_id

    def copy_embedding(self, from_video_id: int, library_name: str, file: FileFingerprint, encoder_id: int) -> int | None:
        """Give a file the clips of another one with the same content. Returns its id, or None if there is nothing to copy."""
        with self._db.write() as connection:
            source = connection.execute(
                sa.select(video).join(embedding).where(_is(embedding, from_video_id, encoder_id))
            ).one_or_none()
            if source is None or source.outcome != "indexed":
                return None
            values = {name: getattr(source, name) for name in (*_FACT_COLUMNS, "outcome", "warnings", "reading")}
            video_id, changes = upsert_video(connection, library_id_of(connection, library_name), file, values)
            if video_id != from_video_id:
                connection.execute(sa.delete(embedding).where(_is(embedding, video_id, encoder_id)))
                for table in (embedding, thumbnail_pack):
                    names = [column.name for column in table.c]
                    rest = [table.c[name] for name in names if name != "video_id"]
                    copied = sa.select(sa.literal(video_id), *rest).where(_is(table, from_video_id, encoder_id))
                    connection.execute(sa.insert(table).from_select(["video_id", *(c.name for c in rest)], copied))
            record_changes(connection, [*changes, (video_id, encoder_id, "added")])
        return video_id

    def note_reading(self, video_id: int, encoder_id: int, reading: int, warnings: Sequence[str] = ()) -> None:
        """A video's clips are what this version of the rules of reading would make of it, too. warnings: added to its own.

        Raises UnknownVideo."""
        with self._db.write() as connection:
            row = row_of(connection, video_id)
            connection.execute(sa.update(embedding).where(_is(embedding, video_id, encoder_id)).values(reading=reading))
            known = json.loads(row.warnings)
            new = [storable(warning) for warning in warnings if storable(warning) not in known]
            if new:
                connection.execute(sa.update(video).where(video.c.id == video_id).values(warnings=json.dumps(known + new)))
                record_changes(connection, [(video_id, 0, "noted")])

    def take_as_read_by(self, encoder_id: int, reading: int, *, same_from: int) -> None:
        """Notes that clips which were made by version `same_from` of the rules of reading, or a later one, are what version
        `reading` would make, too; not those of videos that a warning calls damaged."""
        older = sa.and_(embedding.c.reading >= same_from, embedding.c.reading < reading, ~_IS_CALLED_DAMAGED)
        with self._db.read() as connection:  # nearly always there are none: then nobody has to wait for a writer
            if not connection.scalar(sa.select(sa.exists().where(embedding.c.encoder_id == encoder_id, older))):
                return
        with self._db.write() as connection:
            connection.execute(sa.update(embedding).where(embedding.c.encoder_id == encoder_id, older).values(reading=reading))

    def count_read_before(self, encoder_id: int, reading: int, *, same_from: int | None = None) -> dict[int, int]:
        """How many videos have clips that were made by older rules of reading than this version, by their version. same_from: from
        this version on, only those that a warning calls damaged."""
        query = sa.select(embedding.c.reading, sa.func.count()).group_by(embedding.c.reading)
        query = query.where(embedding.c.encoder_id == encoder_id, embedding.c.reading < reading)
        if same_from is not None:
            query = query.where(sa.or_(embedding.c.reading < same_from, _IS_CALLED_DAMAGED))
        with self._db.read() as connection:
            return {int(version): int(count) for version, count in connection.execute(query)}

    def videos_read_by(self, encoder_id: int, reading: int) -> list[int]:
        """Which videos have clips that were made by this version of the rules of reading."""
        query = sa.select(embedding.c.video_id).where(embedding.c.encoder_id == encoder_id, embedding.c.reading == reading)
        with self._db.read() as connection:
            return list(connection.scalars(query))

    def clips(self, video_id: int, encoder_id: int) -> VideoClips:
        """All clips of one video. Raises NoClips, UnknownEncoder, CatalogCorrupt."""
        dim = self._dim(encoder_id)
        with self._db.read() as connection:
            row = connection.execute(_clip_rows([video_id], encoder_id)).one_or_none()
        if row is None:
            raise NoClips(f"Video {video_id} has no clips of encoder {encoder_id}. Index its library with that encoder first.")
        return decode_clips(row, dim)

    def clips_of(self, video_ids: Iterable[int], encoder_id: int) -> dict[int, VideoClips]:
        """Clips of several videos; those without are left out, damaged ones, too, and logged. Raises UnknownEncoder."""
        dim = self._dim(encoder_id)
        wanted = sorted(set(video_ids))
        found: dict[int, VideoClips] = {}
        with self._db.read() as connection:
            for start in range(0, len(wanted), _PAGE):
                for row in connection.execute(_clip_rows(wanted[start : start + _PAGE], encoder_id)):
                    try:
                        found[row.video_id] = decode_clips(row, dim)
                    except CatalogCorrupt as error:
                        logger.warning("Left out: %s", error)
        return found

    def thumbnails(self, clips: Iterable[tuple[int, int]], encoder_id: int) -> dict[tuple[int, int], bytes]:
        """Pictures of several (video_id, ordinal); those without are left out."""
        ordinals: dict[int, set[int]] = {}
        for video_id, ordinal in clips:
            ordinals.setdefault(video_id, set()).add(ordinal)
        found: dict[tuple[int, int], bytes] = {}
        ids = sorted(ordinals)
        with self._db.read() as connection:
            for start in range(0, len(ids), _PAGE):
                own = thumbnail_pack.c.video_id.in_(ids[start : start + _PAGE])
                for row in connection.execute(sa.select(thumbnail_pack).where(own, thumbnail_pack.c.encoder_id == encoder_id)):
                    for ordinal in ordinals[row.video_id]:
                        picture = unpack_thumbnail(row.places, row.pictures, ordinal)
                        if picture is not None:
                            found[row.video_id, ordinal] = picture
        return found

    def has_clips(self, encoder_id: int, *, library: str | None = None) -> bool:
        """Whether anything of this encoder can be searched, in one library or in any. Raises UnknownLibrary."""
        query = sa.select(embedding.c.video_id).join(video).where(embedding.c.encoder_id == encoder_id)
        query = query.where(video.c.missing_since.is_(None)).limit(1)
        with self._db.read() as connection:
            if library is not None:
                query = query.where(video.c.library_id == library_id_of(connection, library))
            return connection.scalar(query) is not None

    def _dim(self, encoder_id: int) -> int:
        with self._db.read() as connection:
            dim = connection.scalar(sa.select(encoder.c.dim).where(encoder.c.id == encoder_id))
        if dim is None:
            raise UnknownEncoder(f"The catalog knows no encoder with id {encoder_id}. Register it first.")
        return int(dim)


def _warnings_of_other_readings(
    connection: sa.Connection, library_id: int, file: FileFingerprint, encoder_id: int, reading: int
) -> list[str]:
    """The stored warnings of a file whose content is unchanged and of which other encoders have clips by another version of the
    rules of reading; of any other file, none."""
    others = sa.exists().where(
        embedding.c.video_id == video.c.id, embedding.c.encoder_id != encoder_id, embedding.c.reading != reading
    )
    query = sa.select(video.c.warnings).where(video.c.library_id == library_id, video.c.path == path_to_text(file.path), others)
    warnings = connection.scalar(query.where(video.c.content_hash == (file.content_hash or None)))
    return [] if warnings is None else list(json.loads(warnings))


def _is(table: sa.Table, video_id: int, encoder_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.video_id == video_id, table.c.encoder_id == encoder_id)


def _clip_rows(video_ids: list[int], encoder_id: int) -> sa.Select[Any]:
    """Rows as `decode_clips` takes them."""
    return (
        sa.select(embedding, video.c.path, library.c.name.label("library_name"))
        .join(video, video.c.id == embedding.c.video_id)
        .join(library, library.c.id == video.c.library_id)
        .where(embedding.c.video_id.in_(video_ids), embedding.c.encoder_id == encoder_id)
    )
