"""Training runs by name, and what can be wrong with what was asked of one. Without torch."""

import os
from pathlib import Path

from app.errors import AppError
from app.workspace import Workspace


class BadTraining(AppError):
    """The training asked for cannot be: an unknown task, backbone or recipe, or numbers that do not fit."""


def run_folder(ws: Workspace, run: str) -> Path:
    """A run's folder: by its name in the data folder, or the path itself when it has a folder in it."""
    return Path(os.path.abspath(Path(run).expanduser())) if os.sep in run else ws.runs_folder / run


def newest_run(ws: Workspace) -> Path:
    """The run that was started last. Raises BadTraining when there is none."""
    from pretrain.run_status import find_runs

    runs = find_runs(ws.runs_folder)
    if not runs:
        raise BadTraining(f"There is no training run in {ws.runs_folder}. Make one: vret pretrain --task pace --data FOLDER")
    return runs[0]
