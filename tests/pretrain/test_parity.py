import numpy as np
import pytest

from pretrain.errors import ExportError
from pretrain.parity import FLOORS, Agreement, agreement_of, check_agreement

GOOD = {"mean_cosine": 1.0, "min_cosine": 1.0, "plain_cosine": 1.0, "top10": 1.0}


def unit_vectors(count: int, seed: int) -> np.ndarray:  # type: ignore[type-arg]
    vectors = np.random.default_rng(seed).normal(size=(count, 6))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_agreement__as_counted_one_by_one() -> None:
    a = unit_vectors(30, 0)
    b = a + 0.4 * unit_vectors(30, 1)
    b /= np.linalg.norm(b, axis=1, keepdims=True)
    shared = []
    for row in range(30):
        nearest = [
            set(sorted((other for other in range(30) if other != row), key=lambda other: -float(v[row] @ v[other]))[:10])
            for v in (a, b)
        ]
        shared.append(len(nearest[0] & nearest[1]) / 10)
    mean = sum(a) / 30
    plain = (unit_vectors(3, 2), unit_vectors(3, 3))
    cosines, of_plain = (
        [
            float((x - mean) @ (y - mean)) / float(np.linalg.norm(x - mean) * np.linalg.norm(y - mean))
            for x, y in zip(*pair, strict=True)
        ]
        for pair in ((a, b), plain)
    )
    got = agreement_of(a, b, plain=plain)
    assert got == Agreement(
        num_clips=30,
        mean_cosine=pytest.approx(sum(cosines) / 30),
        min_cosine=pytest.approx(min(cosines)),
        plain_cosine=pytest.approx(min(of_plain)),
        top10=pytest.approx(sum(shared) / 30),
    )
    assert 0.2 < got.top10 < 1


def test_agreement__with_itself_is_whole_also_of_few() -> None:
    for count in (2, 7, 40):
        vectors, plain = unit_vectors(count, count), unit_vectors(3, 0)
        got = agreement_of(vectors, vectors, plain=(plain, plain))
        assert got == Agreement(
            num_clips=count,
            mean_cosine=pytest.approx(1),
            min_cosine=pytest.approx(1),
            plain_cosine=pytest.approx(1),
            top10=1.0,
        )


def test_agreement__vectors_of_other_clips_are_none_where_all_are_alike() -> None:
    """A network that is not whitened gives one large direction to all clips."""
    vectors = unit_vectors(200, 4) + 10 * unit_vectors(1, 5)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    others = np.roll(vectors, 1, axis=0)
    assert (vectors * others).sum(axis=1).mean() > 0.98
    got = agreement_of(vectors, others, plain=(vectors[:3], vectors[:3]))
    assert got.mean_cosine < 0.3
    with pytest.raises(ExportError, match=r"mean_cosine .* where 0\.97 is asked, min_cosine .*, top10 "):
        check_agreement("int8", got)


def test_agreement__where_all_vectors_are_one_nothing_is_told() -> None:
    same = np.tile(unit_vectors(1, 0), (8, 1))
    with np.errstate(all="raise"):
        got = agreement_of(same, same, plain=(same[:3], same[:3]))
    assert got.num_clips == 8


@pytest.mark.parametrize("precision", ["fp16", "int8"])
@pytest.mark.parametrize("low", sorted(GOOD))
@pytest.mark.parametrize("by", [0.001, float("nan")])
def test_check_agreement__each_number_has_its_floor_and_says_what_to_do(precision: str, low: str, by: float) -> None:
    floor = FLOORS[precision][low]
    check_agreement(precision, Agreement(num_clips=100, **(GOOD | {low: floor})))
    words = rf"in {precision} .* fp32: {low} (nan|0\.\d+) where {floor} is asked; nothing was written\. "
    with pytest.raises(ExportError, match=words + "(Use --precision|Calibrate it)"):
        check_agreement(precision, Agreement(num_clips=100, **(GOOD | {low: floor - by})))


def test_check_agreement__int8_is_not_told_to_do_what_was_done() -> None:
    low = Agreement(num_clips=100, **(GOOD | {"top10": 0.1}))
    with pytest.raises(ExportError, match=r"Calibrate it on videos like those .*, or use --precision fp16$"):
        check_agreement("int8", low)
    words = r"Calibrate it on more videos.* fp16, or export the run without a whitening \(--whiten 0\)$"
    with pytest.raises(ExportError, match=words):
        check_agreement("int8", low, on_footage=True, whitened=True)
