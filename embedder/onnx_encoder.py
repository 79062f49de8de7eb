"""Run an encoder file: clips of frames in, unit vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedder.encoder_card import EncoderCard


class OnnxEncoder:
    """One encoder file in ONNX Runtime."""

    card: EncoderCard
    provider: str

    def __init__(self, path: Path, *, providers: Sequence[str] | None = None, threads: int | None = None) -> None:
        raise NotImplementedError

    def encode(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (N, T, H, W, 3) RGB -> float32 (N, D), unit length."""
        raise NotImplementedError
