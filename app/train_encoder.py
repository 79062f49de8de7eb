"""Use case: train an encoder on unlabelled footage."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import AppError, BadFolder
from app.workspace import Workspace

if TYPE_CHECKING:
    from pretrain.config import TrainConfig
    from pretrain.train import Progress, TrainResult

DEFAULT_RECIPE = "laptop"
CONFIG_NAME = "config.json"


class BadTraining(AppError):
    """The training asked for cannot be: an unknown task, backbone or recipe, or numbers that do not fit."""


@dataclass(frozen=True, kw_only=True)
class TrainingChanges:
    """What to do otherwise than the recipe says; None leaves it. tasks: such as `pace` or `pace+0.5*trajectory`.

    data: folders and files with footage; empty trains on drawn footage. cache frames beside the run.
    """

    tasks: str | None = None
    backbone: str | None = None
    data: Sequence[Path] = ()
    steps: int | None = None
    batch_size: int | None = None
    seed: int | None = None
    device: str | None = None
    threads: int | None = None
    workers: int | None = None


def train_encoder(
    ws: Workspace,
    changes: TrainingChanges,
    *,
    recipe: str = DEFAULT_RECIPE,
    run: str | None = None,
    resume: bool = False,
    on_progress: "Callable[[Progress], None] | None" = None,
) -> "TrainResult":
    """Trains, and leaves the run in the data folder (or where `run` says, when it is a path).

    run: its name; by default the tasks' names. resume: go on where the run was broken off, with the settings it had.
    Raises BadTraining, BadFolder, PretrainError; ModuleNotFoundError without the train extra.
    """
    from pretrain.checkpoint import load_config
    from pretrain.train import train

    try:
        if resume and run is not None and (run_folder(ws, run) / CONFIG_NAME).is_file():
            config = load_config(run_folder(ws, run))
        else:
            config = _config(recipe, changes)
        folder = run_folder(ws, run or re.sub(r"[^a-z0-9_]+", "-", str(config.tasks)))
        ws.make_home()
        return train(config, folder, resume=resume, on_progress=on_progress)
    except ValueError as error:
        raise BadTraining(str(error)) from error


def run_folder(ws: Workspace, run: str) -> Path:
    """A run's folder: by its name in the data folder, or the path itself when it has a folder in it."""
    return Path(os.path.abspath(Path(run).expanduser())) if os.sep in run else ws.runs_folder / run


def newest_run(ws: Workspace) -> Path:
    """The run that was started last. Raises BadTraining when there is none."""
    runs = sorted(ws.runs_folder.glob(f"*/{CONFIG_NAME}"), key=lambda file: file.stat().st_mtime)
    if not runs:
        raise BadTraining(f"There is no training run in {ws.runs_folder}. Make one: vret pretrain --task pace --data FOLDER")
    return runs[-1].parent


def _config(recipe: str, changes: TrainingChanges) -> "TrainConfig":
    from pretrain.recipes import RECIPES
    from pretrain.task_sum import parse_task_sum

    config = RECIPES[recipe]()
    if changes.tasks is not None:
        config = replace(config, tasks=parse_task_sum(changes.tasks))
    for folder in changes.data:
        if not folder.exists():
            raise BadFolder(f"There is no folder or file {folder} to train on.")
    if changes.data:
        paths = tuple(os.path.abspath(folder) for folder in changes.data)
        config = replace(config, footage=replace(config.footage, paths=paths))
    for field in ("backbone", "steps", "batch_size", "seed", "device", "threads", "workers"):
        value = getattr(changes, field)
        if value is not None:
            config = replace(config, **{field: value})
    return config
