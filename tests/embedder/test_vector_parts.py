import numpy as np
import pytest

from embedder.encoder_card import VectorPart
from embedder.vector_parts import has_motion_and_look, look_weights, query_scale, weighted

PARTS = (VectorPart("motion", 6), VectorPart("look", 3))
WITH_COLOUR = (VectorPart("motion", 6, 0.5), VectorPart("look", 3, 0.35), VectorPart("colour", 4, 0.15))


def _unit(rng: np.random.Generator, count: int, dim: int) -> np.ndarray:
    vectors = rng.normal(size=(count, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("look", [0.0, 0.25, 0.5, 1.0])
def test_query_scale__weighs_the_cosines_of_the_parts(look: float) -> None:
    rng = np.random.default_rng(3)
    motion, looks = _unit(rng, 8, 6), _unit(rng, 8, 3)
    stored = np.concatenate([motion, looks], axis=1) / np.float32(np.sqrt(2))
    np.testing.assert_allclose(np.linalg.norm(stored, axis=1), 1, rtol=1e-6)
    scale = query_scale(PARTS, look_weights(PARTS, look))
    assert scale.shape == (9,)
    assert scale.dtype == np.float32
    expected = (1 - look) * motion @ motion.T + look * looks @ looks.T
    np.testing.assert_allclose((stored * scale) @ stored.T, expected, atol=1e-6)
    np.testing.assert_allclose(np.diag((stored * scale) @ stored.T), 1, atol=1e-6)
    both_sides = weighted(3 * stored, PARTS, look_weights(PARTS, look))
    np.testing.assert_allclose(both_sides @ both_sides.T, expected, atol=1e-6)


@pytest.mark.parametrize("look", [0.0, 0.35, 1.0])
def test_query_scale__of_parts_with_shares(look: float) -> None:
    rng = np.random.default_rng(3)
    cosines, stored = {}, []
    for part in WITH_COLOUR:
        vectors = _unit(rng, 8, part.dim)
        cosines[part.name] = vectors @ vectors.T
        stored.append(vectors * np.float32(np.sqrt(part.share or 0)))
    vectors = np.concatenate(stored, axis=1)
    weights = look_weights(WITH_COLOUR, look)
    assert sum(weights.values()) == pytest.approx(1)
    expected = sum(weights[name] * cosines[name] for name in weights)
    np.testing.assert_allclose((vectors * query_scale(WITH_COLOUR, weights)) @ vectors.T, expected, atol=1e-6)
    both_sides = weighted(vectors, WITH_COLOUR, weights)
    np.testing.assert_allclose(both_sides @ both_sides.T, expected, atol=1e-6)


def test_look_weights__colours_count_where_look_does() -> None:
    shares = [look_weights(WITH_COLOUR, look)["colour"] / look for look in (0.1, 0.35, 0.7, 1.0)]
    assert shares == sorted(shares)
    assert shares[0] < 0.01 < 0.2 < shares[-1]
    assert look_weights(WITH_COLOUR, 0.35)["motion"] == look_weights(PARTS, 0.35)["motion"] == 0.65


def test_weighted__a_part_of_zeros_stays_zero() -> None:
    vectors = np.zeros((1, 9), np.float32)
    vectors[0, 0] = 0.5
    np.testing.assert_allclose(weighted(vectors, PARTS, look_weights(PARTS, 0.5))[0], [np.sqrt(0.5), *[0] * 8], rtol=1e-6)


@pytest.mark.parametrize("weights", [{"motion": 1.0}, {"motion": 0.5, "look": 0.6}, {"motion": 1.5, "look": -0.5}, {}])
def test_query_scale__refuses_other_weights(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="motion, look need a weight"):
        query_scale(PARTS, weights)


@pytest.mark.parametrize("look", [-0.1, 1.1, float("nan")])
def test_look_weights__refuses_what_is_no_share(look: float) -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        look_weights(PARTS, look)


def test_has_motion_and_look() -> None:
    assert has_motion_and_look(PARTS)
    assert has_motion_and_look(PARTS[::-1])
    assert has_motion_and_look(WITH_COLOUR)
    assert not has_motion_and_look(PARTS[:1])
    assert not has_motion_and_look(WITH_COLOUR[1:])
    assert not has_motion_and_look((*PARTS, VectorPart("sound", 4)))
