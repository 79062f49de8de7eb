"""The fourteen values of motion, against loops over every pixel, and on flow whose answer is plain."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from pretrain.motion_statistics import motion_values
from pretrain.partition_patterns import PATTERNS, partition

Flow = NDArray[np.float32]


def random_flow(seed: int, size: int = 16, num_flows: int = 5) -> Flow:
    return np.random.default_rng(seed).normal(0, 2, (num_flows, size, size, 2)).astype(np.float32)


def slow_gradient(plane: NDArray[np.float32], row: int, column: int) -> tuple[float, float]:
    """Prewitt's, towards right and down; the edge goes on."""
    last = len(plane) - 1

    def at(down: int, right: int) -> float:
        return float(plane[min(max(row + down, 0), last), min(max(column + right, 0), last)])

    right = sum(at(k, 1) - at(k, -1) for k in (-1, 0, 1)) / 6
    down = sum(at(1, k) - at(-1, k) for k in (-1, 0, 1)) / 6
    return right, down


def slow_values(flow: Flow) -> list[int]:
    num_flows, size = flow.shape[:2]
    inside = partition(size).inside_bSS
    spatial, times = [], []
    for part in (0, 1):
        gradients = np.array(
            [[[slow_gradient(flow[t, ..., part], r, c) for c in range(size)] for r in range(size)] for t in range(num_flows)]
        )
        times.append(1 + int(np.argmax([np.hypot(*gradients[t].reshape(-1, 2).T).sum() for t in range(num_flows)])))
        summed = gradients.sum(axis=0)
        for pattern in PATTERNS:
            lengths, histograms = [], []
            for block in inside[pattern]:
                votes = [0.0] * 8
                pixels = summed[block]
                for right, down in pixels:
                    degrees = math.degrees(math.atan2(down, right)) % 360
                    low = int(degrees // 45)
                    share = degrees / 45 - low
                    votes[low % 8] += math.hypot(right, down) * (1 - share)
                    votes[(low + 1) % 8] += math.hypot(right, down) * share
                lengths.append(sum(math.hypot(*pixel) for pixel in pixels) / len(pixels))
                histograms.append(votes)
            place = int(np.argmax(lengths))
            spatial.append((place + 1, int(np.argmax(histograms[place])) + 1))
    return [value for p in range(3) for value in (*spatial[p], *spatial[3 + p])] + times


@pytest.mark.parametrize("seed", range(4))
def test_values__equal_loops_over_pixels(seed: int) -> None:
    flow = random_flow(seed)
    flow[:, :, 4:8] *= 1.5  # blocks, directions and times that differ clearly
    assert motion_values(flow).tolist() == slow_values(flow)


def test_values__of_a_patch_that_moves_right_once() -> None:
    flow = np.zeros((15, 64, 64, 2), np.float32)
    flow[9, 17:22, 34:39] = 3  # the grid's square 7, the second ring, and the top right triangle above its diagonal
    flow[3, 40:46, 2:30] = 0.1  # too weak to matter
    values = motion_values(flow)
    assert values[[0, 2]].tolist() == [7, 7]
    assert values[[4, 6]].tolist() == [2, 2]
    assert values[[8, 10]].tolist() == [3, 3]
    assert values[12:].tolist() == [10, 10]


@pytest.mark.parametrize(
    ("right", "down", "label"), [(1, 0, 1), (1, 1, 2), (0, 1, 3), (-1, 1, 4), (-1, 0, 5), (-1, -1, 6), (0, -1, 7), (1, -1, 8)]
)
def test_direction__is_where_the_flow_grows(right: int, down: int, label: int) -> None:
    row, column = np.mgrid[:32, :32].astype(np.float32)
    flow = np.zeros((2, 32, 32, 2), np.float32)
    flow[..., 0] = right * column + down * row
    values = motion_values(flow)
    assert values[[1, 5, 9]].tolist() == [label] * 3
    assert values[[2, 3, 6, 7, 10, 11, 13]].tolist() == [0] * 7  # v stands still


def test_gradients__are_summed_as_vectors_before_their_length_counts() -> None:
    flow = np.zeros((4, 32, 32, 2), np.float32)
    flow[::2, 2:6, 2:6] = 5  # there and back again: cancels
    flow[1::2, 2:6, 2:6] = -5
    flow[0, 26:30, 26:30] = 1
    assert motion_values(flow)[[0, 2, 12, 13]].tolist() == [16, 16, 1, 1]


def test_ring__is_chosen_by_its_mean_as_rings_differ_in_size() -> None:
    flow = np.zeros((2, 64, 64, 2), np.float32)
    flow[..., 0] = 0.2 * np.mgrid[:64, :64][1]  # weak everywhere: the outer ring has the largest sum
    flow[:, 26:38, 26:38, 0] += 5
    assert motion_values(flow)[4] == 1


def test_camera__that_pans_leaves_no_trace() -> None:
    flow = random_flow(1, size=32)
    pan = np.random.default_rng(2).normal(0, 4, (len(flow), 1, 1, 2)).astype(np.float32)
    np.testing.assert_array_equal(motion_values(flow + pan), motion_values(flow))


def test_values__of_a_still_clip_and_of_a_mere_pan_are_0() -> None:
    still = np.zeros((15, 32, 32, 2), np.float32)
    assert motion_values(still).tolist() == [0] * 14
    assert motion_values(still + np.float32(2.3)).tolist() == [0] * 14


@pytest.mark.parametrize("seed", range(5))
def test_mirror__maps_every_label(seed: int) -> None:
    flow = random_flow(seed, size=32)
    mirrored = flow[:, :, ::-1] * np.array([-1, 1], np.float32)
    before, after = motion_values(flow).tolist(), motion_values(mirrored).tolist()
    triangle = {1: 4, 2: 3, 3: 2, 4: 1, 5: 8, 6: 7, 7: 6, 8: 5}

    def square(label: int) -> int:
        row, column = divmod(label - 1, 4)
        return row * 4 + 3 - column + 1

    def of_u(label: int) -> int:  # u changes its sign and so does its growth towards the right: only downwards turns over
        return (1 - label) % 8 + 1

    def of_v(label: int) -> int:  # rightwards turns over
        return (5 - label) % 8 + 1

    expected = [square(before[0]), of_u(before[1]), square(before[2]), of_v(before[3])]
    expected += [before[4], of_u(before[5]), before[6], of_v(before[7])]
    expected += [triangle[before[8]], of_u(before[9]), triangle[before[10]], of_v(before[11])]
    assert after == [*expected, *before[12:]]
