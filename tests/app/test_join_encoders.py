"""`vret encoders join` and `vret export --look`: one encoder of two, from outside."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.test_commands import failed, ok
from tests.helpers.image_model import SIDE, write_image_model
from tests.helpers.tiny_encoder import write_tiny_encoder
from tests.helpers.tiny_run import torch_as_before


@pytest.fixture(autouse=True)
def _torch_as_before() -> Iterator[None]:
    with torch_as_before():
        yield


def test_join__with_an_image_model_of_ones_own(home: Path, tmp_path: Path) -> None:
    model = write_image_model(tmp_path / "model.onnx", answer="map")
    how = ("--size", str(SIDE), "--frames", "8", "--span", "2", "--geometry", "squash")
    ok("encoders", "import-image", model, "--name", "scenes", *how)
    assert "motion 48 + look 24 numbers a clip" in ok("encoders", "join", "default", "scenes", "--name", "both")
    card = json.loads(ok("encoders", "show", "both"))
    assert card["parts"] == [{"name": "motion", "dim": 48}, {"name": "look", "dim": 24}]
    assert (card["origin"], card["format_version"], card["dim"]) == ("added", 2, 72)
    assert "motion + look" in ok("encoders")


def test_join__what_cannot_be_is_one_line_and_leaves_nothing(home: Path, tmp_path: Path) -> None:
    other = write_tiny_encoder(tmp_path / "other.onnx", seed=1, spans_s=(2, 4), task="look")
    before = {path.name for path in (home / "encoders").iterdir()}
    assert "both must see the same clips" in failed("encoders", "join", "default", other, "--name", "both")
    assert "There is no encoder 'none'" in failed("encoders", "join", "default", "none", "--name", "both")
    assert "There already is an encoder 'default'" in failed("encoders", "join", "default", other, "--name", "default")
    assert {path.name for path in (home / "encoders").iterdir()} == before


def test_export__with_a_look(home: Path, tmp_path: Path) -> None:
    write_tiny_encoder(home / "encoders" / "look.onnx", num_frames=16, size_px=64, spans_s=(2, 4, 8), task="look")
    out = tmp_path / "both.onnx"
    ok("export", "--baseline", "colour", "--look", "look", "--out", out, "--name", "both")
    card = json.loads(ok("encoders", "show", out))
    assert [part["name"] for part in card["parts"]] == ["motion", "look"]
    assert (card["name"], card["task"]) == ("both", "untrained+look")
    assert "Export with: --span 2" in failed("export", "--baseline", "colour", "--look", "default", "--name", "more")
    assert "vret encoders join" in failed("export", "--encoder", "default", "--look", "look", code=2)
