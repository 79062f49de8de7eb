"""How good a ranking is: top-k hit rate, mean average precision and class-mean top-1, as the field reports video retrieval.

Top-k is a hit when at least one of the k nearest gallery videos has the query's label; it is no recall and no precision.

Shapes: Q queries, G gallery videos, N clips of a video, D dimensions.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOP_K = (1, 5, 10, 20, 50)
NEAREST = 10
"""So many of the gallery are kept by query, to be looked at."""


@dataclass(frozen=True)
class QueryScore:
    """Of one query. first_hit: rank, from 0, of the first gallery video of its label, infinite if none is ranked.
    average_precision: 0 to 1, over all gallery videos of its label; those that are not ranked count as never found.
    nearest: the first ten gallery rows, best first, each with its similarity, NaN where only the order is known.
    """

    label: str
    first_hit: float
    average_precision: float
    nearest: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class RetrievalScores:
    """All shares are 0 to 1.

    top_k: share of queries that find a gallery video of their own class among the first k. mean_average_precision: of all
    queries. per_class_top_1: top-1 by class of the queries. class_mean_top_1: its mean, so that every class counts alike.
    chance_class_mean_top_1: the same for a random ranking. queries: each one's own score, in the order of the query labels.
    """

    top_k: Mapping[int, float]
    mean_average_precision: float
    class_mean_top_1: float
    per_class_top_1: Mapping[str, float]
    num_queries: int
    num_gallery: int
    chance_class_mean_top_1: float
    queries: tuple[QueryScore, ...]


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
    rows_of_label: dict[str, list[int]] = {label: [] for label in query_labels}
    for place, label in enumerate(gallery_labels):
        if label in rows_of_label:
            rows_of_label[label].append(place)
    own_rows = {label: np.array(rows, np.int64) for label, rows in rows_of_label.items()}
    ranks = [_ranks_of(row, own_rows[label]) for row, label in zip(similarity, query_labels, strict=True)]
    return _scores(ranks, query_labels, gallery_labels, [_nearest(row) for row in similarity])


def scores_from_rankings(
    rankings: Sequence[Sequence[int]],
    query_labels: Sequence[str],
    gallery_labels: Sequence[str],
    similarities: Sequence[Sequence[float]] | None = None,
) -> RetrievalScores:
    """From ranked gallery rows per query, best first; a ranking may stop early (what is not ranked is not found).

    similarities: of the ranked rows, where they are known.
    """
    if len(rankings) != len(query_labels):
        raise ValueError(f"There must be one ranking per query: {len(query_labels)} queries, {len(rankings)} rankings.")
    ranks = [
        np.array([rank for rank, row in enumerate(ranking) if gallery_labels[row] == label], dtype=np.int64)
        for ranking, label in zip(rankings, query_labels, strict=True)
    ]
    known = similarities if similarities is not None else [[np.nan] * len(ranking) for ranking in rankings]
    nearest = [
        tuple((int(row), float(score)) for row, score in zip(ranking[:NEAREST], scores[:NEAREST], strict=True))
        for ranking, scores in zip(rankings, known, strict=True)
    ]
    return _scores(ranks, query_labels, gallery_labels, nearest)


def cosines(queries_QD: NDArray[np.float32], gallery_GD: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 (Q, G) of unit vectors. Equal gallery vectors have exactly equal similarities, so that they rank in gallery order: a
    matrix product alone may round its columns differently.
    """
    place_of: dict[bytes, int] = {}
    places_G = [place_of.setdefault(row.tobytes(), number) for number, row in enumerate(gallery_GD)]
    scores: NDArray[np.float32] = queries_QD @ gallery_GD.T
    return scores if len(place_of) == len(gallery_GD) else scores[:, places_G]


def mean_vector_scores(
    query_clips: Sequence[NDArray[np.floating]], gallery_clips: Sequence[NDArray[np.floating]]
) -> NDArray[np.float32]:
    """Cosine float32 (Q, G) between videos, each the normalised mean of its clips' vectors (N, D)."""
    queries, gallery = mean_vectors(query_clips), mean_vectors(gallery_clips)
    return cosines(queries, gallery)


def mean_vectors(videos: Sequence[NDArray[np.floating]]) -> NDArray[np.float32]:
    """Unit vectors (videos, D): each the normalised mean of its clips' vectors (N, D). Raises ValueError for one without."""
    means = []
    for number, clips in enumerate(videos):
        if clips.ndim != 2 or len(clips) == 0:
            raise ValueError(f"Video {number} must have clip vectors (N, D) with N at least 1, got shape {clips.shape}.")
        mean = clips.astype(np.float64).mean(axis=0)
        means.append(mean / max(float(np.linalg.norm(mean)), 1e-12))
    return np.asarray(means, np.float32)


def _ranks_of(similarity_G: NDArray[np.floating], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ranks from 0, ascending, of some gallery rows. Sorting values is several times as fast as sorting places."""
    wanted = similarity_G[rows]
    ascending = np.sort(similarity_G)
    first, past = np.searchsorted(ascending, wanted, "left"), np.searchsorted(ascending, wanted, "right")
    if np.all(past - first == 1):
        return np.sort(len(similarity_G) - past)
    places = np.empty(len(similarity_G), np.int64)
    places[np.argsort(-similarity_G, kind="stable")] = np.arange(len(similarity_G))
    return np.sort(places[rows])


def _nearest(similarity_G: NDArray[np.floating]) -> tuple[tuple[int, float], ...]:
    """The first ten rows, in the order of all of them: equal similarities by their place in the gallery."""
    count = min(NEAREST, len(similarity_G))
    tenth = np.partition(similarity_G, len(similarity_G) - count)[len(similarity_G) - count] if count else 0
    rows = np.flatnonzero(similarity_G >= tenth)
    rows = rows[np.argsort(-similarity_G[rows], kind="stable")][:count]
    return tuple((int(row), float(similarity_G[row])) for row in rows)


def _scores(
    ranks: Sequence[NDArray[np.int64]],
    query_labels: Sequence[str],
    gallery_labels: Sequence[str],
    nearest: Sequence[tuple[tuple[int, float], ...]],
) -> RetrievalScores:
    """ranks: of each query, those of the gallery videos of its label that are ranked, ascending."""
    if not query_labels or not gallery_labels:
        raise ValueError(f"Retrieval needs queries and a gallery, got {len(query_labels)} and {len(gallery_labels)} videos.")
    in_gallery = Counter(gallery_labels)
    queries = tuple(
        QueryScore(label, float(own[0]) if len(own) else np.inf, _average_precision(own, in_gallery[label]), near)
        for own, label, near in zip(ranks, query_labels, nearest, strict=True)
    )
    first_hits = np.array([query.first_hit for query in queries])
    labels = np.asarray(query_labels)
    per_class = {str(label): float(np.mean(first_hits[labels == label] < 1)) for label in np.unique(labels)}
    return RetrievalScores(
        top_k={k: float(np.mean(first_hits < k)) for k in TOP_K},
        mean_average_precision=float(np.mean([query.average_precision for query in queries])),
        class_mean_top_1=float(np.mean(list(per_class.values()))),
        per_class_top_1=per_class,
        num_queries=len(query_labels),
        num_gallery=len(gallery_labels),
        chance_class_mean_top_1=float(np.mean([in_gallery[label] / len(gallery_labels) for label in per_class])),
        queries=queries,
    )


def _average_precision(ranks: NDArray[np.int64], num_relevant: int) -> float:
    """Mean over all relevant videos of the precision where each is found; 0 where there are none."""
    if num_relevant == 0:
        return 0.0
    return float(np.sum(np.arange(1, len(ranks) + 1) / (ranks + 1)) / num_relevant)
