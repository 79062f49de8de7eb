"""Hit rates on rankings small enough to be worked out by hand."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from app.evaluation.metrics.retrieval import cosines, mean_vector_scores, scores_from_matrix, scores_from_rankings


def test_hand_worked_example() -> None:
    # Classes a a b; the gallery is b a c a b.
    similarity = np.array([[0.9, 0.8, 0.1, 0.2, 0.3], [0.1, 0.9, 0.2, 0.3, 0.4], [0.1, 0.3, 0.9, 0.8, 0.7]])

    scores = scores_from_matrix(similarity, ["a", "a", "b"], ["b", "a", "c", "a", "b"])

    assert scores.per_class_top_1 == {"a": 0.5, "b": 0.0}
    assert scores.class_mean_top_1 == 0.25
    assert scores.top_k == {1: pytest.approx(1 / 3), 5: 1.0, 10: 1.0, 20: 1.0, 50: 1.0}
    assert (scores.num_queries, scores.num_gallery) == (3, 5)
    assert scores.chance_class_mean_top_1 == pytest.approx(0.4)
    # The first query's ranking is b a b a c by 0.9 0.8 0.3 0.2 0.1: its own are second and fourth. Likewise second and third b's.
    assert [query.first_hit for query in scores.queries] == [1, 0, 2]
    first, second, third = (1 / 2 + 2 / 4) / 2, (1 / 1 + 2 / 3) / 2, (1 / 3 + 2 / 5) / 2
    assert [query.average_precision for query in scores.queries] == pytest.approx([first, second, third])
    assert scores.mean_average_precision == pytest.approx((first + second + third) / 3)


def test_equal_similarities_rank_in_gallery_order() -> None:
    assert scores_from_matrix(np.zeros((1, 3)), ["b"], ["a", "b", "b"]).top_k[1] == 0.0
    assert scores_from_matrix(np.zeros((1, 3)), ["b"], ["b", "a", "a"]).top_k[1] == 1.0


@pytest.mark.parametrize("ties", [False, True])
def test_average_precision_is_that_of_scikit_learn(ties: bool) -> None:
    rng = np.random.default_rng(4)
    similarity = rng.normal(size=(40, 90))
    queries, gallery = [f"c{n % 5}" for n in range(40)], [f"c{n % 6}" for n in range(90)]
    scores = scores_from_matrix(np.round(similarity, 1) if ties else similarity, queries, gallery)
    if ties:  # it counts equal similarities together; ours rank in gallery order
        similarity = np.round(similarity, 1) - 1e-6 * np.arange(90)
    theirs = [
        average_precision_score([own == label for own in gallery], row) for label, row in zip(queries, similarity, strict=True)
    ]
    assert [query.average_precision for query in scores.queries] == pytest.approx(theirs)


def test_gallery_that_holds_the_queries_is_perfect_at_top_1() -> None:
    clips = [np.random.default_rng(n).normal(size=(3, 16)) for n in range(30)]
    labels = [f"c{n}" for n in range(30)]
    assert scores_from_matrix(mean_vector_scores(clips, clips), labels, labels).top_k[1] == 1.0


def test_shuffled_labels_give_chance() -> None:
    rng = np.random.default_rng(5)
    labels = [f"c{n % 4}" for n in range(2000)]
    scores = scores_from_matrix(rng.normal(size=(2000, 400)), labels, rng.permutation(labels[:400]).tolist())
    assert scores.class_mean_top_1 == pytest.approx(scores.chance_class_mean_top_1, abs=0.04)
    assert list(scores.top_k.values()) == sorted(scores.top_k.values())


def test_ranking_that_stops_early_misses() -> None:
    scores = scores_from_rankings([[0], []], ["a", "a"], ["b", "a"])
    assert scores.top_k[50] == 0.0


def test_class_without_gallery_is_a_miss_not_an_error() -> None:
    scores = scores_from_rankings([[0, 1]], ["z"], ["a", "b"])
    assert (scores.class_mean_top_1, scores.chance_class_mean_top_1) == (0.0, 0.0)


def test_matrix_and_rankings_agree() -> None:
    rng = np.random.default_rng(0)
    similarity = rng.normal(size=(30, 80))
    queries, gallery = [f"c{n % 5}" for n in range(30)], [f"c{n % 7}" for n in range(80)]

    ranked = np.argsort(-similarity, axis=1)
    assert scores_from_matrix(similarity, queries, gallery) == scores_from_rankings(
        ranked.tolist(), queries, gallery, np.take_along_axis(similarity, ranked, axis=1).tolist()
    )


def test_nearest_are_the_first_of_the_whole_order_equal_ones_by_place() -> None:
    similarity = np.array([[0.5, 0.9, 0.5, 0.5] + [0.1] * 10])
    (query,) = scores_from_matrix(similarity, ["a"], ["a"] * 14).queries
    assert [row for row, _ in query.nearest] == [1, 0, 2, 3, 4, 5, 6, 7, 8, 9]
    assert query.nearest[0] == (1, 0.9)


def test_mean_vector_scores_are_cosines_of_means() -> None:
    queries = [np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.0, 2.0]], np.float16)]
    gallery = [np.array([[1.0, 1.0]]), np.array([[0.0, -1.0]])]

    np.testing.assert_allclose(mean_vector_scores(queries, gallery), [[1.0, -np.sqrt(0.5)], [np.sqrt(0.5), -1.0]], atol=1e-6)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(1, 2\), got \(2, 1\)"):
        scores_from_matrix(np.zeros((2, 1)), ["a"], ["a", "b"])
    with pytest.raises(ValueError, match="NaN"):
        scores_from_matrix(np.array([[np.nan]]), ["a"], ["a"])
    with pytest.raises(ValueError, match="queries and a gallery, got 0 and 1"):
        scores_from_rankings([], [], ["a"])
    with pytest.raises(ValueError, match="one ranking per query"):
        scores_from_rankings([], ["a"], ["a"])
    with pytest.raises(ValueError, match="Video 0 must have"):
        mean_vector_scores([np.zeros((0, 2))], [np.ones((1, 2))])


def test_copies_in_the_gallery_are_equally_near_wherever_they_stand() -> None:
    rng = np.random.default_rng(0)
    gallery = rng.normal(size=(53, 256)).astype(np.float32)
    gallery[[11, 52]] = gallery[3]
    queries = rng.normal(size=(7, 256)).astype(np.float32)
    found = cosines(queries, gallery)
    assert np.array_equal(found[:, 3], found[:, 11]) and np.array_equal(found[:, 3], found[:, 52])
    np.testing.assert_allclose(found, queries @ gallery.T, rtol=1e-4, atol=1e-4)
