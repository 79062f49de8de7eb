"""A run's folder when it begins: what lies there must be a run's, and a run that is stopped before a step of it is saved leaves
nothing of its own: nobody could go on with it, and its frames may be many.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pretrain.errors import CheckpointError, RunFolderError
from pretrain.frame_store import remove_frames
from pretrain.own_folder import is_own_file
from pretrain.run_files import (
    CHECKPOINT_NAME,
    CONFIG_NAME,
    FOOTAGE_NAME,
    FRAMES_NAME,
    LOCK_NAME,
    METRICS_NAME,
    ORIGIN_NAME,
    STATE_NAME,
    TENSORBOARD_NAME,
    read_state,
    resume_command,
)
from pretrain.run_log import remove_events
from pretrain.stop_signals import postponed

_WRITTEN = (CONFIG_NAME, METRICS_NAME, STATE_NAME, FOOTAGE_NAME, ORIGIN_NAME)
_KEYS = {
    CONFIG_NAME: {"tasks", "steps", "backbone"},
    FOOTAGE_NAME: {"videos", "stretches"},
    ORIGIN_NAME: {"started_from", "videos"},
}
"""What these files of a run have in any version of vret. The last two are written before the config."""


def check_run_folder(run_dir: Path) -> None:
    """Raises RunFolderError where something stands in the way that no run has written: a run would write over it."""
    for name in (*_WRITTEN, CHECKPOINT_NAME):
        path = run_dir / name
        if os.path.lexists(path) and not is_own_file(path.resolve()):
            raise RunFolderError(f"{path} is no file, and a run needs a file there. {_elsewhere(run_dir)}")
    own = _KEYS if not (run_dir / CONFIG_NAME).exists() else {CONFIG_NAME: _KEYS[CONFIG_NAME]}
    for name in _WRITTEN:
        path = run_dir / name
        if path.exists() and (name in own or not (run_dir / CONFIG_NAME).exists()) and not _has(path, own.get(name)):
            raise RunFolderError(f"{path} is there and no run of vret's has written it, so it is left alone. {_elsewhere(run_dir)}")


def _has(path: Path, keys: set[str] | None) -> bool:
    """Whether it is a JSON object with these. None: nothing could be."""
    try:
        values: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return keys is not None and isinstance(values, dict) and keys <= values.keys()


def _elsewhere(run_dir: Path) -> str:
    return f"Name another folder for the run: --run NAME; or move it out of {run_dir}"


@contextmanager
def beginning(run_dir: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Held with the run's lock, from before anything else is written. A run that was begun before, and one that has saved a
    step, keep all they have; how to go on is told when they are stopped. An error after the config was written keeps all as
    well: `vret pretrain status` says what it was.
    """
    was_begun = (run_dir / CONFIG_NAME).exists()
    own = [run_dir / name for name in _WRITTEN if not os.path.lexists(run_dir / name)]  # it may be any folder, with anything in it
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt)
        if was_begun or (run_dir / CHECKPOINT_NAME).exists():
            if stopped:
                tell(f"Stopped. Go on from step {_saved_step(run_dir)} with: {resume_command(run_dir)}")
        elif stopped or not (run_dir / CONFIG_NAME).exists():
            with postponed():
                _clear(run_dir, own)
            if stopped:
                tell("Stopped before the first step was saved; nothing is kept.")
        raise


def _saved_step(run_dir: Path) -> int:
    try:
        state = read_state(run_dir)
    except CheckpointError:  # damaged by somebody in the meantime
        return 0
    return state.saved_step if state else 0


def _clear(run_dir: Path, own: Sequence[Path]) -> None:
    """Removes what a beginning wrote, and the folder if there is nothing else in it."""
    for path in own:
        if is_own_file(path):
            path.unlink(missing_ok=True)
    remove_frames(run_dir / FRAMES_NAME)
    remove_events(run_dir / TENSORBOARD_NAME)
    remove_lock(run_dir)
    with suppress(OSError):  # somebody's files lie there as well
        run_dir.rmdir()


def remove_lock(run_dir: Path) -> None:
    """The lock of a run of which nothing else stays. Ours is empty."""
    lock = run_dir / LOCK_NAME
    if is_own_file(lock) and lock.stat().st_size == 0:
        lock.unlink(missing_ok=True)
