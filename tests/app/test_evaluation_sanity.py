"""The checks that every retrieval must pass: each is shown a retrieval that does not."""

import numpy as np
import pytest

from app.evaluation.sanity import check_retrieval

RNG = np.random.default_rng(0)
LABELS = [f"c{number % 5}" for number in range(60)]


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


QUERIES, GALLERY = unit(RNG.normal(size=(60, 8))), unit(RNG.normal(size=(60, 8)))


def test_all_hold() -> None:
    check = check_retrieval(QUERIES, GALLERY, LABELS, LABELS, {1: 0.2, 5: 0.4}, 0.2)
    assert (check.finds_itself, check.rises, check.faults) == (1.0, True, [])
    assert check.shuffled == pytest.approx(0.2, abs=0.05)


def test_vectors_that_are_not_of_unit_length_do_not_find_themselves() -> None:
    longer = QUERIES.copy()
    longer[0] *= 50
    check = check_retrieval(longer, GALLERY, LABELS, LABELS, {1: 0.2}, 0.2)
    assert check.finds_itself < 1
    assert "find themselves" in check.faults[0]


def test_twins_find_themselves() -> None:
    twins = np.concatenate([QUERIES[:1]] * 4)
    assert check_retrieval(twins, GALLERY, LABELS[:4], LABELS, {1: 0.2}, 0.2).finds_itself == 1.0


def test_a_wrong_chance_is_seen() -> None:
    assert "with shuffled labels" in check_retrieval(QUERIES, GALLERY, LABELS, LABELS, {1: 0.2}, 0.6).faults[0]


def test_top_k_that_falls_is_seen() -> None:
    assert check_retrieval(QUERIES, GALLERY, LABELS, LABELS, {1: 0.5, 5: 0.4}, 0.2).faults == ["top-k falls as k grows"]


def test_uneven_labels_raise_no_false_alarm() -> None:
    """A label with two queries weighs as much as one with a hundred; luck with it must not be called a fault."""
    labels = ["a"] * 100 + ["b"] * 2
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        queries, gallery = unit(rng.normal(size=(102, 8))), unit(rng.normal(size=(102, 8)))
        alarms += bool(check_retrieval(queries, gallery, labels, labels, {1: 0.2}, (100 / 102 + 2 / 102) / 2).faults)
    assert alarms <= 1
