"""What a card says of where its weights began, from outside: runs, encoders made of them, and sources that are gone."""

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from embedder.encoder_card import EncoderCard
from pretrain.backbones import BACKBONES, build_backbone
from pretrain.config import FootageConfig, TrainConfig
from pretrain.encoder_weights import read_encoder
from pretrain.errors import CheckpointError, TrainingDataError
from pretrain.export_onnx import ExportSpec, export_run, export_untrained
from pretrain.join_encoders import join_encoders
from pretrain.origin import ORIGIN_NAME, keep_origin, started_from
from pretrain.recipes import RECIPES
from pretrain.run_files import CHECKPOINT_NAME
from pretrain.task_sum import parse_task_sum
from pretrain.train import train
from tests.helpers.small_backbone import SmallBackbone
from tests.helpers.tiny_encoder import write_tiny_encoder

SPEC = ExportSpec(name="mine", num_frames=16, size_px=32)


@pytest.fixture(autouse=True)
def _small_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKBONES._entries, "small", SmallBackbone)


def config(**changes: Any) -> TrainConfig:
    base = dataclasses.replace(RECIPES["smoke"](), backbone="small", workers=0, threads=1, precision="fp32", device="cpu", steps=4)
    return dataclasses.replace(base, **changes)


def card_of(run: Path, out: Path) -> EncoderCard:
    card = export_run(run, out, SPEC).card
    assert read_encoder(out)[0] == card
    return card


def test_card__tells_from_which_encoder_and_run_the_weights_come_also_when_these_are_gone(tmp_path: Path) -> None:
    """From random weights an encoder, from that a run, from that another: each card holds all before it."""
    first = export_untrained("small", 3, tmp_path / "first.onnx", SPEC).card
    second, third = tmp_path / "second", tmp_path / "third"
    train(config(init_from=str(tmp_path / "first.onnx")), second)
    (tmp_path / "first.onnx").unlink()
    train(config(init_from=str(second), seed=2), third)
    checkpoint = hashlib.sha256((second / CHECKPOINT_NAME).read_bytes()).hexdigest()
    shutil.rmtree(second)
    training = card_of(third, tmp_path / "third.onnx").training
    began = training["started_from"]
    assert "start" not in training, "none of the random weights is left"
    assert (began["name"], began["task"], began["file_sha256"]) == ("second", "trajectory", checkpoint)
    assert (began["training"]["recipe"], began["training"]["steps"], began["training"]["clips"]) == ("smoke", 4, 16)
    before = began["training"]["started_from"]
    assert (before["name"], before["task"], before["weights_sha256"]) == ("mine", "untrained", first.weights_sha256)
    assert before["training"] == first.training
    assert first.training["start"] == "motion"
    assert str(tmp_path) not in json.dumps(dict(training))


def test_card__of_movement_and_look_it_tells_of_the_network_of_movement(tmp_path: Path) -> None:
    spec = dataclasses.replace(SPEC, spans_s=(2.0,))
    motion = export_untrained("small", 3, tmp_path / "motion.onnx", spec).card
    look = write_tiny_encoder(tmp_path / "look.onnx", num_frames=16, dim=24, task="look")
    join_encoders(tmp_path / "motion.onnx", look, tmp_path / "both.onnx", name="both")
    began = started_from(tmp_path / "both.onnx")
    assert (began["name"], began["task"], began["training"]) == ("both", "untrained", motion.training)


def test_card__a_file_of_weights_is_known_by_name_and_hash(tmp_path: Path) -> None:
    torch.save(build_backbone("small").state_dict(), tmp_path / "weights.pt")
    train(config(init_from=str(tmp_path / "weights.pt")), tmp_path / "run")
    sha256 = hashlib.sha256((tmp_path / "weights.pt").read_bytes()).hexdigest()
    training = card_of(tmp_path / "run", tmp_path / "a.onnx").training
    assert training["started_from"] == {"name": "weights.pt", "file_sha256": sha256}


def test_card__a_run_that_goes_on_keeps_where_it_began(tmp_path: Path) -> None:
    export_untrained("small", 3, tmp_path / "first.onnx", SPEC)
    run = config(init_from=str(tmp_path / "first.onnx"))
    train(run, tmp_path / "run")
    kept = (tmp_path / "run" / ORIGIN_NAME).read_text()
    export_untrained("small", 4, tmp_path / "first.onnx", SPEC)  # another one of the same name
    train(run, tmp_path / "run", resume=True)
    assert (tmp_path / "run" / ORIGIN_NAME).read_text() == kept


def test_card__a_run_of_an_older_version_names_what_it_began_with(tmp_path: Path) -> None:
    torch.save(build_backbone("small").state_dict(), tmp_path / "weights.pt")
    train(config(init_from=str(tmp_path / "weights.pt")), tmp_path / "run")
    (tmp_path / "run" / ORIGIN_NAME).unlink()
    assert card_of(tmp_path / "run", tmp_path / "a.onnx").training["started_from"] == {"name": "weights.pt"}
    (tmp_path / "run" / ORIGIN_NAME).write_text("{")
    with pytest.raises(CheckpointError, match=rf"{ORIGIN_NAME} cannot be read"):
        card_of(tmp_path / "run", tmp_path / "b.onnx")


@pytest.mark.parametrize(
    ("tasks", "data", "videos"),
    [
        ("pace", "videos", 3),
        ("pace+trajectory", "videos and drawn clips", 3),
        ("trajectory", "drawn clips", None),
        ("look", "drawn pictures", None),
        ("trajectory+look+pace", "videos and drawn clips and drawn pictures", 3),
    ],
)
def test_card__says_how_many_videos_and_not_which(tmp_path: Path, tasks: str, data: str, videos: int | None) -> None:
    trained = tmp_path / "run"
    train(config(), trained)  # the folder of a run: here only what was noted at its start counts
    (folder := tmp_path / "secret").mkdir()
    for name in ("a.mp4", "b.mkv", "c.mp4", "notes.txt"):
        (folder / name).touch()
    changed = config(tasks=parse_task_sum(tasks), footage=FootageConfig(paths=(str(folder),)))
    checkpoint = (trained / CHECKPOINT_NAME).rename(tmp_path / "aside")
    keep_origin(trained, changed)
    checkpoint.rename(trained / CHECKPOINT_NAME)
    shutil.rmtree(folder)
    from pretrain.origin import training_of

    training = training_of(trained, changed, 4)
    assert (training["data"], training.get("videos")) == (data, videos)
    assert "secret" not in json.dumps(training)


def test_no_videos_are_said_before_the_first_step(tmp_path: Path) -> None:
    nothing = config(tasks=parse_task_sum("pace"), footage=FootageConfig(paths=(str(tmp_path),)))
    with pytest.raises(TrainingDataError, match="no video files"):
        keep_origin(tmp_path, nothing)


@pytest.mark.parametrize("start", ["motion", "default"])
def test_untrained__is_what_a_run_of_that_seed_begins_with(tmp_path: Path, start: Any) -> None:
    from pretrain.encoder_weights import load_backbone
    from pretrain.pretrain_model import PretrainModel

    card = export_untrained("small", 5, tmp_path / "a.onnx", SPEC, start=start).card
    assert (card.task, card.training["start"], card.training["seed"]) == ("untrained", start, 5)
    torch.manual_seed(5)
    wanted = PretrainModel(config(start=start)).backbone.state_dict()
    got = load_backbone(tmp_path / "a.onnx")[1].state_dict()
    assert all(torch.equal(got[key], value) for key, value in wanted.items() if value.is_floating_point())


def test_untrained__another_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="start is 'cold'; it must be one of motion, default"):
        export_untrained("small", 5, tmp_path / "a.onnx", SPEC, start="cold")  # type: ignore[arg-type]
