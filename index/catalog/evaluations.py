"""Catalog queries about labels and measured results."""

import json
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from index.catalog.database import Database
from index.catalog.libraries import library_id_of
from index.catalog.records import EvaluationRun, LabelRow
from index.catalog.tables import evaluation_run, label, video
from index.catalog.videos import storable
from index.errors import UnknownVideo


class EvaluationQueries:
    """The part of `Catalog` that is about labels and evaluation runs."""

    _db: Database

    def put_labels(self, library_name: str, rows: Iterable[LabelRow]) -> int:
        """Replace all labels of a library. Returns how many there are now. Raises UnknownVideo for a video of another one."""
        unique = list(dict.fromkeys(rows))
        with self._db.write() as connection:
            library_id = library_id_of(connection, library_name)
            own = sa.select(video.c.id).where(video.c.library_id == library_id)
            known = set(connection.scalars(own))
            for row in unique:
                if row.video_id not in known:
                    raise UnknownVideo(f"Library {library_name!r} has no video {row.video_id}; its label cannot be stored.")
            connection.execute(sa.delete(label).where(label.c.video_id.in_(own)))
            values = [
                {
                    "video_id": row.video_id,
                    "label": storable(row.label),
                    "split": storable(row.split),
                    "source": storable(row.source),
                }
                for row in unique
            ]
            if values:
                connection.execute(sa.insert(label), values)
        return len(values)

    def labels(self, library_name: str) -> list[LabelRow]:
        """All labels of a library, by video."""
        with self._db.read() as connection:
            library_id = library_id_of(connection, library_name)
            query = sa.select(label).join(video).where(video.c.library_id == library_id).order_by(label.c.video_id, label.c.id)
            return [LabelRow(row.video_id, row.label, row.split, row.source) for row in connection.execute(query)]

    def put_evaluation_run(
        self, kind: str, library_name: str | None, settings: Mapping[str, Any], results: Mapping[str, Any]
    ) -> int:
        """Store a measured result with what was asked. Both must be JSON objects. Returns its id; 0 where the catalog may only be
        read, so that what took long to measure is not lost for that."""
        if self._db.is_read_only:
            return 0
        values = {
            "kind": kind,
            "library": library_name,
            "settings_json": json.dumps(settings),
            "results_json": json.dumps(results),
            "created_at": time.time(),
        }
        with self._db.write_apart() as connection:
            return int(connection.scalars(sa.insert(evaluation_run).values(values).returning(evaluation_run.c.id)).one())

    def evaluation_runs(self, *, kind: str | None = None, library_name: str | None = None, limit: int = 100) -> list[EvaluationRun]:
        """Stored results, newest first. What is damaged in the catalog is empty."""
        query = sa.select(evaluation_run).order_by(evaluation_run.c.id.desc()).limit(limit)
        if kind is not None:
            query = query.where(evaluation_run.c.kind == kind)
        if library_name is not None:
            query = query.where(evaluation_run.c.library == library_name)
        with self._db.read() as connection:
            return [_run(row) for row in connection.execute(query)]

    def evaluation_run_ids(self, *, limit: int | None = 100) -> list[int]:
        """The numbers of stored results, newest first, without reading what came out. limit: None for all."""
        query = sa.select(evaluation_run.c.id).order_by(evaluation_run.c.id.desc()).limit(limit)
        with self._db.read() as connection:
            return list(connection.scalars(query))

    def evaluation_run(self, run_id: int) -> EvaluationRun | None:
        """One stored result, None if there is no such."""
        with self._db.read() as connection:
            row = connection.execute(sa.select(evaluation_run).where(evaluation_run.c.id == run_id)).one_or_none()
        return None if row is None else _run(row)


def _run(row: Any) -> EvaluationRun:
    return EvaluationRun(
        row.id,
        row.kind,
        row.library,
        datetime.fromtimestamp(row.created_at, UTC),
        _object(row.settings_json),
        _object(row.results_json),
    )


def _object(text: str) -> Any:
    """One damaged run must not hide the others: of it there is nothing left, which whoever reads its rows will say."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return {}
