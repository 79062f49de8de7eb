"""Scores of segments as answers to a query too long to be one clip: its windows along the diagonal, so order counts.

A score is the mean cosine of the query's windows with the video's clips where they would lie. Where the query sticks out of the
video, the cosine of what an arbitrary piece of footage would get stands in.

Shapes: S segments, L offsets of each, m query windows.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from index.search.alignment import clips_near, fit_at, refine
from index.search.bounds import Bounds
from index.search.candidates import around, offset_candidates, track_of_level
from index.search.clip_scoring import raised
from index.search.query import SAME_LENGTH, QueryClips, QueryLevel
from index.search.temporal_nms import Segments
from index.vectors.vector_index import ClipSelector, VectorIndex

_MIN_COVERED = 0.5  # of the query or of the video, whichever is shorter: less is not the same sequence
_AS_GOOD_AS_ALL = 0.98  # of the query covered: the rest is rounding, or a frame that was not counted
_ARBITRARY = 256  # clips that stand for footage in general
_EDGE_S = 0.01


class SequenceScoring:
    """Compares one long query with segments of videos."""

    length_factors = (1.0,)
    """There is one way only to choose clips: by the lengths of the query's windows."""

    def __init__(self, index: VectorIndex, query: QueryClips, selector: ClipSelector, bounds: Bounds) -> None:
        self._index = index
        self._levels = query.levels()
        self._duration_s = query.duration_s
        self._selector = selector
        self._bounds = bounds
        self._mask = index.rows.mask(selector).rows
        self._include_flagged = selector.include_flagged
        self._unseen: dict[int, float] = {}

    def scored(self, factor: float, depth: int, k: int) -> Segments:
        """Where the neighbours of the query's windows say that it may lie, each at its best offset nearby, with a score."""
        candidates = offset_candidates(self._index, self._levels, self._selector, depth=depth, k=k)
        video, around_s = candidates.video, candidates.offset_s
        level_of, track_of = self._level_of(video)
        found = []
        for number in np.unique(level_of[level_of >= 0]).tolist():
            own = np.flatnonzero(level_of == number)
            found.append(self._scored(self._levels[number], video[own], track_of[own], around_s[own]))
        return Segments.joined([*found, Segments.none()])

    @property
    def comparable(self) -> ClipSelector:
        """Clips of the longest windows' length: what its scores are means of."""
        return replace(self._selector, lengths_s=around(self._levels[0].length_s, 1 + SAME_LENGTH))

    def num_clips(self, factor: float) -> int:
        """How many clips may answer, of whatever length."""
        return int(self._index.rows.mask(self._selector).count)

    def refined(self, segments: Segments) -> Segments:
        """The same, with spans and scores set right by the windows that are finer than those that found them."""
        level_of, _ = self._level_of(segments.video)
        starts, ends, scores = segments.start_s.copy(), segments.end_s.copy(), segments.score.copy()
        for number in np.unique(level_of[level_of >= 0]).tolist():
            finer = self._levels[number + 1 :]
            own = np.flatnonzero(level_of == number)
            tracks = [(level, track_of_level(self._index, segments.video[own], level)) for level in finer]
            if not tracks:
                continue
            low_s, _ = self._bounds.of(segments.video[own])
            cut_short = ends[own] - starts[own] < self._duration_s - _EDGE_S
            before = cut_short & (starts[own] <= low_s + _EDGE_S)
            around_s = np.where(before, ends[own] - self._duration_s, starts[own])
            radius_s = np.full(len(own), self._levels[number].hop_s)
            offsets_s, fine = refine(self._index, tracks, around_s, radius_s, selector=self._selector)
            start_s, end_s = self._bounds.fitted(segments.video[own], offsets_s, self._duration_s, finer[-1].length_s / 4)
            better = np.isfinite(fine) & (end_s > start_s)
            starts[own[better]], ends[own[better]] = start_s[better], end_s[better]
            scores[own] = np.where(better & ~cut_short, raised(scores[own], fine), scores[own])
        return replace(segments, start_s=starts, end_s=ends, score=scores)

    def _level_of(self, video: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of each video (S,): the longest level that it has clips of, and their track; else the level nearest to its whole clip."""
        level_of, track_of = np.full(len(video), -1, np.int64), np.full(len(video), -1, np.int64)
        for number, level in enumerate(self._levels):
            track = track_of_level(self._index, video, level)
            new = (level_of < 0) & (track >= 0)
            level_of[new], track_of[new] = number, track[new]
        rest = np.flatnonzero(level_of < 0)
        tracks = self._index.rows.tracks
        own = tracks.of_videos(video[rest])
        if own.size:
            lengths_s = np.where(own >= 0, tracks.length_s[own], -np.inf)
            longest = lengths_s.argmax(axis=1)
            each = np.arange(len(rest))
            track_of[rest] = own[each, longest]
            apart = [np.abs(np.log(level.length_s / np.maximum(lengths_s[each, longest], 1e-9))) for level in self._levels]
            level_of[rest] = np.where(track_of[rest] >= 0, np.argmin(apart, axis=0), -1)
        return level_of, track_of

    def _scored(
        self, level: QueryLevel, video: NDArray[np.int64], track: NDArray[np.int64], around_s: NDArray[np.float64]
    ) -> Segments:
        radius_s = level.length_s / 2
        reach_s = radius_s + level.length_s
        low_s, high_s = around_s - reach_s + level.centres_s[0], around_s + reach_s + level.centres_s[-1]
        near = clips_near(self._index, level, track, low_s, high_s, self._selector)
        # From an offset at which a window met a clip, in steps of a window: there others meet, too, and the fit is exact.
        steps = int(np.ceil(radius_s / level.hop_s))
        offsets_s = around_s[:, None] + np.arange(-steps, steps + 1) * level.hop_s
        low_s, high_s = (bound[:, None] for bound in self._bounds.of(video))
        overlap_s = np.minimum(offsets_s + self._duration_s, high_s) - np.maximum(offsets_s, low_s)
        enough = overlap_s >= _MIN_COVERED * np.minimum(self._duration_s, high_s - low_s) - _EDGE_S
        fit, flagged = fit_at(near, offsets_s, include_flagged=self._include_flagged)
        covered = np.minimum(1.0, overlap_s / self._duration_s)
        covered[covered >= _AS_GOOD_AS_ALL] = 1.0
        known = np.isfinite(fit) & enough
        scores = np.where(known, covered * np.where(known, fit, 0.0) + (1 - covered) * self._unseen_score(level), -np.inf)
        best = np.argmax(scores, axis=1)
        segment = np.arange(len(best))
        start_s, end_s = self._bounds.fitted(video, offsets_s[segment, best], self._duration_s, level.length_s / 8)
        apart_s = np.where(near.valid, np.abs(near.centres_s - ((start_s + end_s) / 2)[:, None]), np.inf)
        rows = near.rows[segment, apart_s.argmin(axis=1)] if apart_s.shape[1] else np.zeros(len(video), np.int64)
        return Segments(
            video, start_s, end_s, scores[segment, best], rows, flagged[segment, best] > 0.5, np.zeros(len(rows), np.bool_)
        )

    def _unseen_score(self, level: QueryLevel) -> float:
        """What an arbitrary piece of the footage would get: the mean cosine of the level's windows with some clips."""
        key = id(level)
        if key not in self._unseen:
            some = np.unique(np.linspace(0, len(self._mask) - 1, min(len(self._mask), 8 * _ARBITRARY)).astype(np.int64))
            some = some[self._mask[some]]
            if len(some) < _ARBITRARY:  # few rows may answer
                some = np.flatnonzero(self._mask)
            some = some[:: max(1, len(some) // _ARBITRARY)]
            self._unseen[key] = float((level.vectors @ self._index.vectors(some).T).mean()) if len(some) else 0.0
        return self._unseen[key]
