"""The thirteen values of appearance, against loops over every value, and on clips whose answer is plain."""

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from pretrain.appearance_statistics import appearance_values, colour_stability
from pretrain.partition_patterns import PATTERNS, partition

Clip = NDArray[np.uint8]


def random_clip(seed: int, size: int = 16, num_frames: int = 4) -> Clip:
    """Few colours, so that histograms have something in common; changing from frame to frame more towards the right."""
    rng = np.random.default_rng(seed)
    still = rng.integers(0, 256, (1, size, size, 3))
    change = rng.integers(0, 256, (num_frames, size, size, 3))
    clip = np.where(rng.random((num_frames, size, size, 1)) < np.linspace(0.1, 0.9, size)[:, None], change, still)
    return (clip // 32 * 32 + 5).astype(np.uint8)


def slow_stability(clip: Clip, block: NDArray[np.bool_]) -> float:
    shares = []
    for colour in range(3):
        histograms = [Counter(frame[..., colour][block].tolist()) for frame in clip]
        lowest = sum(min(histogram[value] for histogram in histograms) for value in range(256))
        highest = sum(max(histogram[value] for histogram in histograms) for value in range(256))
        shares.append(lowest / highest)
    return sum(shares) / 3


def octant(pixel: tuple[int, ...]) -> int:
    red, green, blue = pixel
    return 1 + 2 * (red >= 128) + (green >= 128) + 4 * (blue < 128)


def slow_colour(clip: Clip, block: NDArray[np.bool_], dominant: str) -> int:
    pixels = [tuple(int(v) for v in pixel) for frame in clip for pixel in frame[block]]
    if dominant == "octant_count":
        counts = Counter(octant(pixel) for pixel in pixels)
        return max(range(1, 9), key=lambda label: counts[label])
    colours = Counter(pixels)
    return octant(max(sorted(colours), key=lambda colour: colours[colour]))


def compared(histograms: str) -> NDArray[np.bool_]:
    """The pixels by which the 28 blocks are compared."""
    blocks = partition(16)
    if histograms == "all_pixels":
        return blocks.inside_bSS
    rings = np.zeros((4, 256), np.bool_)
    for ring, places in zip(rings, blocks.alike_4n, strict=True):
        ring[places] = True
    return np.concatenate([blocks.inside_bSS[:16], rings.reshape(4, 16, 16), blocks.inside_bSS[20:]])


@pytest.mark.parametrize("histograms", ["all_pixels", "equal_pixels"])
@pytest.mark.parametrize("dominant", ["octant_count", "commonest_colour"])
@pytest.mark.parametrize("seed", range(3))
def test_values__equal_loops_over_pixels(seed: int, dominant: str, histograms: str) -> None:
    clip = random_clip(seed)
    inside = partition(16).inside_bSS
    expected = []
    for pattern in PATTERNS:
        stability = [slow_stability(clip, block) for block in compared(histograms)[pattern]]
        for place in (int(np.argmin(stability)), int(np.argmax(stability))):
            expected += [place + 1, slow_colour(clip, inside[pattern][place], dominant)]
    expected.append(slow_colour(clip, np.ones((16, 16), np.bool_), dominant))
    assert appearance_values(clip, dominant, histograms).tolist() == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("histograms", ["all_pixels", "equal_pixels"])
def test_stability__of_every_block_equals_loops_over_pixels(histograms: str) -> None:
    clip = random_clip(7)
    expected = [slow_stability(clip, block) for block in compared(histograms)]
    np.testing.assert_allclose(colour_stability(clip, partition(16), histograms), expected, rtol=1e-12)  # type: ignore[arg-type]
    assert min(expected) < 0.5 < max(expected)


def test_rings__on_noise_that_is_everywhere_alike_no_ring_is_always_the_answer() -> None:
    clips = [np.random.default_rng(seed).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8) for seed in range(60)]
    for histograms, least in (("all_pixels", 1.0), ("equal_pixels", 0.0)):
        values = np.array([appearance_values(clip, "octant_count", histograms)[[4, 6]] for clip in clips])  # type: ignore[arg-type]
        most_diverse, most_stable = (values == [1, 4]).mean(axis=0)
        assert least <= min(most_diverse, most_stable) and max(most_diverse, most_stable) <= max(0.5, least)


def test_values__of_a_block_that_flickers_on_a_still_ground() -> None:
    clip = np.full((16, 64, 64, 3), (200, 10, 10), np.uint8)  # red: octant 7
    # In every other frame: within the grid's square 9, the outer ring, and the bottom left triangle above its diagonal.
    clip[::2, 36:44, 2:7] = (10, 200, 200)
    clip[:, 36:44, 2:7, 0] += np.arange(16, dtype=np.uint8)[:, None, None]
    values = appearance_values(clip).tolist()
    assert values[:4] == [9, 7, 1, 7]
    assert values[4:8] == [4, 7, 1, 7]
    assert values[8:] == [5, 7, 1, 7, 7]


@pytest.mark.parametrize(
    ("colour", "label"),
    [
        ((0, 0, 128), 1),
        ((127, 128, 128), 2),
        ((128, 127, 255), 3),
        ((255, 255, 255), 4),
        ((127, 127, 127), 5),
        ((0, 255, 0), 6),
        ((128, 0, 0), 7),
        ((255, 255, 127), 8),
    ],
)
def test_colour__octants_are_cut_between_127_and_128(colour: tuple[int, int, int], label: int) -> None:
    assert appearance_values(np.full((2, 16, 16, 3), colour, np.uint8))[12] == label


def test_colour__the_fullest_octant_need_not_hold_the_commonest_colour() -> None:
    clip = np.zeros((1, 16, 16, 3), np.uint8)
    clip[..., 0] = np.arange(16)[:, None] * 4 + 128  # many reds, each of them rare
    clip[..., 1] = np.arange(16) * 4
    clip[0, :3, :3] = (0, 0, 200)
    assert appearance_values(clip)[12] == 7
    assert appearance_values(clip, "commonest_colour")[12] == 1


def test_values__of_a_still_clip_name_no_block_but_its_colour() -> None:
    still = np.repeat(random_clip(3)[:1], 4, axis=0)
    values = appearance_values(still)
    assert values[:12].tolist() == [0] * 12
    assert values[12] == slow_colour(still, np.ones((16, 16), np.bool_), "octant_count")


@pytest.mark.parametrize("seed", range(3))
def test_mirror__moves_blocks_and_keeps_colours(seed: int) -> None:
    clip = random_clip(seed, size=32)
    before, after = appearance_values(clip).tolist(), appearance_values(clip[:, :, ::-1]).tolist()
    triangle = {1: 4, 2: 3, 3: 2, 4: 1, 5: 8, 6: 7, 7: 6, 8: 5}
    for place in (0, 2):
        row, column = divmod(before[place] - 1, 4)
        assert after[place] == row * 4 + 3 - column + 1
        assert after[4 + place] == before[4 + place]
        assert after[8 + place] == triangle[before[8 + place]]
    assert after[1::2] == before[1::2]
    assert after[12] == before[12]
