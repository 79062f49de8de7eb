"""`vret pretrain --resume` goes on with the very run, or says why not; and data that no task would open is refused."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from app.commands.training_output import status_lines
from app.errors import Busy
from app.train_encoder import BadTraining, TrainingChanges, newest_run, train_encoder
from app.workspace import Workspace
from pretrain.backbones import build_backbone
from pretrain.checkpoint import load_config
from pretrain.run_files import CHECKPOINT_NAME, train_on_command
from pretrain.run_lock import at_work
from pretrain.run_status import all_runs, run_status
from tests.app.test_commands import failed, ok, vret
from tests.helpers.tiny_run import stop_after, tiny, torch_as_before

TINY = TrainingChanges(workers=0, threads=1, device="cpu", steps=4, num_frames=8)


@pytest.fixture(autouse=True)
def _torch_as_before() -> Iterator[None]:
    with torch_as_before():
        yield


@pytest.fixture
def broken_off(home: Path) -> Path:
    """The run `mine`, stopped after one of four steps."""
    with Workspace() as ws, pytest.raises(KeyboardInterrupt):
        train_encoder(ws, TINY, recipe="smoke", run="mine", on_progress=stop_after(1, KeyboardInterrupt))
    return home / "runs" / "mine"


def test_data__that_no_task_would_open_is_refused(home: Path, tmp_path: Path) -> None:
    words = failed("pretrain", "--data", tmp_path, code=2)
    assert f"trajectory learns only from clips that it draws itself and would never open {tmp_path}" in words
    assert "Add a task that learns from videos, such as --task pace; there are cloze, cvrl, overlap, pace, statistics" in words
    assert not (home / "runs").exists()


def test_resume__of_no_run_invents_none(home: Path) -> None:
    words = failed("pretrain", "--recipe", "smoke", "--run", "typo", "--resume")
    assert "There is no run typo to go on with. There is none yet." in words
    assert not (home / "runs").exists()


@pytest.mark.parametrize(
    ("option", "value", "has"),
    [
        ("--lr", "0.5", "0.0015"),
        ("--batch-size", "8", "4"),
        ("--accumulate", "2", "1"),
        ("--steps", "9", "4"),
        ("--task", "pace", "trajectory"),
        ("--seed", "7", "1"),
        ("--size", "48", "32"),
        ("--precision", "bf16", "auto"),
        ("--recipe", "laptop", "smoke"),
        ("--backbone", "r2plus1d_half", "r2plus1d_quarter"),
    ],
)
def test_resume__an_option_that_would_make_it_another_run_is_refused(tmp_path: Path, option: str, value: str, has: str) -> None:
    from app.resume_training import resumed_config
    from pretrain.recipes import RECIPES

    (tmp_path / CHECKPOINT_NAME).touch()
    (tmp_path / "config.json").write_text(dataclasses.replace(RECIPES["smoke"](), steps=4).to_json())
    name = {"--lr": "learning_rate", "--task": "tasks", "--size": "size_px"}.get(option, option[2:].replace("-", "_"))
    number = {"--lr": float, "--task": str, "--precision": str, "--backbone": str}.get(option, int)
    changes = TrainingChanges(**({} if option == "--recipe" else {name: number(value)}))
    with Workspace() as ws, pytest.raises(BadTraining) as refused:
        resumed_config(ws, tmp_path, value if option == "--recipe" else None, changes)
    words = str(refused.value)
    assert words.startswith(f"{option}: the run {tmp_path} has {has}, and {value} was asked for.")
    assert f"leave out {option}, or start another from its weights: vret pretrain --from {tmp_path} --run NEW_NAME" in words


def test_resume__with_what_it_began_with_and_other_workers_finishes_it(broken_off: Path) -> None:
    before = load_config(broken_off)
    news: list[str] = []
    with Workspace() as ws:
        same = dataclasses.replace(TINY, cache_gb=1.5, threads=2)
        result = train_encoder(ws, same, recipe="smoke", run="mine", resume=True, on_news=news.append)
        assert (result.steps, result.was_finished) == (4, False)
        after = load_config(broken_off)
        assert (after.footage.cache_gb, after.threads) == (1.5, 2)
        assert before.same_curve(after)
        assert run_status(broken_off).state == "finished"
        train_encoder(ws, TrainingChanges(), run="mine", resume=True, minutes=3, on_news=news.append)
        assert "Minutes count when a run begins; this one keeps its 4 steps." in news
        assert news[-1] == f"It was finished already. To train on from its weights: {train_on_command(broken_off)}"
        longer = dataclasses.replace(TINY, steps=9)
        with pytest.raises(BadTraining, match=r"is finished after 4 steps, and --steps 9 .* vret pretrain --from .*mine --run"):
            train_encoder(ws, longer, run="mine", resume=True)
    (broken_off / CHECKPOINT_NAME).unlink()
    with Workspace() as ws:  # one that never saved starts again
        assert train_encoder(ws, TrainingChanges(), run="mine", resume=True).was_finished is False


def test_resume__alone_goes_on_with_the_run_that_was_broken_off(broken_off: Path) -> None:
    news: list[str] = []
    with Workspace() as ws:
        train_encoder(ws, TrainingChanges(), resume=True, on_news=news.append)
        assert news[0] == "Going on with the run mine."
        assert run_status(broken_off).state == "finished"
        with pytest.raises(BadTraining, match=r"No run was broken off\. There are: mine \(finished\)\."):
            train_encoder(ws, TrainingChanges(), resume=True)


def test_resume__from_other_weights_names_the_option_that_was_given(broken_off: Path, tmp_path: Path) -> None:
    torch.save(build_backbone("r2plus1d_half").state_dict(), tmp_path / "half.pt")
    words = failed("pretrain", "--run", "mine", "--resume", "--from", tmp_path / "half.pt", code=2)
    assert f"--from: the run {broken_off} has random weights, and {tmp_path / 'half.pt'} was asked for" in words


def test_busy__is_exit_code_4(broken_off: Path) -> None:
    with at_work(broken_off):
        done = vret("pretrain", "--run", "mine", "--resume")
    assert done.returncode == Busy.exit_code == 4
    assert "is being trained by process" in done.stderr


def test_training__a_bug_is_no_bad_option(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def buggy(*_: object, **__: object) -> None:
        raise ValueError("bug")

    monkeypatch.setattr("pretrain.train.train", buggy)
    with Workspace() as ws, pytest.raises(ValueError, match="bug") as raised:
        train_encoder(ws, TINY, recipe="smoke")
    assert type(raised.value) is ValueError


def test_list__a_damaged_run_spoils_it_not(home: Path) -> None:
    for name, text in (("good", tiny().to_json()), ("bad", "{"), ("odd", json.dumps({"steps": 1, "tasks": [3], "backbone": "x"}))):
        folder = home / "runs" / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(text)
    (home / "runs" / "good" / "metrics.jsonl").write_bytes(b'3\n{"step": 9}\n')
    assert {run.run: run.state for run in all_runs(home / "runs")} == {"good": "not started", "bad": "damaged", "odd": "damaged"}
    done = vret("pretrain", "list")
    assert done.returncode == 0 and done.stdout.count("damaged") == 2
    assert "bad/config.json cannot be used" in done.stderr
    (home / "runs" / "good" / "state.json").write_text("{")
    assert "state.json is damaged" in failed("pretrain", "status", "good")
    assert "Delete it" in failed("pretrain", "status", "good")
    with Workspace() as ws:
        assert newest_run(ws).parent == home / "runs"
    assert json.loads(ok("pretrain", "list", "--json"))


def test_status__a_silent_run_may_hang_by_its_own_measure(home: Path) -> None:
    (home / "config.json").write_text(tiny().to_json())
    status = dataclasses.replace(run_status(home), state="running", quiet_s=900.0)
    assert "it may hang" in "\n".join(status_lines(dataclasses.replace(status, line_s=20.0)))
    assert "it may hang" not in "\n".join(status_lines(dataclasses.replace(status, line_s=600.0)))
    assert "it may hang" not in "\n".join(status_lines(dataclasses.replace(status, quiet_s=500.0, line_s=1.0)))
