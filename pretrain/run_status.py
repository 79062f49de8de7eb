"""A run seen from outside: how far it is, whether it is still at work, how it does. Reads files only, without torch."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pretrain.errors import CheckpointError
from pretrain.run_files import CONFIG_NAME, METRICS_NAME, Rejected, is_at_work, read_metrics, read_state


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """state: `running`, `finished`, `broken off` (it can be resumed) or `not started` (nothing but a config). saved_step: what a
    resumed run would start from. stopped: why it ended early, where it could still say so; after a kill it could not.
    loss, clips_per_s, data_wait (share of the time), words: of the last log line, None or "" before there is one.
    quiet_s: seconds since that line. seconds_left: at that rate, None unless running.
    """

    run: str
    folder: Path
    state: Literal["running", "finished", "broken off", "not started"]
    tasks: str
    backbone: str
    step: int
    steps: int
    saved_step: int
    began: str
    pid: int | None
    host: str
    stopped: str
    loss: float | None
    clips_per_s: float | None
    data_wait: float | None
    quiet_s: float | None
    seconds_left: float | None
    words: str
    trouble: tuple[str, ...]
    rejected: tuple[Rejected, ...]


def run_status(run_dir: Path) -> RunStatus:
    """What the files of a run say. Raises CheckpointError when the folder holds no run."""
    config = _read_config(run_dir)
    at_work = is_at_work(run_dir)
    note = read_state(run_dir)
    last: dict[str, Any] = (read_metrics(run_dir) or [{}])[-1]
    steps = int(config["steps"])
    step = max(int(last.get("step", 0)), note.step if note else 0)
    quiet_s = time.time() - (run_dir / METRICS_NAME).stat().st_mtime if last else None
    rate = last.get("clips_per_s")
    return RunStatus(
        run=run_dir.name,
        folder=run_dir,
        state=_state(at_work, note is not None, step, steps),
        tasks="+".join(_term(task) for task in config["tasks"]),
        backbone=str(config["backbone"]),
        step=step,
        steps=steps,
        saved_step=note.saved_step if note else 0,
        began=note.began if note else "",
        pid=note.pid if note else None,
        host=note.host if note else "",
        stopped=note.stopped if note else "",
        loss=last.get("loss"),
        clips_per_s=rate,
        data_wait=last.get("data_wait"),
        quiet_s=quiet_s,
        seconds_left=(steps - step) * config["batch_size"] / rate if at_work and rate else None,
        words=str(last.get("words", "")),
        trouble=tuple(last.get("trouble", ())),
        rejected=note.rejected if note else (),
    )


def find_runs(folder: Path) -> list[Path]:
    """The runs in a folder, the one that was begun last first."""
    return [file.parent for file in sorted(folder.glob(f"*/{CONFIG_NAME}"), key=lambda file: -file.stat().st_mtime)]


def _state(at_work: bool, has_begun: bool, step: int, steps: int) -> Literal["running", "finished", "broken off", "not started"]:
    if at_work:
        return "running"
    if step >= steps:
        return "finished"
    return "broken off" if has_begun or step else "not started"


def _term(task: dict[str, Any]) -> str:
    weight = float(task.get("weight", 1.0))
    return str(task["name"]) if weight == 1 else f"{weight:g}*{task['name']}"


def _read_config(run_dir: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((run_dir / CONFIG_NAME).read_text())
        missing = {"steps", "batch_size", "tasks", "backbone"} - config.keys()
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{run_dir} is not the folder of a run: it holds no {CONFIG_NAME}") from None
    except (ValueError, AttributeError) as error:
        raise CheckpointError(f"{run_dir / CONFIG_NAME} cannot be used: {error}") from error
    if missing:
        raise CheckpointError(f"{run_dir / CONFIG_NAME} is no training config: it lacks {', '.join(sorted(missing))}")
    return config
