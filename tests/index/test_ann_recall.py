"""Recall of the vector index, against exact search computed here."""

import numpy as np
import pytest

from app.evaluation.metrics.ann_recall import neighbour_recall
from index.vectors.faiss_index import FaissIndex
from index.vectors.vector_index import clip_ids


def filled(count: int, *, exact_up_to: int) -> tuple[FaissIndex, np.ndarray]:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(count, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = FaissIndex(16)
    index.add(clip_ids(1, count), vectors, np.tile([0.0, 2.0], (count, 1)), np.zeros(count, np.uint8))
    return index.compacted(exact_up_to=exact_up_to), vectors


def test_exact_index_finds_all() -> None:
    index, vectors = filled(500, exact_up_to=1_000)
    found = neighbour_recall(index, vectors[:20])
    assert (found.recall, found.is_exact, found.num_clips, found.num_queries, found.k) == (1.0, True, 500, 20, 10)


def test_approximate_index_is_measured_as_numpy_measures_it() -> None:
    index, vectors = filled(60_000, exact_up_to=1_000)
    queries = np.random.default_rng(1).normal(size=(50, 16)).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    found = neighbour_recall(index, queries)
    _, ids = index.search(queries, 10)
    true = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    shared = [len(set((own & ((1 << 20) - 1)).tolist()) & set(best.tolist())) / 10 for own, best in zip(ids, true, strict=True)]
    assert not found.is_exact
    assert found.recall == pytest.approx(np.mean(shared), abs=0.01)
    assert 0.5 < found.recall < 1


def test_removed_clips_are_no_neighbours() -> None:
    index, vectors = filled(30, exact_up_to=1_000)
    index.remove(clip_ids(1, 25))
    scores, ids = index.search_exactly(vectors[:1], 5)
    assert set((ids[0] & ((1 << 20) - 1)).tolist()) == set(range(25, 30))
    assert np.all(np.diff(scores[0]) <= 0)
    assert neighbour_recall(index, vectors[:1]).k == 5


def test_nothing_to_measure() -> None:
    with pytest.raises(ValueError, match="got 0 and 1"):
        neighbour_recall(FaissIndex(4), np.ones((1, 4), np.float32))
