"""Use cases that tidy up: remove libraries, forget what is gone, tell what has been running."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.errors import BadFolder, BadPattern
from app.index_library import checked_patterns
from app.run_lock import run_lock
from app.workspace import Workspace

_LOOKED_THROUGH = 500  # jobs, for those that are running still


def remove_library(ws: Workspace, name: str, folder: Path | None = None) -> None:
    """Removes a library, or one folder of it, with its vectors; files on disk stay.

    Raises UnknownLibrary, Busy while an indexing run is at work, CatalogError.
    """
    ws.make_home()
    with run_lock(ws.home):
        ws.catalog.library(name)
        if folder is None:
            ws.catalog.remove_library(name)
        else:
            try:
                ws.catalog.remove_folder(name, Path(os.path.abspath(folder.expanduser())))
            except ValueError as error:
                raise BadFolder(str(error)) from error


def purge_missing(ws: Workspace, library: str) -> int:
    """Forgets the videos of a library that were gone at its last run; returns how many. Raises as `remove_library` does."""
    ws.make_home()
    with run_lock(ws.home):
        ws.catalog.library(library)
        return ws.catalog.purge_missing(library)


def change_excludes(ws: Workspace, library: str, add: Sequence[str], remove: Sequence[str] = ()) -> tuple[str, ...]:
    """Changes what a library leaves out; returns all of it. The next indexing run goes by it, the one at work does not.

    Raises UnknownLibrary, BadPattern for one that leaves nothing out, or is to be removed and is none of its.
    """
    old = ws.catalog.library(library).excludes
    going = checked_patterns(remove)
    for pattern, shown in zip(going, remove, strict=True):
        if pattern not in old:
            raise BadPattern(f"Library {library!r} does not leave out {shown!r}. It leaves out: {', '.join(old) or 'nothing'}.")
    new = tuple(dict.fromkeys([*(pattern for pattern in old if pattern not in going), *checked_patterns(add)]))
    if new != old:
        ws.catalog.set_excludes(library, new)
    return new


def job_rows(ws: Workspace, *, limit: int = 10) -> list[dict[str, Any]]:
    """What is running, then the last runs, each newest first, with all that the catalog has of them, and `done` as text such as
    "12/40".
    """
    rows = []
    jobs = ws.catalog.jobs(limit=_LOOKED_THROUGH)
    running = [job for job in jobs if job.state == "running"]
    for job in (*running, *[job for job in jobs[:limit] if job.state != "running"]):
        progress = job.progress
        done = f"{progress['done']}/{progress['total']}" if "total" in progress else ""
        rows.append(asdict(job) | {"done": done, "current": progress.get("current", "")})
    return rows
