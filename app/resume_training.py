"""Going on with a run: some options may change on the way, others would make it another run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.training_config import TrainingChanges, changed_config
from app.training_runs import BadTraining, WrongUsage, called, known_runs
from app.workspace import Workspace
from pretrain.run_files import CHECKPOINT_NAME, CONFIG_NAME, train_on_command

if TYPE_CHECKING:
    from pretrain.config import TrainConfig


@dataclass(frozen=True)
class _Option:
    """An option that decides the curve. value: in a config. said: that value in words."""

    name: str
    value: "Callable[[TrainConfig], Any]"
    said: Callable[[Any], str] = str


_DECIDE_THE_CURVE = (
    _Option("--task", lambda config: config.tasks),
    _Option("--data", lambda config: config.footage.paths, lambda paths: ", ".join(paths) or "drawn footage"),
    _Option("--from", lambda config: config.init_from, lambda source: source or "random weights"),
    _Option("--backbone", lambda config: config.backbone),  # which other weights would change as well
    _Option("--seed", lambda config: config.seed),
    _Option("--labels", lambda config: (config.probe, config.footage.never), lambda held: f"{len(held[1])} held-out videos"),
    _Option("--steps", lambda config: config.steps),
    _Option("--batch-size", lambda config: config.batch_size),
    _Option("--accumulate", lambda config: config.accumulate),
    _Option("--lr", lambda config: config.optimiser.learning_rate, lambda rate: f"{rate:g}"),
    _Option("--size", lambda config: config.clip.size_px),
    _Option("--frames", lambda config: config.clip.num_frames),
    _Option("--precision", lambda config: config.precision),
)


def resumed_config(
    ws: Workspace, folder: Path, recipe: str | None, changes: TrainingChanges, tell: Callable[[str], None] = lambda sentence: None
) -> "TrainConfig":
    """The run's own config, with the changes that leave its curve as it is: device, threads, workers, cache.

    tell: as `changed_config` uses it. Raises BadTraining when there is no run, WrongUsage when an option says otherwise than the
    run has it; what `changed_config` raises.
    """
    from pretrain.checkpoint import load_config

    if not (folder / CONFIG_NAME).is_file():
        raise BadTraining(f"There is no run {called(ws, folder)} to go on with. {known_runs(ws)} To begin it, leave out --resume.")
    config = load_config(folder)
    if recipe is not None and recipe != config.recipe:
        raise _another_run(folder, config, "--recipe", config.recipe, recipe)
    wanted = changed_config(ws, config, changes, tell)
    for option in _DECIDE_THE_CURVE:
        has, asked = option.value(config), option.value(wanted)
        if has != asked:
            raise _another_run(folder, config, option.name, option.said(has), option.said(asked))
    return wanted


def _another_run(folder: Path, config: "TrainConfig", option: str, has: str, asked: str) -> WrongUsage:
    from pretrain.run_status import run_status

    if run_status(folder).state == "finished":
        return WrongUsage(
            f"The run {folder} is finished after {config.steps} steps, and {option} {asked} would make it another. To train on "
            f"from its weights: {train_on_command(folder)}, with all options that the new run is to have."
        )
    instead = f"start another from its weights: {train_on_command(folder)}, with all options that the new run is to have"
    if not (folder / CHECKPOINT_NAME).exists():
        instead = "start it anew without --resume; it has saved nothing yet"
    return WrongUsage(
        f"{option}: the run {folder} has {has}, and {asked} was asked for. A run that goes on keeps what decides its curve; leave "
        f"out {option}, or {instead}."
    )
