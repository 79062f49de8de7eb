"""Use case: train an encoder on unlabelled footage."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.encoder_files import find_encoder
from app.errors import AppError, BadFolder, UnknownEncoder
from app.training_labels import read_probe
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

    data: folders, files with footage, and text files that list some; empty trains on drawn footage. start_from: name of an
    encoder or of a run, or a path, whose backbone to go on from. labels: label file for judging the features. cache_dir,
    cache_gb: where decoded frames are kept, and how many. The rest: as in `TrainConfig` and its parts.
    """

    tasks: str | None = None
    backbone: str | None = None
    start_from: str | None = None
    data: Sequence[Path] = ()
    labels: Path | None = None
    steps: int | None = None
    batch_size: int | None = None
    accumulate: int | None = None
    learning_rate: float | None = None
    size_px: int | None = None
    num_frames: int | None = None
    precision: str | None = None
    cache_dir: Path | None = None
    cache_gb: float | None = None
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
    minutes: float | None = None,
    on_progress: "Callable[[Progress], None] | None" = None,
) -> "TrainResult":
    """Trains, and leaves the run in the data folder (or where `run` says, when it is a path).

    run: its name; by default the tasks' names. resume: go on where the run was broken off, with the settings it had. minutes:
    as many steps as take about so long, instead of a number of steps.
    Raises BadTraining, BadFolder, BadLabels, PretrainError; ModuleNotFoundError without the train extra.
    """
    from pretrain.checkpoint import load_config
    from pretrain.train import train

    if minutes is not None and changes.steps is not None:
        raise BadTraining("Give the steps or the minutes of a run, not both.")
    try:
        folder = run_folder(ws, run or _run_name(recipe, changes))
        if resume and (folder / CONFIG_NAME).is_file():
            config, minutes = load_config(folder), None
        else:
            config = _config(ws, recipe, changes)
        ws.make_home()
        return train(config, folder, resume=resume, minutes=minutes, on_progress=on_progress)
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


def _run_name(recipe: str, changes: TrainingChanges) -> str:
    from pretrain.recipes import RECIPES
    from pretrain.task_sum import parse_task_sum

    tasks = RECIPES[recipe]().tasks if changes.tasks is None else parse_task_sum(changes.tasks)
    return re.sub(r"[^a-z0-9_]+", "-", str(tasks))


def _config(ws: Workspace, recipe: str, changes: TrainingChanges) -> "TrainConfig":
    from pretrain.recipes import RECIPES
    from pretrain.task_sum import parse_task_sum

    config = RECIPES[recipe]()
    if changes.tasks is not None:
        config = replace(config, tasks=parse_task_sum(changes.tasks))
    for path in changes.data:
        if not path.exists():
            raise BadFolder(f"There is no folder or file {path} to train on.")
    paths = tuple(os.path.abspath(path) for path in changes.data) or None
    cache_dir = None if changes.cache_dir is None else os.path.abspath(changes.cache_dir)
    config = replace(
        config,
        footage=_changed(config.footage, paths=paths, cache_dir=cache_dir, cache_gb=changes.cache_gb),
        optimiser=_changed(config.optimiser, learning_rate=changes.learning_rate),
        clip=_changed(config.clip, size_px=changes.size_px, num_frames=changes.num_frames),
    )
    same = ("backbone", "steps", "batch_size", "accumulate", "precision", "seed", "device", "threads", "workers")
    config = _changed(config, **{name: getattr(changes, name) for name in same})
    if changes.labels is not None:
        probe, held_out = read_probe(changes.labels, seed=config.seed)
        config = replace(config, probe=probe, footage=replace(config.footage, never=held_out))
    return config if changes.start_from is None else _starting_from(ws, config, changes.start_from, changes.backbone)


def _changed(config: Any, **changes: Any) -> Any:
    """A copy with these values, but those that are None."""
    return replace(config, **{name: value for name, value in changes.items() if value is not None})


def _starting_from(ws: Workspace, config: "TrainConfig", wanted: str, backbone: str | None) -> "TrainConfig":
    """The weights decide the backbone; a recipe's own gives way, one that was asked for must be the same."""
    from pretrain.initial_weights import find_backbone

    source = _source(ws, wanted)
    name, _ = find_backbone(source)
    if backbone is not None and backbone != name:
        raise BadTraining(f"{wanted} holds the backbone {name}, and {backbone} was asked for; leave out --backbone.")
    return replace(config, backbone=name, init_from=str(source))


def _source(ws: Workspace, wanted: str) -> Path:
    """A path, an encoder's name, or a run's, in this order."""
    path = Path(os.path.abspath(Path(wanted).expanduser()))
    if path.exists():
        return path
    try:
        return Path(os.path.abspath(find_encoder(ws.encoders_folder, wanted).path))
    except UnknownEncoder:
        if (run_folder(ws, wanted) / CONFIG_NAME).is_file():
            return run_folder(ws, wanted)
        raise BadTraining(
            f"There is no file, encoder or run {wanted!r} to start from. See vret encoders and vret pretrain list."
        ) from None
