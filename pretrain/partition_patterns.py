"""Three ways to cut a square picture into blocks: a grid, rings, triangles (Wang et al., CVPR 2019; as in
their released code).

Shapes: S x S pixels, P = S * S, b = 28 blocks in all, A atoms.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

GRID, RINGS, TRIANGLES = slice(0, 16), slice(16, 20), slice(20, 28)
PATTERNS = (GRID, RINGS, TRIANGLES)
"""Where each pattern's blocks stand among the 28."""


@dataclass(frozen=True, kw_only=True)
class Partition:
    """Blocks overlap (those of different patterns, and triangles on their diagonals). Atoms do not: all pixels of an atom
    lie in the same blocks. So what is counted once for every atom is known for every block.

    inside_bSS: bool (28, S, S), the blocks' pixels. alike_4n: int64 (4, n), of each ring as many pixels (numbers in row-major
    order) as the innermost has, spread evenly over it, left and right alike. areas_b: int64 (28,), how many pixels. atoms_SS:
    uint8 (S, S), each pixel's atom. blocks_bA: float32 (28, A), 1 where the atom lies in the block.
    """

    inside_bSS: NDArray[np.bool_]
    alike_4n: NDArray[np.int64]
    areas_b: NDArray[np.int64]
    atoms_SS: NDArray[np.uint8]
    blocks_bA: NDArray[np.float32]

    @property
    def num_atoms(self) -> int:
        return int(self.blocks_bA.shape[1])


@lru_cache(maxsize=4)
def partition(size_px: int) -> Partition:
    """The three patterns on a square of S pixels; S must be a multiple of 8, or else ValueError.

    Grid: 4 x 4 squares, row by row. Rings: square, from the centre outwards, the k-th within the central k/4 of the side.
    Triangles: the picture's two diagonals cut each quadrant in two. Top left: below, above its diagonal; top right: above,
    below; bottom left: above, below; bottom right: below, above. Pixels on a diagonal belong to both.
    """
    if size_px < 8 or size_px % 8:
        raise ValueError(f"clips are {size_px} pixels wide; the partition patterns want a multiple of 8, such as 64 or 112")
    row, column = np.mgrid[:size_px, :size_px]
    from_edge = np.minimum(np.minimum(row, size_px - 1 - row), np.minimum(column, size_px - 1 - column))
    top, left = row < size_px // 2, column < size_px // 2
    falling, rising = row - column, row + column - (size_px - 1)  # 0 on the diagonals, above 0 below them
    inside_bSS = np.stack(
        [
            *((row * 4 // size_px == i) & (column * 4 // size_px == j) for i in range(4) for j in range(4)),
            *(from_edge * 8 // size_px == 3 - k for k in range(4)),
            *(top & left & (falling >= 0), top & left & (falling <= 0)),
            *(top & ~left & (rising <= 0), top & ~left & (rising >= 0)),
            *(~top & left & (rising <= 0), ~top & left & (rising >= 0)),
            *(~top & ~left & (falling >= 0), ~top & ~left & (falling <= 0)),
        ]
    )
    kinds_Ab, atoms_P = np.unique(inside_bSS.reshape(len(inside_bSS), -1).T, axis=0, return_inverse=True)
    return Partition(
        inside_bSS=inside_bSS,
        alike_4n=np.stack([_spread_evenly(ring_SS, size_px**2 // 16) for ring_SS in inside_bSS[RINGS]]),
        areas_b=inside_bSS.sum(axis=(1, 2)),
        atoms_SS=atoms_P.astype(np.uint8).reshape(size_px, size_px),  # there are 64 at most
        blocks_bA=np.ascontiguousarray(kinds_Ab.T, dtype=np.float32),
    )


def _spread_evenly(inside_SS: NDArray[np.bool_], count: int) -> NDArray[np.int64]:
    """An even number of pixels inside, mirror images of each other: int64 (count,)."""
    size_px = len(inside_SS)
    rows, columns = np.nonzero(inside_SS[:, : size_px // 2])
    chosen = np.arange(count // 2) * len(rows) // (count // 2)
    left = rows[chosen] * size_px + columns[chosen]
    right = rows[chosen] * size_px + size_px - 1 - columns[chosen]
    return np.concatenate([left, right]).astype(np.int64)
