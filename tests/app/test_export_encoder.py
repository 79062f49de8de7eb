"""Encoder files by the use cases: what is taken where nothing was asked for."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from app.export_encoder import export_baseline
from app.train_encoder import BadTraining
from app.workspace import Workspace


@pytest.fixture
def few_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whitening is fitted on 144 clips of noise."""

    def noise(num_clips: int, *, num_frames: int, size_px: int, seed: int) -> Iterator[NDArray[np.uint8]]:
        rng = np.random.default_rng(seed)
        for _ in range(min(num_clips, 144) // 12):
            yield rng.integers(0, 256, (12, num_frames, size_px, size_px, 3), dtype=np.uint8)

    monkeypatch.setattr("pretrain.export_onnx.drawn_batches", noise)


@pytest.mark.usefixtures("few_clips")
def test_a_small_network_is_whitened_to_what_it_has_unless_more_is_asked_for(ws: Workspace) -> None:
    card, _ = export_baseline(ws, "r2plus1d_quarter", pooling="avg")
    assert card.dim == card.training["whiten_dim"] == 128
    with pytest.raises(BadTraining, match="cannot whiten 128 features"):
        export_baseline(ws, "r2plus1d_quarter", pooling="avg", whiten_dim=256)
