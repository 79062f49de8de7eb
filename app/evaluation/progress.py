"""An evaluation as a job in the catalog, so that the page, or anybody else, sees how far it is."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.workspace import Workspace

if TYPE_CHECKING:
    from index.catalog.records import JobState

JOB_KIND = "evaluate"
_EVERY_S = 0.5


@contextmanager
def evaluation_job(ws: Workspace, library: str | None) -> Iterator[Callable[[str, int, int], None]]:
    """Told (phase, done, total) as it goes; ends as the block does: done, stopped by Ctrl-C, or failed with the error's words.

    Where the catalog may only be read, nobody is told.
    """
    if ws.catalog.is_read_only:
        yield lambda phase, done, total: None
        return
    job_id = ws.catalog.start_job(JOB_KIND, library)
    last_told, progress = 0.0, dict[str, str | int]()

    def tell(phase: str, done: int, total: int) -> None:
        nonlocal last_told, progress
        now, progress = time.monotonic(), {"phase": phase, "done": done, "total": total}
        if now - last_told >= _EVERY_S:
            last_told = now
            ws.catalog.update_job(job_id, progress)

    outcome: JobState = "failed"
    try:
        yield tell
        outcome = "done"
    except KeyboardInterrupt:
        outcome = "stopped"
        raise
    finally:
        why = sys.exception()
        ws.catalog.finish_job(job_id, outcome, progress or None, message=None if why is None else str(why))
