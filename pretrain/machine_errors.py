"""What a machine does to a training, in words: a full disk, no permission, too little memory, a worker that was killed."""

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from pretrain.config import TrainConfig
from pretrain.errors import PretrainError, RunFolderError, TrainingFailed
from pretrain.example_workers import WorkersFailed
from pretrain.run_files import resume_command

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ESTALE,
}  # fmt: skip

_NOT_MEMORY = re.compile(r"by signal: (?!Killed|Bus error)")
"""By these two signals the system ends who wants memory that is not there."""

_OPEN_FILES = re.compile(r"Too many open files|received \d+ items of ancdata")


@contextmanager
def explained(run_dir: Path, config: TrainConfig) -> Iterator[None]:
    """Errors that the machine makes become RunFolderError or TrainingFailed; anything else stays what it is."""
    try:
        yield
    except (PretrainError, OSError, MemoryError, RuntimeError) as error:
        better = _explained(error, run_dir, config)
        if better is None:
            raise
        raise better from error


def _explained(error: Exception, run_dir: Path, config: TrainConfig) -> PretrainError | None:
    if isinstance(error, WorkersFailed):
        reason = _said_in_worker(error) if _from_worker(error) else str(error)
        return TrainingFailed(f"{reason}. Go on with fewer of them, or without: {resume_command(run_dir)} --workers 0")
    if isinstance(error, PretrainError):
        return type(error)(_said_in_worker(error)) if _from_worker(error) else None
    text = str(error)
    if _OPEN_FILES.search(text):
        return TrainingFailed(
            f"too many files are open at once (limit {_open_files()}). Allow more of them in this shell (ulimit -n 4096), then go "
            f"on: {resume_command(run_dir)}; or go on without processes that make examples: --workers 0"
        )
    if isinstance(error, OSError):
        return _of_disk(error, run_dir)
    if isinstance(error, torch.OutOfMemoryError):
        return TrainingFailed(f"the GPU's memory does not suffice for {_step(config)}. {_less_memory(config)}")
    if isinstance(error, MemoryError) or "can't allocate memory" in text:
        return TrainingFailed(f"the memory does not suffice for {_step(config)}. {_less_memory(config)}")
    if isinstance(error, RuntimeError) and text.startswith("DataLoader worker (pid"):
        return TrainingFailed(_of_worker(text.splitlines()[0].strip(), run_dir, config))
    return None


def _open_files() -> str:
    try:
        import resource
    except ImportError:  # no such limit on Windows
        return "unknown"
    return str(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _of_worker(words: str, run_dir: Path, config: TrainConfig) -> str:
    """words: torch's, with the name of the signal that killed it."""
    died = f"a process that makes examples died ({words})"
    if _NOT_MEMORY.search(words):
        return f"{died}. Go on: {resume_command(run_dir)}"
    return (
        f"{died}. Mostly the memory was used up, in a container also its shared memory (/dev/shm). Go on with fewer of them: "
        f"{resume_command(run_dir)} --workers {config.workers // 2}"
    )


def _of_disk(error: OSError, run_dir: Path) -> RunFolderError | None:
    number, reason = error.errno, error.strerror or str(error)
    if _from_worker(error) and (found := re.search(r"\[Errno (\d+)\] (.*)", _said_in_worker(error))):
        number, reason = int(found.group(1)), found.group(2)
    if number in _FULL:
        there = next(folder for folder in (run_dir, *run_dir.absolute().parents) if folder.exists())
        free_gb = shutil.disk_usage(there).free / 1e9
        return RunFolderError(
            f"the training could not write to {error.filename or run_dir}: {reason} ({free_gb:.1f} GB free on its disk). Make "
            f"room, then go on: {resume_command(run_dir)}"
        )
    if number in _REFUSED:
        return RunFolderError(
            f"{error.filename or run_dir} cannot be used for the run: {reason}. Name a folder that you may "
            "write: vret pretrain --run FOLDER"
        )
    return None


def _from_worker(error: Exception) -> bool:
    """Whether a worker process raised it; its text is then a whole traceback."""
    return bool(re.match(r"Caught \w+ in DataLoader worker process", str(error)))


def _said_in_worker(error: Exception) -> str:
    """The last line of such a traceback, without the error's name."""
    return str(error).rstrip().splitlines()[-1].partition(": ")[2]


def _step(config: TrainConfig) -> str:
    pieces = f", taken in {config.accumulate} pieces" if config.accumulate > 1 else ""
    return (
        f"a step of {config.batch_size} examples of {config.clip.num_frames} frames and {config.clip.size_px} pixels a side{pieces}"
        f", with {config.backbone}"
    )


def _less_memory(config: TrainConfig) -> str:
    bf16 = " Precision bf16 also saves memory." if config.precision == "fp32" else ""
    return (
        f"Start another run that takes each step in smaller pieces (--accumulate {2 * config.accumulate}), or with a smaller "
        f"--batch-size, --size or --frames.{bf16}"
    )
