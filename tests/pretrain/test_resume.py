"""A run that is stopped in the middle and goes on is the run that was not."""

import dataclasses
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pretrain import run_record
from pretrain.checkpoint import load_checkpoint
from pretrain.config import FootageConfig, OptimiserConfig
from pretrain.run_log import RunLog
from pretrain.run_status import run_status
from pretrain.task_sum import TaskSum, WeightedTask, parse_task_sum
from pretrain.tasks.base import SlowView
from pretrain.tasks.trajectory import Trajectory
from pretrain.train import train
from tests.helpers.counting_video import draw_counting_video
from tests.helpers.tiny_run import curve, stop_after, tiny

SGD = OptimiserConfig(name="sgd", learning_rate=0.01)


@pytest.mark.parametrize(
    "changes",
    [
        {"tasks": parse_task_sum("overlap"), "optimiser": SGD},  # two momenta: the slow network's and the optimiser's
        {"accumulate": 2},
    ],
    ids=["slow network and SGD", "in pieces"],
)
def test_resume__within_a_log_window_draws_the_same_curve(tmp_path: Path, changes: dict[str, Any]) -> None:
    run = tiny(**changes)
    train(run, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(run, tmp_path / "broken", on_progress=stop_after(3, KeyboardInterrupt))
    assert run_status(tmp_path / "broken").saved_step == 3
    train(run, tmp_path / "broken", resume=True)
    assert curve(tmp_path / "broken") == curve(tmp_path / "whole")
    assert_same_weights(tmp_path / "whole", tmp_path / "broken")


def test_resume__on_footage_with_workers_draws_the_same_curve_and_knows_the_bad_videos(tmp_path: Path) -> None:
    for number in range(2):
        draw_counting_video(tmp_path / "videos" / f"{number}.mp4", num_frames=30)
    (tmp_path / "videos" / "bad.mp4").write_bytes(b"\0" * 500)
    footage = FootageConfig(paths=(str(tmp_path / "videos"),), cache_dir=str(tmp_path / "cache"))
    run = tiny(tasks=parse_task_sum("pace"), footage=footage, workers=1)
    train(dataclasses.replace(run, workers=0), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(run, tmp_path / "broken", on_progress=stop_after(3, KeyboardInterrupt))
    train(run, tmp_path / "broken", resume=True)
    assert curve(tmp_path / "broken") == curve(tmp_path / "whole")
    assert_same_weights(tmp_path / "whole", tmp_path / "broken")
    again = train(run, tmp_path / "broken", resume=True)
    assert again.was_finished
    assert [Path(bad.path).name for bad in again.rejected] == ["bad.mp4"]
    assert [Path(bad.path).name for bad in run_status(tmp_path / "broken").rejected] == ["bad.mp4"]


def assert_same_weights(one: Path, other: Path) -> None:
    left, right = load_checkpoint(one)["model"], load_checkpoint(other)["model"]
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in left)


def test_finished__is_a_run_whose_last_step_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save = run_record.save_checkpoint

    def killed(run_dir: Path, *, step: int, **state: Any) -> None:
        if step == 4:
            raise ZeroDivisionError
        save(run_dir, step=step, **state)

    monkeypatch.setattr(run_record, "save_checkpoint", killed)
    with pytest.raises(ZeroDivisionError):
        train(tiny(), tmp_path)
    status = run_status(tmp_path)
    assert (status.state, status.step, status.saved_step) == ("broken off", 4, 2)
    monkeypatch.undo()
    train(tiny(), tmp_path, resume=True)
    assert run_status(tmp_path).state == "finished"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Signalled(Trajectory):
    """In the midst of its third step, somebody presses Ctrl-C."""

    def loss(self, head: nn.Module, features: Tensor, target: Tensor, slow: SlowView | None = None) -> dict[str, Tensor]:
        count = getattr(head, "count", 0) + 1
        head.count = count  # type: ignore[assignment]
        if count == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return super().loss(head, features, target, slow)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal__saves_after_the_step_in_progress(tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    kill = os.kill
    monkeypatch.setattr(os, "kill", lambda pid, _: kill(pid, number))
    usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    outside, news = signal.signal(number, usual), []  # a shell's background job ignores Ctrl-C, and so do the tests in it
    try:
        with pytest.raises(KeyboardInterrupt):
            train(tiny(tasks=TaskSum((WeightedTask("trajectory", Signalled()),))), tmp_path, on_news=news.append)
        assert signal.getsignal(number) == usual
    finally:
        signal.signal(number, outside)
    assert run_status(tmp_path).saved_step == load_checkpoint(tmp_path)["step"] == 3
    assert run_status(tmp_path).stopped == "stopped from outside"
    assert news[-1] == f"Stopped. Go on from step 3 with: vret pretrain --run {tmp_path} --resume"


def test_log__the_last_line_is_not_of_the_few_steps_left_over(tmp_path: Path) -> None:
    train(tiny(steps=9, log_every=4, save_every=4), tmp_path)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines if "loss" in json.loads(line)] == [4, 9]


def test_signal__that_is_ignored_stays_so(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        train(tiny(tasks=TaskSum((WeightedTask("trajectory", Signalled()),))), tmp_path)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert run_status(tmp_path).state == "finished"


def test_save__by_time_where_steps_are_long_and_without_a_trace_in_the_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tiny(save_every=4), tmp_path / "seldom")
    saved: list[int] = []
    save = run_record.save_checkpoint

    def noted(run_dir: Path, *, step: int, **state: Any) -> None:
        saved.append(step)
        save(run_dir, step=step, **state)

    monkeypatch.setattr(run_record, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(run_record, "save_checkpoint", noted)
    train(tiny(save_every=4), tmp_path / "often")
    assert saved == [1, 2, 3, 4]
    assert curve(tmp_path / "often") == curve(tmp_path / "seldom")


def test_log__of_a_run_that_begins_again_keeps_nothing_of_the_other(tmp_path: Path) -> None:
    with RunLog(tmp_path, first_step=0) as log:
        log.write(0, {"neighbours/start": 0.9})
    (old,) = (tmp_path / "tensorboard").iterdir()
    with RunLog(tmp_path, first_step=0) as log:
        assert log.entries == []
        assert not old.exists()
        log.write(0, {"neighbours/start": 0.1})
        log.write(2, {"loss": 1.0})
        log.write(4, {"loss": 0.5})
    with RunLog(tmp_path, first_step=2) as log:
        assert log.entries == [{"step": 0, "neighbours/start": 0.1}, {"step": 2, "loss": 1.0}]


def test_config__where_a_run_is_computed_may_change_on_the_way(tmp_path: Path) -> None:
    run = tiny()
    elsewhere = dataclasses.replace(run, device="cuda", threads=3, workers=7, footage=FootageConfig(cache_dir="x", cache_gb=1))
    assert run.same_curve(elsewhere)
    for change in ({"accumulate": 2}, {"steps": 5}, {"seed": 3}, {"precision": "bf16"}, {"footage": FootageConfig(margin=1.0)}):
        assert not run.same_curve(dataclasses.replace(run, **change)), change
