"""The default encoder in 8 bits: on a CPU it runs in the place of the one in 32, and one index serves both."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from app.encoder_files import PACKAGED_FOLDER, find_encoder, list_encoders
from app.errors import AppError
from app.find_similar import ClipQuery, find_similar
from app.index_library import index_library
from app.settings import Settings
from app.workspace import Workspace
from embedder.errors import EncoderError
from embedder.onnx_encoder import OnnxEncoder
from embedder.onnx_session import CPU, CUDA
from embedder.vector_parts import part_slices, shares
from pretrain.sample_clips import drawn_batches
from tests.helpers import odd_encoders as odd
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.whole_command import vret

pytestmark = pytest.mark.skipif(CUDA in onnxruntime.get_available_providers(), reason="here a GPU may run the encoder")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder without encoders of its own: those that come with vret are used."""
    for name in ("VRET_CATALOG_URL", "VRET_ENCODER", "VRET_PRECISION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VRET_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_it_agrees_with_the_encoder_that_it_was_made_from(home: Path) -> None:
    with Workspace(Settings.at(home)) as ws:
        file = find_encoder(ws.encoders_folder, "default")
    assert file.in_8_bits is not None
    full, small = (OnnxEncoder(path, providers=[CPU]) for path in (file.path, file.in_8_bits))
    assert small.card.training["made_from"] == full.card.weights_sha256
    assert (small.card.name, small.card.precision, small.card.deciding) == ("default", "int8", full.card.deciding)
    (clips,) = drawn_batches(12, num_frames=16, size_px=64, seed=77)
    vectors, small_vectors = full.encode(clips), small.encode(clips)
    for where, share in zip(part_slices(full.card.parts).values(), shares(full.card.parts), strict=True):
        assert ((vectors[:, where] * small_vectors[:, where]).sum(axis=1) / share).min() > 0.99


def test_it_runs_on_a_cpu_unless_told_otherwise_and_one_index_serves_both(home: Path, tmp_path: Path) -> None:
    for seed in range(3):
        draw_moving_picture(tmp_path / "videos" / f"{seed}.mp4", seed=seed)
    settings = Settings.at(home)
    with Workspace(settings) as ws:
        assert ws.encoder().card.precision == "int8"
        assert ws.encoder_card().precision == "fp32", "what it is called by is the whole encoder"
        index_library(ws, "home", [tmp_path / "videos"])
    with Workspace(replace(settings, full_precision=True)) as ws:
        assert ws.encoder().card.precision == "fp32"
        assert index_library(ws, "home").unchanged == 3
        hit = find_similar(ws, ClipQuery(path=tmp_path / "videos" / "1.mp4"), one_per_video=True).hits[0]
        assert (hit.path.name, hit.score > 0.99) == ("1.mp4", True)


def test_the_run_says_which_is_in_use(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_moving_picture(tmp_path / "videos" / "a.mp4")
    assert "Encoder default runs on CPUExecutionProvider in int8" in vret("index", tmp_path / "videos").stderr
    assert "runs on CPUExecutionProvider in int8" in vret("doctor").stdout
    monkeypatch.setenv("VRET_PRECISION", "fp32")
    draw_moving_picture(tmp_path / "videos" / "b.mp4", seed=1)
    assert "Encoder default runs on CPUExecutionProvider in fp32" in vret("index", tmp_path / "videos").stderr
    monkeypatch.setenv("VRET_PRECISION", "int4")
    refused = vret("status")
    assert refused.returncode == 1
    assert "VRET_PRECISION must be auto" in refused.stderr and "'int4'" in refused.stderr
    with pytest.raises(AppError, match="VRET_PRECISION"):
        Settings.from_environment()


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_where_a_gpu_does_not_work_it_says_why(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    with Workspace(Settings.at(home)) as ws:
        encoder = ws.encoder()
    assert (encoder.provider, encoder.card.precision) == (CPU, "int8")
    assert CUDA in encoder.provider_note


def test_one_that_was_made_from_another_encoder_is_refused(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = tmp_path / "packaged"
    packaged.mkdir()
    for name in ("default.onnx", "default.int8.onnx"):
        shutil.copy(PACKAGED_FOLDER / name, packaged / name)
    odd.edit_card(packaged / "default.int8.onnx", training={"made_from": "0" * 64})
    monkeypatch.setattr("app.encoder_files.PACKAGED_FOLDER", packaged)
    with Workspace(Settings.at(home)) as ws, pytest.raises(EncoderError, match=r"was not made from .*VRET_PRECISION=fp32"):
        ws.encoder()


def test_it_is_no_encoder_of_its_own(home: Path) -> None:
    with Workspace(Settings.at(home)) as ws:
        assert [file.name for file in list_encoders(ws.encoders_folder)] == ["colour", "default", "look", "motion"]


def test_an_encoder_of_ones_own_is_never_replaced_by_it(home: Path) -> None:
    """Its name is not what makes it the same."""
    from tests.helpers.tiny_encoder import write_tiny_encoder

    write_tiny_encoder(home / "encoders" / "default.onnx", dim=12)
    with Workspace(Settings.at(home)) as ws:
        assert (ws.encoder().card.precision, ws.encoder().card.dim) == ("fp32", 12)
        assert np.isclose(np.linalg.norm(ws.encoder().encode(np.zeros((1, 8, 32, 32, 3), np.uint8))), 1)
