"""Evaluations that the page starts, and the untrained networks that it indexes for them."""

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from app.ui.page_process import PageProcess, ProcessView, pid_here, start_command

if TYPE_CHECKING:
    from app.evaluation.ways import Way
    from index.catalog import Job

Purpose = Literal["retrieval", "floors"]
_STOPPED = 130


@dataclass(frozen=True, kw_only=True)
class EvaluationRequest:
    """What to measure. labels: a file or folder; None for the judgements made while searching. videos, fold: of official split
    files. within, ignore_labels, ways: as `evaluate_retrieval` takes them. look: how much look counts against movement, 0 to 1;
    None for the default.
    """

    library: str
    encoders: tuple[str, ...]
    labels: Path | None
    videos: Path | None = None
    fold: int = 1
    within: str | None = None
    ignore_labels: tuple[str, ...] = ()
    ways: "tuple[Way, ...]" = ()
    look: float | None = None

    def arguments(self) -> list[str]:
        """The same as `vret` takes it. Names are anybody's text, so each is one argument with its option."""
        arguments = ["eval", "retrieval", f"--library={self.library}", "--json"]
        arguments += [f"--encoder={name}" for name in self.encoders]
        if self.look is not None:
            arguments.append(f"--look={self.look:g}")
        if self.labels is None:
            return [*arguments, "--judgements"]
        arguments += [f"--labels={self.labels}", *[f"--ignore-label={label}" for label in self.ignore_labels]]
        arguments += [f"--by={way}" for way in self.ways]
        if self.videos is not None:
            arguments.append(f"--videos={self.videos}")
        if self.fold != 1:
            arguments.append(f"--fold={self.fold}")
        if self.within is not None:
            arguments.append(f"--within={self.within}")
        return arguments


@dataclass(frozen=True)
class Started:
    """What this page started last, and what for."""

    purpose: Purpose
    command: PageProcess


class EvaluationRuns:
    """Starts evaluations and knows the last thing that it started."""

    def __init__(self, logs_folder: Path) -> None:
        self._logs_folder = logs_folder
        self.last: Started | None = None

    def start(self, request: EvaluationRequest) -> Started:
        """Starts `vret eval retrieval`. Raises OSError when no process or file can be made."""
        return self._start("retrieval", request.library, request.arguments())

    def start_floors(self, library: str, encoder: str) -> Started:
        """Starts `vret eval floors`: an untrained network like this encoder. Raises OSError as `start` does."""
        return self._start("floors", library, ["eval", "floors", f"--library={library}", f"--encoder={encoder}"])

    def _start(self, purpose: Purpose, library: str, arguments: Sequence[str]) -> Started:
        self.last = Started(purpose, start_command(self._logs_folder, "eval", library, arguments))
        return self.last


@dataclass(frozen=True, kw_only=True)
class EvaluationView(ProcessView):
    """An evaluation. phase: what is being done. done, total: of what the phase counts, 0 where it does not. run_id: of what it
    stored. elsewhere: not this page started it, but another one or a command.
    """

    purpose: Purpose
    elsewhere: bool = False
    phase: str = ""
    run_id: int | None = None

    def shown(self, clean: Callable[[str], str]) -> "EvaluationView":
        """The same with its texts made fit to be sent to a browser by `clean`."""
        return replace(self, library=clean(self.library), phase=clean(self.phase), complaint=clean(self.complaint))


def evaluation_view(started: Started | None, evaluations: Sequence["Job"], indexing: Sequence["Job"]) -> EvaluationView | None:
    """The run to show: what is at work, else the last that this page started.

    evaluations, indexing: the catalog's jobs of both kinds, newest first; floors are made by one of the first and some of the
    second.
    """
    running = next((job for job in evaluations if job.state == "running"), None)
    if started is not None and (started.command.exit_code() is None or running is None):
        return _own_view(started, evaluations, indexing if started.purpose == "floors" else ())
    return None if running is None else replace(_job_view("retrieval", running), elsewhere=True)


def _own_view(started: Started, evaluations: Sequence["Job"], indexing: Sequence["Job"]) -> EvaluationView:
    command = started.command
    bare = EvaluationView(purpose=started.purpose, state="starting", library=command.library, pid=command.pid)
    code = command.exit_code()
    if code is None:
        at_work = [job for job in command.own_jobs(indexing) if job.state == "running"]
        job = next(iter([*at_work, *command.own_jobs(evaluations)]), None)
        if job is None:
            return bare
        if job.state == "running":
            return _job_view(started.purpose, job)
        return replace(bare, state="saving")
    if code in (_STOPPED, -signal.SIGTERM):
        return replace(bare, state="stopped")
    if code != 0:
        return replace(bare, state="failed", complaint=_complaint(command, code))
    run_id = (command.answer() or {}).get("run")
    return replace(bare, state="done", run_id=run_id if isinstance(run_id, int) else None)


def _complaint(command: PageProcess, code: int) -> str:
    if code == -signal.SIGKILL:
        return "the system ended it (signal 9), most likely because memory ran out. Close what needs much of it, and try again."
    return command.complaint()


def _job_view(purpose: Purpose, job: "Job") -> EvaluationView:
    progress = job.progress
    return EvaluationView(
        purpose=purpose,
        state="running",
        library=job.library or "labelled footage",  # the papers' protocols need no library
        phase=str(progress.get("phase", "")),
        done=int(progress.get("done", 0)),
        total=int(progress.get("total", 0)),
        pid=pid_here(job),
    )
