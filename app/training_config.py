"""From a recipe and what is wanted otherwise to the config of a training run."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.encoder_files import find_encoder, list_encoders
from app.errors import BadFolder, UnknownEncoder
from app.given_path import absolute_path
from app.training_labels import read_probe
from app.training_runs import BadTraining, WrongUsage, known_runs, run_folder
from app.workspace import Workspace
from pretrain.run_files import CONFIG_NAME

if TYPE_CHECKING:
    from pretrain.config import TrainConfig


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


def changed_config(
    ws: Workspace, config: "TrainConfig", changes: TrainingChanges, tell: Callable[[str], None] = lambda sentence: None
) -> "TrainConfig":
    """A copy with these changes. tell: told in sentences what is odd about the labels. Raises BadTraining, BadFolder, BadLabels,
    PretrainError (weights to start from that are none), and ValueError for numbers and names that cannot be.
    """
    from pretrain.task_sum import parse_task_sum

    if changes.tasks is not None:
        config = replace(config, tasks=parse_task_sum(changes.tasks))
    _check_data(config, changes.data)
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
        found = read_probe(changes.labels, seed=config.seed, data=changes.data)
        for note in found.notes:
            tell(note)
        config = replace(config, probe=found.probe, footage=replace(config.footage, never=found.held_out))
    return config if changes.start_from is None else _starting_from(ws, config, changes.start_from, changes.backbone)


def _check_data(config: "TrainConfig", data: Sequence[Path]) -> None:
    """Data that would never be opened is a mistake, too."""
    from pretrain.tasks import TASKS
    from pretrain.tasks.base import FrameTask

    for path in data:
        if not os.path.exists(path):
            raise BadFolder(f"There is no folder or file {path} to train on.")
    if data and not config.tasks.uses_footage:
        others = [name for name in TASKS.names() if issubclass(TASKS[name], FrameTask)]
        raise WrongUsage(
            f"{config.tasks} learns only from clips that it draws itself and would never open {', '.join(map(str, data))}. Add a "
            f"task that learns from videos, such as --task pace; there are {', '.join(others)}. Or leave out --data."
        )


def _changed(config: Any, **changes: Any) -> Any:
    """A copy with these values, but those that are None."""
    return replace(config, **{name: value for name, value in changes.items() if value is not None})


def _starting_from(ws: Workspace, config: "TrainConfig", wanted: str, backbone: str | None) -> "TrainConfig":
    """The weights decide the backbone; a recipe's own gives way, one that was asked for must be the same."""
    from pretrain.initial_weights import find_backbone

    source = _source(ws, wanted)
    name, _ = find_backbone(source)
    if backbone is not None and backbone != name:
        raise WrongUsage(f"{wanted} holds the backbone {name}, and {backbone} was asked for; leave out --backbone.")
    return replace(config, backbone=name, init_from=str(source))


def _source(ws: Workspace, wanted: str) -> Path:
    """A path, an encoder's name, or a run's, in this order."""
    path = absolute_path(wanted)
    if os.path.exists(path):
        return path
    try:
        return Path(os.path.abspath(find_encoder(ws.encoders_folder, wanted).path))
    except UnknownEncoder:
        if (run_folder(ws, wanted) / CONFIG_NAME).is_file():
            return run_folder(ws, wanted)
        names = ", ".join(encoder.name for encoder in list_encoders(ws.encoders_folder)) or "none"
        raise BadTraining(
            f"There is no file, encoder or run {wanted!r} to start from. Encoders: {names}. Runs: {known_runs(ws)}"
        ) from None
