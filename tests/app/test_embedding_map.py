"""Vectors laid out on a map: alike is near, and the same vectors always give the same map.

Shapes: V videos, D dimensions.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from app.errors import AppError
from app.evaluation.embedding_map import project


def two_clusters(num_each: int, num_dimensions: int = 64) -> NDArray[np.float32]:
    """(2 * num_each, D): the first half around one direction, the second half around another, with little noise."""
    rng = np.random.default_rng(3)
    centres = np.eye(num_dimensions)[:2].repeat(num_each, axis=0)
    return (centres + 0.05 * rng.standard_normal(centres.shape)).astype(np.float32)


@pytest.mark.parametrize("num_each", [2, 30, 501], ids=["few, by PCA", "by t-SNE", "more than t-SNE is for, by PCA"])
def test_project__far_clusters_stay_apart(num_each: int) -> None:
    places = project(two_clusters(num_each))
    one, other = places[:num_each], places[num_each:]
    between = np.linalg.norm(one.mean(axis=0) - other.mean(axis=0))
    widest = max(np.linalg.norm(half - half.mean(axis=0), axis=1).max() for half in (one, other))
    assert between > 2 * widest


def test_project__is_the_same_each_time_and_fills_its_range() -> None:
    vectors = two_clusters(40)
    places = project(vectors)
    assert places.shape == (80, 2) and places.dtype == np.float32
    assert np.array_equal(places, project(vectors.copy()))
    assert np.abs(places).max() == pytest.approx(1.0)


def test_project__length_says_nothing() -> None:
    """Retrieval compares by direction."""
    vectors = two_clusters(4)
    assert project(vectors * np.linspace(1, 9, 8, dtype=np.float32)[:, None]) == pytest.approx(project(vectors), abs=1e-4)


@pytest.mark.parametrize("shape", [(0, 8), (1, 8), (2, 8), (5, 1), (12, 1), (12, 3)])
def test_project__takes_any_number_of_videos_and_dimensions(shape: tuple[int, int]) -> None:
    places = project(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
    assert places.shape == (shape[0], 2)
    assert np.isfinite(places).all() and np.abs(places).max(initial=0) <= 1


@pytest.mark.parametrize("vectors", [np.ones((20, 8), np.float32), np.zeros((20, 8), np.float32)])
def test_project__equal_vectors_lie_at_one_place(vectors: NDArray[np.float32]) -> None:
    assert not project(vectors).any()


def test_project__with_many_copies_of_one_video() -> None:
    vectors = np.concatenate([np.ones((15, 8), np.float32), np.eye(8, dtype=np.float32)])
    assert np.isfinite(project(vectors)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_project__a_broken_vector_is_named(bad: float) -> None:
    vectors = two_clusters(10)
    vectors[7, 3] = bad
    with pytest.raises(AppError, match=r"video 7 holds NaN or infinity \(1 of 20 do\)"):
        project(vectors)


def test_project__refuses_another_shape() -> None:
    with pytest.raises(AppError, match=r"\(videos, dimensions\), got \(4,\)"):
        project(np.zeros(4, np.float32))
