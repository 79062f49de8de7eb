"""A data folder and videos for whole processes."""

from pathlib import Path

import pytest

from tests.helpers.tiny_encoder import write_tiny_encoder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a tiny encoder; processes that a test starts find it too."""
    folder = tmp_path / "home"
    write_tiny_encoder(folder / "encoders" / "default.onnx")
    for name in ("VRET_CATALOG_URL", "VRET_ENCODER", "VRET_UI_ADDRESS", "VRET_UI_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VRET_HOME", str(folder))
    return folder
