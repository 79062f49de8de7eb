"""A data folder for the pages, and nothing kept from one test's page to the next."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.tiny_encoder import write_tiny_encoder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder with a tiny encoder."""
    import streamlit as st

    folder = tmp_path / "home"
    write_tiny_encoder(folder / "encoders" / "default.onnx")
    for name in ("VRET_CATALOG_URL", "VRET_ENCODER", "VRET_UI_ADDRESS", "VRET_UI_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VRET_HOME", str(folder))
    st.cache_resource.clear()
    st.cache_data.clear()
    yield folder
    st.cache_resource.clear()
    st.cache_data.clear()
