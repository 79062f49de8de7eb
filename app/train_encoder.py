"""Use case: train an encoder on unlabelled footage."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.errors import Busy
from app.resume_training import resumed_config
from app.training_config import TrainingChanges, changed_config
from app.training_runs import BadTraining, newest_run, run_folder
from app.workspace import Workspace
from pretrain.run_files import train_on_command

if TYPE_CHECKING:
    from pretrain.config import TrainConfig
    from pretrain.train import Progress, TrainResult

DEFAULT_RECIPE = "laptop"

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

    recipe: by default DEFAULT_RECIPE. run: its name; by default the tasks' names. resume: go on where the run was broken off;
    changes may then say nothing else than the run's config, but for device, threads, workers and cache. minutes: as many steps
    as take about so long, instead of a number of steps. on_news: told in sentences what happens besides steps.
    Raises BadTraining, BadFolder, BadLabels, Busy (another process trains there), PretrainError; ModuleNotFoundError without the
    train extra.
    """
    from pretrain.errors import RunBusy
    from pretrain.train import train

    tell = on_news or (lambda sentence: None)
    if minutes is not None and changes.steps is not None:
        raise BadTraining("Give the steps or the minutes of a run, not both.")
    try:
        folder = run_folder(ws, run or _run_name(recipe, changes))
        config = resumed_config(ws, folder, recipe, changes) if resume else _new_config(ws, recipe, changes)
    except ValueError as error:  # nothing but the options has been looked at so far
        raise BadTraining(str(error)) from error
    ws.make_home()
    if resume and minutes is not None:
        tell(f"Minutes count when a run begins; this one keeps its {config.steps} steps.")
        minutes = None
    try:
        result = train(config, folder, resume=resume, minutes=minutes, on_progress=on_progress, on_news=tell)
    except RunBusy as error:
        raise Busy(str(error)) from error
    if result.was_finished:
        tell(f"It was finished already. To train on from its weights: {train_on_command(folder)}")
    return result


def _new_config(ws: Workspace, recipe: str | None, changes: TrainingChanges) -> "TrainConfig":
    from pretrain.recipes import RECIPES

    return changed_config(ws, RECIPES[recipe or DEFAULT_RECIPE](), changes)


def _run_name(recipe: str | None, changes: TrainingChanges) -> str:
    from pretrain.recipes import RECIPES
    from pretrain.task_sum import parse_task_sum

    tasks = RECIPES[recipe or DEFAULT_RECIPE]().tasks if changes.tasks is None else parse_task_sum(changes.tasks)
    return re.sub(r"[^a-z0-9_]+", "-", str(tasks))
