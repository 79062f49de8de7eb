"""How many steps fit into some minutes, and what a training tells besides its steps."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pretrain.config import FootageConfig, LabelledVideo, OptimiserConfig, ProbeConfig
from pretrain.errors import ConfigError, TrainingDataError
from pretrain.frame_source import FrameSource
from pretrain.processes import make_accelerator
from pretrain.run_length import lasting
from pretrain.task_sum import TaskSum, WeightedTask, parse_task_sum
from pretrain.tasks.base import ClipShape, Example
from pretrain.tasks.pace import Pace
from pretrain.train import train
from tests.helpers.counting_video import draw_counting_video
from tests.helpers.tiny_run import stop_after, tiny


def test_minutes__the_measuring_learns_nothing_and_so_cannot_go_wrong(tmp_path: Path) -> None:
    absurd = tiny(optimiser=OptimiserConfig(learning_rate=1e30))
    news: list[str] = []
    config = lasting(1e-4, absurd, tmp_path, make_accelerator(absurd), news.append)
    assert (config.steps, config.optimiser) == (1, absurd.optimiser)
    assert news[0].startswith("Measuring how long a step takes here")
    assert "0.0001 minutes in all leaves time for one step only. Give more --minutes, or --steps." in news[1]


@dataclass(frozen=True, kw_only=True)
class SlowToCut(Pace):
    """Every visit to a video takes time, however long ago it was decoded."""

    def make_example(self, source: FrameSource, clip: ClipShape, rng: np.random.Generator) -> Example:
        time.sleep(0.05)
        return super().make_example(source, clip, rng)


def test_minutes__what_examples_of_footage_cost_at_every_visit_counts(tmp_path: Path) -> None:
    draw_counting_video(tmp_path / "videos" / "one.mp4", num_frames=30)
    footage = FootageConfig(paths=(str(tmp_path / "videos"),))
    config = tiny(tasks=TaskSum((WeightedTask("pace", SlowToCut()),)), footage=footage)
    news: list[str] = []
    steps = lasting(1, config, tmp_path, make_accelerator(config), news.append).steps
    assert 1 <= steps <= 60 / (config.batch_size * 0.05)  # seconds, by the least that a step can take
    said = re.fullmatch(
        r"The measuring took (\d+) s, and a step takes [0-9.]+ s: (\d+) steps fit into what is left of 1 minute\.", news[1]
    )
    assert said is not None and int(said[2]) == steps


def test_minutes__must_be_some(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="minutes is -1; it must be above 0"):
        train(tiny(), tmp_path, minutes=-1)


def test_news__an_empty_folder_is_said_before_labelled_videos_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pretrain.train_run.NeighbourProbe", lambda *_: pytest.fail("read for nothing"))
    (tmp_path / "empty").mkdir()
    probe = ProbeConfig(queries=(LabelledVideo(path="a", label="x"),), gallery=(LabelledVideo(path="b", label="x"),))
    run = tiny(tasks=parse_task_sum("pace"), footage=FootageConfig(paths=(str(tmp_path / "empty"),)), probe=probe)
    with pytest.raises(TrainingDataError, match="no video files"):
        train(run, tmp_path / "run")


def test_news__what_happens_before_the_first_step_is_said(tmp_path: Path) -> None:
    draw_counting_video(tmp_path / "videos" / "one.mp4", num_frames=30)
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"\0" * 500)
    probe = ProbeConfig(queries=(LabelledVideo(path=str(bad), label="x"),), gallery=(LabelledVideo(path=str(bad), label="x"),))
    run = tiny(
        tasks=parse_task_sum("pace"), footage=FootageConfig(paths=(str(tmp_path / "videos"),)), probe=probe, steps=2, save_every=2
    )
    news: list[str] = []
    result = train(run, tmp_path / "run", on_news=news.append)
    assert [news[0], news[2]] == ["Reading 2 labelled videos, by which the features are judged.", "Reading the first videos."]
    assert news[1].startswith("How well the task is solved on held-out videos cannot be measured: none of the 1 videos can be used")
    assert str(bad) in news[1]
    assert len(news) == 3
    assert result.health is not None
    assert "no held-out video could be compared" in result.health.words
    assert "neighbours/accuracy" not in result.health.curves()
    with pytest.raises(KeyboardInterrupt):
        train(tiny(), tmp_path / "drawn", on_progress=stop_after(1, KeyboardInterrupt), on_news=news.append)
    assert news[3] == "Drawing the first clips."
