"""What a run leaves that was stopped before a step of it was saved."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from pretrain.errors import ConfigError
from pretrain.own_folder import make_own_folder
from pretrain.run_files import CHECKPOINT_NAME, resume_command
from pretrain.run_status import run_status
from pretrain.train import train
from pretrain.train_run import TrainRun
from tests.helpers.tiny_run import stop_after, tiny


def stopped(self: TrainRun, *_: Any) -> Any:
    own = make_own_folder(self._run_dir / "frames")
    (own / f"{'0' * 16}-{'1' * 8}-{'2' * 16}.npy").write_bytes(b"frames")
    raise KeyboardInterrupt


@pytest.mark.parametrize("minutes", [None, 1])
def test_stopped_before_the_first_step__nothing_is_kept_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minutes: float | None
) -> None:
    monkeypatch.setattr(TrainRun, "pieces", stopped)
    news: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        train(tiny(), tmp_path / "run", minutes=minutes, on_news=news.append)
    assert news[-1] == "Stopped before the first step was saved; nothing is kept."
    assert not (tmp_path / "run").exists()


def test_stopped_before_the_first_step__what_lay_there_before_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainRun, "pieces", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "holiday.png").touch()
    with pytest.raises(KeyboardInterrupt):
        train(tiny(), tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == ["frames", "frames/holiday.png"]


def test_stopped_before_the_first_step__of_a_run_begun_before_all_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(tiny(), tmp_path, on_progress=stop_after(1, KeyboardInterrupt))
    (tmp_path / CHECKPOINT_NAME).unlink()  # as one is told to where it is damaged
    monkeypatch.setattr(TrainRun, "pieces", stopped)
    news: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        train(tiny(), tmp_path, resume=True, on_news=news.append)
    assert news[-1] == f"Stopped. Go on from step 0 with: {resume_command(tmp_path)}"
    assert run_status(tmp_path).state == "broken off"


def test_stopped_after_a_step__how_to_go_on_is_said(tmp_path: Path) -> None:
    news: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        train(tiny(), tmp_path, on_progress=stop_after(1, KeyboardInterrupt), on_news=news.append)
    assert news[-1] == f"Stopped. Go on from step 1 with: {resume_command(tmp_path)}"


def test_failed_while_measuring__nothing_is_kept(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be a multiple of 3"):
        train(tiny(accumulate=3), tmp_path / "run", minutes=1)
    assert not (tmp_path / "run").exists()
