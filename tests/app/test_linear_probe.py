"""Probes on drawn features: what is easy is solved, what says nothing is not, and every choice is made on train alone."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from app.evaluation.held_out_folds import Choice, Folds, TrainSide, choose, held_out_folds
from app.evaluation.linear_probe import C_GRID, Standardised, fit_linear
from app.evaluation.nearest_labels import Voting, fit_nearest, vote
from app.evaluation.probe import PROBES

NAMES = ("jump", "kick", "wave")


def blobs(
    count: int, *, seed: int, noise: float = 0.1, dim: int = 6, names: Sequence[str] = NAMES
) -> tuple[NDArray[np.float32], list[str]]:
    """One for each name, on as many axes."""
    rng = np.random.default_rng(seed)
    numbers = np.arange(count) % len(names)
    features = np.eye(len(names), dim)[numbers] + rng.normal(0, noise, (count, dim))
    return features.astype(np.float32), [names[number] for number in numbers]


def side(features: NDArray[np.float32], labels: list[str], groups: list[str] | None = None) -> TrainSide:
    return TrainSide(features_ND=features, labels=labels, groups=groups or [""] * len(labels))


def class_mean(wanted: list[str], said: list[str]) -> float:
    hits = {name: [a == b for a, b in zip(wanted, said, strict=True) if a == name] for name in set(wanted)}
    return float(np.mean([np.mean(own) for own in hits.values()]))


@pytest.mark.parametrize("probe", PROBES)
def test_three_blobs_are_told_apart(probe: str) -> None:
    train = side(*blobs(30, seed=0))
    asked, labels = blobs(60, seed=1)
    fitted = PROBES[probe](train, held_out_folds(train))  # type: ignore[index]
    assert fitted.predict(asked) == labels
    assert fitted.held_out_class_mean == 1.0
    assert fitted.notes == ()


@pytest.mark.parametrize("probe", PROBES)
def test_shuffled_labels_are_guessed(probe: str) -> None:
    """With ten blobs, so that it takes more than luck to have one or two of them right."""
    features, labels = blobs(40, seed=0, dim=10, names="abcdefghij")
    asked, wanted = blobs(40, seed=1, dim=10, names="abcdefghij")
    shares = []
    for seed in range(2):
        train = side(features, np.random.default_rng(seed).permutation(labels).tolist())
        shares.append(class_mean(wanted, PROBES[probe](train, held_out_folds(train)).predict(asked)))  # type: ignore[index]
    assert np.mean(shares) == pytest.approx(1 / 10, abs=0.15)


def test_standardised_is_unit_length_then_mean_and_deviation_of_train() -> None:
    features = np.random.default_rng(0).normal(3, 2, (20, 5)).astype(np.float32)
    asked = np.random.default_rng(1).normal(0, 9, (4, 5)).astype(np.float32)
    got = Standardised.of(features)(asked)
    for row, answer in zip(asked.astype(float), got, strict=True):
        for place in range(5):
            column = [float(one[place]) / float(np.sqrt(sum(value**2 for value in one.astype(float)))) for one in features]
            mean = sum(column) / 20
            deviation = (sum((value - mean) ** 2 for value in column) / 20) ** 0.5
            assert answer[place] == pytest.approx((row[place] / np.sqrt((row**2).sum()) - mean) / deviation, abs=1e-6)


def test_a_dimension_that_does_not_vary_says_nothing() -> None:
    features, labels = blobs(30, seed=0)
    features[:, 5] = 0
    train = side(features, labels)
    asked, _ = blobs(9, seed=1)
    fitted = fit_linear(train, held_out_folds(train), "L2+BN")
    loud = asked.copy()
    asked[:, 5], loud[:, 5] = 0, 1e-3  # a thousand deviations, were it divided by its own
    assert fitted.predict(asked) == fitted.predict(loud)
    assert (Standardised.of(features)(loud)[:, 5] == 0).all()


@pytest.mark.parametrize("kind", ["raw", "L2+BN"])
def test_linear_probe_is_the_slow_search_over_pipelines(kind: str) -> None:
    """Every fold, also of mean and variance, sees its own fit rows alone."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer, StandardScaler

    features, labels = blobs(45, seed=4, noise=0.8)
    features *= np.random.default_rng(5).uniform(0.5, 3, (45, 1)).astype(np.float32)
    train = side(features, labels, [f"scene{number // 5}" for number in range(45)])
    folds = held_out_folds(train)
    before = [Normalizer(), StandardScaler()] if kind == "L2+BN" else []
    means = []
    for strength in C_GRID:
        said = np.empty(45, object)
        for fit, held in folds.parts:
            pipeline = make_pipeline(*before, LogisticRegression(C=strength, tol=1e-6, max_iter=10_000))
            pipeline.fit(features[fit].astype(float), np.array(labels)[fit])
            said[held] = pipeline.predict(features[held].astype(float))
        means.append(class_mean(labels, said.tolist()))
    best = C_GRID[int(np.argmax(means))]
    fitted = fit_linear(train, folds, kind)  # type: ignore[arg-type]
    assert (fitted.chosen, fitted.held_out_class_mean) == ({"C": best}, pytest.approx(max(means)))
    assert len(set(means)) > 2, "the strengths must differ for this to say something"
    asked, _ = blobs(60, seed=6, noise=0.8)
    slow = make_pipeline(*before, LogisticRegression(C=best, tol=1e-6, max_iter=10_000)).fit(features.astype(float), labels)
    assert fitted.predict(asked) == slow.predict(asked.astype(float)).tolist()


def test_the_same_videos_give_the_same_probe() -> None:
    train = side(*blobs(45, seed=4, noise=0.8))
    asked, _ = blobs(60, seed=6, noise=0.8)
    for fit in PROBES.values():
        first, again = (fit(train, held_out_folds(train)) for _ in range(2))
        assert (first.chosen, first.predict(asked)) == (again.chosen, again.predict(asked))


def test_a_regression_that_has_not_converged_is_told() -> None:
    train = side(*blobs(30, seed=0, noise=0.5))
    fitted = fit_linear(train, held_out_folds(train), "raw", max_iterations=1)
    (note,) = fitted.notes
    assert "had not converged after 1 iterations" in note and "the last one, which is measured, is among them" in note


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_never_on_both_sides(seed: int) -> None:
    rng = np.random.default_rng(seed)
    features, labels = blobs(60, seed=seed)
    groups = [f"scene{rng.integers(9)}" if rng.random() < 0.8 else "" for _ in labels]
    folds = held_out_folds(side(features, labels, groups))
    assert folds.by_groups and 2 <= len(folds.parts) <= 5
    held_out: list[int] = []
    for fit, held in folds.parts:
        assert {groups[row] for row in fit} & {groups[row] for row in held} <= {""}
        assert set(fit) | set(held) == set(range(60)) and not set(fit) & set(held)
        held_out += held.tolist()
    assert sorted(held_out) == list(range(60))


def test_one_group_only_falls_back_to_videos_and_says_so() -> None:
    folds = held_out_folds(side(*blobs(12, seed=0), ["court"] * 12))
    assert not folds.by_groups and len(folds.parts) == 4
    assert "single held-out videos" in folds.notes[0]


def test_a_label_of_one_video_is_said_to_take_no_part_in_the_choice() -> None:
    features, labels = blobs(12, seed=0)
    labels[0] = "rare"
    folds = held_out_folds(side(features, labels))
    assert folds.notes == ("settings were chosen without 'rare': too few training videos or groups to hold some of them out",)


def test_a_part_that_can_judge_nothing_is_passed_over() -> None:
    features, labels = blobs(30, seed=0)
    groups = ["alone" if label == "wave" else f"scene{number // 8}" for number, label in enumerate(labels)]
    train = side(features, labels, groups)
    folds = held_out_folds(train)
    assert folds.by_groups and any({labels[row] for row in held} == {"wave"} for _, held in folds.parts)
    for fit in PROBES.values():
        assert fit(train, folds).held_out_class_mean == 1.0


def test_nothing_to_hold_out_leaves_the_default() -> None:
    train = side(*blobs(3, seed=0))
    folds = held_out_folds(train)
    assert folds.parts == () and "nothing could be held out" in folds.notes[0]
    fitted = fit_linear(train, folds, "raw"), fit_nearest(train, folds)
    assert [(one.chosen, one.held_out_class_mean) for one in fitted] == [({"C": 1.0}, None), ({"k": 1, "votes": "alike"}, None)]


def test_a_choice_counts_labels_alike_and_takes_the_first_of_equals() -> None:
    train = side(np.zeros((6, 1), np.float32), ["a", "a", "a", "a", "b", "b"])
    folds = Folds(parts=((np.array([0, 4]), np.array([1, 2, 3, 5])), (np.array([1, 2, 3, 5]), np.array([0, 4]))), by_groups=False)
    always_a, right_for_b, as_good = np.zeros(6, np.int64), np.array([0, 1, 1, 1, 1, 1]), np.array([1, 0, 1, 1, 1, 1])
    choice = choose(train, folds, 3, 0, lambda fit, held: [guess[held] for guess in (always_a, right_for_b, as_good)])
    assert choice == Choice(setting=1, class_mean=(1 / 4 + 1) / 2)


def test_a_label_that_was_not_fitted_on_does_not_count_in_a_choice() -> None:
    train = side(np.zeros((5, 1), np.float32), ["a", "a", "b", "b", "c"])
    folds = Folds(parts=((np.array([0, 2]), np.array([1, 3, 4])),), by_groups=False)
    choice = choose(train, folds, 1, 0, lambda fit, held: [np.minimum(train.numbers_N[held], 1)])  # c is called b
    assert choice == Choice(setting=0, class_mean=1.0)


@pytest.mark.parametrize(
    ("voting", "winner"),
    [
        (Voting(1, False), "b"),
        (Voting(3, False), "a"),  # b, a, a
        (Voting(5, False), "a"),  # 3 to 2
        (Voting(5, True), "b"),  # b has exp(0) + exp(-1 / 0.07), a three times exp(-0.2 / 0.07) = 0.17
        (Voting(2, False), "b"),  # one each: the nearest decides
        (Voting(20, False), "a"),  # all six
    ],
    ids=str,
)
def test_neighbours_vote_as_counted_by_hand(voting: Voting, winner: str) -> None:
    """Cosines with the asked one: b 1.0, three times a 0.8, b 0, a -1."""
    unit = np.array([[-1, 0], [0.8, 0.6], [0, 1], [1, 0], [0.8, -0.6], [0.8, 0.6]])
    numbers = np.array([0, 0, 1, 1, 0, 0])
    (won,) = vote(np.array([[1.0, 0.0]]), unit, numbers, (voting,))
    assert won.tolist() == ["ab".index(winner)]


def test_neighbours_of_the_same_cosine_rank_in_the_order_of_the_videos() -> None:
    near = np.random.default_rng(0).random(400) < 0.5
    unit = np.where(near[:, None], [[0.8, 0.6]], [[0.6, 0.8]])
    (won,) = vote(np.array([[1.0, 0.0]]), unit, np.arange(400), (Voting(20, False),))  # one vote each: the first of the near
    assert won.tolist() == [np.flatnonzero(near)[0]]


@pytest.mark.parametrize(
    ("features", "labels", "said"),
    [
        (np.zeros((2, 3)), ["a", "a"], "needs two labels or more"),
        (np.full((2, 3), np.nan), ["a", "b"], "NaN or infinity"),
        (np.zeros((3, 3)), ["a", "b"], r"got \(3, 3\)"),
    ],
)
def test_what_no_probe_can_learn_from(features: NDArray[np.float32], labels: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        side(features, labels)
