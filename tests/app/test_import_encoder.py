"""`vret encoders import` from outside: from a published file to search results, and refusals that leave nothing."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.app.test_commands import failed, ok, vret
from tests.helpers.published_weights import random_weights
from tests.helpers.tiny_run import torch_as_before

SMALL = ("--frames", "8", "--size", "32")


@pytest.fixture(autouse=True)
def _torch_as_before() -> Iterator[None]:
    with torch_as_before():
        yield


def files_in(home: Path) -> set[str]:
    return {path.name for path in (home / "encoders").iterdir()}


def test_import__published_weights_index_and_find(home: Path, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "r2plus1d_18-91a641e6.pth"
    torch.save(random_weights("r2plus1d_18"), file)
    done = vret("encoders", "import", "r2plus1d_18", file, "--name", "kinetics", "--span", "1", "--span", "2", *SMALL)
    assert done.returncode == 0, done.stderr
    assert "left out, no part of the backbone: fc.weight, fc.bias" in done.stderr
    assert "vret index FOLDER --encoder kinetics" in done.stderr
    card = json.loads(ok("encoders", "show", "kinetics"))
    assert (card["origin"], card["backbone"], card["task"]) == ("added", "r2plus1d_18", "imported")
    assert (card["geometry"], card["num_frames"], card["width_px"], card["spans_s"]) == ("centre_crop", 8, 32, [1.0, 2.0])
    assert card["training"]["file"] == file.name
    ok("index", folder, "--library", "home", "--encoder", "kinetics")
    (best, *_) = json.loads(ok("search", folder / "b.mp4", "--encoder", "kinetics", "--json"))["hits"]
    assert best["path"] == str(folder / "b.mp4")


def test_import__what_cannot_be_is_one_line_and_leaves_nothing(home: Path, tmp_path: Path) -> None:
    before = files_in(home)
    wrong, damaged, empty, text = (tmp_path / name for name in ("wrong.pth", "damaged.pth", "empty.pth", "text.txt"))
    text.write_text("hello world, no network")
    torch.save({"fc.weight": torch.zeros(400, 512), "stem.0.weight": torch.zeros(64, 3, 3, 7, 7)}, wrong)
    damaged.write_bytes(wrong.read_bytes()[:300])
    empty.touch()
    for file, said in (
        (wrong, "weights are missing"),
        (damaged, "cannot be read"),
        (empty, "cannot be read"),
        (text, "no file of plain tensors as torch.save writes them for a state_dict."),
        (tmp_path, "no file"),
    ):
        line = failed("encoders", "import", "r2plus1d_18", file)
        assert said in line and file.name in line and "Error" not in line
    assert "Did you mean r2plus1d_18" in failed("encoders", "import", "r2plus1d18", wrong, code=2)
    assert "already is an encoder 'default'" in failed("encoders", "import", "r3d_18", wrong, "--name", "default")
    assert "name has letters" in failed("encoders", "import", "r3d_18", wrong, "--name", "a/b", code=2)
    assert files_in(home) == before


def test_import__a_size_that_the_network_cannot_take_is_said(home: Path, tmp_path: Path) -> None:
    before, file = files_in(home), tmp_path / "s3d.pth"
    torch.save(random_weights("s3d"), file)
    assert "needs clips of 8 frames" in failed("encoders", "import", "s3d", file, "--frames", "4", "--size", "32", code=2)
    assert files_in(home) == before
