"""Places: spans of one video with a score, before they become moments. Overlapping ones collapse, offsets get refined."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.search.query import QueryLevel
from index.search.video_view import VideoView
from tests.index.reference.alignment import Alignment, peak_shift

_OVERLAP = 0.1  # share of the shorter of two places; up to this, neighbours are two moments
_IDENTICAL = 0.999  # a mean cosine so high says that windows met exactly: nothing to interpolate
_ALIKE, _SAME = 0.78, 0.92  # mean cosine of finer windows in place: other footage stays below, the same comes near or above


@dataclass(frozen=True)
class Place:
    """[start_s, end_s] of a video with its score; ordinal of the nearest clip; flagged: there is little to see."""

    video_id: int
    start_s: float
    end_s: float
    score: float
    ordinal: int
    flagged: bool

    @property
    def order(self) -> tuple[float, int, float]:
        """Sort key: best first, then a fixed order, so that equal scores do not dance."""
        return -self.score, self.video_id, self.start_s


def collapse(places: Iterable[Place]) -> list[Place]:
    """The best of every heap of overlapping places, of each video by itself; best first."""
    kept: list[Place] = []
    by_video: dict[int, list[Place]] = {}
    for place in sorted(places, key=lambda place: place.order):
        others = by_video.setdefault(place.video_id, [])
        if not any(_overlap(place, other) for other in others):
            others.append(place)
            kept.append(place)
    return kept


def pick(starts_s: NDArray[np.float64], ends_s: NDArray[np.float64], scores: NDArray[np.floating], limit: int) -> list[int]:
    """Which of K spans of one video remain when overlapping ones collapse into the best: indices, best first, at most `limit`."""
    left = np.isfinite(scores) & (ends_s > starts_s)
    picked: list[int] = []
    while len(picked) < limit and left.any():
        rows = np.flatnonzero(left)
        best = int(rows[np.lexsort((starts_s[rows], -scores[rows]))[0]])
        picked.append(best)
        shared = np.minimum(ends_s, ends_s[best]) - np.maximum(starts_s, starts_s[best])
        left &= shared <= _OVERLAP * np.minimum(ends_s - starts_s, ends_s[best] - starts_s[best])
        left[best] = False
    return picked


def fitted(view: VideoView, offset_s: float, duration_s: float, slack_s: float) -> tuple[float, float]:
    """The span a query takes at an offset, within the video. What sticks out by no more than `slack_s` is moved in, the rest
    is cut off."""
    start_s, end_s = offset_s, offset_s + duration_s
    if view.start_s - slack_s <= start_s < view.start_s:
        start_s, end_s = view.start_s, view.start_s + duration_s
    elif view.end_s < end_s <= view.end_s + slack_s:
        start_s, end_s = view.end_s - duration_s, view.end_s
    return max(start_s, view.start_s), min(end_s, view.end_s)


class Refiner:
    """Finds the offset of a place exactly, along the diagonal of all of the query's windows that are finer than what found it.

    Shapes: as in `alignment`.
    """

    def __init__(self, view: VideoView, levels: Sequence[QueryLevel], *, include_flagged: bool) -> None:
        self._view = view
        pairs = [(level, view.rows_of_length(level.length_s)) for level in levels]
        self._levels = [
            (level, Alignment(level, view, rows, include_flagged=include_flagged)) for level, rows in pairs if len(rows)
        ]

    def refine(self, offset_s: float, radius_s: float) -> tuple[float, float]:
        """The best offset within a radius, and the mean cosine there; (offset_s, -inf) where no finer window can tell."""
        if not self._levels:
            return offset_s, -np.inf
        finest, alignment = self._levels[-1]
        offsets = alignment.offsets(offset_s - radius_s, offset_s + radius_s)
        if not len(offsets):
            return offset_s, -np.inf
        scores = self._curve(offsets)
        best = int(np.lexsort((np.abs(offsets - offset_s), -scores))[0])
        score = float(scores[best])
        if not np.isfinite(score):
            return offset_s, -np.inf
        step = finest.hop_s
        shift = 0.0
        if score < _IDENTICAL:
            before, after = self._curve(np.array([offsets[best] - step, offsets[best] + step]))
            shift = step * peak_shift(float(before), score, float(after))
        return float(offsets[best]) + shift, score

    def places(self, duration_s: float, limit: int) -> list[tuple[float, float]]:
        """(offset, mean cosine) where the whole query lies inside the video and fits as the same footage may; best first."""
        if not self._levels:
            return []
        finest, alignment = self._levels[-1]
        slack_s = finest.length_s / 16
        offsets = alignment.offsets(self._view.start_s - slack_s, self._view.end_s - duration_s + slack_s)
        if not len(offsets):
            return []
        scores = self._curve(offsets)
        scores[scores < _ALIKE] = -np.inf
        best = pick(offsets, offsets + duration_s, scores, limit)
        return [self.refine(float(offsets[at]), finest.hop_s / 2) for at in best]

    def _curve(self, offsets_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean over levels of the fit at each offset; the finest must be able to tell, coarser ones may be silent."""
        fits = [alignment.fit(offsets_s).scores for _, alignment in self._levels]
        known = np.isfinite(fits)
        summed = np.where(known, fits, 0.0).sum(axis=0)
        mean: NDArray[np.float64] = np.divide(summed, known.sum(axis=0), out=np.full(len(offsets_s), -np.inf), where=known[-1])
        return mean


def raised(score: float, fine_score: float) -> float:
    """A place's score, given how well the finer windows fit there. When they fit as only the same footage does, their word
    counts: a clip that lies a little off the query, as the index's hop has it, must not hide that."""
    weight = float(np.clip((fine_score - _ALIKE) / (_SAME - _ALIKE), 0, 1))
    return score + weight * max(0.0, fine_score - score) if weight > 0 else score


def _overlap(one: Place, other: Place) -> bool:
    shared = min(one.end_s, other.end_s) - max(one.start_s, other.start_s)
    shorter = min(one.end_s - one.start_s, other.end_s - other.start_s)
    return shared > _OVERLAP * shorter
