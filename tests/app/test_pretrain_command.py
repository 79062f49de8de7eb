"""`vret pretrain` from outside: train, list, look, go on."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from app.errors import BadLabels
from app.train_encoder import TrainingChanges, train_encoder
from app.training_runs import export_command
from app.workspace import Workspace
from pretrain.backbones import BACKBONES, build_backbone
from pretrain.checkpoint import load_config
from pretrain.errors import CheckpointError
from pretrain.recipes import RECIPES
from pretrain.registered_names import registered_names
from pretrain.run_files import RunState, StateFile, keeping_state, read_metrics
from pretrain.run_lock import at_work
from pretrain.run_status import find_runs, run_status
from pretrain.task_sum import parse_task_sum
from pretrain.tasks import TASKS
from tests.app.test_commands import failed, ok, vret
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.tiny_run import torch_as_before

QUICK = ("--recipe", "smoke", "--workers", "0", "--threads", "1", "--device", "cpu")


@pytest.fixture(autouse=True)
def _torch_as_before() -> Iterator[None]:
    with torch_as_before():
        yield


@pytest.mark.parametrize(("kind", "registry"), [("task", TASKS), ("backbone", BACKBONES), ("recipe", RECIPES)])
def test_help__names_what_the_registries_hold(kind: str, registry: object) -> None:
    names = registry.names()  # type: ignore[attr-defined]
    assert registered_names(kind) == names  # type: ignore[arg-type]
    shown = " ".join(ok("pretrain", "--help").replace("│", " ").split())
    assert ", ".join(names) in shown


def test_pretrain__trains_lists_and_says_how_it_went(home: Path, tmp_path: Path) -> None:
    draw_moving_picture(tmp_path / "videos" / "good.mp4", seconds=2)
    (tmp_path / "videos" / "bad.mp4").write_bytes(b"no video")
    (tmp_path / "list.txt").write_text("videos/good.mp4\nvideos/bad.mp4\n")
    assert "No training run" in vret("pretrain", "list").stderr
    done = vret(
        "pretrain", *QUICK, "--task", "pace", "--data", tmp_path / "list.txt", "--accumulate", "2", "--lr", "0.01", "--size", "24"
    )
    assert done.returncode == 0, done.stderr
    assert "step 8/8" in done.stderr and "clips/s" in done.stderr and "waiting for data" in done.stderr
    assert "bad.mp4: " in done.stderr
    config = load_config(home / "runs" / "pace")
    assert (config.accumulate, config.optimiser.learning_rate, config.clip.size_px) == (2, 0.01, 24)

    (listed,) = json.loads(ok("pretrain", "list", "--json"))
    assert (listed["run"], listed["state"], listed["step"]) == ("pace", "finished", 8)
    assert "finished" in ok("pretrain", "list")
    shown = json.loads(ok("pretrain", "status", "--json"))
    assert (shown["state"], shown["steps"], shown["tasks"], shown["seconds_left"]) == ("finished", 8, "pace", None)
    assert [Path(bad["path"]).name for bad in shown["rejected"]] == ["bad.mp4"]
    said = ok("pretrain", "status", "pace")
    assert "finished, step 8 of 8 (100%)" in said and shown["words"] in said and "not used: " in said
    assert "holds a run already" in failed("pretrain", *QUICK, "--task", "pace")

    (*_, last) = [line for line in done.stderr.splitlines() if line.startswith("step ")]
    loss = f"{shown['loss']:.4f}"
    assert f"step 8/8  loss {loss}  " in last and f"loss {loss}," in said and loss in ok("pretrain", "list")
    assert shown["words"] in done.stdout and shown["words"] not in last, "said once"
    assert "Make an encoder of it: vret export pace\n" in done.stderr


def test_status__of_a_run_at_work_and_of_one_that_stopped(home: Path) -> None:
    folder = home / "runs" / "mine"
    folder.mkdir(parents=True)
    config = dataclasses.replace(RECIPES["smoke"](), steps=10)
    (folder / "config.json").write_text(config.to_json())
    assert run_status(folder).state == "not started"

    def work() -> None:
        with at_work(folder), keeping_state(folder, RunState(step=0, steps=10)) as state:
            state.update(step=4, saved_step=2)
            said = ok("pretrain", "status", "mine")
            assert "running (process " in said and "step 4 of 10 (40%)" in said
            raise CheckpointError("lr too high")

    with pytest.raises(CheckpointError, match="lr too high"):
        work()
    said = ok("pretrain", "status", str(folder))
    assert "broken off, step 4 of 10" in said
    assert "it stopped because: lr too high" in said
    assert f"go on from step 2 with: vret pretrain --run {folder} --resume" in said
    assert find_runs(home / "runs") == [folder]
    StateFile(folder, RunState(step=10, steps=10, saved_step=8))
    assert run_status(folder).state == "broken off"  # killed between the last step and its checkpoint
    StateFile(folder, RunState(step=10, steps=10, saved_step=10))
    assert run_status(folder).state == "finished"
    assert failed("pretrain", "status", "nosuch") == "vret: There is no run nosuch. There are: mine."
    assert failed("export", "nosuch") == "vret: There is no run nosuch. There are: mine."
    assert f"There is no run {home}. There are: mine." in failed("pretrain", "status", str(home))


def test_pretrain__starts_from_weights_which_name_the_backbone(home: Path, tmp_path: Path) -> None:
    torch.save(build_backbone("r2plus1d_quarter").state_dict(), tmp_path / "weights.pt")
    weights = str(tmp_path / "weights.pt")
    line = failed("pretrain", *QUICK, "--from", weights, "--backbone", "r2plus1d_half", code=2)
    assert "holds the backbone r2plus1d_quarter, and r2plus1d_half was asked for" in line
    line = failed("pretrain", *QUICK, "--from", "nosuch")
    assert "There is no file, encoder or run 'nosuch' to start from. Encoders: colour, default" in line
    assert "Runs: There is none yet." in line
    assert vret("pretrain", *QUICK, "--steps", "2", "--from", weights, "--run", "first").returncode == 0
    assert vret("pretrain", *QUICK, "--steps", "2", "--from", "first", "--run", "second").returncode == 0
    config = load_config(home / "runs" / "second")
    assert (config.backbone, config.init_from) == ("r2plus1d_quarter", str(home / "runs" / "first"))


def test_pretrain__as_many_steps_as_fit_into_the_minutes(home: Path) -> None:
    assert "the steps or the minutes" in failed("pretrain", *QUICK, "--steps", "4", "--minutes", "1", code=2)
    assert "minutes is 0; it must be above 0" in failed("pretrain", *QUICK, "--minutes", "0", code=2)
    with Workspace() as ws:
        changes = TrainingChanges(workers=0, threads=1, device="cpu", batch_size=2)
        result = train_encoder(ws, changes, recipe="smoke", run="short", minutes=1e-4)
    config = load_config(home / "runs" / "short")
    assert result.steps == config.steps == 1  # the measuring took all the time, and one step is the least
    assert [entry["step"] for entry in read_metrics(home / "runs" / "short")] == [1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--precision", "fp8"], "precision is 'fp8'; it must be one of fp32, bf16, auto"),
        (["--accumulate", "3"], "must be a multiple of 3"),
        (["--lr", "0"], "learning_rate is 0; it must be above 0"),
        (["--task", "pase"], "no task is called 'pase'. Did you mean pace?"),
        (["--task", "pace(contrast=no)"], "task pace knob contrast is 'no'; it can be"),
        (["--backbone", "r3"], "no backbone is called 'r3'"),
        (["--recipe", "quick"], "no recipe is called 'quick'"),
        (["--device", "tpu"], "device is tpu; it must be cpu, cuda, or auto"),
    ],
)
def test_pretrain__what_can_never_be_is_wrong_usage(home: Path, options: list[str], says: str) -> None:
    assert says in failed("pretrain", *QUICK, *options, code=2)
    assert not list((home / "runs").glob("*"))


def test_pretrain__what_is_not_there_is_one_line(home: Path, tmp_path: Path) -> None:
    assert "no folder or file" in failed("pretrain", *QUICK, "--data", tmp_path / "gone")
    with Workspace() as ws, pytest.raises(BadLabels, match="There is no label file"):
        train_encoder(ws, TrainingChanges(labels=tmp_path / "gone.csv"), recipe="smoke")


def test_pretrain__labels_without_their_videos_are_refused_before_a_step(home: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,label,split\na.mp4,x,test\nb.mp4,x,train\n")
    words = failed("pretrain", *QUICK, "--labels", tmp_path / "labels.csv")
    assert "none of the 1 videos to hold out (split test) is there" in words
    assert not (home / "runs").exists()


def test_list__a_run_killed_before_it_began_is_shown_with_what_it_left(home: Path) -> None:
    frames = home / "runs" / "early" / "frames"
    frames.mkdir(parents=True)
    (frames / "one.npy").write_bytes(b"\0" * 3_000_000)
    (frames.parent / "run.lock").touch()
    says = f"begun, never started, 3 MB in {frames.parent}: begin it anew under the same name, or delete the folder"
    done = vret("pretrain", "list")
    assert "early   not started" in done.stdout and says in done.stderr
    assert ok("pretrain", "status", "early") == f"{frames.parent}: not started, {says}\n"
    with at_work(frames.parent):
        assert "running (process None" not in ok("pretrain", "status") and "measuring" in ok("pretrain", "status")
    assert "There is no training run" in failed("export")


def test_run_names__are_short_and_the_knobs_are_told(home: Path) -> None:
    long = "pace(contrast=same_context,paces=1,2)+0.5*trajectory"
    for task in (long, "0.25*trajectory+pace"):
        assert vret("pretrain", *QUICK, "--steps", "1", "--task", task).returncode == 0
    runs = {run["run"]: run["tasks"] for run in json.loads(ok("pretrain", "list", "--json"))}
    (short,) = [name for name in runs if name.startswith("pace-trajectory-")]
    assert len(short) == len("pace-trajectory-") + 6
    assert runs == {short: str(parse_task_sum(long)), "0-25-trajectory-pace": "0.25*trajectory+pace"}


def test_export_command__can_be_typed_as_it_is(ws: Workspace, tmp_path: Path) -> None:
    assert export_command(ws, ws.runs_folder / "pace") == "vret export pace"
    assert export_command(ws, ws.runs_folder / "default") == "vret export default --name NEW_NAME"
    assert export_command(ws, ws.runs_folder / "mein Lauf") == "vret export 'mein Lauf' --name NEW_NAME"
    assert export_command(ws, tmp_path / "a b" / "mine") == f"vret export '{tmp_path}/a b/mine'"
