"""Where a clip's colours are most diverse and most stable, and which colour is dominant there: 13 numbers (Wang et al., CVPR
2019; each as in their released code).

Shapes: T frames, S x S pixels, A atoms, b = 28 blocks, V values.
"""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pretrain.frame_source import Frames
from pretrain.partition_patterns import PATTERNS, RINGS, Partition, partition

Counts = NDArray[np.float32]

NUM_COLOURS = 8
DominantColour = Literal["octant_count", "commonest_colour"]
Histograms = Literal["equal_pixels", "all_pixels"]


def appearance_values(
    clip_TSSC: Frames, dominant: DominantColour = "octant_count", histograms: Histograms = "equal_pixels"
) -> NDArray[np.int64]:
    """int64 (13,): for the grid, the rings and the triangles the most diverse block, its colour, the most stable block, its
    colour; then the whole clip's colour. All start at 1 (blocks to 16, 4, 8; colours to 8).

    clip_TSSC: uint8 (T, S, S, 3) RGB. A block is stable when its colour histograms of all frames are alike: their intersection
    over their union is high. Ties go to the first; where all blocks of a pattern are equally stable (a still clip), the
    pattern's four values are 0.

    histograms: `all_pixels` of each block. The more pixels a histogram has, the more it has in common with those of other frames,
    and an outer ring has up to seven times as many as the innermost: of 200 filmed clips of 64 pixels that one came out as the most
    diverse in 96 %, the outermost as the most stable in 86 %; of drawn clips 97 % both. `equal_pixels`: of each ring only as many
    as the innermost has; then it is 47 % and 41 % (drawn: 63 %, 44 %).

    A colour is an octant of the RGB cube: 1 + 2 * (R >= 128) + (G >= 128) + 4 * (B < 128). dominant: `octant_count`, the
    octant most pixels are in; `commonest_colour`, that of the commonest of all 16.7 million colours.
    """
    clip_TSSC = np.ascontiguousarray(clip_TSSC)
    blocks = partition(clip_TSSC.shape[1])
    stability_b = colour_stability(clip_TSSC, blocks, histograms)
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


def colour_stability(clip_TSSC: Frames, blocks: Partition, histograms: Histograms) -> NDArray[np.float64]:
    """float64 (28,) in [0, 1]: intersection over union of the 256-bin histograms of all frames, mean over R, G, B."""
    stability_b = _stability_of_all_pixels(clip_TSSC, blocks)
    if histograms == "equal_pixels":
        stability_b[RINGS] = _stability_of_ring_pixels(clip_TSSC, blocks)
    return stability_b


def _stability_of_ring_pixels(clip_TSSC: Frames, blocks: Partition) -> NDArray[np.float64]:
    """The same of the four rings, from equally many pixels of each."""
    num_frames, num_rings = len(clip_TSSC), len(blocks.alike_4n)
    pixels_T4nC = clip_TSSC.reshape(num_frames, -1, 3)[:, blocks.alike_4n]
    histogram_T4C = np.arange(num_frames * num_rings * 3).reshape(num_frames, num_rings, 1, 3)
    counts = np.bincount((histogram_T4C * 256 + pixels_T4nC).ravel(), minlength=histogram_T4C.size * 256)
    counts_T4CV = counts.reshape(num_frames, num_rings, 3, 256)
    shares_4C = counts_T4CV.min(axis=0).sum(axis=-1) / counts_T4CV.max(axis=0).sum(axis=-1)
    return np.asarray(shares_4C.mean(axis=1))


def _stability_of_all_pixels(clip_TSSC: Frames, blocks: Partition) -> NDArray[np.float64]:
    shares = []
    for colour in range(3):
        lowest_bV = np.full((len(blocks.areas_b), 256), np.inf, np.float32)
        highest_bV = np.zeros_like(lowest_bV)
        for frame_SSC in clip_TSSC:
            counts_bV = blocks.blocks_bA @ _counts_of_atoms(blocks, frame_SSC, colour, 256)
            np.minimum(lowest_bV, counts_bV, out=lowest_bV)
            np.maximum(highest_bV, counts_bV, out=highest_bV)
        shares.append(lowest_bV.sum(axis=1, dtype=np.float64) / highest_bV.sum(axis=1, dtype=np.float64))
    return np.asarray(np.mean(shares, axis=0))


def _octants_of_blocks(clip_TSSC: Frames, blocks: Partition) -> Counts:
    """(28, 8): pixels of every octant in every block, over all frames."""
    per_frame = [_counts_of_atoms(blocks, octants_SS, 0, NUM_COLOURS) for octants_SS in _octants(clip_TSSC)]
    return np.asarray(blocks.blocks_bA @ np.sum(per_frame, axis=0), np.float32)


def _counts_of_atoms(blocks: Partition, picture: Frames, channel: int, num_values: int) -> Counts:
    """(A, V): how often each value occurs in each atom. Whole numbers, of which float32 has enough."""
    ranges = (0.0, float(blocks.num_atoms), 0.0, float(num_values))
    counts = cv2.calcHist([blocks.atoms_SS, picture], [0, 1 + channel], None, [blocks.num_atoms, num_values], ranges)
    return np.asarray(counts, np.float32)


def _octants(pixels: Frames) -> NDArray[np.uint8]:
    """0..7 for every pixel (..., 3)."""
    red, green, blue = (pixels[..., colour] for colour in range(3))
    octants: NDArray[np.uint8] = ((red >> 6) & 2) + (green >> 7) + ((~blue >> 5) & 4)
    return octants


def _octant_of_commonest(pixels: Frames) -> int:
    wide = pixels.reshape(-1, 3).astype(np.int64)
    colours, counts = np.unique(wide @ np.array([65536, 256, 1]), return_counts=True)
    commonest = int(colours[counts.argmax()])
    return int(_octants(np.array([commonest >> 16, commonest >> 8 & 255, commonest & 255], np.uint8))) + 1
