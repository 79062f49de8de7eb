"""What a score means in this library: how often footage that has nothing to do with the query scores as high.

Two queries with equal scores may stand in different places: to a clip of a quiet street every other street is near, to a somersault
nothing is. So each query is also compared with some arbitrary clips of the library, and a hit's score is told beside theirs, as
verification systems do (z-norm; Auckenthaler et al., "Score normalization for text-independent speaker verification", 2000) and as
sequence search does with its E-value (Karlin and Altschul 1990).

Shapes: R rows of the index, B background scores.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from index.vectors.vector_index import ClipSelector, VectorIndex

BACKGROUND = 128
"""Clips that stand for arbitrary footage."""
FEWEST = 40
"""With fewer, nothing is said."""
_QUANTILE, _NORMAL_QUANTILE = 0.9, 1.2816  # the spread is taken above the median, where few clips that are really alike reach


def background_rows(index: VectorIndex, selector: ClipSelector) -> NDArray[np.int64]:
    """Rows of clips, of lengths that the selector allows, spread over the whole library and whatever else the selector says; at
    most BACKGROUND, int64 (B,)."""
    anywhere = replace(selector, video_ids=None, exclude_video_ids=None, between_s=None, include_flagged=False)
    mask = index.rows.mask(anywhere).rows
    rows = np.unique(np.linspace(0, len(mask) - 1, min(len(mask), 16 * BACKGROUND)).astype(np.int64))
    rows = rows[mask[rows]]
    if len(rows) < BACKGROUND:
        rows = np.flatnonzero(mask)
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), BACKGROUND)).astype(np.int64))] if len(rows) else rows


@dataclass(frozen=True)
class Background:
    """Scores of arbitrary clips: their median, and how far they spread above it in standard deviations of a normal law."""

    median: float
    spread: float

    @classmethod
    def of(cls, scores: NDArray[np.float64]) -> "Background | None":
        """From scores (B,), of which those that are not finite say nothing; None from too few."""
        scores = scores[np.isfinite(scores)]
        if len(scores) < FEWEST:
            return None
        median, high = np.quantile(scores, [0.5, _QUANTILE])
        return cls(float(median), max(float(high - median) / _NORMAL_QUANTILE, 1e-3))

    def deviations(self, score: float) -> float:
        """By how many spreads a score lies above what arbitrary clips get."""
        return (score - self.median) / self.spread
