"""Where a clip's colours are most diverse and most stable, and which colour is dominant there: 13 numbers (Wang et al., CVPR
2019, section 3.3).

Shapes: T frames, S x S pixels, P = S * S, b = 28 blocks, V = 256 values.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pretrain.frame_source import Frames
from pretrain.partition_patterns import PATTERNS, Partition, partition

NUM_COLOURS = 8
DominantColour = Literal["octant_count", "commonest_colour"]


def appearance_values(clip_TSSC: Frames, dominant: DominantColour = "octant_count") -> NDArray[np.int64]:
    """int64 (13,): for the grid, the rings and the triangles the most diverse block, its colour, the most stable block, its
    colour; then the whole clip's colour. All start at 1 (blocks to 16, 4, 8; colours to 8).

    clip_TSSC: uint8 (T, S, S, 3) RGB. A block is stable when its colour histograms of all frames are alike: their intersection
    over their union is high. Ties go to the first; where all blocks of a pattern are equally stable (a still clip), the
    pattern's four values are 0.

    A colour is an octant of the RGB cube: 1 + 2 * (R >= 128) + (G >= 128) + 4 * (B < 128). dominant: `octant_count`, the
    octant most pixels are in; `commonest_colour`, that of the commonest of all 16.7 million colours.
    """
    blocks = partition(clip_TSSC.shape[1])
    stability_b = colour_stability(clip_TSSC, blocks)
    counts_b8 = _octants_of_blocks(clip_TSSC, blocks)

    def colour(block: int) -> int:
        if dominant == "octant_count":
            return int(counts_b8[block].argmax()) + 1
        return _octant_of_commonest(clip_TSSC[:, blocks.inside_bSS[block]])

    values = []
    for pattern in PATTERNS:
        of_pattern = stability_b[pattern]
        if of_pattern.min() == of_pattern.max():
            values += [0] * 4
            continue
        for place in (int(of_pattern.argmin()), int(of_pattern.argmax())):
            values += [place + 1, colour(pattern.start + place)]
    everywhere = counts_b8[PATTERNS[0]].sum(axis=0).argmax() + 1 if dominant == "octant_count" else _octant_of_commonest(clip_TSSC)
    return np.array([*values, everywhere], dtype=np.int64)


def colour_stability(clip_TSSC: Frames, blocks: Partition) -> NDArray[np.float64]:
    """float64 (28,) in [0, 1]: intersection over union of the 256-bin histograms of all frames, mean over R, G, B."""
    num_bins = 3 * blocks.num_atoms * 256
    first_P3 = blocks.atoms_P[:, None] * 256 + np.arange(3) * (blocks.num_atoms * 256)
    lowest: NDArray[np.float32] | None = None
    highest: NDArray[np.float32] | None = None
    for frame_SSC in clip_TSSC:  # frame by frame: the counts then stay in the processor's cache
        counts = np.bincount((first_P3 + frame_SSC.reshape(-1, 3)).ravel(), minlength=num_bins)
        counts_3bV = blocks.blocks_bA @ counts.reshape(3, blocks.num_atoms, 256).astype(np.float32)  # whole numbers: exact
        lowest = counts_3bV if lowest is None else np.minimum(lowest, counts_3bV)
        highest = counts_3bV if highest is None else np.maximum(highest, counts_3bV)
    if lowest is None or highest is None:
        raise ValueError("a clip of no frames has no colours; give one of at least one frame")
    stability_3b: NDArray[np.float64] = lowest.sum(axis=2, dtype=np.float64) / highest.sum(axis=2, dtype=np.float64)
    return np.asarray(stability_3b.mean(axis=0))


def _octants(pixels_X3: Frames) -> NDArray[np.uint8]:
    """0..7 for every pixel."""
    red, green, blue = (pixels_X3[..., colour] for colour in range(3))
    octants: NDArray[np.uint8] = ((red >> 6) & 2) + (green >> 7) + ((~blue >> 5) & 4)
    return octants


def _octants_of_blocks(clip_TSSC: Frames, blocks: Partition) -> NDArray[np.float32]:
    """(28, 8): pixels of every octant in every block, over all frames."""
    places = blocks.atoms_P * NUM_COLOURS + _octants(clip_TSSC).reshape(len(clip_TSSC), -1)
    counts = np.bincount(places.ravel(), minlength=blocks.num_atoms * NUM_COLOURS)
    return blocks.blocks_bA @ counts.reshape(-1, NUM_COLOURS).astype(np.float32)


def _octant_of_commonest(pixels: Frames) -> int:
    wide = pixels.reshape(-1, 3).astype(np.int64)
    colours, counts = np.unique(wide @ np.array([65536, 256, 1]), return_counts=True)
    commonest = int(colours[counts.argmax()])
    return int(_octants(np.array([commonest >> 16, commonest >> 8 & 255, commonest & 255], np.uint8))) + 1
