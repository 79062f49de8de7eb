import numpy as np
import pytest

from pretrain.errors import ExportError
from pretrain.parity import Agreement, agreement_of, check_agreement


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
    cosines = [float(x @ y) for x, y in zip(a, b, strict=True)]
    got = agreement_of(a, b)
    assert got == Agreement(30, pytest.approx(sum(cosines) / 30), pytest.approx(min(cosines)), pytest.approx(sum(shared) / 30))
    assert 0.2 < got.top10 < 1


def test_agreement__with_itself_is_whole_also_of_few() -> None:
    for count in (2, 7, 40):
        vectors = unit_vectors(count, count)
        assert agreement_of(vectors, vectors) == Agreement(count, pytest.approx(1), pytest.approx(1), 1.0)


@pytest.mark.parametrize(("precision", "cosine"), [("fp16", 0.998), ("int8", 0.97), ("int8", float("nan"))])
def test_check_agreement__too_far_says_what_to_do(precision: str, cosine: float) -> None:
    with pytest.raises(ExportError, match=r"nothing was written\. (Use --precision fp32|Calibrate it)"):
        check_agreement(precision, Agreement(100, cosine, cosine, 1.0))


def test_check_agreement__each_precision_has_its_own_limit() -> None:
    check_agreement("int8", Agreement(100, 0.99, 0.9, 0.9))
    with pytest.raises(ExportError):
        check_agreement("fp16", Agreement(100, 0.99, 0.9, 0.9))
