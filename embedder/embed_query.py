"""Turn a query clip into vectors, looking at exactly the pixels that indexing sees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from embedder.onnx_encoder import OnnxEncoder


@dataclass(frozen=True, kw_only=True)
class EmbeddedQuery:
    """A query in the form search wants.

    duration_s: length of the range that was really there. spans_s float64 (M, 2), seconds since the query's start;
    vectors float32 (M, D), unit length; whole: row of the clip over the whole query, or None.
    """

    duration_s: float
    spans_s: NDArray[np.float64]
    vectors: NDArray[np.float32]
    whole: int | None
    warnings: tuple[str, ...]
    is_low_information: bool


def embed_query(path: Path, encoder: OnnxEncoder, *, start_s: float | None = None, end_s: float | None = None) -> EmbeddedQuery:
    """Embed one range of a file (its whole when no range is given), in seconds since its first frame."""
    raise NotImplementedError
