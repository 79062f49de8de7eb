"""Search by one clip over the whole query: for queries short enough to be seen at once.

Shapes: n clips of a video, D dimensions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from index.search.query import SAME_LENGTH, QueryLevel, scaled_length
from index.search.video_view import VideoView
from index.vectors.vector_index import ClipSelector
from tests.index.reference.alignment import peak_shift
from tests.index.reference.places import Place, Refiner, collapse, fitted, pick, raised

LENGTH_FACTORS = (1.6, 4.0, float("inf"))
"""A clip may answer if its length is within this factor of the query's. The first suits a pyramid of lengths (each level twice
the last); the others are tried only while there are too few answers."""
WHOLE_VIDEO_FACTOR = 4.0
"""The same for clips that are a whole video: whoever did the same thing at half the speed has a video twice as long."""
_LENIENT = 1.01  # the vector index counts lengths in float32; a clip it let through must not be refused here
_IDENTICAL = 0.999  # nothing to draw: the clip is the query
_ROWS_PER_PLACE, _MIN_ROWS = 8, 64  # clips of one video, best first, whose parts are looked at
_EDGE_S = 0.02


class WholeClipSearch:
    """A score is half the cosine of the whole query with a single clip, half that of the mean of the query's parts with the
    mean of the clips inside that clip: seen at once, and piece by piece. Measured, the two together find more than either
    (docs/results.md). Finer windows, where there are any, set the place right."""

    def __init__(
        self,
        vector: NDArray[np.float32],
        parts: NDArray[np.float32] | None,
        duration_s: float,
        levels: list[QueryLevel],
        *,
        factor: float,
        include_flagged: bool,
        scale: NDArray[np.float32] | None = None,
    ) -> None:
        """scale: float32 (D,), by which vector, parts and levels are multiplied already (`QueryClips`)."""
        self._vector = vector
        self._scale = scale
        self._parts = parts
        self._duration_s = duration_s
        self._levels = levels
        self._factor = factor
        self._include_flagged = include_flagged

    @property
    def questions(self) -> list[tuple[NDArray[np.float32], ClipSelector]]:
        """What to ask the vector index: vectors (1, D) and which clips may answer."""
        near = ClipSelector(lengths_s=_around(self._duration_s, self._factor))
        whole = ClipSelector(lengths_s=_around(self._duration_s, max(self._factor, WHOLE_VIDEO_FACTOR)), whole_video=True)
        return [(self._vector[None], near), (self._vector[None], whole)]

    @property
    def side_questions(self) -> list[tuple[NDArray[np.float32], ClipSelector]]:
        """The finer windows name videos too: a clip off the index's grid may hide that a video holds the query itself."""
        return [(level.vectors, ClipSelector(lengths_s=_around(level.length_s, 1 + SAME_LENGTH))) for level in self._levels]

    def places(self, views: Sequence[VideoView], limit: int) -> list[Place]:
        """Places in all of the videos, at most `limit` in each, overlapping ones collapsed, not yet refined."""
        return [place for view in views for place in collapse([*self._places(view, limit), *self._fine_places(view, limit)])]

    def refined(self, view: VideoView, places: list[Place]) -> list[Place]:
        """Places of one video, set right by the finer windows and collapsed."""
        refiner = Refiner(view, self._levels, include_flagged=self._include_flagged)
        return collapse(self._refine(view, refiner, place) for place in places)

    def _places(self, view: VideoView, limit: int) -> Iterator[Place]:
        cosines = view.vectors @ self._vector
        rows = np.flatnonzero(self._may_answer(view))
        most = max(_MIN_ROWS, _ROWS_PER_PLACE * limit)
        rows = np.sort(rows[np.argsort(-cosines[rows], kind="stable")[:most]])
        scores = self._scores(view, rows, cosines)
        offsets = view.centres_s[rows] - self._duration_s / 2
        starts = np.where(view.whole_video[rows], view.start_s, np.maximum(offsets, view.start_s))
        ends = np.where(view.whole_video[rows], view.end_s, np.minimum(offsets + self._duration_s, view.end_s))
        for at in pick(starts, ends, scores, limit):
            row = int(rows[at])
            start_s, end_s = float(starts[at]), float(ends[at])
            if not view.whole_video[row]:
                offset_s = float(offsets[at]) + self._drawn(view, row, cosines)
                start_s, end_s = fitted(view, offset_s, self._duration_s, float(view.lengths_s[row]) / 4)
            yield Place(view.video_id, start_s, end_s, float(scores[at]), int(view.ordinals[row]), bool(view.flagged[row]))

    def _fine_places(self, view: VideoView, limit: int) -> Iterator[Place]:
        """Where the finer windows fit along the diagonal; the nearest clip's score is raised by how well."""
        refiner = Refiner(view, self._levels, include_flagged=self._include_flagged)
        fits = refiner.places(self._duration_s, limit)
        rows = np.flatnonzero(self._may_answer(view))
        if not fits or not len(rows):
            return
        cosines = view.vectors @ self._vector
        for offset_s, fine_score in fits:
            start_s, end_s = fitted(view, offset_s, self._duration_s, self._levels[-1].length_s / 4)
            shared = np.minimum(view.spans_s[rows, 1], end_s) - np.maximum(view.spans_s[rows, 0], start_s)
            union = np.maximum(view.spans_s[rows, 1], end_s) - np.minimum(view.spans_s[rows, 0], start_s)
            row = int(rows[np.argmax(shared / union)])
            base = float(self._scores(view, np.array([row]), cosines)[0])
            yield Place(view.video_id, start_s, end_s, raised(base, fine_score), int(view.ordinals[row]), bool(view.flagged[row]))

    def _scores(self, view: VideoView, rows: NDArray[np.int64], cosines: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score of each row; cosines: of all clips of the view with the whole query."""
        whole = cosines[rows].astype(np.float64)
        if self._parts is None:
            return whole
        mixed = (whole + [self._cosine_of_parts(view, int(row)) for row in rows]) / 2
        return np.where(whole >= _IDENTICAL, np.maximum(whole, mixed), mixed)

    def _cosine_of_parts(self, view: VideoView, row: int) -> float:
        start_s, end_s = view.spans_s[row]
        inside = (view.spans_s[:, 0] >= start_s - _EDGE_S) & (view.spans_s[:, 1] <= end_s + _EDGE_S)
        mean = view.vectors[inside].mean(axis=0)
        return float(mean @ self._parts) / max(scaled_length(mean, self._scale), 1e-6)

    def _may_answer(self, view: VideoView) -> NDArray[np.bool_]:
        longer = np.maximum(view.lengths_s / self._duration_s, self._duration_s / view.lengths_s)
        may_answer: NDArray[np.bool_] = longer <= self._factor * _LENIENT
        may_answer |= view.whole_video & (longer <= max(self._factor, WHOLE_VIDEO_FACTOR) * _LENIENT)
        return may_answer if self._include_flagged else may_answer & ~view.flagged

    def _refine(self, view: VideoView, refiner: Refiner, place: Place) -> Place:
        row = int(np.searchsorted(view.ordinals, place.ordinal))
        if view.whole_video[row]:
            return place
        clip_s = float(view.lengths_s[row])
        around = float(view.centres_s[row]) - self._duration_s / 2
        offset_s, fine_score = refiner.refine(around, (clip_s + abs(clip_s - self._duration_s)) / 2)
        if fine_score == -np.inf:
            return place
        start_s, end_s = fitted(view, offset_s, self._duration_s, self._levels[-1].length_s / 4)
        if end_s - start_s < self._duration_s / 2:
            return place
        return replace(place, start_s=start_s, end_s=end_s, score=raised(place.score, fine_score))

    def _drawn(self, view: VideoView, row: int, scores: NDArray[np.float32]) -> float:
        """By how many seconds the neighbours before and after draw a place towards themselves."""
        siblings = view.rows_of_length(float(view.lengths_s[row]))
        at = int(np.flatnonzero(siblings == row)[0])
        if not 0 < at < len(siblings) - 1 or scores[row] >= _IDENTICAL:
            return 0.0
        around = siblings[at - 1 : at + 2]
        steps = np.diff(view.spans_s[around, 0])
        before, here, after = (float(score) for score in scores[around])
        if abs(steps[0] - steps[1]) > 0.01 or steps[0] > view.lengths_s[row] or here < max(before, after):
            return 0.0
        return float(steps[0]) * peak_shift(before, here, after)


def _around(length_s: float, factor: float) -> tuple[float, float]:
    return length_s / factor, length_s * factor
