import dataclasses
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from embedder.errors import VideoRejected
from embedder.worker_messages import StretchesDone, StretchPlace, StretchPlan
from pretrain.clip_dataset import Batch, ExampleDataset, Item, batches
from pretrain.config import FootageConfig, TrainConfig
from pretrain.errors import TrainingDataError
from pretrain.example_workers import make_loader
from pretrain.frame_cache import decode
from pretrain.recipes import RECIPES
from pretrain.task_sum import TaskSum, WeightedTask, parse_task_sum
from pretrain.tasks.base import FrameTask
from pretrain.tasks.pace import Pace
from tests.helpers.counting_video import draw_counting_video
from tests.helpers.many_tensors import ManyTensors
from tests.helpers.patience import PATIENCE_S
from tests.pretrain.test_pace import PLAIN


def config(tasks: TaskSum, *paths: Path, workers: int = 0) -> TrainConfig:
    footage = FootageConfig(paths=tuple(map(str, paths)))
    return dataclasses.replace(RECIPES["smoke"](), tasks=tasks, footage=footage, workers=workers, steps=3)


def run_batches(run: TrainConfig, cache: Path, first_step: int = 0) -> list[Batch]:
    return list(batches(ExampleDataset(run, cache), run, first_step=first_step))


def test_batches__are_the_same_from_any_worker_and_after_a_resume(tmp_path: Path) -> None:
    draw_counting_video(tmp_path / "a.mp4", num_frames=40)
    draw_counting_video(tmp_path / "b.mp4", num_frames=30)
    run = config(parse_task_sum("pace+trajectory"), tmp_path)
    here = run_batches(run, tmp_path / "cache")
    there = run_batches(dataclasses.replace(run, workers=2), tmp_path / "cache")
    later = run_batches(run, tmp_path / "cache", first_step=2)
    assert len(here) == len(there) == 3
    assert len(later) == 1
    for one, other in [*zip(here, there, strict=True), (here[2], later[0])]:
        assert len(one.clips) == 2
        assert one.clips[0].shape == (4, 1, 16, 32, 32, 3)
        assert all(torch.equal(a, b) for a, b in zip(one.clips + one.targets, other.clips + other.targets, strict=True))


def test_dataset__every_video_comes_once_a_round_in_changing_order(tmp_path: Path) -> None:
    lengths = [20, 30, 40, 50]
    for length in lengths:
        draw_counting_video(tmp_path / f"{length}.mp4", num_frames=length)
    longest = Pace(paces=(1, 6), jitter=PLAIN, flip=0)
    dataset = ExampleDataset(config(TaskSum((WeightedTask("pace", longest),)), tmp_path), tmp_path / "cache")
    footage = dataset._filmed
    assert footage is not None
    rounds = []
    for first in (0, 4, 8, 12):
        seen = [len(footage.stretch(i, np.random.default_rng(0))[0]) for i in range(first, first + 4)]
        assert sorted(seen) == lengths
        rounds.append(tuple(seen))
    assert len(set(rounds)) > 1


def test_dataset__videos_are_shuffled_once_a_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        draw_counting_video(tmp_path / f"{name}.mp4", num_frames=40)
    dataset = ExampleDataset(config(parse_task_sum("pace"), tmp_path), tmp_path / "cache")
    seeds: list[object] = []
    real = np.random.default_rng

    def counting(seed: object) -> np.random.Generator:
        seeds.append(seed)
        return real(seed)  # type: ignore[arg-type]

    monkeypatch.setattr("pretrain.filmed_footage.np", SimpleNamespace(random=SimpleNamespace(default_rng=counting)))
    for number in range(6):
        dataset[number]
    assert seeds == [[1, 0], [1, 1]]


@pytest.mark.parametrize("filmed", [True, False])
def test_dataset__each_task_gets_frames_of_the_size_it_asks_for(tmp_path: Path, filmed: bool) -> None:
    draw_counting_video(tmp_path / "a.mp4", num_frames=40, size=(64, 64))
    run = config(parse_task_sum("pace+overlap"), *([tmp_path] if filmed else []))
    dataset = ExampleDataset(run, tmp_path / "cache")
    sizes = []
    for part in run.tasks.parts:
        assert isinstance(part.task, FrameTask)
        source, _ = dataset._stretch(part.task, 0, np.random.default_rng(0))
        sizes.append((source.size_px, source.take(np.array([0])).shape[1:3]))
    assert sizes == [(37, (37, 37)), (56, (56, 56))]  # clips of 32 pixels, 8/7 and 7/4 as large
    assert run_batches(run, tmp_path / "cache")[0].clips[1].shape == (4, 2, 16, 32, 32, 3)


def test_dataset__bad_videos_are_named_and_the_next_good_one_comes(tmp_path: Path) -> None:
    draw_counting_video(tmp_path / "good.mp4", num_frames=40)
    for name in ("bad1.mp4", "bad2.mp4"):
        (tmp_path / name).write_bytes(b"\0" * 500)
    run = config(parse_task_sum("pace"), tmp_path)
    made = run_batches(run, tmp_path / "cache")
    assert all(batch.clips[0].shape[0] == 4 for batch in made)
    named = {(Path(bad.path).name, bad.reason) for batch in made for bad in batch.rejected}
    assert {name for name, _ in named} == {"bad1.mp4", "bad2.mp4"}
    assert all(reason for _, reason in named)


@pytest.mark.parametrize("workers", [0, 1])
def test_dataset__without_a_good_video_it_says_so(tmp_path: Path, workers: int) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"\0" * 500)
    run = config(parse_task_sum("pace"), tmp_path, workers=workers)
    one_line = r"^none of the 1 videos can be used; the first: .*bad\.mp4: [^\n]*Give other videos\.$"
    with pytest.raises(TrainingDataError, match=one_line):
        run_batches(run, tmp_path / "cache")


def test_dataset__what_may_pass_is_tried_again_and_changes_no_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("pretrain.filmed_footage.time", SimpleNamespace(sleep=pauses.append))
    for name in ("a", "b", "c"):
        draw_counting_video(tmp_path / f"{name}.mp4", num_frames=40)
    run = config(parse_task_sum("pace"), tmp_path)
    smooth = run_batches(run, tmp_path / "cache")
    failed: set[Path] = set()

    def failing_once(path: Path, plan: StretchPlan, only: StretchPlace | None = None) -> StretchesDone:
        if path not in failed:
            failed.add(path)
            raise VideoRejected(path, "decoding it needs more memory than a decoder is given", transient=True)
        return decode(path, plan, only)

    monkeypatch.setattr("pretrain.frame_cache.decode", failing_once)
    rough = run_batches(run, tmp_path / "other")
    assert len(failed) == len(pauses) == 3
    assert all(batch.rejected == [] for batch in rough)
    for one, other in zip(smooth, rough, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one.clips + one.targets, other.clips + other.targets, strict=True))


def test_dataset__a_disk_that_stays_away_does_not_cost_a_pause_for_each_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("pretrain.filmed_footage.time", SimpleNamespace(sleep=pauses.append))
    run = config(parse_task_sum("pace"), tmp_path)
    for number in range(100):
        (tmp_path / f"{number}.mp4").touch()
    dataset = ExampleDataset(run, tmp_path / "cache")
    for path in tmp_path.glob("*.mp4"):
        path.unlink()
    with pytest.raises(TrainingDataError, match="none of the 100 videos can be used"):
        list(batches(dataset, run, first_step=0))
    assert 1 <= len(pauses) < 20


def test_batches__say_once_that_the_cache_is_full(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        draw_counting_video(tmp_path / f"{name}.mp4", num_frames=40)
    run = config(parse_task_sum("pace"), tmp_path)
    run = dataclasses.replace(run, footage=dataclasses.replace(run.footage, cache_gb=1e-9))
    made = [remark for batch in run_batches(run, tmp_path / "cache") for remark in batch.remarks]
    assert [remark.kind for remark in made] == ["cache full"]


def test_dataset__an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="no video files in"):
        ExampleDataset(config(parse_task_sum("pace"), tmp_path), tmp_path / "cache")


def test_dataset__without_footage_frames_are_drawn(tmp_path: Path) -> None:
    item = ExampleDataset(config(parse_task_sum("pace")), tmp_path)[0]
    assert isinstance(item, Item)
    assert item.examples[0].clips_KTHWC.shape == (1, 16, 32, 32, 3)
    assert item.rejected == []


def test_loader__that_is_given_up_while_a_batch_is_handed_over_leaves_nobody_aborted() -> None:
    """As when the time of a step has been measured. A worker that aborts may hold a lock, for which the next one waits for ever."""
    before = set(multiprocessing.active_children())
    made = iter(make_loader(ManyTensors(), 2, batch_size=4))
    next(made)
    workers = set(multiprocessing.active_children()) - before
    assert len(workers) == 2
    del made
    assert [worker.exitcode for worker in workers] == [0, 0]


def test_loader__that_fails_under_way_has_ended_its_workers_before_the_error_arrives() -> None:
    """A traceback keeps all that it knows; workers that lived as long would be ended when Python is half gone."""
    before = set(multiprocessing.active_children())

    def fail_under_way() -> None:
        for _ in make_loader(ManyTensors(), 1, batch_size=4):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as kept:
        fail_under_way()
    assert kept.tb is not None
    assert set(multiprocessing.active_children()) == before


def test_loader__a_signal_while_its_workers_are_started_waits_until_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a loader cannot be ended: what it has started would be left, and complain."""
    started: list[int] = []
    start = DataLoader.__iter__

    def signalled(loader: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        made = start(loader)
        started.append(len(made._workers))
        return made

    monkeypatch.setattr(DataLoader, "__iter__", signalled)
    before = set(multiprocessing.active_children())
    with pytest.raises(KeyboardInterrupt):
        next(iter(make_loader(ManyTensors(), 1, batch_size=4)))
    assert started == [1]
    assert set(multiprocessing.active_children()) == before


_KILLED_AT_ONCE = """
import multiprocessing, os, signal, threading, time
from pretrain.example_workers import make_loader
from tests.helpers.many_tensors import ManyTensors

def kill():
    while not multiprocessing.active_children():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    threading.Thread(target=kill).start()
    next(iter(make_loader(ManyTensors(), 1, batch_size=4)))
"""


def test_loader__workers_whose_training_is_killed_while_they_start_end_too(tmp_path: Path) -> None:
    (tmp_path / "training.py").write_text(_KILLED_AT_ONCE)
    root = Path(__file__).parents[2]
    training = [sys.executable, tmp_path / "training.py"]
    # Workers have its output open: it is read to the end when the last of them is gone.
    done = subprocess.run(training, env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, timeout=PATIENCE_S)
    assert done.returncode == -signal.SIGKILL, done.stderr
