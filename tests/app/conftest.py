"""A workspace of its own for every test, with a tiny encoder called `default`, and a small library of drawn videos."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.index_library import index_library
from app.settings import Settings
from app.workspace import Workspace
from pretrain.export_onnx import ExportSpec, export_colour
from pretrain.image_encoder import ImageEncoderSpec, ImageModel, export_image_encoder
from pretrain.join_encoders import join_encoders
from tests.helpers.image_model import SIDE, write_image_model
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.tiny_encoder import write_tiny_encoder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder; the command line finds it too."""
    folder = tmp_path / "home"
    write_tiny_encoder(folder / "encoders" / "default.onnx")
    for name in ("VRET_CATALOG_URL", "VRET_ENCODER", "VRET_UI_ADDRESS", "VRET_UI_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VRET_HOME", str(folder))
    return folder


@pytest.fixture
def ws(home: Path) -> Iterator[Workspace]:
    with Workspace(Settings.at(home)) as workspace:
        yield workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three videos of 3 s, one of 6 s in a folder below; names sort as a, b, c, long."""
    root = tmp_path / "videos"
    for seed, name in enumerate(("a", "b", "c")):
        draw_moving_picture(root / f"{name}.mp4", seed=seed)
    draw_moving_picture(root / "below" / "long.mp4", seed=9, seconds=6.0)
    return root


@pytest.fixture
def joined(ws: Workspace, folder: Path) -> Workspace:
    """Indexed with `both`: the movement of a tiny encoder, the look of a small image model (`looks`), and raw colours."""
    spans_s = (1.0, 2.0)
    encoders = ws.encoders_folder
    motion = write_tiny_encoder(encoders / "motion.onnx", dim=40, spans_s=spans_s)
    spec = ImageEncoderSpec(name="looks", num_frames=8, spans_s=spans_s, geometry="squash", image=ImageModel(size_px=SIDE))
    export_image_encoder(write_image_model(ws.encoders_folder.parent / "model.onnx"), encoders / "looks.onnx", spec)
    two, colours = encoders.parent / "two.onnx", encoders.parent / "colours.onnx"
    join_encoders(motion, encoders / "looks.onnx", two, name="two")
    export_colour(colours, ExportSpec(name="colours", num_frames=8, size_px=SIDE, spans_s=spans_s))
    join_encoders(two, colours, encoders / "both.onnx", name="both")
    index_library(ws, "home", [folder], encoder_name="both")
    return ws
