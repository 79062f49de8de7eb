"""How good a ranking is: top-k hit rate and class-mean top-1, as the field reports video retrieval.

Shapes: Q queries, G gallery videos, D dimensions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOP_K = (1, 5, 10, 20, 50)


@dataclass(frozen=True)
class RetrievalScores:
    """top_k: share of queries with a gallery video of their own class among the first k, 0 to 1, for each k;
    class_mean_top_1: top-1 averaged over classes; per_class_top_1: by class; num_queries, num_gallery, chance_top_1."""

    top_k: Mapping[int, float]
    class_mean_top_1: float
    per_class_top_1: Mapping[str, float]
    num_queries: int
    num_gallery: int
    chance_class_mean_top_1: float


def scores_from_matrix(
    similarity: NDArray[np.floating], query_labels: Sequence[str], gallery_labels: Sequence[str]
) -> RetrievalScores:
    """From a similarity matrix (Q, G), higher is nearer. Equal similarities rank in gallery order."""
    raise NotImplementedError


def scores_from_rankings(
    rankings: Sequence[Sequence[int]], query_labels: Sequence[str], gallery_labels: Sequence[str]
) -> RetrievalScores:
    """From ranked gallery rows per query, best first; a ranking may stop early (what is not ranked is not found)."""
    raise NotImplementedError


def mean_vector_scores(
    query_clips: Sequence[NDArray[np.floating]], gallery_clips: Sequence[NDArray[np.floating]]
) -> NDArray[np.float32]:
    """Cosine (Q, G) between videos, each the normalised mean of its clip vectors (N_i, D)."""
    raise NotImplementedError
