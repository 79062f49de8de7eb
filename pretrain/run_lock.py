"""Who trains in a run's folder. The lock dies with its process, however that ends. Without torch."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pretrain.errors import CheckpointError, RunBusy
from pretrain.own_folder import is_own_file
from pretrain.run_files import (
    CHECKPOINT_NAME,
    CONFIG_NAME,
    FOOTAGE_NAME,
    LOCK_NAME,
    METRICS_NAME,
    ORIGIN_NAME,
    STATE_NAME,
    read_state,
)

_WRITTEN_WHOLE = (CONFIG_NAME, CHECKPOINT_NAME, METRICS_NAME, STATE_NAME, FOOTAGE_NAME, ORIGIN_NAME)
_UNFINISHED = re.compile(rf"\.({'|'.join(map(re.escape, _WRITTEN_WHOLE))})\.[0-9a-f]{{8}}\.part")
"""As `atomic_file` calls them."""


@contextmanager
def at_work(run_dir: Path) -> Iterator[None]:
    """Holds the run's lock. Raises RunBusy when another process trains there, OSError when the folder cannot be written."""
    from filelock import FileLock, Timeout

    lock = FileLock(run_dir / LOCK_NAME)
    try:
        lock.acquire(timeout=2)  # somebody may just be looking whether it is held
    except Timeout:
        raise RunBusy(
            f"{run_dir} is being trained by {_holder(run_dir)}; wait for it, or give this one another name: --run NAME"
        ) from None
    try:
        _sweep(run_dir)
        yield
    finally:
        lock.release()


def is_at_work(run_dir: Path) -> bool:
    """Whether a process trains there now. Raises OSError where the lock cannot be opened."""
    from filelock import FileLock, Timeout

    if not (run_dir / LOCK_NAME).exists():
        return False
    lock = FileLock(run_dir / LOCK_NAME)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _holder(run_dir: Path) -> str:
    try:
        state = read_state(run_dir)
    except CheckpointError:
        state = None
    return f"process {state.pid} on {state.host}" if state else "another process"


def _sweep(run_dir: Path) -> None:
    """Half-written files of a process that was killed while it wrote."""
    for left_over in run_dir.glob(".*.part"):
        if _UNFINISHED.fullmatch(left_over.name) and is_own_file(left_over):
            left_over.unlink(missing_ok=True)
