"""What lies in a run's folder. Without torch: to look at a run should take no second.

`config.json` everything that decides the run · `checkpoint.pt` what the next step starts from · `metrics.jsonl` its curve ·
`state.json` how far it is · `run.lock` held while it trains (`run_lock`).
"""

import json
import os
import shlex
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pretrain.atomic_file import replacing
from pretrain.errors import CheckpointError
from pretrain.typed_json import build

CONFIG_NAME = "config.json"
CHECKPOINT_NAME = "checkpoint.pt"
METRICS_NAME = "metrics.jsonl"
STATE_NAME = "state.json"
FOOTAGE_NAME = "footage.json"
ORIGIN_NAME = "origin.json"
LOCK_NAME = "run.lock"
TENSORBOARD_NAME = "tensorboard"
FRAMES_NAME = "frames"
"""Folder of decoded frames, until the run is done."""


@dataclass(frozen=True)
class Rejected:
    """A video that gives no frames, and why."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RunState:
    """How far a run is. step: done, of `steps`; saved_step: in the checkpoint. stopped: why training ended before the last
    step, as far as the training itself could say. began: of the latest start. tasks: what it learns, in words, with knobs.
    """

    step: int
    steps: int
    saved_step: int = 0
    stopped: str = ""
    pid: int = field(default_factory=os.getpid)
    host: str = field(default_factory=socket.gethostname)
    began: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    rejected: tuple[Rejected, ...] = ()
    tasks: str = ""


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
def keeping_state(run_dir: Path, state: RunState) -> Iterator[StateFile]:
    """The run's state, written from here on; how the block ends is noted in it."""
    file = StateFile(run_dir, state)
    try:
        yield file
    except BaseException as error:
        # On a full disk the note fails as well; what matters then is the first error, which goes on its way.
        with suppress(OSError):
            file.update(stopped=_in_words(error))
        raise


def _in_words(error: BaseException) -> str:
    return str(error) or ("stopped from outside" if isinstance(error, KeyboardInterrupt) else type(error).__name__)


def read_state(run_dir: Path) -> RunState | None:
    """What the run last wrote down, None where it never did. Raises CheckpointError for a file that is no such state."""
    path = run_dir / STATE_NAME
    try:
        state: RunState = build(RunState, json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: {error}. Delete it; the run itself does not need it to go on") from error
    return state


def read_metrics(run_dir: Path) -> list[dict[str, Any]]:
    """The run's curve so far, one entry per log window; from a line on that was cut short by a crash, or is no entry, it is
    left out.
    """
    path = run_dir / METRICS_NAME
    if not path.exists():
        return []
    entries = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            break
        if not _is_entry(entry):
            break
        entries.append(entry)
    return entries


def _is_entry(entry: Any) -> bool:
    """Numbers by name, a whole one for the step; but for what is said in words."""
    if not isinstance(entry, dict) or type(entry.get("step")) is not int or entry["step"] < 0:
        return False
    words, trouble = entry.get("words", ""), entry.get("trouble", [])
    numbers = [value for name, value in entry.items() if name not in ("words", "trouble")]
    return (
        isinstance(words, str)
        and isinstance(trouble, list)
        and all(isinstance(sentence, str) for sentence in trouble)
        and all(type(number) in (int, float) for number in numbers)
    )


def resume_command(run_dir: Path) -> str:
    """The command that goes on with a run."""
    return f"vret pretrain --run {shlex.quote(os.path.abspath(run_dir))} --resume"


def train_on_command(run_dir: Path) -> str:
    """The command that starts another run from a run's weights."""
    return f"vret pretrain --from {shlex.quote(os.path.abspath(run_dir))} --run NEW_NAME"


def write_whole(path: Path, text: str) -> None:
    """Replace a file: a reader sees the whole old one or the whole new one, after a power cut as well."""
    with replacing(path) as file:
        file.write(text.encode())
