"""A run seen from outside: how far it is, whether it is still at work, how it does. Reads files only, without torch."""

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pretrain.errors import CheckpointError
from pretrain.run_files import CONFIG_NAME, LOCK_NAME, METRICS_NAME, Rejected, RunState, read_metrics, read_state
from pretrain.run_lock import is_at_work
from pretrain.typed_json import convert

State = Literal["running", "finished", "broken off", "not started", "damaged"]


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """state: `running`, `finished` (its last step is in the checkpoint), `broken off` (it can be resumed), `not started` (nothing
    but a config, or not even that: killed while it measured its steps) or `damaged` (in a list only; stopped says what is
    wrong). saved_step: what a resumed run would start from. steps: 0 before they are known. tasks: with their knobs, where the
    run has begun.
    stopped: why it ended early, where it could still say so; after a kill it could not.
    loss, clips_per_s, data_wait (share of the time), words: of the last log line, None or "" before there is one.
    quiet_s: seconds since that line. line_s: from one line to the next, usually. seconds_left: at that rate, None unless running.
    """

    run: str
    folder: Path
    state: State
    tasks: str = ""
    backbone: str = ""
    step: int = 0
    steps: int = 0
    saved_step: int = 0
    began: str = ""
    pid: int | None = None
    host: str = ""
    stopped: str = ""
    loss: float | None = None
    clips_per_s: float | None = None
    data_wait: float | None = None
    quiet_s: float | None = None
    line_s: float | None = None
    seconds_left: float | None = None
    words: str = ""
    trouble: tuple[str, ...] = ()
    rejected: tuple[Rejected, ...] = ()


def run_status(run_dir: Path) -> RunStatus:
    """What the files of a run say. Raises CheckpointError when the folder holds no run, or a damaged one."""
    try:
        return _status(run_dir)
    except OSError as error:
        raise CheckpointError(f"{error.filename or run_dir} cannot be read: {error.strerror or error}") from error


def all_runs(folder: Path) -> list[RunStatus]:
    """The runs in a folder, the one that was begun last first; a damaged one spoils no list."""
    found = []
    for run_dir in find_runs(folder):
        try:
            found.append(run_status(run_dir))
        except CheckpointError as error:
            found.append(RunStatus(run=run_dir.name, folder=run_dir, state="damaged", stopped=str(error)))
    return found


def find_runs(folder: Path) -> list[Path]:
    """The folders of the runs in a folder, the one that was begun last first."""
    begun: dict[Path, float] = {}
    for name in (LOCK_NAME, CONFIG_NAME):  # the config's time counts, where there is one
        for file in folder.glob(f"*/{name}"):
            with suppress(FileNotFoundError):  # a run that was stopped at once has just removed it
                begun[file.parent] = file.stat().st_mtime
    return sorted(begun, key=lambda run_dir: -begun[run_dir])


def is_run(run_dir: Path) -> bool:
    """Whether a run was ever begun in a folder."""
    return (run_dir / CONFIG_NAME).is_file() or (run_dir / LOCK_NAME).is_file()


def _status(run_dir: Path) -> RunStatus:
    at_work = is_at_work(run_dir)
    if not (run_dir / CONFIG_NAME).exists() and is_run(run_dir):
        return _before_its_config(run_dir, at_work)
    config = _read_config(run_dir)
    note = read_state(run_dir)
    last: dict[str, Any] = (read_metrics(run_dir) or [{}])[-1]
    step = max(int(last.get("step", 0)), note.step if note else 0)
    quiet_s = time.time() - (run_dir / METRICS_NAME).stat().st_mtime if last else None
    left_s = last.get("seconds_left")
    return RunStatus(
        run=run_dir.name,
        folder=run_dir,
        state=_state(at_work, note, step, config["steps"]),
        tasks=(note.tasks if note else "") or "+".join(config["tasks"]),
        backbone=config["backbone"],
        step=step,
        steps=config["steps"],
        saved_step=note.saved_step if note else 0,
        began=note.began if note else "",
        pid=note.pid if note else None,
        host=note.host if note else "",
        stopped=note.stopped if note else "",
        loss=last.get("loss"),
        clips_per_s=last.get("clips_per_s"),
        data_wait=last.get("data_wait"),
        quiet_s=quiet_s,
        line_s=last.get("line_s"),
        seconds_left=max(0.0, left_s - (quiet_s or 0.0)) if at_work and left_s is not None else None,
        words=str(last.get("words", "")),
        trouble=tuple(last.get("trouble", ())),
        rejected=note.rejected if note else (),
    )


def _before_its_config(run_dir: Path, at_work: bool) -> RunStatus:
    if at_work:
        return RunStatus(run=run_dir.name, folder=run_dir, state="running", words="measuring how long a step takes")
    megabytes = sum(file.stat().st_size for file in run_dir.rglob("*") if file.is_file()) / 1e6
    return RunStatus(
        run=run_dir.name,
        folder=run_dir,
        state="not started",
        stopped=f"begun, never started, {megabytes:.0f} MB in {run_dir}: begin it anew under the same name, or delete the folder",
    )


def _state(at_work: bool, note: RunState | None, step: int, steps: int) -> State:
    if at_work:
        return "running"
    if note is not None and note.saved_step >= steps:
        return "finished"
    return "broken off" if note is not None or step else "not started"


def _term(task: Any, where: str) -> str:
    if not isinstance(task, dict):
        raise ValueError(f"{where} must have a name")
    name, weight = (
        convert(str, task.get("name"), f"{where}.name"),
        float(convert(float, task.get("weight", 1.0), f"{where}.weight")),
    )
    return str(name) if weight == 1 else f"{weight:g}*{name}"


def _read_config(run_dir: Path) -> dict[str, Any]:
    """steps int, backbone str, tasks as words."""
    path = run_dir / CONFIG_NAME
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("it is no object with names and values")
        missing = {"steps", "tasks", "backbone"} - config.keys()
        if missing:
            raise CheckpointError(f"{path} is no training config: it lacks {', '.join(sorted(missing))}")
        if not isinstance(config["tasks"], list):
            raise ValueError("tasks must be a list")
        tasks = [_term(task, f"tasks[{place}]") for place, task in enumerate(config["tasks"])]
        return {
            "steps": convert(int, config["steps"], "steps"),
            "backbone": convert(str, config["backbone"], "backbone"),
            "tasks": tasks,
        }
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{run_dir} is not the folder of a run: it holds no {CONFIG_NAME}") from None
    except (ValueError, OverflowError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be used: {error}") from error
