"""The checks that every retrieval must pass: each is shown a retrieval that does not."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from app.evaluation import sanity
from app.evaluation.metrics.retrieval import RetrievalScores, cosines, scores_from_matrix
from app.evaluation.sanity import SanityCheck, check_retrieval

RNG = np.random.default_rng(0)
LABELS = [f"c{number % 5}" for number in range(60)]


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


QUERIES, GALLERY = unit(RNG.normal(size=(60, 8))), unit(RNG.normal(size=(60, 8)))


def measured(queries: np.ndarray, gallery: np.ndarray, labels: Sequence[str]) -> RetrievalScores:
    return scores_from_matrix(cosines(queries, gallery), labels[: len(queries)], labels)


def checked(queries: np.ndarray, gallery: np.ndarray, labels: Sequence[str]) -> SanityCheck:
    return check_retrieval(queries, measured(queries, gallery, labels), labels)


def test_all_hold() -> None:
    check = checked(QUERIES, GALLERY, LABELS)
    assert (check.finds_itself, check.rises, check.faults) == (1.0, True, [])
    assert check.shuffled == pytest.approx(0.2, abs=0.05)


def test_vectors_that_are_not_of_unit_length_do_not_find_themselves() -> None:
    longer = QUERIES.copy()
    longer[0] *= 50
    check = checked(longer, GALLERY, LABELS)
    assert check.finds_itself < 1
    assert "find themselves" in check.faults[0]


def test_twins_find_themselves() -> None:
    twins = np.concatenate([QUERIES[:1]] * 4)
    assert checked(twins, GALLERY, LABELS).finds_itself == 1.0


def test_a_ranking_that_is_wrong_does_not_find_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check goes through the function that makes the figures, so it sees what is wrong with that."""
    monkeypatch.setattr(sanity, "scores_from_matrix", lambda similarity, *labels: scores_from_matrix(-similarity, *labels))
    assert "find themselves" in checked(QUERIES, GALLERY, LABELS).faults[0]


def test_a_wrong_chance_is_seen() -> None:
    scores = replace(measured(QUERIES, GALLERY, LABELS), chance_class_mean_top_1=0.6)
    assert "with shuffled labels" in check_retrieval(QUERIES, scores, LABELS).faults[0]


def test_top_k_that_falls_is_seen() -> None:
    scores = replace(measured(QUERIES, GALLERY, LABELS), top_k={1: 0.5, 5: 0.4})
    assert check_retrieval(QUERIES, scores, LABELS).faults == ["top-k falls as k grows"]


def test_a_video_that_is_nearest_to_many_raises_no_false_alarm() -> None:
    """Queries with one nearest video in common are right or wrong together."""
    labels = ["a"] * 50 + ["b"] * 50
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        gallery = unit(rng.normal(size=(100, 8)))
        near = [rng.integers(100) if rng.random() > 0.8 else (0 if number < 50 else 50) for number in range(100)]
        alarms += bool(checked(unit(gallery[near] + 0.01 * rng.normal(size=(100, 8))), gallery, labels).faults)
    assert alarms <= 1


def test_uneven_labels_raise_no_false_alarm() -> None:
    """A label with two queries weighs as much as one with a hundred; luck with it must not be called a fault."""
    labels = ["a"] * 100 + ["b"] * 2
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        queries, gallery = unit(rng.normal(size=(102, 8))), unit(rng.normal(size=(102, 8)))
        alarms += bool(checked(queries, gallery, labels).faults)
    assert alarms <= 1
