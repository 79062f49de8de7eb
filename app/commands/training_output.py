"""A training in lines of text: while it goes on, and looked at from outside."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.commands.output import one_line, talk

if TYPE_CHECKING:
    from pretrain.health import Health
    from pretrain.progress import Progress
    from pretrain.run_status import RunStatus

_QUIET_S = 600.0
_QUIET_LINES = 5
"""A run that is alive may hang when it has been silent for both: so long, and so many times what its log lines usually take."""


class TrainingLine:
    """Says on stderr how a training goes, each time the network's health has been looked at anew."""

    def __init__(self) -> None:
        self._told: Health | None = None

    def step(self, progress: "Progress") -> None:
        """Called after every step."""
        if progress.health is self._told and progress.step != 1:
            return
        self._told = progress.health
        # After the last step they are the result, on stdout.
        words = progress.health.words if progress.health is not None and progress.step < progress.steps else ""
        left_s = "" if progress.seconds_left is None else f"{left(progress.seconds_left)} left  "
        line = (
            f"step {progress.step}/{progress.steps}  loss {progress.loss:.4f}  {progress.clips_per_s:.0f} clips/s  "
            f"{progress.data_wait:.0%} waiting for data  {left_s}{words}"
        )
        talk(line.rstrip())


def left(seconds: float) -> str:
    """How long something still takes, as one says it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def status_lines(status: "RunStatus") -> Iterator[str]:
    """A run's status for people."""
    if not status.steps:  # there is no config yet
        yield f"{one_line(status.folder)}: {_state(status)}, {one_line(status.stopped or status.words)}"
        return
    yield f"{one_line(status.folder)}: {status.tasks} on {status.backbone}"
    yield f"{_state(status)}, step {status.step} of {status.steps} ({status.step / status.steps:.0%}){_time_left(status)}"
    if status.state in ("broken off", "finished") and status.stopped:
        yield f"it stopped because: {one_line(status.stopped)}"
    if status.state == "broken off":
        yield f"go on from step {status.saved_step} with: vret pretrain --run {_argument(status)} --resume"
    if status.loss is not None:
        rate = f"{status.clips_per_s:.0f} clips/s" if status.clips_per_s is not None else ""
        wait = f"{status.data_wait:.0%} waiting for data" if status.data_wait is not None else ""
        yield ", ".join(filter(None, [f"loss {status.loss:.4f}", rate, wait]))
    if status.words:
        yield status.words
    for bad in status.rejected:
        yield f"not used: {one_line(bad.path)}: {one_line(bad.reason)}"


def _state(status: "RunStatus") -> str:
    if status.state != "running":
        return status.state
    # Nothing is noted before the first step.
    who = "running" if status.pid is None else f"running (process {status.pid} on {status.host})"
    if status.quiet_s is not None and status.line_s is not None and status.quiet_s > max(_QUIET_S, _QUIET_LINES * status.line_s):
        who += f", but silent for {left(status.quiet_s)}: it may hang"
    return who


def _time_left(status: "RunStatus") -> str:
    return "" if status.seconds_left is None else f", {left(status.seconds_left)} left"


def _argument(status: "RunStatus") -> str:
    from shlex import quote

    return quote(str(status.folder))
