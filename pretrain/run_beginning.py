"""A run that is stopped before a step of it is saved leaves nothing: nobody could go on with it, and its frames may be many."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pretrain.origin import ORIGIN_NAME
from pretrain.run_files import (
    CHECKPOINT_NAME,
    CONFIG_NAME,
    FRAMES_NAME,
    LOCK_NAME,
    METRICS_NAME,
    STATE_NAME,
    TENSORBOARD_NAME,
    read_state,
    resume_command,
)
from pretrain.run_footage import FOOTAGE_NAME
from pretrain.stop_signals import postponed

_WRITTEN = (CONFIG_NAME, METRICS_NAME, STATE_NAME, FOOTAGE_NAME, ORIGIN_NAME, FRAMES_NAME, TENSORBOARD_NAME)


@contextmanager
def beginning(run_dir: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Held with the run's lock, from before anything else is written. A run that was begun before, and one that has saved a
    step, keep all they have; how to go on is told when they are stopped. An error after the config was written keeps all as
    well: `vret pretrain status` says what it was.
    """
    was_begun = (run_dir / CONFIG_NAME).exists()
    own = [run_dir / name for name in _WRITTEN if not (run_dir / name).exists()]  # it may be any folder, with anything in it
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt)
        if was_begun or (run_dir / CHECKPOINT_NAME).exists():
            if stopped:
                state = read_state(run_dir)
                tell(f"Stopped. Go on from step {state.saved_step if state else 0} with: {resume_command(run_dir)}")
        elif stopped or not (run_dir / CONFIG_NAME).exists():
            with postponed():
                _clear(run_dir, own)
            if stopped:
                tell("Stopped before the first step was saved; nothing is kept.")
        raise


def _clear(run_dir: Path, own: Sequence[Path]) -> None:
    """Removes what a beginning wrote, and the folder if there is nothing else in it."""
    for path in (*own, run_dir / LOCK_NAME):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    with suppress(OSError):  # somebody's files lie there as well
        run_dir.rmdir()
