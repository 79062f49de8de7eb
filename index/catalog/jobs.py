"""Catalog queries about jobs: runs whose progress other processes watch."""

import json
import os
import socket
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from index.catalog.database import Database
from index.catalog.records import Job, JobState
from index.catalog.tables import job
from index.catalog.videos import storable

_STALE_AFTER_S = 120.0  # where the process cannot be looked at (another machine), this long a silence counts as its end
_FINAL_STATES = ("done", "failed", "stopped")


class JobQueries:
    """The job part of `Catalog`. Its writes do not count the revision up: nothing searchable changes."""

    _db: Database

    def start_job(self, kind: str, library_name: str | None = None, progress: Mapping[str, Any] | None = None) -> int:
        """Enter a job of this very process, as running. progress: JSON object, e.g. done, total, counts, current file."""
        now = time.time()
        values = {
            "kind": kind,
            "library": None if library_name is None else storable(library_name),
            "state": "running",
            "pid": os.getpid(),
            "process_start": _process_start(os.getpid()),
            "host": socket.gethostname(),
            "started_at": now,
            "updated_at": now,
            "progress_json": _json(progress or {}),
        }
        with self._db.write_apart() as connection:
            return int(connection.scalars(sa.insert(job).values(values).returning(job.c.id)).one())

    def update_job(self, job_id: int, progress: Mapping[str, Any]) -> None:
        """Replace a job's progress. It also tells watchers on other machines that the job lives."""
        with self._db.write_apart() as connection:
            values = {"progress_json": _json(progress), "updated_at": time.time()}
            connection.execute(sa.update(job).where(job.c.id == job_id).values(values))

    def finish_job(
        self, job_id: int, state: JobState = "done", progress: Mapping[str, Any] | None = None, message: str | None = None
    ) -> None:
        """How a job ended: 'done', 'failed' or 'stopped', with its last progress and one line on why."""
        if state not in _FINAL_STATES:
            raise ValueError(f"A job ends as one of {', '.join(_FINAL_STATES)}, got {state!r}.")
        now = time.time()
        values = {"state": state, "finished_at": now, "updated_at": now, "message": None if message is None else storable(message)}
        if progress is not None:
            values["progress_json"] = _json(progress)
        with self._db.write_apart() as connection:
            connection.execute(sa.update(job).where(job.c.id == job_id).values(values))

    def jobs(self, *, kind: str | None = None, limit: int | None = 20) -> list[Job]:
        """The latest jobs, newest first. limit: None for all."""
        query = sa.select(job).order_by(job.c.id.desc()).limit(limit)
        if kind is not None:
            query = query.where(job.c.kind == kind)
        with self._db.read() as connection:
            return [_job(row) for row in connection.execute(query)]

    def job(self, job_id: int) -> Job | None:
        """One job, None if there is no such."""
        with self._db.read() as connection:
            row = connection.execute(sa.select(job).where(job.c.id == job_id)).one_or_none()
        return None if row is None else _job(row)


def _job(row: Any) -> Job:
    state: JobState = row.state
    if state == "running" and not _lives(row):
        state = "interrupted"
    return Job(
        id=row.id,
        kind=row.kind,
        library=row.library,
        state=state,
        pid=row.pid,
        host=row.host,
        started_at=datetime.fromtimestamp(row.started_at, UTC),
        updated_at=datetime.fromtimestamp(row.updated_at, UTC),
        finished_at=None if row.finished_at is None else datetime.fromtimestamp(row.finished_at, UTC),
        progress=json.loads(row.progress_json),
        message=row.message,
    )


def _lives(row: Any) -> bool:
    """Whether a job's process still runs. Elsewhere, or where processes cannot be asked, its last sign of life decides."""
    if row.host != socket.gethostname() or os.name != "posix":
        return bool(time.time() - row.updated_at < _STALE_AFTER_S)
    try:
        os.kill(row.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it runs, under another user
    return row.process_start is None or _process_start(row.pid) == row.process_start


def _process_start(pid: int) -> str | None:
    """When a process began, in the system's own unit; None where the system does not tell (no /proc)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")  # a program may be called anything
    except OSError:
        return None
    # The second field is the command in parentheses and may hold anything; the start time is the 22nd field.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]  # a zombie has ended, only nobody has asked how


def _json(value: Mapping[str, Any]) -> str:
    return storable(json.dumps(value))
