"""Where, in what direction and when a clip moves most: 14 numbers (Wang et al., CVPR 2019; each as in
their released code).

What counts is the motion boundary, the spatial gradient of the flow: a camera that pans moves everything alike, and leaves
no trace in it.

Shapes: T flow maps, S x S pixels, P = S * S, A atoms, b = 28 blocks.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from pretrain.partition_patterns import PATTERNS, Partition, partition

Floats = NDArray[np.float32]

NUM_DIRECTIONS = 8
STILL_PX = 1e-3
"""Where the summed gradient is nowhere longer than this (pixels of flow per pixel), nothing moves."""

_STEP, _MEAN = np.array([-0.5, 0, 0.5], np.float32), np.full(3, 1 / 3, np.float32)


def motion_values(flow_TSS2: Floats, *, num_timed: int | None = None) -> NDArray[np.int64]:
    """int64 (14,): for the grid, the rings and the triangles u's block, u's direction, v's block, v's direction; then the flow
    map in which u, and v, moves most. All start at 1 (blocks to 16, 4, 8; directions to 8; flow maps to T).

    flow_TSS2: float32 (T, S, S, 2). The gradients (Prewitt's) of u are summed over time as vectors; the block is the one in
    which the sum is longest on average; direction i is (i - 1) * 45 degrees from right towards down, every pixel voting with
    its length for the two nearest. Ties go to the first. What stands still, in u or in v, gets 0 for all its values.

    num_timed: only the first so many maps can be answers to when; None: all.
    """
    blocks = partition(flow_TSS2.shape[1])
    # The gradient of the sum is the sum of the gradients.
    right_SS2, down_SS2 = gradient(flow_TSS2.sum(axis=0))
    length_T2 = np.array([_total_length(flow_SS2) for flow_SS2 in flow_TSS2[:num_timed]])
    spatial: list[list[int]] = []
    times = []
    for part in (0, 1):
        of_patterns = _blocks_and_directions(right_SS2[..., part].ravel(), down_SS2[..., part].ravel(), blocks)
        spatial.append(of_patterns)
        times.append(int(length_T2[:, part].argmax()) + 1 if of_patterns[0] else 0)
    u, v = spatial
    in_order = [value for p in range(len(PATTERNS)) for value in (*u[2 * p : 2 * p + 2], *v[2 * p : 2 * p + 2])]
    return np.array([*in_order, *times], dtype=np.int64)


def gradient(flow_SS2: Floats) -> tuple[Floats, Floats]:
    """How u and v (S, S, 2) grow towards right and towards down, per pixel. Beyond its edge the flow goes on unchanged."""
    right = cv2.sepFilter2D(flow_SS2, -1, _STEP, _MEAN, borderType=cv2.BORDER_REPLICATE)
    down = cv2.sepFilter2D(flow_SS2, -1, _MEAN, _STEP, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(right, np.float32), np.asarray(down, np.float32)


def _total_length(flow_SS2: Floats) -> tuple[float, float]:
    right, down = gradient(flow_SS2)
    of_u, of_v, *_ = cv2.sumElems(cv2.sqrt(right * right + down * down))
    return float(of_u), float(of_v)


def _blocks_and_directions(right_P: Floats, down_P: Floats, blocks: Partition) -> list[int]:
    """Block and direction for each of the three patterns."""
    length_P = np.sqrt(right_P * right_P + down_P * down_P)
    if not length_P.max() > STILL_PX:
        return [0] * (2 * len(PATTERNS))
    votes_b8 = blocks.blocks_bA @ _votes(right_P, down_P, length_P, blocks)
    mean_b = votes_b8.sum(axis=1) / blocks.areas_b
    values = []
    for pattern in PATTERNS:
        block = int(mean_b[pattern].argmax())
        values += [block + 1, int(votes_b8[pattern][block].argmax()) + 1]
    return values


def _votes(right_P: Floats, down_P: Floats, length_P: Floats, blocks: Partition) -> NDArray[np.float64]:
    """(A, 8): length of the gradients by direction, each split between the two nearest, for every atom."""
    turn_P = np.arctan2(down_P, right_P) * np.float32(NUM_DIRECTIONS / (2 * np.pi))
    below_P = np.floor(turn_P)
    to_next_P = length_P * (turn_P - below_P)
    bin_P = below_P.astype(np.int64) % NUM_DIRECTIONS
    first_P = blocks.atoms_SS.ravel().astype(np.int64) * NUM_DIRECTIONS
    num_bins = blocks.num_atoms * NUM_DIRECTIONS
    votes = np.bincount(first_P + bin_P, length_P - to_next_P, num_bins)
    votes += np.bincount(first_P + (bin_P + 1) % NUM_DIRECTIONS, to_next_P, num_bins)
    return np.asarray(votes.reshape(-1, NUM_DIRECTIONS))
