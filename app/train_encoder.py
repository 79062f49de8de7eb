"""Use case: train an encoder on unlabelled footage."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import Busy
from app.resume_training import resumed_config
from app.training_config import TrainingChanges, changed_config
from app.training_runs import BadTraining, WrongUsage, newest_run, run_folder, run_to_go_on_with
from app.workspace import Workspace
from pretrain.run_files import train_on_command

if TYPE_CHECKING:
    from pretrain.config import TrainConfig
    from pretrain.train import Progress, TrainResult

DEFAULT_RECIPE = "laptop"
_LONGEST_NAME = 40

__all__ = ["DEFAULT_RECIPE", "BadTraining", "TrainingChanges", "newest_run", "run_folder", "train_encoder"]


def train_encoder(
    ws: Workspace,
    changes: TrainingChanges,
    *,
    recipe: str | None = None,
    run: str | None = None,
    resume: bool = False,
    minutes: float | None = None,
    on_progress: "Callable[[Progress], None] | None" = None,
    on_news: Callable[[str], None] | None = None,
) -> "TrainResult":
    """Trains, and leaves the run in the data folder (or where `run` says, when it is a path).

    recipe: by default DEFAULT_RECIPE. run: its name; by default the tasks' names. resume: go on where the run was broken off,
    the last such run where nothing names another; changes may then say nothing else than the run's config, but for device,
    threads, workers and cache. minutes: as many steps as take about so long, instead of a number of steps. on_news: told in
    sentences what happens besides steps.
    Raises BadTraining (WrongUsage for options that cannot be), BadFolder, BadLabels, Busy (another process trains there),
    PretrainError; ModuleNotFoundError without the train extra.
    """
    from pretrain.errors import ConfigError, RunBusy
    from pretrain.train import train

    tell = on_news or (lambda sentence: None)
    if minutes is not None and changes.steps is not None:
        raise WrongUsage("Give the steps or the minutes of a run, not both.")
    try:
        folder = _folder(ws, recipe, run, changes, resume=resume)
        config = resumed_config(ws, folder, recipe, changes, tell) if resume else _new_config(ws, recipe, changes, tell)
    except ValueError as error:  # nothing but the options has been looked at so far
        raise WrongUsage(str(error)) from error
    if resume and run is None:
        tell(f"Going on with the run {folder.name}.")
    ws.make_home()
    if resume and minutes is not None:
        tell(f"Minutes count when a run begins; this one keeps its {config.steps} steps.")
        minutes = None
    try:
        result = train(config, folder, resume=resume, minutes=minutes, on_progress=on_progress, on_news=tell)
    except RunBusy as error:
        raise Busy(str(error)) from error
    except ConfigError as error:
        raise WrongUsage(str(error)) from error
    if result.was_finished:
        tell(f"It was finished already. To train on from its weights: {train_on_command(folder)}")
    return result


def _folder(ws: Workspace, recipe: str | None, run: str | None, changes: TrainingChanges, *, resume: bool) -> Path:
    if run is not None:
        return run_folder(ws, run)
    if resume and recipe is None and changes.tasks is None:
        return run_to_go_on_with(ws)
    return ws.runs_folder / _run_name(recipe, changes)


def _new_config(ws: Workspace, recipe: str | None, changes: TrainingChanges, tell: Callable[[str], None]) -> "TrainConfig":
    from pretrain.recipes import RECIPES

    return changed_config(ws, RECIPES[recipe or DEFAULT_RECIPE](), changes, tell)


def _run_name(recipe: str | None, changes: TrainingChanges) -> str:
    """The tasks with weights and knobs, or, where that is long, the tasks' names and a hash of all."""
    from pretrain.recipes import RECIPES
    from pretrain.task_sum import parse_task_sum

    tasks = RECIPES[recipe or DEFAULT_RECIPE]().tasks if changes.tasks is None else parse_task_sum(changes.tasks)
    name = re.sub(r"[^a-z0-9_]+", "-", str(tasks)).strip("-")
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(str(tasks).encode()).hexdigest()
    return "-".join([*(part.name for part in tasks.parts), digest[:6]])
