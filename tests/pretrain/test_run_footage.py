"""A run keeps the videos that it began with."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pretrain.clip_dataset import ExampleDataset, Item
from pretrain.config import FootageConfig, TrainConfig
from pretrain.errors import CheckpointError, TrainingDataError
from pretrain.recipes import RECIPES
from pretrain.run_files import read_metrics
from pretrain.run_footage import FOOTAGE_NAME, RunFootage, choose_footage, footage_of_run
from pretrain.task_sum import parse_task_sum
from pretrain.train import Progress, train
from tests.helpers.make_video import draw_moving_picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(4):
        draw_moving_picture(tmp_path / "videos" / f"v{number}.mp4", seed=number, seconds=6.0 + number)
    return tmp_path / "videos"


def config(folder: Path, tasks: str = "pace", **footage: float) -> TrainConfig:
    wanted = dataclasses.replace(FootageConfig(paths=(str(folder),), stretch_frames=16, max_stretches=4), **footage)  # type: ignore[arg-type]
    return dataclasses.replace(RECIPES["smoke"](), tasks=parse_task_sum(tasks), footage=wanted, workers=0)


def examples(run: TrainConfig, cache: Path, footage: RunFootage | None) -> list[Item]:
    dataset = ExampleDataset(run, cache, footage)
    made = [dataset[number] for number in range(8)]
    assert all(isinstance(item, Item) for item in made)
    return [item for item in made if isinstance(item, Item)]


def same(one: Item, other: Item) -> bool:
    return np.array_equal(one.examples[0].clips_KTHWC, other.examples[0].clips_KTHWC)


def test_resume__goes_on_with_the_videos_it_began_with(folder: Path, tmp_path: Path) -> None:
    run = config(folder)
    begun = examples(run, tmp_path / "cache", footage_of_run(run, tmp_path, is_main=True, resumes=False))
    draw_moving_picture(folder / "a_new_one.mp4", seed=9, seconds=6.0)
    (folder / "v2.mp4").unlink()
    # Another cache would hold fewer stretches of each.
    smaller = config(folder, cache_gb=100_000 / 1e9)
    kept = footage_of_run(smaller, tmp_path, is_main=True, resumes=True)
    resumed = examples(smaller, tmp_path / "cache", kept)
    rejected = {Path(bad.path).name for item in resumed for bad in item.rejected}
    assert rejected == {"v2.mp4"}
    equal = [same(one, other) for one, other in zip(begun, resumed, strict=True)]
    assert equal.count(False) == 2, "those of the video that is gone, which comes once in each of two rounds"
    assert choose_footage(smaller) != kept
    anew = footage_of_run(run, tmp_path, is_main=True, resumes=False)
    assert anew is not None and anew.videos[0].name == "a_new_one.mp4"


def test_footage__of_a_large_library_fewer_stretches_are_kept(folder: Path) -> None:
    plenty = choose_footage(config(folder))
    assert plenty is not None and plenty.plan.max_stretches == 4
    half = choose_footage(config(folder, cache_gb=(4 * 2.5 * plenty.plan.stretch_bytes) / 1e9))
    assert half is not None and half.plan.max_stretches == 2


def test_footage__a_task_that_draws_reads_no_video(tmp_path: Path) -> None:
    run = config(tmp_path / "nowhere", "trajectory")
    assert footage_of_run(run, tmp_path, is_main=True, resumes=False) is None
    assert not (tmp_path / FOOTAGE_NAME).exists()


def test_footage__what_is_missing_or_damaged_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="nowhere cannot be read"):
        footage_of_run(config(tmp_path / "nowhere"), tmp_path, is_main=True, resumes=True)
    (tmp_path / FOOTAGE_NAME).write_text('{"videos": 3}')
    with pytest.raises(CheckpointError, match=r"footage\.json cannot be used .* delete it"):
        footage_of_run(config(folder), tmp_path, is_main=True, resumes=True)


def test_train__a_file_that_comes_after_the_start_changes_no_curve(folder: Path, tmp_path: Path) -> None:
    run = dataclasses.replace(config(folder), threads=1, precision="fp32", steps=4, save_every=2, log_every=1)
    train(run, tmp_path / "whole")

    def stop(progress: Progress) -> None:
        if progress.step == run.save_every:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(run, tmp_path / "broken", on_progress=stop)
    draw_moving_picture(folder / "a_new_one.mp4", seed=9, seconds=6.0)
    train(run, tmp_path / "broken", resume=True)
    whole, resumed = ([entry["loss"] for entry in read_metrics(tmp_path / name)] for name in ("whole", "broken"))
    assert len(whole) > 1 and whole == resumed


def test_list__a_text_that_lists_nothing_is_told_with_its_line(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("# of today\n\n" + "Bring the camera " * 40 + "\nand film\n")
    with pytest.raises(
        TrainingDataError, match=r"notes\.txt lists no file that is there.* line 3: 'Bring the camera .{,60}\.\.\.'$"
    ):
        choose_footage(config(notes))
    (tmp_path / "a.mp4").touch()
    notes.write_text("a.mp4\ngone.mp4\n")
    chosen = choose_footage(config(notes))
    assert chosen is not None and chosen.videos == (tmp_path / "a.mp4", tmp_path / "gone.mp4")
