"""A run whose files were damaged, edited or put together: one line says what is wrong and what to do, and no code of it runs."""

import dataclasses
import json
import math
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from app.main import main
from pretrain.checkpoint import load_checkpoint, load_trained
from pretrain.config import FootageConfig
from pretrain.errors import CheckpointError, PretrainError, WeightsError
from pretrain.initial_weights import find_backbone
from pretrain.origin import training_of
from pretrain.run_files import CHECKPOINT_NAME, CONFIG_NAME, read_metrics
from pretrain.run_status import all_runs, run_status
from pretrain.task_sum import parse_task_sum
from pretrain.train import train
from tests.helpers.counting_video import draw_counting_video
from tests.helpers.tiny_run import stop_after, tiny, torch_as_before

RUN = tiny(log_every=2)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped within a log window."""
    run = tmp_path_factory.mktemp("sound") / "run"
    with torch_as_before(), pytest.raises(KeyboardInterrupt):
        train(RUN, run, on_progress=stop_after(1, KeyboardInterrupt))
    return run


@pytest.fixture
def run(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "run"))


Edit = Callable[[dict[str, Any]], Any]


def first(values: dict[str, Any]) -> str:
    return next(iter(values))


def set_in(*keys: Any) -> Callable[[Any], Edit]:
    """Puts a value where these keys lead; the key `first` stands for the first there is."""

    def setting(value: Any) -> Edit:
        def edit(state: dict[str, Any]) -> None:
            inner: Any = state
            for key in keys[:-1]:
                inner = inner[first(inner) if key is first else key]
            inner[first(inner) if keys[-1] is first else keys[-1]] = value

        return edit

    return setting


EDITS: dict[str, tuple[Edit, str]] = {
    "no model": (lambda state: state.pop("model"), "lacks model"),
    "no optimiser": (lambda state: state.pop("optimiser"), "lacks optimiser"),
    "no step": (lambda state: state.pop("step"), "lacks step"),
    "no rng": (lambda state: state.pop("torch_rng"), "lacks torch_rng"),
    "step a text": (set_in("step")("1"), "its step is '1'"),
    "step NaN": (set_in("step")(math.nan), "its step is nan"),
    "step true": (set_in("step")(True), "its step is True"),
    "step below 0": (set_in("step")(-1), "its step is -1"),
    "step beyond the end": (set_in("step")(99), "after step 99, and by its config.json the run has 4 steps"),
    "model a list": (set_in("model")([1]), "its model is of another kind"),
    "weight a number": (set_in("model", first)(1.0), "its model is of another kind"),
    "weight sparse": (set_in("model", first)(torch.eye(3).to_sparse()), "its model is of another kind"),
    "weight of another shape": (set_in("model", first)(torch.zeros(3)), "does not fit the network"),
    "weight too many": (set_in("model", "more")(torch.zeros(3)), "does not fit the network"),
    "weight NaN": (set_in("model", first)(torch.full((3,), math.nan)), "numbers are NaN or infinite in"),
    "optimiser empty": (set_in("optimiser")({}), "its optimiser is of another kind"),
    "optimiser without groups": (set_in("optimiser", "param_groups")([]), "does not fit the network"),
    "optimiser's group empty": (set_in("optimiser", "param_groups", 0)({}), "its optimiser is of another kind"),
    "moment of another shape": (set_in("optimiser", "state", 0, "exp_avg")(torch.zeros(3)), "optimiser's exp_avg of a weight"),
    "moment a text": (set_in("optimiser", "state", 0, "exp_avg")("x"), "optimiser's exp_avg of a weight"),
    "moment NaN": (set_in("optimiser", "state", 0, "exp_avg")(torch.tensor(math.nan)), "optimiser's exp_avg of a weight"),
    "moment missing": (lambda state: state["optimiser"]["state"][0].pop("exp_avg"), "the optimiser keeps exp_avg_sq, step for"),
    "moments a list": (set_in("optimiser", "state", 0)([1]), "its optimiser is of another kind"),
    "rng short": (set_in("torch_rng")(torch.zeros(5, dtype=torch.uint8)), "does not fit the network"),
    "rng a number": (set_in("torch_rng")(3), "its torch_rng is of another kind"),
    "rejected a number": (set_in("rejected")(3), "its rejected is of another kind"),
    "rejected of numbers": (set_in("rejected")([(1, 2)]), "its rejected is of another kind"),
    "window a list": (set_in("window")([1]), "its window is of another kind"),
    "window without steps": (lambda state: state["window"].pop("steps"), "its window is of another kind"),
    "window's sum a text": (set_in("window", "sums", first)("x"), "its window is of another kind"),
    "window's features of another size": (set_in("window", "features", first)([torch.zeros(2, 1, 3)]), "other shapes than"),
    "another format": (set_in("format")(7), "of another version of vret"),
}


@pytest.mark.parametrize("name", EDITS)
def test_checkpoint__that_was_edited_is_one_line(run: Path, name: str) -> None:
    edit, said = EDITS[name]
    path = run / CHECKPOINT_NAME
    state = torch.load(path, weights_only=True)
    edit(state)
    torch.save(state, path)
    before = path.read_bytes()
    with pytest.raises(CheckpointError) as caught:
        train(RUN, run, resume=True)
    assert said in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert "vret pretrain" in str(caught.value), "what to do"
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "edit", [set_in("optimiser", "param_groups", 0, "betas")("x"), set_in("optimiser", "param_groups", 0, "lr")("x")]
)
def test_checkpoint__options_of_the_optimiser_are_the_configs(run: Path, edit: Edit) -> None:
    state = torch.load(run / CHECKPOINT_NAME, weights_only=True)
    edit(state)
    torch.save(state, run / CHECKPOINT_NAME)
    assert train(RUN, run, resume=True).steps == 4


def plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"step": 1}))


def foreign_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("letter.txt", "Dear")


WHOLE_FILES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("a letter"),
    "zeros": lambda path: path.write_bytes(b"\0" * 5000),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "spoilt in the middle": lambda path: path.write_bytes(path.read_bytes()[:3000] + b"\xff" * 9000 + path.read_bytes()[12000:]),
    "a zip of another program": foreign_zip,
    "a plain pickle": plain_pickle,
    "a tensor": lambda path: torch.save(torch.zeros(3), path),
    "a state dict": lambda path: torch.save({"fc.weight": torch.zeros(3)}, path),
    "a whole module": lambda path: torch.save(torch.nn.Linear(2, 2), path),
}


@pytest.mark.parametrize("name", WHOLE_FILES)
def test_checkpoint__that_is_none_is_one_line_to_everybody_who_reads_it(run: Path, name: str) -> None:
    WHOLE_FILES[name](run / CHECKPOINT_NAME)
    for use in (lambda: train(RUN, run, resume=True), lambda: load_trained(run), lambda: find_backbone(run)):
        with pytest.raises(CheckpointError) as caught:
            use()
        assert CHECKPOINT_NAME in str(caught.value) and "\n" not in str(caught.value)


def test_checkpoint__a_folder_in_its_place_is_said(run: Path) -> None:
    (run / CHECKPOINT_NAME).unlink()
    (run / CHECKPOINT_NAME).mkdir()
    with pytest.raises(PretrainError, match=CHECKPOINT_NAME):
        train(RUN, run, resume=True)
    with pytest.raises(CheckpointError, match="cannot be read: Is a directory"):
        load_trained(run)


class Hostile:
    def __init__(self, call: Any, *arguments: Any) -> None:
        self._reduced = (call, arguments)

    def __reduce__(self) -> Any:
        return self._reduced


@pytest.mark.parametrize("protocol", ["zip", "old", "pickle"])
@pytest.mark.parametrize("place", ["whole", "model", "window"])
def test_checkpoint__no_code_of_it_runs(run: Path, protocol: str, place: str) -> None:
    trace = run.parent / "trace"
    hostile: Any = Hostile(os.mkdir, str(trace))
    state = hostile if place == "whole" else {**torch.load(run / CHECKPOINT_NAME, weights_only=True), place: hostile}
    if protocol == "pickle":
        (run / CHECKPOINT_NAME).write_bytes(pickle.dumps(state))
    else:
        torch.save(state, run / CHECKPOINT_NAME, _use_new_zipfile_serialization=protocol == "zip")
    for use in (lambda: train(RUN, run, resume=True), lambda: load_checkpoint(run), lambda: find_backbone(run)):
        with pytest.raises((CheckpointError, WeightsError)):
            use()
    assert not trace.exists()


CONFIGS: dict[str, tuple[Any, str]] = {
    "steps": ("5", "steps is '5'; it must be a whole number"),
    "batch_size": (4.5, "batch_size is 4.5; it must be a whole number"),
    "seed": (True, "seed is True; it must be a whole number"),
    "clip": ({"size_px": "32"}, "clip.size_px is '32'; it must be a whole number"),
    "optimiser": (5, "optimiser is 5; it must be an object"),
    "footage": ({"paths": "abc"}, "footage.paths is 'abc'; it must be a list"),
    "tasks": ("pace", "tasks must be a list"),
    "backbone": (None, "backbone is None; it must be a text"),
    "precision": ("fp64", "precision is 'fp64'; it must be one of fp32, bf16, auto"),
    "probe": ({"queries": [{"path": 3, "label": "x"}]}, r"probe.queries\[0\].path is 3; it must be a text"),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_config__that_was_edited_is_one_line_that_names_the_value(run: Path, name: str) -> None:
    value, said = CONFIGS[name]
    path = run / CONFIG_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(CheckpointError, match=rf"{CONFIG_NAME} cannot be used: {said}"):
        load_trained(run)


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "[" * 100_000, '{"tasks": [], "steps": 1e999, "backbone": "x"}', "\x00", '{"tasks": [3]}']
)
def test_config__that_is_none_is_one_line(run: Path, text: str) -> None:
    (run / CONFIG_NAME).write_text(text)
    for use in (lambda: load_trained(run), lambda: run_status(run)):
        with pytest.raises(CheckpointError, match=CONFIG_NAME):
            use()
    (status,) = all_runs(run.parent)
    assert status.state == "damaged" and CONFIG_NAME in status.stopped


STATES = ["", "[]", '{"step": "1", "steps": 4}', '{"step": 1}', '{"step": 1, "steps": 4, "rejected": [3]}', "[" * 100_000]


@pytest.mark.parametrize("text", STATES)
def test_state__that_was_damaged_is_one_line(run: Path, text: str) -> None:
    (run / "state.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"state\.json is damaged: .*Delete it"):
        run_status(run)


def test_state_and_curve__that_were_damaged_keep_nobody_from_going_on(run: Path) -> None:
    (run / "state.json").write_text("")
    (run / "metrics.jsonl").write_text('{"step": 1, "loss": "x"}\n')
    assert train(RUN, run, resume=True).steps == 4
    assert run_status(run).state == "finished"
    assert [entry["step"] for entry in read_metrics(run)] == [2, 4]


LINES = [
    "{",
    "[]",
    '{"step": "4"}',
    '{"step": 4, "seconds_left": "x"}',
    '{"step": 4, "trouble": 3}',
    '{"step": -4}',
    "\x00\xff",
    "[" * 9**6,
]


@pytest.mark.parametrize("line", LINES)
def test_metrics__from_a_damaged_line_on_they_are_left_out(run: Path, line: str) -> None:
    sound = {"step": 1, "loss": 0.5, "words": "well", "trouble": []}
    (run / "metrics.jsonl").write_text("\n".join([json.dumps(sound), line, json.dumps(sound), ""]))
    assert read_metrics(run) == [sound]
    assert run_status(run).loss == 0.5


@pytest.mark.parametrize("text", ["", "[]", '{"started_from": 3}', '{"videos": "x"}', '{"videos": -1}', "[" * 100_000])
def test_origin__that_was_damaged_is_one_line(run: Path, text: str) -> None:
    (run / "origin.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"origin\.json .*delete it to do without"):
        training_of(run, RUN, 1)


FOOTAGES = [
    "",
    "[]",
    "{}",
    '{"videos": "a.mp4", "stretches": 1}',
    '{"videos": [], "stretches": 1}',
    '{"videos": [3], "stretches": 1}',
]
FOOTAGES += [
    '{"videos": ["a\\u0000b"], "stretches": 1}',
    '{"videos": ["a"], "stretches": 0}',
    '{"videos": ["a"], "stretches": 1e999}',
]


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filmed")
    draw_counting_video(folder / "videos" / "a.mp4", num_frames=40)
    with torch_as_before(), pytest.raises(KeyboardInterrupt):
        train(of_videos(folder), folder / "run", on_progress=stop_after(1, KeyboardInterrupt))
    return folder


def of_videos(folder: Path) -> Any:
    return dataclasses.replace(RUN, tasks=parse_task_sum("pace"), footage=FootageConfig(paths=(str(folder / "videos"),)))


@pytest.mark.parametrize("text", FOOTAGES)
def test_footage__that_was_damaged_is_one_line(filmed: Path, text: str) -> None:
    (filmed / "run" / "footage.json").write_text(text)
    with pytest.raises(
        CheckpointError, match=r"footage\.json cannot be used .*; delete it to go on with the videos that are there"
    ):
        train(of_videos(filmed), filmed / "run", resume=True)


def test_command__says_it_in_one_line(run: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VRET_HOME", str(run.parent / "home"))
    state = torch.load(run / CHECKPOINT_NAME, weights_only=True)
    torch.save({**state, "step": "one"}, run / CHECKPOINT_NAME)
    monkeypatch.setattr("sys.argv", ["vret", "pretrain", "--run", str(run), "--resume"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code not in (None, 0)
    said = capfd.readouterr().err.strip().splitlines()
    assert "was damaged or edited: its step is 'one'" in said[-1] and "Traceback" not in "".join(said)
