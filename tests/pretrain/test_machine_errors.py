"""What a machine does to a training comes out as one clear line; a bug of ours does not."""

import errno
import os
import resource
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pretrain import run_files
from pretrain.checkpoint import load_checkpoint, load_trained
from pretrain.errors import CheckpointError, ConfigError, PretrainError, RunBusy, RunFolderError, TrainingFailed, TrainingStopped
from pretrain.example_workers import WorkersFailed
from pretrain.machine_errors import explained
from pretrain.run_files import CHECKPOINT_NAME, CONFIG_NAME, RunState, keeping_state
from pretrain.run_lock import at_work
from pretrain.run_status import run_status
from pretrain.task_sum import TaskSum, WeightedTask
from pretrain.tasks.base import ClipShape, Example
from pretrain.tasks.trajectory import Trajectory
from pretrain.train import train
from tests.helpers.tiny_run import stop_after, tiny


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file can grow beyond 200 kB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_disk")
def test_disk__that_is_full_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"could not write to .* GB free on its disk\)\. Make room, then go on: vret pretrain"):
        train(tiny(), tmp_path)
    assert "Make room" in run_status(tmp_path).stopped
    assert not (tmp_path / CHECKPOINT_NAME).exists()
    assert not list(tmp_path.glob(".*.part"))


def test_disk__so_full_that_the_reason_cannot_be_noted_loses_it_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def work() -> None:
        with keeping_state(tmp_path, RunState(step=0, steps=3)):
            monkeypatch.setattr(run_files, "write_whole", full)
            raise TrainingStopped("the reason")

    with pytest.raises(TrainingStopped, match="the reason"):
        work()


def test_folder__that_is_a_file_or_below_one_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for run_dir in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(RunFolderError, match=r"file.* cannot be used for the run: .*Name a folder that you may write"):
            train(tiny(), run_dir)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory"),
            TrainingFailed,
            r"GPU's memory .*--accumulate 4\), or with a smaller --batch",
        ),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), TrainingFailed, "the memory does not suffice"),
        (
            RuntimeError("DataLoader worker (pid 7) is killed by signal: Terminated. "),
            TrainingFailed,
            r"examples died \(.* is killed by signal: Terminated\.\)\. Go on: vret pretrain --run \S+ --resume$",
        ),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Bus error. "), TrainingFailed, r"/dev/shm.* --workers 0$"),
        (OSError(errno.EMFILE, "Too many open files", "/r/x"), TrainingFailed, r"ulimit -n 4096\), then go on: .*--workers 0$"),
        (RuntimeError("received 0 items of ancdata"), TrainingFailed, r"too many files are open at once \(limit \d+\)"),
        (WorkersFailed("no process can be started"), TrainingFailed, r"started\. Go on .* --resume --workers 0$"),
        (PermissionError(errno.EACCES, "Permission denied", "/r/state.json"), RunFolderError, r"/r/state\.json cannot be used"),
        (
            OSError("Caught OSError in DataLoader worker process 0.\nOriginal Traceback\nOSError: [Errno 28] No space left: '/c'"),
            RunFolderError,
            "No space left.*Make room",
        ),
    ],
)
def test_explained__names_what_helps(tmp_path: Path, error: Exception, kind: type[PretrainError], words: str) -> None:
    with pytest.raises(kind, match=words), explained(tmp_path / "not" / "made", tiny(accumulate=2)):
        raise error


@pytest.mark.parametrize("error", [ValueError("bug"), RuntimeError("bug"), FileNotFoundError(errno.ENOENT, "bug"), RunBusy("busy")])
def test_explained__leaves_all_else_as_it_is(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as raised, explained(tmp_path, tiny()):
        raise error
    assert raised.value is error


@dataclass(frozen=True, kw_only=True)
class Killer(Trajectory):
    """Its worker is killed, as the system does when the memory is used up."""

    def make_example(self, clip: ClipShape, rng: np.random.Generator) -> Example:
        if torch.utils.data.get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().make_example(clip, rng)


def test_worker__that_was_killed_is_named_with_what_to_do(tmp_path: Path) -> None:
    run = tiny(tasks=TaskSum((WeightedTask("trajectory", Killer()),)), workers=1)
    with pytest.raises(TrainingFailed, match=r"makes examples died \(DataLoader worker .*\)\. .*--resume --workers 0"):
        train(run, tmp_path)


@dataclass(frozen=True, kw_only=True)
class Bystander(Trajectory):
    """Its worker gets what is meant for the whole group of processes."""

    def make_example(self, clip: ClipShape, rng: np.random.Generator) -> Example:
        if torch.utils.data.get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
        return super().make_example(clip, rng)


def test_worker__leaves_signals_to_the_training(tmp_path: Path) -> None:
    run = tiny(tasks=TaskSum((WeightedTask("trajectory", Bystander()),)), workers=1)
    assert train(run, tmp_path).steps == 4


@pytest.mark.parametrize("device", ["cuda:x", "cuda:99", "tpu"])
def test_device__that_is_none_is_said(tmp_path: Path, device: str) -> None:
    with pytest.raises(ConfigError, match=f"device is {device}[;,] "):
        train(tiny(device=device), tmp_path)
    assert not (tmp_path / CONFIG_NAME).exists()


def test_checkpoint__of_another_network_damaged_or_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(tiny(), tmp_path, on_progress=stop_after(1, KeyboardInterrupt))
    path = tmp_path / CHECKPOINT_NAME
    state, whole = load_checkpoint(tmp_path), path.read_bytes()
    name = next(name for name in state["model"] if name.startswith("heads."))
    state["model"][name] = torch.zeros(1)
    torch.save(state, path)
    for use in (lambda: train(tiny(), tmp_path, resume=True), lambda: load_trained(tmp_path)):
        with pytest.raises(CheckpointError, match=rf"does not fit the network .*{name}.*vret pretrain --from {tmp_path}"):
            use()
    path.write_bytes(whole[:5000])
    with pytest.raises(
        CheckpointError, match=rf"is damaged .*Delete {path} and begin again at step 0 with: .*--run {tmp_path} --resume"
    ):
        train(tiny(), tmp_path, resume=True)
    path.write_bytes(whole)
    monkeypatch.setattr(torch, "load", _refused)
    with pytest.raises(CheckpointError, match="cannot be read: Permission denied"):
        train(tiny(), tmp_path, resume=True)


def _refused(*_: Any, **__: Any) -> None:
    raise PermissionError(errno.EACCES, "Permission denied")


def test_busy__is_said_before_anything_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pretrain.train.lasting", lambda *_: pytest.fail("measured in another's run"))
    (tmp_path / CONFIG_NAME).write_text("theirs")
    with at_work(tmp_path), pytest.raises(RunBusy, match="is being trained by another process"):
        train(tiny(), tmp_path, minutes=1)
    assert (tmp_path / CONFIG_NAME).read_text() == "theirs"


def test_busy__options_that_cannot_be_are_said_first(tmp_path: Path) -> None:
    with at_work(tmp_path):
        with pytest.raises(ConfigError, match="must be a multiple of 3"):
            train(tiny(accumulate=3), tmp_path)
        with pytest.raises(ConfigError, match="minutes is 0"):
            train(tiny(), tmp_path, minutes=0)
        with pytest.raises(RunBusy, match="wait for it, or give this one another name: --run NAME"):
            train(tiny(), tmp_path)


@pytest.mark.parametrize("saves", [False, True])
def test_bad_numbers__the_advice_can_be_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saves: bool) -> None:
    def stopped(self: Any, pieces: Any, step: int) -> Any:
        if step < 2 or (saves and step < 3):
            return step_as_ever(self, pieces, step)
        raise TrainingStopped("the loss is nan")

    from pretrain.train_step import TrainStep

    step_as_ever = TrainStep.__call__
    monkeypatch.setattr(TrainStep, "__call__", stopped)
    begun_again = "Nothing was saved yet: begin again with a lower learning rate, such as --lr 0.0005,"
    other = f"Start another run from the last checkpoint, .*: vret pretrain --from {tmp_path} --run NEW_NAME --lr 0.0005"
    with pytest.raises(TrainingStopped, match=r"the loss is nan\. .*" + (other if saves else begun_again)):
        train(tiny(), tmp_path)
