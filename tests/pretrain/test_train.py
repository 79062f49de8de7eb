"""The loop, on networks and clips so small that a run takes a second."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pretrain.checkpoint import load_checkpoint, load_trained
from pretrain.config import FootageConfig, OptimiserConfig, TrainConfig
from pretrain.errors import CheckpointError, TrainingStopped
from pretrain.recipes import RECIPES
from pretrain.run_files import CHECKPOINT_NAME, read_metrics
from pretrain.run_status import run_status
from pretrain.task_sum import TaskSum, WeightedTask, parse_task_sum
from pretrain.tasks.base import ClipShape, SlowView
from pretrain.tasks.trajectory import Trajectory
from pretrain.train import Progress, train
from tests.helpers.counting_video import draw_counting_video


def small(**changes: Any) -> TrainConfig:
    base = dataclasses.replace(RECIPES["smoke"](), workers=0, threads=1, precision="fp32")
    return dataclasses.replace(base, **changes)


def curve(run_dir: Path) -> list[dict[str, float]]:
    timing = {"clips_per_s", "data_wait", "seconds_left", "line_s"}
    return [{name: value for name, value in entry.items() if name not in timing} for entry in read_metrics(run_dir)]


class Stop(Exception):
    pass


def stop_after(step: int) -> Any:
    def on_progress(progress: Progress) -> None:
        if progress.step == step:
            raise Stop

    return on_progress


def test_train__leaves_a_whole_run_behind(tmp_path: Path) -> None:
    seen: list[Progress] = []
    result = train(small(), tmp_path / "run", on_progress=seen.append)
    assert [progress.step for progress in seen] == list(range(1, 9))
    assert all(progress.clips_per_s > 0 and 0 <= progress.data_wait <= 1 for progress in seen)
    assert seen[-1].seconds_left == 0
    assert [entry["step"] for entry in read_metrics(tmp_path / "run")] == [2, 4, 6, 8]
    assert result.health is not None
    assert result.health.words == read_metrics(tmp_path / "run")[-1]["words"]
    config, model, steps = load_trained(tmp_path / "run")
    assert (config, steps) == (small(), 8)
    assert not model.training
    assert list((tmp_path / "run" / "tensorboard").iterdir())


def test_train__brings_the_loss_down(tmp_path: Path) -> None:
    run = small(steps=60, batch_size=8, log_every=20, save_every=60)
    one_clip = TaskSum((WeightedTask("trajectory", SameFewClips()),))
    train(dataclasses.replace(run, tasks=one_clip), tmp_path / "run")
    entries = read_metrics(tmp_path / "run")
    assert entries[-1]["trajectory/loss"] < 0.5 * entries[0]["trajectory/loss"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SameFewClips(Trajectory):
    """Trajectory over only two clips, so that a minute's learning is done in a second."""

    def make_example(self, clip: Any, rng: np.random.Generator) -> Any:
        return super().make_example(clip, np.random.default_rng(int(rng.integers(2))))


@pytest.mark.parametrize("tasks", ["trajectory", "pace+0.5*trajectory"])
def test_resume__draws_the_same_curve_to_the_last_bit(tmp_path: Path, tasks: str) -> None:
    run = small(tasks=parse_task_sum(tasks))
    train(run, tmp_path / "whole")
    with pytest.raises(Stop):
        train(run, tmp_path / "broken", on_progress=stop_after(7))
    assert [entry["step"] for entry in read_metrics(tmp_path / "broken")] == [2, 4, 6]
    train(run, tmp_path / "broken", resume=True)
    assert curve(tmp_path / "broken") == curve(tmp_path / "whole")
    whole, resumed = load_checkpoint(tmp_path / "whole")["model"], load_checkpoint(tmp_path / "broken")["model"]
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_resume__after_kill_9_draws_the_same_curve(tmp_path: Path) -> None:
    run = small(steps=400, workers=1)
    script = (
        "import sys; from pathlib import Path\n"
        "from pretrain.config import TrainConfig; from pretrain.train import train\n"
        "if __name__ == '__main__': train(TrainConfig.from_json(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))\n"
    )
    (tmp_path / "config.json").write_text(run.to_json())
    (tmp_path / "script.py").write_text(script)
    run_dir = tmp_path / "run"
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "config.json"), str(run_dir)]
    root = str(Path(__file__).resolve().parents[2])
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": root}, start_new_session=True)
    try:
        while len(read_metrics(run_dir)) < 5:
            assert process.poll() is None
            time.sleep(0.01)
        running = run_status(run_dir)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (running.state, running.pid) == ("running", process.pid)
    assert running.seconds_left is not None and running.seconds_left > 0
    broken = run_status(run_dir)
    assert (broken.state, broken.stopped, broken.seconds_left) == ("broken off", "", None)
    killed_at = load_checkpoint(run_dir)["step"]
    assert broken.saved_step <= killed_at <= broken.saved_step + 4  # the kill may fall between the two files
    assert 4 <= killed_at < 400
    until = dataclasses.replace(run, steps=400, workers=0)
    # The rest of 400 steps would take long: both go only a little further than the kill.
    with pytest.raises(Stop):
        resume_with_other_workers(run_dir, until, killed_at + 5)
    with pytest.raises(Stop):
        train(until, tmp_path / "whole", on_progress=stop_after(killed_at + 5))
    assert curve(run_dir) == curve(tmp_path / "whole")


def resume_with_other_workers(run_dir: Path, config: TrainConfig, last_step: int) -> None:
    (run_dir / "config.json").write_text(config.to_json())
    train(config, run_dir, resume=True, on_progress=stop_after(last_step))


def test_train__no_run_is_overwritten(tmp_path: Path) -> None:
    train(small(), tmp_path / "run")
    before = (tmp_path / "run" / CHECKPOINT_NAME).read_bytes()
    with pytest.raises(CheckpointError, match=r"holds a run already\. Go on with it: vret pretrain --run \S*run --resume; or"):
        train(small(), tmp_path / "run")
    with pytest.raises(CheckpointError, match="another config"):
        train(small(seed=2), tmp_path / "run", resume=True)
    assert (tmp_path / "run" / CHECKPOINT_NAME).read_bytes() == before


def test_resume__of_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    train(small(), tmp_path / "run")
    before = curve(tmp_path / "run")
    train(small(), tmp_path / "run", resume=True)
    assert curve(tmp_path / "run") == before


def test_checkpoint__damage_is_said_plainly(tmp_path: Path) -> None:
    train(small(), tmp_path / "run")
    path = tmp_path / "run" / CHECKPOINT_NAME
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="is damaged"):
        load_trained(tmp_path / "run")
    path.unlink()
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        load_trained(tmp_path / "run")
    with pytest.raises(CheckpointError, match="is not the folder of a run"):
        load_trained(tmp_path)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SoonInfinite(Trajectory):
    """A head whose hidden layer gives infinity from the start."""

    def build_head(self, features: Any, clip: Any) -> nn.Module:
        head = super().build_head(features, clip)
        nn.init.constant_(head[2].bias, float("inf"))  # type: ignore[index]
        return head


@dataclasses.dataclass(frozen=True, kw_only=True)
class NoGradient(Trajectory):
    """A loss whose value is fine and whose gradient is not: the root at 0."""

    def loss(self, head: nn.Module, features: Tensor, target: Tensor, slow: SlowView | None = None) -> dict[str, Tensor]:
        losses = super().loss(head, features, target, slow)
        return losses | {"loss": losses["loss"] + (features * 0).abs().sum().sqrt()}


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (SoonInfinite(), r"step 1: the loss is (inf|nan), first seen in heads\.trajectory\.2\."),
        (NoGradient(), r"step 1: the gradient of .*stages\.3.* is not finite"),
    ],
)
def test_train__stops_at_the_first_number_that_is_none(tmp_path: Path, task: Trajectory, words: str) -> None:
    with pytest.raises(TrainingStopped, match=words):
        train(small(tasks=TaskSum((WeightedTask("trajectory", task),))), tmp_path / "run")
    assert not (tmp_path / "run" / CHECKPOINT_NAME).exists()


@dataclasses.dataclass(frozen=True, kw_only=True)
class AllAlike(Trajectory):
    """The loss that every clip satisfies best by being like every other."""

    def loss(self, head: nn.Module, features: Tensor, target: Tensor, slow: SlowView | None = None) -> dict[str, Tensor]:
        pooled_BD = features[:, 0].mean(dim=(2, 3, 4))
        return super().loss(head, features.detach(), target, slow) | {"loss": 100 * pooled_BD.var(dim=0).sum()}


def test_train__a_run_that_collapses_says_so_and_why(tmp_path: Path) -> None:
    fast = OptimiserConfig(learning_rate=0.1, schedule="constant", clip_norm=1.0)
    run = small(tasks=TaskSum((WeightedTask("trajectory", AllAlike()),)), optimiser=fast, steps=40, log_every=10, save_every=40)
    result = train(run, tmp_path / "run")
    assert result.health is not None
    (sentence,) = result.health.trouble
    # Which of the two comes first on the way to one point, rounding decides.
    assert sentence.startswith(
        (
            "COLLAPSED: all clips look nearly the same to the network (features vary by ",
            "COLLAPSED: the network tells clips apart in a single way (features vary in ",
        )
    )
    assert "the learning rate 0.1 is outside what usually works with adamw" in sentence
    assert run_status(tmp_path / "run").trouble == (sentence,)


def test_train__on_a_folder_counts_and_names_what_is_bad(tmp_path: Path) -> None:
    draw_counting_video(tmp_path / "videos" / "good.mp4", num_frames=40)
    (tmp_path / "videos" / "bad.mp4").write_bytes(b"\0" * 500)
    run = small(tasks=parse_task_sum("pace"), footage=FootageConfig(paths=(str(tmp_path / "videos"),)))
    result = train(run, tmp_path / "run")
    assert [Path(bad.path).name for bad in result.rejected] == ["bad.mp4"]
    assert read_metrics(tmp_path / "run")[-1]["rejected_videos"] == 1
    assert not (tmp_path / "run" / "frames").exists()


def test_metrics__a_line_cut_short_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text(json.dumps({"step": 1}) + "\n" + '{"step": 2, "lo')
    assert read_metrics(tmp_path) == [{"step": 1}]


def test_train__bfloat16_learns_as_well(tmp_path: Path) -> None:
    run = small(steps=40, batch_size=2, log_every=20, save_every=40, precision="bf16", clip=ClipShape(num_frames=8, size_px=32))
    train(dataclasses.replace(run, tasks=TaskSum((WeightedTask("trajectory", SameFewClips()),))), tmp_path / "run")
    entries = read_metrics(tmp_path / "run")
    assert entries[-1]["trajectory/loss"] < 0.7 * entries[0]["trajectory/loss"]
