"""How good a ranking is: top-k hit rate and class-mean top-1, as the field reports video retrieval.

Shapes: Q queries, G gallery videos, N clips of a video, D dimensions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOP_K = (1, 5, 10, 20, 50)


@dataclass(frozen=True)
class RetrievalScores:
    """All shares are 0 to 1.

    top_k: share of queries that find a gallery video of their own class among the first k. per_class_top_1: top-1 by class of the
    queries. class_mean_top_1: its mean, so that every class counts alike. chance_class_mean_top_1: the same for a random ranking.
    """

    top_k: Mapping[int, float]
    class_mean_top_1: float
    per_class_top_1: Mapping[str, float]
    num_queries: int
    num_gallery: int
    chance_class_mean_top_1: float


def scores_from_matrix(
    similarity: NDArray[np.floating], query_labels: Sequence[str], gallery_labels: Sequence[str]
) -> RetrievalScores:
    """From a similarity matrix (Q, G), higher is nearer. Equal similarities rank in gallery order.

    Raises ValueError for shapes that do not fit, for NaN, and when there is no query or no gallery.
    """
    if similarity.shape != (len(query_labels), len(gallery_labels)):
        raise ValueError(
            f"The matrix must be (queries, gallery) = ({len(query_labels)}, {len(gallery_labels)}), got {similarity.shape}."
        )
    if np.isnan(similarity).any():
        raise ValueError("The similarity matrix holds NaN. The encoder gave a bad vector.")
    rankings = np.argsort(-similarity, axis=1, kind="stable")[:, : max(TOP_K)]
    return scores_from_rankings(rankings.tolist(), query_labels, gallery_labels)


def scores_from_rankings(
    rankings: Sequence[Sequence[int]], query_labels: Sequence[str], gallery_labels: Sequence[str]
) -> RetrievalScores:
    """From ranked gallery rows per query, best first; a ranking may stop early (what is not ranked is not found)."""
    if not query_labels or not gallery_labels:
        raise ValueError(f"Retrieval needs queries and a gallery, got {len(query_labels)} and {len(gallery_labels)} videos.")
    if len(rankings) != len(query_labels):
        raise ValueError(f"There must be one ranking per query: {len(query_labels)} queries, {len(rankings)} rankings.")
    first_hits = np.array(
        [_first_hit(ranking, label, gallery_labels) for ranking, label in zip(rankings, query_labels, strict=True)]
    )
    labels = np.asarray(query_labels)
    per_class = {str(label): float(np.mean(first_hits[labels == label] < 1)) for label in np.unique(labels)}
    in_gallery = np.asarray(gallery_labels)
    chance = [float(np.mean(in_gallery == label)) for label in np.unique(labels)]
    return RetrievalScores(
        top_k={k: float(np.mean(first_hits < k)) for k in TOP_K},
        class_mean_top_1=float(np.mean(list(per_class.values()))),
        per_class_top_1=per_class,
        num_queries=len(query_labels),
        num_gallery=len(gallery_labels),
        chance_class_mean_top_1=float(np.mean(chance)),
    )


def mean_vector_scores(
    query_clips: Sequence[NDArray[np.floating]], gallery_clips: Sequence[NDArray[np.floating]]
) -> NDArray[np.float32]:
    """Cosine float32 (Q, G) between videos, each the normalised mean of its clips' vectors (N, D)."""
    queries, gallery = _mean_vectors(query_clips), _mean_vectors(gallery_clips)
    scores: NDArray[np.float32] = queries @ gallery.T
    return scores


def _first_hit(ranking: Sequence[int], label: str, gallery_labels: Sequence[str]) -> float:
    """Rank of the first gallery video of a class, from 0; infinite if none is ranked."""
    return next((float(rank) for rank, row in enumerate(ranking) if gallery_labels[row] == label), np.inf)


def _mean_vectors(videos: Sequence[NDArray[np.floating]]) -> NDArray[np.float32]:
    means = []
    for number, clips in enumerate(videos):
        if clips.ndim != 2 or len(clips) == 0:
            raise ValueError(f"Video {number} must have clip vectors (N, D) with N at least 1, got shape {clips.shape}.")
        mean = clips.astype(np.float64).mean(axis=0)
        means.append(mean / max(float(np.linalg.norm(mean)), 1e-12))
    return np.asarray(means, np.float32)
