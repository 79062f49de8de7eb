"""The blocks, against geometry written down pixel by pixel."""

import numpy as np
import pytest

from pretrain.partition_patterns import GRID, RINGS, TRIANGLES, partition


def slow_blocks(row: int, column: int, size: int) -> set[int]:
    """Blocks (0 to 27) that a pixel lies in."""
    y, x = row + 0.5 - size / 2, column + 0.5 - size / 2  # from the centre
    grid = int(row / (size / 4)) * 4 + int(column / (size / 4))
    ring = int(max(abs(x), abs(y)) / (size / 8))
    name = ("top" if y < 0 else "bottom") + ("left" if x < 0 else "right")
    below, above = abs(y) <= abs(x), abs(y) >= abs(x)  # in the upper half, what is nearer the middle line lies below
    if y > 0:
        below, above = above, below
    places = {"topleft": (20, 21), "topright": (23, 22), "bottomleft": (25, 24), "bottomright": (26, 27)}[name]
    return {grid, 16 + ring} | {place for place, inside in zip(places, (below, above), strict=True) if inside}


@pytest.mark.parametrize("size", [8, 16, 40])
def test_blocks__are_where_geometry_puts_them(size: int) -> None:
    inside = partition(size).inside_bSS
    for row in range(size):
        for column in range(size):
            assert set(np.flatnonzero(inside[:, row, column])) == slow_blocks(row, column, size)


def test_blocks__have_the_published_sizes_at_112_pixels() -> None:
    areas = partition(112).areas_b
    assert areas[GRID].tolist() == [28 * 28] * 16
    assert areas[RINGS].tolist() == [28 * 28, 56 * 56 - 28 * 28, 84 * 84 - 56 * 56, 112 * 112 - 84 * 84]
    assert areas[TRIANGLES].tolist() == [1596] * 8


@pytest.mark.parametrize("size", [8, 48, 112])
def test_alike__as_many_pixels_of_every_ring_on_both_sides(size: int) -> None:
    blocks = partition(size)
    assert blocks.alike_4n.shape == (4, size**2 // 16)
    assert set(blocks.alike_4n[0]) == set(np.flatnonzero(blocks.inside_bSS[16]))  # all of the innermost
    for ring, places in zip(blocks.inside_bSS[RINGS], blocks.alike_4n, strict=True):
        assert ring.ravel()[places].all() and len(set(places)) == len(places)
        rows, columns = np.divmod(places, size)
        assert set(rows * size + size - 1 - columns) == set(places)
        # Evenly: every quarter of the ring has its share, give or take a row.
        quarters = np.bincount(2 * (rows >= size // 2) + (columns >= size // 2), minlength=4)
        assert np.ptp(quarters) <= 2


def test_atoms__put_together_give_the_blocks() -> None:
    blocks = partition(64)
    together = blocks.blocks_bA[:, blocks.atoms_SS]
    np.testing.assert_array_equal(together, blocks.inside_bSS)


@pytest.mark.parametrize("size", [0, 4, 50])
def test_partition__of_an_unfit_size_says_what_fits(size: int) -> None:
    with pytest.raises(ValueError, match=rf"{size} pixels wide; .* multiple of 8"):
        partition(size)
