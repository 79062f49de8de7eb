"""Encoder files by the use cases: what is taken where nothing was asked for, and files of other precision in use."""

import re
import shutil
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from typer.testing import CliRunner

from app.errors import BadFolder
from app.export_encoder import ExportChoices, export_baseline, export_encoder, export_in_precision
from app.find_similar import ClipQuery, find_similar
from app.index_library import index_library
from app.main import cli
from app.train_encoder import BadTraining
from app.workspace import Workspace
from pretrain.backbones import BACKBONES
from pretrain.encoder_weights import load_backbone
from pretrain.export_onnx import ExportSpec, Footage, export
from pretrain.task_sum import parse_task_sum
from pretrain.train import train
from tests.helpers.given_clips import GivenClips, moving_squares
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.small_backbone import SmallBackbone
from tests.helpers.tiny_encoder import write_tiny_encoder
from tests.helpers.tiny_run import tiny, torch_as_before


@pytest.fixture(autouse=True)
def _torch_as_before() -> Iterator[None]:
    with torch_as_before():
        yield


@pytest.fixture(autouse=True)
def small_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network called `small`, so that an export takes a second."""
    monkeypatch.setitem(BACKBONES._entries, "small", SmallBackbone)


@pytest.fixture
def few_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whitening is fitted on 48 clips of noise."""

    def noise(num_clips: int, *, num_frames: int, size_px: int, seed: int) -> Iterator[NDArray[np.uint8]]:
        rng = np.random.default_rng(seed)
        for _ in range(max(min(num_clips, 48) // 12, 1)):
            yield rng.integers(0, 256, (12, num_frames, size_px, size_px, 3), dtype=np.uint8)

    monkeypatch.setattr("pretrain.sample_clips.drawn_batches", noise)


@pytest.fixture(scope="module")
def exported_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("encoders") / "small.onnx"
    torch.manual_seed(1)
    spec = ExportSpec(name="small", num_frames=8, size_px=32, spans_s=(1.0, 2.0), whiten_dim=16)
    footage = Footage(whiten_on=GivenClips((moving_squares(40),)))
    export(SmallBackbone(), out, spec, backbone_name="small", task_name="untrained", footage=footage)
    return out


@pytest.fixture
def small(home: Path, exported_once: Path) -> Path:
    """An fp32 encoder called `small` in the data folder."""
    return Path(shutil.copy(exported_once, home / "encoders" / "small.onnx"))


@pytest.mark.usefixtures("few_clips")
def test_a_small_network_is_whitened_to_what_it_has_unless_more_is_asked_for(ws: Workspace) -> None:
    told: list[tuple[str, int, int]] = []
    exported, path = export_baseline(ws, "small", ExportChoices(pooling="avg"), on_work=lambda *news: told.append(news))
    assert told == [("whitening, over clips", done, 2048) for done in (0, 12, 24, 36, 48)] + [
        ("writing and checking the network", 0, 1)
    ]
    assert exported.card.dim == exported.card.training["whiten_dim"] == 32
    assert exported.card.training["whitened_on"] == "drawn clips"
    assert load_backbone(path)[0] == "small", "it can be trained on"
    with pytest.raises(BadTraining, match="cannot whiten 32 features"):
        export_baseline(ws, "small", ExportChoices(pooling="avg", whiten_dim=256, replace=True))


def test_a_look_run_is_exported_as_the_look_that_ships(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quarters of the picture, 128 numbers, wholly whitened on drawn pictures; each of them can be chosen otherwise."""
    monkeypatch.setattr(ExportSpec, "__init__", partialmethod(ExportSpec.__init__, whiten_clips=160))
    config = tiny(tasks=parse_task_sum("look"), backbone="look", batch_size=4, steps=2)
    train(config, ws.runs_folder / "scenes")
    card = export_encoder(ws, "scenes", ExportChoices())[0].card
    shipped = ws.encoder_card("look")
    for key in ("pooling", "whiten_dim", "whiten_strength", "whitened_on"):
        assert card.training[key] == shipped.training[key], key
    assert card.dim == shipped.dim
    other = export_encoder(ws, "scenes", ExportChoices(name="other", pooling="avg", whiten_dim=0))[0].card
    assert (other.training["pooling"], other.training["whiten_dim"]) == ("avg", None)


@pytest.mark.usefixtures("few_clips")
def test_untrained_networks_of_both_starts_are_two_encoders(ws: Workspace) -> None:
    shas = set()
    for start in ("motion", "default"):
        said = CliRunner().invoke(cli, ["export", "--baseline", "small", "--start", start, "--whiten", "4"])
        assert said.exit_code == 0, said.output
        card = ws.encoder_card(f"untrained-small-{start}-1")
        assert card.training["start"] == start
        shas.add(card.weights_sha256)
    assert len(shas) == 2


@pytest.mark.usefixtures("few_clips")
def test_whitening_on_own_footage_is_another_encoder_and_its_card_says_so(ws: Workspace, folder: Path) -> None:
    choices = ExportChoices(pooling="avg", whiten_dim=4)
    drawn, _ = export_baseline(ws, "small", choices)
    own, _ = export_baseline(ws, "small", ExportChoices(name="own", pooling="avg", whiten_dim=4, whiten_on=[folder]))
    assert own.card.training["whitened_on"] == "clips of own footage"
    assert own.card.weights_sha256 != drawn.card.weights_sha256
    assert str(folder) not in own.card.to_json(), "nobody need know where footage lies"


@pytest.mark.usefixtures("few_clips")
def test_joined_with_a_look_and_in_half_precision(ws: Workspace, home: Path) -> None:
    write_tiny_encoder(home / "encoders" / "look.onnx", num_frames=16, size_px=64, spans_s=(2, 4, 8), task="look")
    choices = ExportChoices(name="both", pooling="avg", whiten_dim=4, precision="fp16", look="look")
    exported, path = export_baseline(ws, "small", choices)
    assert path == home / "encoders" / "both.onnx"
    assert exported.card == ws.encoder_card("both")
    assert (exported.card.name, exported.card.precision, exported.card.task) == ("both", "fp16", "untrained+look")
    assert [(part.name, part.dim) for part in exported.card.parts] == [("motion", 4), ("look", 48)]
    assert exported.card.training["motion"]["whitened_on"] == "drawn clips"


def test_an_int8_file_calibrated_on_a_folder_finds_what_its_original_finds(ws: Workspace, small: Path, folder: Path) -> None:
    for number in range(6):
        draw_moving_picture(folder / f"more-{number}.mp4", seed=20 + number, seconds=4.0)
    exported, path = export_in_precision(ws, "small", ExportChoices(precision="int8", calibrate_on=[folder]))
    assert path == small.with_name("small-int8.onnx")
    assert exported.card.name == "small-int8"
    assert "own footage" in exported.card.training["calibrated_on"]
    query = ClipQuery(path=folder / "below" / "long.mp4", start_s=2.0, end_s=4.0)
    found = []
    for name in ("small", "small-int8"):
        report = index_library(ws, f"by {name}", [folder], encoder_name=name)
        assert report.added == 10
        found.append([hit.path for hit in find_similar(ws, query, encoder_name=name, k=3).hits])
    assert found[0][0] == found[1][0] == folder / "below" / "long.mp4"


def test_export_of_an_encoder_on_the_command_line(small: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "half.onnx"
    said = CliRunner().invoke(cli, ["export", "--encoder", "small", "--precision", "fp16", "--out", str(out)])
    assert said.exit_code == 0, said.output
    assert f"{out}: untrained on small, fp16, 16 numbers a clip" in said.output
    assert "against fp32: cosine 1.0000 in the mean" in said.output
    assert "with one thread" in said.output and "with all cores" in said.output
    doing = ["clips to calibrate and compare with (256)", "making fp16", "comparing with fp32", "measuring the speed"]
    assert said.stderr.splitlines()[:4] == doing, "it takes minutes, in which it says what it does"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--encoder", "default"], "not several"),
        (["--encoder", "default", "--whiten", "8"], "keeps its pooling and whitening"),
        (["--calibrate-on", "."], "--precision int8 or fp16"),
        (["--whiten", "0", "--whiten-on", "."], "no use without a whitening"),
        (["--start", "motion"], "for an untrained --baseline"),
        (["--baseline", "colour", "--start", "motion"], "for an untrained --baseline"),
    ],
)
def test_options_that_contradict_are_wrong_usage(home: Path, arguments: list[str], says: str) -> None:
    said = CliRunner().invoke(cli, ["export", *arguments], env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"})
    assert said.exit_code == 2
    assert says in " ".join(said.output.split())


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever takes minutes fails: what is wrong must be said before."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the work has begun")

    for function in ("export_run", "export_untrained", "export_colour"):
        monkeypatch.setattr(f"pretrain.export_onnx.{function}", fail)
    monkeypatch.setattr("pretrain.encoder_file.clip_sets", fail)


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--name", "small"], "There already is an encoder 'small'"),
        (["--name", "colour"], "There already is an encoder 'colour', which came with vret"),
        (["--name", "a/b"], "An encoder's name has letters"),
        (["--name", "a b", "--out", "mine.onnx"], "An encoder's name has letters"),
        (["--out", "mine"], r"ends in \.onnx, got 'mine'\. Write /.*/mine\.onnx"),
        (["--out", "~/folder"], "is a folder. Give the file to write, such as /.*/folder/mine.onnx"),
        (["--out", "there.onnx"], "There already is a file /.*/there.onnx"),
        (["--out", "there.onnx/mine.onnx"], "Cannot write .*there.onnx is no folder"),
        (["--precision", "int4"], "precision must be one of fp32, fp16, int8"),
        (["--span", "4", "--span", "2"], "ascending"),
        (["--pooling", "max"], "pooling is 'max'"),
    ],
)
def test_what_cannot_be_is_said_before_the_work(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    (tmp_path / "there.onnx").write_bytes(b"somebody's")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    before = small.read_bytes()
    said = CliRunner().invoke(cli, ["export", "--baseline", "small", *arguments])
    assert said.exit_code == 1
    assert re.search(says, str(said.exception)), said.exception
    if "--pooling" not in arguments:
        said = CliRunner().invoke(cli, ["export", "--encoder", "small", "--precision", "int8", *arguments])
        assert re.search(says, str(said.exception)), said.exception
    assert small.read_bytes() == before
    assert (tmp_path / "there.onnx").read_bytes() == b"somebody's"


@pytest.mark.usefixtures("few_clips")
def test_replace_and_out_do_what_they_say(ws: Workspace, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    before = ws.encoder_card("small").weights_sha256
    for arguments in (["--name", "small"], ["--name", "colour"], ["--out", "~/new/mine.onnx"]):
        said = CliRunner().invoke(cli, ["export", "--baseline", "small", "--whiten", "4", "--replace", *arguments])
        assert said.exit_code == 0, said.output
    assert ws.encoder_card("small").weights_sha256 != before
    assert ws.encoder_card("colour").backbone == "small"
    assert ws.encoder_card(str(tmp_path / "new" / "mine.onnx")).task == "untrained"
    assert f"--encoder {tmp_path / 'new' / 'mine.onnx'}" in said.output


@pytest.mark.usefixtures("few_clips")
def test_fewer_clips_than_numbers_are_no_error_but_a_note(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text(f"{folder / 'a.mp4'}\n{folder / 'gone.mp4'}\n")
    said = CliRunner().invoke(cli, ["export", "--baseline", "small", "--name", "few", "--whiten-on", str(tmp_path / "some.txt")])
    assert said.exit_code == 0, said.output
    dim = ws.encoder_card("few").dim
    assert 0 < dim < 20
    assert f"{dim} numbers a clip instead of 64: the whitening had only {dim + 1} clips of own footage" in said.output


def test_a_folder_that_is_not_there_is_named(ws: Workspace, small: Path, tmp_path: Path) -> None:
    with pytest.raises(BadFolder, match=r"no folder or file .*/none to take clips from"):
        export_in_precision(ws, "small", ExportChoices(precision="int8", calibrate_on=[tmp_path / "none"]))
