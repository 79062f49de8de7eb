"""What lies in a run's folder, and who is at work in it. Without torch: to look at a run should take no second.

`config.json` everything that decides the run · `checkpoint.pt` what the next step starts from · `metrics.jsonl` its curve ·
`state.json` how far it is · `run.lock` held while it trains; the lock dies with its process, however that ends.
"""

import json
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pretrain.errors import CheckpointError

CONFIG_NAME = "config.json"
CHECKPOINT_NAME = "checkpoint.pt"
METRICS_NAME = "metrics.jsonl"
STATE_NAME = "state.json"
LOCK_NAME = "run.lock"


@dataclass(frozen=True)
class Rejected:
    """A video that gives no frames, and why."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RunState:
    """How far a run is. step: done, of `steps`; saved_step: in the checkpoint. stopped: why training ended before the last
    step, as far as the training itself could say. began: of the latest start.
    """

    step: int
    steps: int
    saved_step: int = 0
    stopped: str = ""
    pid: int = field(default_factory=os.getpid)
    host: str = field(default_factory=socket.gethostname)
    began: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    rejected: tuple[Rejected, ...] = ()


class StateFile:
    """Keeps `state.json` up to date."""

    def __init__(self, run_dir: Path, state: RunState) -> None:
        self._path = run_dir / STATE_NAME
        self._state = state
        self.update()

    def update(
        self,
        *,
        step: int | None = None,
        saved_step: int | None = None,
        rejected: Sequence[Rejected] | None = None,
        stopped: str | None = None,
    ) -> None:
        """Write what changed; None stays as it was."""
        changes = {
            "step": step,
            "saved_step": saved_step,
            "stopped": stopped,
            "rejected": None if rejected is None else tuple(rejected),
        }
        self._state = replace(self._state, **{name: value for name, value in changes.items() if value is not None})  # type: ignore[arg-type]
        write_whole(self._path, json.dumps(asdict(self._state)))


@contextmanager
def at_work(run_dir: Path, state: RunState) -> Iterator[StateFile]:
    """Holds the run's lock, and notes how it ends. Raises CheckpointError when another process trains there."""
    from filelock import FileLock, Timeout

    lock = FileLock(run_dir / LOCK_NAME)
    try:
        lock.acquire(timeout=2)  # somebody may just be looking whether it is held
    except Timeout:
        holder = read_state(run_dir)
        who = f"process {holder.pid} on {holder.host}" if holder else "another process"
        raise CheckpointError(f"{run_dir} is being trained by {who}; wait for it, or choose another folder") from None
    try:
        file = StateFile(run_dir, state)
        try:
            yield file
        except BaseException as error:
            file.update(
                stopped=str(error) or ("stopped from outside" if isinstance(error, KeyboardInterrupt) else type(error).__name__)
            )
            raise
    finally:
        lock.release()


def is_at_work(run_dir: Path) -> bool:
    """Whether a process trains there now."""
    from filelock import FileLock, Timeout

    if not (run_dir / LOCK_NAME).exists():
        return False
    lock = FileLock(run_dir / LOCK_NAME)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def read_state(run_dir: Path) -> RunState | None:
    """What the run last wrote down, None where it never did. Raises CheckpointError for a file that is no such state."""
    try:
        values = json.loads((run_dir / STATE_NAME).read_text())
        rejected = tuple(Rejected(**bad) for bad in values.pop("rejected"))
        return RunState(rejected=rejected, **values)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{run_dir / STATE_NAME} cannot be used: {error}") from error


def read_metrics(run_dir: Path) -> list[dict[str, Any]]:
    """The run's curve so far, one entry per log window; a line cut short by a crash is left out."""
    path = run_dir / METRICS_NAME
    if not path.exists():
        return []
    entries = []
    for line in path.read_text().splitlines():
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return entries


def write_whole(path: Path, text: str) -> None:
    """Replace a file: a reader sees the whole old one or the whole new one."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(text)
    os.replace(temporary, path)
