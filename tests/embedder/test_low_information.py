import numpy as np
import pytest
from numpy.typing import NDArray

from embedder.low_information import is_low_information, is_plain

RNG = np.random.default_rng(3)


def still(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(picture[None], 16, axis=0)


def texture() -> NDArray[np.uint8]:
    return np.kron(RNG.integers(0, 255, (14, 14, 3)), np.ones((8, 8, 1))).astype(np.uint8)


def bars() -> NDArray[np.uint8]:
    return np.repeat(np.repeat(RNG.integers(0, 255, (1, 7, 3)), 16, axis=1), 112, axis=0).astype(np.uint8)


def noise(clip: NDArray[np.uint8], levels: int) -> NDArray[np.uint8]:
    return np.clip(clip.astype(int) + RNG.integers(-levels, levels + 1, clip.shape), 0, 255).astype(np.uint8)


def mover() -> NDArray[np.uint8]:
    clip = still(np.full((112, 112, 3), 90, np.uint8)).copy()
    for t in range(16):
        clip[t, 50:62, 6 * t : 6 * t + 12] = 200
    return clip


FADE = np.broadcast_to(np.linspace(0, 255, 16, dtype=np.uint8)[:, None, None, None], (16, 112, 112, 3)).copy()


@pytest.mark.parametrize(
    "clip",
    [still(np.zeros((112, 112, 3), np.uint8)), still(texture()), still(bars()), noise(still(texture()), 6), FADE, noise(FADE, 6)],
    ids=["black", "frozen", "bars", "frozen with noise", "fade", "fade with noise"],
)
def test_low_information(clip: NDArray[np.uint8]) -> None:
    assert is_low_information(clip)


@pytest.mark.parametrize(
    "clip",
    [
        mover(),
        noise(mover(), 6),
        np.stack([np.roll(texture(), 3 * t, 1) for t in range(16)]),
        mover()[:, ::14, ::14],
        mover() * np.array([1, 0, 0], np.uint8),
        mover() * np.array([0, 0, 1], np.uint8),
    ],
    ids=["small mover", "small mover with noise", "pan", "tiny pictures", "red light", "blue light"],
)
def test_low_information__movement_counts(clip: NDArray[np.uint8]) -> None:
    assert not is_low_information(clip)


def test_a_still_picture_is_plain_only_without_texture() -> None:
    assert not is_plain(texture())
    assert not is_plain(bars())
    assert not is_plain(mover()[3])
    assert is_plain(np.full((112, 112, 3), (10, 200, 90), np.uint8))
    assert is_plain(noise(np.full((112, 112, 3), 90, np.uint8), 4))
    red = np.zeros((112, 112, 3), np.uint8)
    red[20:60, 20:60, 0] = 200
    assert not is_plain(red)
