"""Search by a sequence of windows: for queries too long to be one clip. Order counts.

Shapes: m query windows, K offsets.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from index.search.query import QueryLevel
from index.search.video_view import VideoView
from index.vectors.vector_index import ClipSelector
from tests.index.reference.alignment import Alignment
from tests.index.reference.places import Place, Refiner, collapse, fitted, pick, raised

_LENGTH_FACTOR = 1.6  # a whole video stands for a window whose length is within this factor
_MAX_ASKING = 64  # windows per level that ask the vector index; more add time, hardly candidates
_MIN_COVERED = 0.5  # of the query or of the video, whichever is shorter: less is not the same sequence
_AS_GOOD_AS_ALL = 0.98  # of the query covered: the rest is rounding, or a frame that was not counted
_EDGE_S = 0.01


class SequenceSearch:
    """Scores are mean cosines along the diagonal. Where the query sticks out of the video, the mean of all cosines stands in:
    what an arbitrary piece of video would get."""

    def __init__(self, duration_s: float, levels: list[QueryLevel], *, include_flagged: bool) -> None:
        self._duration_s = duration_s
        self._levels = levels
        self._include_flagged = include_flagged

    @property
    def questions(self) -> list[tuple[NDArray[np.float32], ClipSelector]]:
        """What to ask the vector index: the longest windows for clips like them, and every level for short whole videos."""
        questions = []
        for number, level in enumerate(self._levels):
            chosen = np.unique(np.linspace(0, len(level.vectors) - 1, min(len(level.vectors), _MAX_ASKING)).round().astype(int))
            lengths_s = (level.length_s / _LENGTH_FACTOR, level.length_s * _LENGTH_FACTOR)
            if number == len(self._levels) - 1:
                lengths_s = (0.0, lengths_s[1])  # a video shorter than the finest window is still a candidate
            questions.append((level.vectors[chosen], ClipSelector(lengths_s=lengths_s, whole_video=None if number == 0 else True)))
        return questions

    def places(self, views: Sequence[VideoView], limit: int) -> list[Place]:
        """Places in all of the videos, at most `limit` in each, overlapping ones collapsed, not yet refined."""
        aligned = [(view, *pair) for view in views if (pair := self._align(view)) is not None]
        total = sum(float(alignment.cosines.sum()) for _, _, alignment in aligned)
        count = sum(alignment.cosines.size for _, _, alignment in aligned)
        unseen = total / max(1, count)
        return [place for pair in aligned for place in self._places(*pair, unseen, limit)]

    def refined(self, view: VideoView, places: list[Place]) -> list[Place]:
        """Places of one video, set right by the finer windows and collapsed."""
        pair = self._align(view)
        if pair is None:
            return places
        finer = [level for level in self._levels if level.length_s < pair[0].length_s]
        refiner = Refiner(view, finer, include_flagged=self._include_flagged)
        return collapse(self._refine(view, refiner, pair[0], finer, place) for place in places)

    def _refine(self, view: VideoView, refiner: Refiner, level: QueryLevel, finer: list[QueryLevel], place: Place) -> Place:
        cut_short = place.end_s - place.start_s < self._duration_s - _EDGE_S
        starts_before = cut_short and place.start_s <= view.start_s + _EDGE_S
        around = place.end_s - self._duration_s if starts_before else place.start_s
        offset_s, fine_score = refiner.refine(around, level.hop_s)
        if fine_score == -np.inf:
            return place
        start_s, end_s = fitted(view, offset_s, self._duration_s, finer[-1].length_s / 4)
        score = place.score if cut_short else raised(place.score, fine_score)
        return replace(place, start_s=start_s, end_s=end_s, score=score)

    def _align(self, view: VideoView) -> tuple[QueryLevel, Alignment] | None:
        """The video's clips of the longest level it has, else its whole clip, against the query's windows of that level."""
        for level in self._levels:
            rows = view.rows_of_length(level.length_s)
            if len(rows):
                return level, Alignment(level, view, rows, include_flagged=self._include_flagged)
        rows = np.flatnonzero(view.whole_video)
        if not len(rows):
            return None
        level = min(self._levels, key=lambda level: abs(np.log(level.length_s / view.lengths_s[rows[0]])))
        return level, Alignment(level, view, rows, include_flagged=self._include_flagged)

    def _places(self, view: VideoView, level: QueryLevel, alignment: Alignment, unseen: float, limit: int) -> Iterator[Place]:
        offsets = alignment.offsets()
        overlap_s = np.minimum(offsets + self._duration_s, view.end_s) - np.maximum(offsets, view.start_s)
        enough = overlap_s >= _MIN_COVERED * min(self._duration_s, view.end_s - view.start_s) - _EDGE_S
        offsets, overlap_s = offsets[enough], overlap_s[enough]
        fit = alignment.fit(offsets)
        covered = np.minimum(1.0, overlap_s / self._duration_s)
        covered[covered >= _AS_GOOD_AS_ALL] = 1.0
        scores = np.where(np.isfinite(fit.scores), covered * fit.scores + (1 - covered) * unseen, -np.inf)
        starts, ends = np.maximum(offsets, view.start_s), np.minimum(offsets + self._duration_s, view.end_s)
        for at in pick(starts, ends, scores, limit):
            start_s, end_s = fitted(view, float(offsets[at]), self._duration_s, level.length_s / 8)
            ordinal = int(view.ordinals[view.nearest_row(start_s, end_s)])
            yield Place(view.video_id, start_s, end_s, float(scores[at]), ordinal, bool(fit.flagged[at] > 0.5))
