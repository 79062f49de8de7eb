"""Indexing runs that the page starts and shows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.index_report import counts_of
from app.library_scan import left_out_words, passed_over_words
from app.ui.page_process import PageProcess, ProcessView, RunState, pid_here, start_command

if TYPE_CHECKING:
    from index.catalog import Job


class IndexRuns:
    """Starts runs and knows the last one that it started."""

    def __init__(self, logs_folder: Path) -> None:
        self._logs_folder = logs_folder
        self.last: PageProcess | None = None

    def start(
        self, library: str, folders: Sequence[Path] = (), excludes: Sequence[str] = (), *, quick: bool = False
    ) -> PageProcess:
        """Starts `vret index`; without folders the library's own. excludes: patterns of what to leave out from now on.
        quick: a first pass by key frames.

        Raises OSError when no process or file can be made.
        """
        patterns = [f"--exclude={pattern}" for pattern in excludes]
        arguments = [
            "index",
            f"--library={library}",
            *patterns,
            *(["--quick"] if quick else []),
            "--json",
            "--",
            *map(str, folders),
        ]
        self.last = start_command(self._logs_folder, "index", library, arguments)
        return self.last


@dataclass(frozen=True, kw_only=True)
class RunView(ProcessView):
    """An indexing run. done, total: videos that needed work. broken: of these. current: the file finished last. counts: the
    report's counts by name. notes: which folders are away, what came from other
    libraries, and what was left out or passed over, a line each.
    """

    clips: int = 0
    clips_per_s: float = 0.0
    broken: int = 0
    seconds_left: float | None = None
    current: str = ""
    counts: dict[str, int]
    notes: tuple[str, ...] = ()

    def shown(self, clean: Callable[[str], str]) -> "RunView":
        """The same with its texts made fit to be sent to a browser by `clean`."""
        return replace(
            self,
            library=clean(self.library),
            current=clean(self.current),
            complaint=clean(self.complaint),
            notes=tuple(map(clean, self.notes)),
        )


def run_view(started: PageProcess | None, jobs: Sequence["Job"]) -> RunView | None:
    """The run to show: the one that is at work, else the last that this page started, else the latest of the catalog.

    jobs: the catalog's index jobs, newest first.
    """
    running = next((job for job in jobs if job.state == "running"), None)
    if started is not None and (started.exit_code() is None or running is None):
        return _own_view(started, jobs)
    shown = running if running is not None else next(iter(jobs), None)
    return None if shown is None else _job_view(shown, shown.state)


def _own_view(started: PageProcess, jobs: Sequence["Job"]) -> RunView:
    job = next(iter(started.own_jobs(jobs)), None)
    code = started.exit_code()
    if code is None:
        if job is None:
            return RunView(state="starting", library=started.library, counts={}, pid=started.pid)
        return _job_view(job, "running" if job.state == "running" else "saving")
    report = started.answer()
    if report is None:
        return RunView(state="failed", library=started.library, counts={}, complaint=started.complaint())
    counts = counts_of(report)
    return RunView(
        state="stopped" if report.get("stopped") else "done",
        library=started.library,
        clips=int(report.get("clips", 0)),
        broken=counts.get("broken", 0),
        counts=counts,
        notes=_notes_of(report),
    )


def _job_view(job: "Job", state: RunState) -> RunView:
    progress = job.progress
    counts = progress.get("counts") or counts_of(progress.get("report") or {})
    return RunView(
        state=state,
        library=job.library or "",
        done=int(progress.get("done", 0)),
        total=int(progress.get("total", 0)),
        clips=int(progress.get("clips", 0)),
        clips_per_s=float(progress.get("clips_per_s", 0.0)),
        broken=int(progress.get("broken", 0)),
        seconds_left=progress.get("seconds_left"),
        current=str(progress.get("current", "")),
        counts={str(name): int(number) for name, number in counts.items()},
        complaint=job.message or "",
        notes=_notes_of(progress.get("report") or {}),
        pid=pid_here(job),
    )


def _notes_of(report: dict[str, Any]) -> tuple[str, ...]:
    away = [f"{folder} {why}" for folder, why in report.get("away") or ()]
    moved = [
        f"{number} of the videos found here lay in library {name} before, where they are no more"
        for name, number in (report.get("from_libraries") or {}).items()
    ]
    lines = (left_out_words(report.get("left_out") or {}), passed_over_words(report.get("passed_over") or {}))
    return (*away, *moved, *(line[0].upper() + line[1:] for line in lines if line))
