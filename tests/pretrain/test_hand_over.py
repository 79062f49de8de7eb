"""Batches reach the training whatever the shared memory is like, and what keeps them from it is an error, never a wait."""

import errno
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from pretrain import example_workers, hand_over, pulse
from pretrain.clip_dataset import Batch, ExampleDataset, batches
from pretrain.config import TrainConfig
from pretrain.errors import TrainingFailed
from pretrain.example_workers import WorkersFailed, make_loader
from pretrain.run_files import Rejected
from pretrain.task_sum import TaskSum, WeightedTask
from pretrain.tasks.base import ClipShape, Example
from pretrain.tasks.trajectory import Trajectory
from pretrain.train import train
from tests.helpers.tiny_run import tiny

ROOT = Path(__file__).parents[2]


@pytest.fixture
def no_large_files() -> Iterator[None]:
    """No file can grow beyond 20 kB, those in the shared memory of workers neither."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def made(config: TrainConfig, folder: Path) -> list[Batch]:
    return list(batches(ExampleDataset(config, folder), config, first_step=0))


def assert_same(some: list[Batch], others: list[Batch]) -> None:
    assert len(some) == len(others)
    for one, other in zip(some, others, strict=True):
        for mine, theirs in zip([*one.clips, *one.targets], [*other.clips, *other.targets], strict=True):
            assert mine.dtype == theirs.dtype and torch.equal(mine, theirs)


@pytest.mark.usefixtures("no_large_files")
def test_shared_memory__that_takes_no_batch_costs_a_remark_and_no_batch(tmp_path: Path) -> None:
    """Without a look at it torch drops the batch in a thread, and the training waits for ever."""
    config = tiny(workers=1)
    got = made(config, tmp_path)
    assert_same(got, made(tiny(), tmp_path))
    told = [remark for batch in got for remark in batch.remarks]
    assert [remark.kind for remark in told] == ["shared memory"], "said once"
    assert "examples go through pipes" in told[0].text and "--shm-size=1g" in told[0].text and "--workers" in told[0].text


@pytest.mark.parametrize(
    ("options", "said"),
    [("size=64k", r"shared memory /dev/shm has .* MB free, too little for a batch"), ("size=1m,ro", "no semaphore can be made")],
)
def test_shared_memory__of_a_container_is_looked_at_first(tmp_path: Path, options: str, said: str) -> None:
    """As root of a mount namespace, with a /dev/shm of our own."""
    enter = ["unshare", "--mount", "--map-root-user"]
    mount = f"mount -t tmpfs -o {options} tmpfs /dev/shm"
    if shutil.which("unshare") is None or subprocess.run([*enter, "sh", "-c", mount], capture_output=True).returncode:
        pytest.skip("no mount namespace can be had here")
    script = tmp_path / "script.py"
    script.write_text(
        "import sys; from pathlib import Path\n"
        "from tests.helpers.tiny_run import tiny; from tests.pretrain.test_hand_over import made\n"
        "if __name__ == '__main__':\n"
        "    got = made(tiny(workers=1), Path(sys.argv[1]))\n"
        "    print(len(got), *(remark.text for batch in got for remark in batch.remarks))\n"
    )
    command = [*enter, "sh", "-c", f'{mount} && exec "$@"', "sh", sys.executable, str(script), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("4 ")
    assert re.search(said, done.stdout)


def test_semaphores__that_are_refused_leave_the_examples_to_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Any) -> Any:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(example_workers._WorkerContext, "Lock", refused)
    news: list[str] = []
    assert train(tiny(workers=2), tmp_path, on_news=news.append).steps == 4
    assert "processes that make examples cannot be had (no semaphore can be made in /dev/shm: Function not impl" in news[1]


def test_batch__comes_out_of_a_pipe_as_it_went_in(monkeypatch: pytest.MonkeyPatch) -> None:
    class Worker:
        num_workers = 3

    batch = Batch([torch.arange(6, dtype=torch.uint8).reshape(2, 3)], [torch.rand(2, 1), torch.tensor(3)][:1], [Rejected("a", "b")])
    for given_up in (None, "cannot be used (so it was said)"):
        monkeypatch.setattr(hand_over, "get_worker_info", Worker)
        monkeypatch.setattr(hand_over, "_given_up", given_up)
        state = batch.__getstate__()
        assert [isinstance(item, np.ndarray) for item in state["numbers"]] == [given_up is not None] * 2
        got = Batch.__new__(Batch)
        got.__setstate__(state)
        assert_same([got], [batch])
        assert got.rejected == batch.rejected
        assert [remark.kind for remark in got.remarks] == (["shared memory"] if given_up else [])


class Unspeakable:
    """What cannot be passed on to another process."""

    def __reduce__(self) -> Any:
        raise OSError(errno.EMFILE, "Too many of something")


class Unspeakables(Dataset[Any]):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return Unspeakable()


def as_it_is(item: Any) -> Any:
    return item


def test_batch__that_cannot_be_handed_over_is_an_error() -> None:
    with pytest.raises(WorkersFailed, match=r"a batch could not be handed over: .*Too many of something"):
        next(iter(make_loader(Unspeakables(), 1, batch_size=None, collate_fn=as_it_is)))


@dataclass(frozen=True, kw_only=True)
class Hanging(Trajectory):
    """Its worker hangs, as on a disk that is away."""

    def make_example(self, clip: ClipShape, rng: np.random.Generator) -> Example:
        if torch.utils.data.get_worker_info() is not None:
            time.sleep(100_000)
        return super().make_example(clip, rng)


def test_worker__that_hangs_is_given_up_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example_workers, "LOOK_EVERY_S", 0.2)
    run = tiny(tasks=TaskSum((WeightedTask("trajectory", Hanging()),)), workers=1)
    with pytest.raises(TrainingFailed, match=r"no sign of life for .* minutes\. Go on .* --resume --workers 0$"):
        train(run, tmp_path)


def test_worker__that_takes_long_and_says_so_is_waited_for() -> None:
    looks = 10 * example_workers.SILENT_LOOKS
    signs, pulse_of_worker = example_workers._WorkerContext().Pipe(duplex=False)

    class SlowLoader:
        """Makes its one batch after many looks, with a sign before every second one."""

        def __init__(self) -> None:
            self.asked = 0

        def __next__(self) -> str:
            self.asked += 1
            if self.asked > looks + 1:
                raise StopIteration
            if self.asked == looks + 1:
                return "batch"
            if self.asked % 2:
                pulse_of_worker.send_bytes(b"")
            raise RuntimeError("DataLoader timed out after 10 seconds")

    with signs, pulse_of_worker:
        assert list(example_workers._patiently(SlowLoader(), signs)) == ["batch"]
        assert not pulse.heard(signs)


def test_signs__are_given_though_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    signs, pulse_of_worker = example_workers._WorkerContext().Pipe(duplex=False)
    monkeypatch.setattr(pulse, "_pulse", None)
    with signs, pulse_of_worker:
        pulse.begin(pulse_of_worker)
        for _ in range(100_000):  # far more than a pipe holds
            pulse.beat()
        assert pulse.heard(signs)
        assert not pulse.heard(signs)
        signs.close()
        pulse.beat()
