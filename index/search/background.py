"""What a score means in this library: how easily footage that has nothing to do with the query scores as high.

Clips of different videos, drawn from all over the library, are compared with one another. Most have nothing in common, so the lower
half of their cosines, which the few that are alike do not reach, says how such cosines spread. A score is counted in these
deviations, and told as the chance of a false alarm, as sequence search does by its E-value (Karlin and Altschul 1990): how likely
it is that the best of so many unlike videos scores as high.

Shapes: B background clips, D numbers of a vector.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from index.catalog.records import LOW_INFORMATION
from index.search.alignment import IDENTICAL
from index.vectors.vector_index import ORDINAL_BITS, ClipSelector, VectorIndex

CLIPS = 512
"""Clips that stand for the library. With 128, the words for one library depended on the order in which it had been indexed."""
FEWEST_PAIRS = 400
"""With fewer pairs of clips of different videos, nothing is said."""
_QUANTILE, _NORMAL_QUANTILE = 0.1, 1.2816
_TAIL, _TAIL_DEVIATIONS = 0.065, 0.85
"""So often an unlike video comes z deviations above the median: TAIL * exp(-z / TAIL_DEVIATIONS). Measured on real footage, whose
tail is heavier than a normal law's: with this, nine of ten train rows to which nothing is alike find only weak hits
(docs/results.md)."""
_FEWEST_VIDEOS = 100  # with less footage than this, chance is not less than with so much


@dataclass(frozen=True)
class Background:
    """Cosines of clips that have nothing to do with one another: their median, and their standard deviation."""

    median: float
    spread: float

    def deviations(self, score: float) -> float:
        """By how many standard deviations a score lies above what unlike clips get."""
        return (score - self.median) / self.spread

    def false_alarm_rate(self, score: float, num_videos: int) -> float:
        """How likely it is that the best of so many unlike videos scores at least this, 0 to 1. A score of one is the footage
        itself, however near to one another an encoder puts everything."""
        if score >= IDENTICAL:
            return 0.0
        expected = max(num_videos, _FEWEST_VIDEOS) * _TAIL * np.exp(-self.deviations(score) / _TAIL_DEVIATIONS)
        return float(-np.expm1(-expected))


def background_of(index: VectorIndex, selector: ClipSelector, scale: NDArray[np.float32] | None) -> Background | None:
    """Of the clips whose lengths a selector allows, whatever else it says. scale: as a query's, float32 (D,). None where there is
    too little footage. Worked out once for each state of the index.

    Where something moves in enough clips, those alone count: what stands still is unlike all of them, and would make every score
    seem high. Else those that stand still count too, if they can be found.
    """
    anywhere = replace(selector, video_ids=None, exclude_video_ids=None, between_s=None, include_flagged=False)
    key = "background", anywhere, None if scale is None else scale.tobytes()
    if key not in index.rows.kept:
        moving = _measured(index, replace(anywhere, empty_flag=LOW_INFORMATION), scale)
        index.rows.kept[key] = moving if moving is not None else _measured(index, anywhere, scale)
    found: Background | None = index.rows.kept[key]
    return found


def _measured(index: VectorIndex, selector: ClipSelector, scale: NDArray[np.float32] | None) -> Background | None:
    rows = np.flatnonzero(index.rows.mask(selector).rows)
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), CLIPS)).astype(np.int64))]
    vectors, videos = index.vectors(rows), index.rows.ids[rows] >> ORDINAL_BITS
    cosines = (vectors if scale is None else vectors * scale) @ vectors.T
    # A video and its copy, such as one file in two libraries, are not unlike one another at any second.
    number = np.unique(videos, return_inverse=True)[1]
    alike = np.eye(number.max(initial=0) + 1, dtype=np.bool_)
    one, other = np.nonzero(cosines >= IDENTICAL)
    alike[number[one], number[other]] = True
    unlike = cosines[np.triu(~alike[number[:, None], number[None, :]])]
    if len(unlike) < FEWEST_PAIRS:
        return None
    low, median = np.quantile(unlike, [_QUANTILE, 0.5])
    return Background(float(median), max(float(median - low) / _NORMAL_QUANTILE, 1e-3))
