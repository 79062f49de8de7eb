"""Training runs by name, and what can be wrong with what was asked of one. Without torch."""

import os
import shlex
from pathlib import Path

from app.encoder_files import check_encoder_name, list_encoders
from app.errors import AppError, UnknownEncoder
from app.given_path import absolute_path
from app.workspace import Workspace
from pretrain.run_files import CONFIG_NAME

_NAMED = 10  # runs that a message names


class BadTraining(AppError):
    """There is no such run, or nothing to make a run of."""


class WrongUsage(BadTraining):
    """The training asked for can never be: an unknown task, backbone or recipe, or numbers and options that do not fit."""

    exit_code = 2


def run_folder(ws: Workspace, run: str) -> Path:
    """A run's folder: by its name in the data folder, or the path itself when it has a folder in it."""
    return absolute_path(run) if os.sep in run else ws.runs_folder / run


def find_run(ws: Workspace, run: str) -> Path:
    """As `run_folder`, of a run that was begun. Raises BadTraining, which names those that there are."""
    from pretrain.run_status import is_run

    folder = run_folder(ws, run)
    if not is_run(folder):
        raise BadTraining(f"There is no run {folder if os.sep in run else run}. {known_runs(ws)}")
    return folder


def known_runs(ws: Workspace) -> str:
    """The runs in the data folder, in a sentence."""
    from pretrain.run_status import find_runs

    names = [folder.name for folder in find_runs(ws.runs_folder)]
    if not names:
        return "There is none yet. Make one: vret pretrain --task pace --data FOLDER"
    more = f" and {len(names) - _NAMED} more (vret pretrain list)" if len(names) > _NAMED else ""
    return f"There are: {', '.join(names[:_NAMED])}{more}."


def newest_run(ws: Workspace, *, configured: bool = False) -> Path:
    """The run that was begun last. configured: not one that still measures its steps, or was killed then. Raises BadTraining when
    there is none.
    """
    from pretrain.run_status import find_runs

    runs = [folder for folder in find_runs(ws.runs_folder) if not configured or (folder / CONFIG_NAME).is_file()]
    if not runs:
        raise BadTraining(f"There is no training run in {ws.runs_folder}. Make one: vret pretrain --task pace --data FOLDER")
    return runs[0]


def run_to_go_on_with(ws: Workspace) -> Path:
    """The run that was broken off last. Raises BadTraining, which says how the others do, when none was."""
    from pretrain.run_status import all_runs

    runs = all_runs(ws.runs_folder)
    for run in runs:
        if run.state == "broken off":
            return run.folder
    others = ", ".join(f"{run.run} ({run.state})" for run in runs[:_NAMED])
    raise BadTraining(f"No run was broken off. {f'There are: {others}.' if runs else known_runs(ws)}")


def called(ws: Workspace, folder: Path) -> str:
    """What `--run` calls a run: its name, or where it lies."""
    return folder.name if folder.parent == ws.runs_folder else str(folder)


def export_command(ws: Workspace, folder: Path) -> str:
    """What makes an encoder of a run: a command for the shell. The encoder gets another name where the run's cannot be one, or is
    taken.
    """
    command = f"vret export {shlex.quote(called(ws, folder))}"
    try:
        check_encoder_name(folder.name)
    except UnknownEncoder:
        return f"{command} --name NEW_NAME"
    taken = {encoder.name for encoder in list_encoders(ws.encoders_folder)}
    return f"{command} --name NEW_NAME" if folder.name in taken else command
