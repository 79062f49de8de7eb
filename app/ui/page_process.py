"""Commands of `vret` that the page starts: processes of their own, so that neither a reload nor a busy page disturbs them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from index.catalog import Job

RunState = Literal["starting", "running", "saving", "done", "failed", "stopped", "interrupted"]
_LIVE_STATES: tuple[RunState, ...] = ("starting", "running", "saving")

_KEPT_LOGS = 40


@dataclass(frozen=True)
class PageProcess:
    """One command that this page started. Its answer (JSON) and its talk go into two files. library: what it is about."""

    library: str
    process: subprocess.Popen[bytes]
    answer_file: Path
    talk_file: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll()

    def answer(self) -> dict[str, Any] | None:
        """What it printed, with `--json`; None when it failed, printed something else or has not ended."""
        try:
            answer = json.loads(self.answer_file.read_text(encoding="utf-8", errors="replace"))
        except (OSError, ValueError):  # not there yet, or half written
            return None
        return answer if isinstance(answer, dict) else None

    def complaint(self) -> str:
        """The line in which a failed command said why."""
        try:
            lines = self.talk_file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            lines = [f"its log {self.talk_file} cannot be read: {error.strerror}"]
        said = [line.removeprefix("vret: ") for line in lines if line.startswith("vret: ")]
        return said[-1] if said else (lines[-1] if lines else f"it ended with exit code {self.exit_code()} without a word")

    def own_jobs(self, jobs: Sequence["Job"]) -> list["Job"]:
        """Those of the catalog's jobs that are this process's, in their order."""
        host = socket.gethostname()
        return [job for job in jobs if job.pid == self.pid and job.host == host]


@dataclass(frozen=True, kw_only=True)
class ProcessView:
    """What is at work for a library, or was, as it is shown, whoever started it. done, total: how far it is. complaint: why it
    failed. pid: whom to ask to stop; None where that cannot be asked from here.
    """

    state: RunState
    library: str
    done: int = 0
    total: int = 0
    complaint: str = ""
    pid: int | None = None

    @property
    def is_live(self) -> bool:
        return self.state in _LIVE_STATES


def start_command(logs_folder: Path, log_name: str, library: str, arguments: Sequence[str]) -> PageProcess:
    """Starts `vret` with these arguments. log_name: what its files in `logs_folder` begin with, of which the newest are kept.

    Raises OSError when no process or file can be made.
    """
    logs_folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{log_name}-", suffix=".json", dir=logs_folder)
    answer_file = Path(name)
    talk_file = answer_file.with_suffix(".log")
    # -P: a folder named "app" where the page was started must not be taken for vret.
    command = [sys.executable, "-P", "-m", "app", *arguments]
    with os.fdopen(handle, "wb") as answer, talk_file.open("wb") as talk:
        environment = os.environ | {"PYTHONIOENCODING": "utf-8"}  # as its talk is read here, whatever the locale
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=answer, stderr=talk, env=environment)
    _drop_old_logs(logs_folder, log_name)
    return PageProcess(library, process, answer_file, talk_file)


def pid_here(job: "Job") -> int | None:
    """The job's process, where it is one of this machine and can be asked to stop."""
    return job.pid if job.host == socket.gethostname() else None


def stop_process(view: ProcessView) -> None:
    """Asks it to end as Ctrl-C would. One that has just ended is left alone."""
    if view.pid is None or not view.is_live:
        return
    with suppress(ProcessLookupError):
        os.kill(view.pid, signal.SIGTERM)


def _drop_old_logs(logs_folder: Path, log_name: str) -> None:
    """Only what `start_command` named: other files in the folder are somebody's."""
    own = re.compile(rf"{re.escape(log_name)}-[a-z0-9_]{{8}}\.(json|log)")
    files = []
    for path in logs_folder.iterdir():
        if own.fullmatch(path.name):
            with suppress(FileNotFoundError):  # another page was quicker
                files.append((path.stat().st_mtime, path))
    for _, path in sorted(files)[:-_KEPT_LOGS]:
        path.unlink(missing_ok=True)
