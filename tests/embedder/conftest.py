from pathlib import Path

import pytest

from embedder.onnx_encoder import OnnxEncoder
from tests.helpers.tiny_encoder import write_tiny_encoder


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> OnnxEncoder:
    """A tiny encoder of clips of 1 and 2 s."""
    return OnnxEncoder(write_tiny_encoder(tmp_path_factory.mktemp("encoder") / "tiny.onnx", spans_s=(1.0, 2.0)), providers=["cpu"])


@pytest.fixture(scope="session")
def encoder_path(encoder: OnnxEncoder) -> Path:
    return encoder.path
