"""Held-out videos and their neighbours."""

import dataclasses
from pathlib import Path

import pytest
import torch

from pretrain.clip_dataset import ExampleDataset
from pretrain.config import FootageConfig, LabelledVideo, ProbeConfig, TrainConfig
from pretrain.errors import TrainingDataError
from pretrain.held_out import HeldOutExamples
from pretrain.neighbour_probe import NeighbourProbe, nearest_accuracy
from pretrain.pretrain_model import PretrainModel
from pretrain.recipes import RECIPES
from pretrain.run_files import read_metrics
from pretrain.task_sum import parse_task_sum
from pretrain.train import Progress, train
from pretrain.video_list import training_videos
from tests.helpers.make_video import draw_moving_picture


def video(label: str, source: str = "") -> LabelledVideo:
    return LabelledVideo(path="", label=label, source=source)


def test_accuracy__of_the_nearest_by_angle_beside_the_commonest() -> None:
    gallery = torch.tensor([[1.0, 0.0], [0.0, 9.0], [0.1, 9.0]])
    labels = [video("right"), video("up"), video("up")]
    queries = torch.tensor([[50.0, 1.0], [1.0, 50.0], [1.0, 40.0], [3.0, 1.0]])
    asked = [video("right"), video("up"), video("right"), video("right")]
    assert nearest_accuracy(queries, asked, gallery, labels) == (3 / 4, 1 / 4, 4)


def test_accuracy__neighbours_come_from_the_same_source() -> None:
    gallery, labels = torch.eye(2), [video("a", "film"), video("b", "web")]
    queries, asked = torch.eye(2), [video("b", "web"), video("a", "film")]
    assert nearest_accuracy(queries, asked, gallery, labels) == (1.0, 1.0, 2)
    assert nearest_accuracy(queries, [video("b", "disc"), asked[1]], gallery, labels) == (1.0, 1.0, 1)
    assert nearest_accuracy(queries[:0], [], gallery[:0], []) == (0.0, 0.0, 0)


class Stop(Exception):
    pass


def test_train__held_out_videos_judge_the_features_and_are_never_trained_on(tmp_path: Path) -> None:
    paths = [draw_moving_picture(tmp_path / "videos" / f"{seed}.mp4", seconds=1.5, seed=seed) for seed in range(4)]
    (tmp_path / "videos" / "bad.mp4").write_bytes(b"\0" * 500)
    probe = ProbeConfig(
        queries=(LabelledVideo(path=str(paths[0]), label="same"), LabelledVideo(path=str(tmp_path / "videos/bad.mp4"), label="x")),
        gallery=(LabelledVideo(path=str(paths[1]), label="same"), LabelledVideo(path=str(paths[2]), label="same")),
    )
    held_out = (str(paths[0]), str(tmp_path / "videos" / "bad.mp4"))
    run = dataclasses.replace(
        RECIPES["smoke"](),
        tasks=parse_task_sum("pace"),
        footage=FootageConfig(paths=(str(tmp_path / "videos"),), never=held_out),
        probe=probe,
        workers=0,
        threads=1,
        precision="fp32",
    )
    assert TrainConfig.from_json(run.to_json()) == run
    assert [path.name for path in training_videos(run.footage)] == ["1.mp4", "2.mp4", "3.mp4"]
    result = train(run, tmp_path / "whole")
    entries = read_metrics(tmp_path / "whole")
    assert [entry["step"] for entry in entries] == [0, 2, 4, 6, 8]
    assert entries[0]["neighbours/start"] == 1.0
    assert [entry.get("neighbours/accuracy") for entry in entries[1:]] == [None, 1.0, None, 1.0]
    assert "of 1 held-out videos (untrained network 1.00, always the commonest 1.00)" in entries[-1]["words"]
    assert [Path(bad.path).name for bad in result.rejected] == ["bad.mp4"]
    assert ["held_out/pace/score" in entry for entry in entries[1:]] == [False, True, False, True]
    assert "on held-out videos pace accuracy " in entries[-1]["words"]

    def stop(progress: Progress) -> None:
        if progress.step == 5:
            raise Stop

    with pytest.raises(Stop):
        train(run, tmp_path / "broken", on_progress=stop)
    train(run, tmp_path / "broken", resume=True)
    again = read_metrics(tmp_path / "broken")
    assert [entry["words"] for entry in again[1:]] == [entry["words"] for entry in entries[1:]]


def test_held_out__examples_are_of_the_held_out_videos_alone_and_always_the_same(tmp_path: Path) -> None:
    """A network that says pace 1 to every clip is always right about a video too short for anything else."""
    short, long = (draw_moving_picture(tmp_path / f"{seconds}.mp4", seconds=seconds, rate=20) for seconds in (1.0, 4.0))
    footage = FootageConfig(paths=(str(long),), never=(str(short),))
    run = dataclasses.replace(RECIPES["smoke"](), tasks=parse_task_sum("pace"), footage=footage, workers=0, precision="fp32")
    model = PretrainModel(run).eval()
    head = model.heads["pace"].pace
    with torch.no_grad():
        head.weight.zero_()
        head.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))
    bad = LabelledVideo(path=str(tmp_path / "gone.mp4"), label="x")
    of_short = HeldOutExamples(run, (LabelledVideo(path=str(short), label="x"), bad), tmp_path / "cache")
    of_long = HeldOutExamples(run, (LabelledVideo(path=str(long), label="x"),), tmp_path / "cache")
    assert of_short.judge(model)["pace"].words.startswith("pace accuracy 1.00")
    assert [video.path for video in of_short.rejected] == [bad.path]
    assert of_long.judge(model)["pace"].score < 0.3
    assert of_long.judge(model.train()) == of_long.judge(model)
    assert model.training


def test_probe__keeps_no_memory_that_it_shares_with_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = dataclasses.replace(RECIPES["smoke"](), workers=0, precision="fp32", device="cpu")
    handed_over = [torch.randint(256, (16, 32, 32, 3), dtype=torch.uint8).share_memory_() for _ in range(3)]
    monkeypatch.setattr("pretrain.neighbour_probe.make_loader", lambda *_, **__: handed_over)
    videos = tuple(LabelledVideo(path=str(number), label="abb"[number]) for number in range(3))
    probe = NeighbourProbe(run, ProbeConfig(queries=videos, gallery=videos), tmp_path)
    torch.manual_seed(1)
    model = PretrainModel(run)
    assert probe.score(model).accuracy == 1  # each finds itself
    for tensor in handed_over:
        tensor.zero_()  # as when the worker's memory is used anew
    assert probe.score(model).accuracy == 1


def test_list__names_videos_relative_to_itself(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).touch()
    listing = tmp_path / "list.txt"
    listing.write_text(f"# mine\nb.mp4\n\n{tmp_path / 'a.mp4'}\nb.mp4\n")
    footage = FootageConfig(paths=(str(listing),))
    assert [path.name for path in training_videos(footage)] == ["b.mp4", "a.mp4"]
    with pytest.raises(TrainingDataError, match="besides 3 that are held out"):
        training_videos(dataclasses.replace(footage, never=(str(tmp_path / "a.mp4"), str(tmp_path / "b.mp4"))))


def test_dataset__a_list_that_is_gone_is_an_error(tmp_path: Path) -> None:
    run = dataclasses.replace(
        RECIPES["smoke"](), tasks=parse_task_sum("pace"), footage=FootageConfig(paths=(str(tmp_path / "gone.txt"),))
    )
    with pytest.raises(TrainingDataError, match=r"gone\.txt cannot be read"):
        ExampleDataset(run, tmp_path)
