"""Scores of single clips as answers to a query short enough to be one clip.

A score is half the cosine of the whole query with a clip, half that of the mean of the query's parts with the mean of the clips
inside that clip: seen at once, and piece by piece. Measured, the two together find more than either (docs/results.md). Finer
windows, where there are any, set the segment right.

Shapes: S candidates, D dimensions, K tracks.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from index.catalog.records import ORDINAL_BITS, WHOLE_VIDEO
from index.catalog.serialization import is_flagged
from index.search.alignment import IDENTICAL, peak_shift, refine
from index.search.bounds import Bounds
from index.search.candidates import WHOLE_VIDEO_FACTOR, ClipCandidates, clip_candidates, of_about_length, track_of_level
from index.search.query import QueryClips, QueryLevel, scaled_lengths
from index.search.temporal_nms import Segments, temporal_nms
from index.vectors.vector_index import ClipSelector, VectorIndex

ALIKE, SAME = 0.78, 0.92
"""Mean cosine of finer windows in place: other footage stays below the first, the same comes near the second or above."""
WHOLE_SHARE = 0.5
"""Of a score, where the query is a whole video: how much comparing it with whole videos counts."""
_EDGE_S = 0.02
_MOST_SCORED = 256  # clips, by the cosine of the whole, whose parts are looked at ...
_SCORED_PER_HIT = 16  # ... or so many for each hit asked for
_BLOCK = 20_000  # vectors read at a time


class ClipScoring:
    """Compares one short query with clips."""

    length_factors = (1.6, 4.0, float("inf"))
    """A clip may answer if its length is within this factor of the query's. The first suits a pyramid of lengths (each level twice
    the last); the others are tried only while there are too few answers."""

    def __init__(self, index: VectorIndex, query: QueryClips, selector: ClipSelector, bounds: Bounds) -> None:
        whole = query.whole_vector()
        assert whole is not None, "only a query with a whole clip is compared with single clips"
        self._index = index
        self._whole = whole
        self._parts = query.parts_vector()
        self._scale = query.scale
        self._is_whole_video = query.is_whole_video
        self._levels: Sequence[QueryLevel] = query.levels()
        self._duration_s = query.duration_s
        self._is_still = query.is_still
        # A look has no length: the scene of a fifth of a second is the scene.
        self._whole_factor = float("inf") if query.by_look_alone else WHOLE_VIDEO_FACTOR
        self._bounds = bounds
        self._selector = selector

    def scored(self, factor: float, depth: int, k: int) -> Segments:
        """Clips near the whole query, all those of the first of their videos, and offsets where finer windows fit, with scores."""
        about_as_long = self._selector_of(factor)
        candidates = clip_candidates(
            self._index, self._whole, self._levels, self._selector, about_as_long, depth=depth, alike=ALIKE
        )
        rows = candidates.rows
        cosines = self._cosines(rows)
        most = max(_MOST_SCORED, _SCORED_PER_HIT * k)
        if len(rows) > most:
            best = np.sort(np.argsort(-cosines, kind="stable")[:most])
            rows, cosines = rows[best], cosines[best]
        scores = self._mixed(rows, cosines)
        return self._with_whole_videos(Segments.joined([self._of_clips(rows, cosines, scores), self._of_fine_windows(candidates)]))

    def refined(self, segments: Segments) -> Segments:
        """The same, with spans and scores set right by the finer windows where those can tell."""
        at = np.flatnonzero(~segments.fixed)
        if not len(at) or not self._levels:
            return segments
        some = segments[at]
        columns = self._index.rows
        clip_s = columns.ends_s[some.row] - columns.starts_s[some.row]
        around_s = (columns.starts_s[some.row] + columns.ends_s[some.row] - self._duration_s) / 2
        offsets_s, fine = self._refine(some.video, around_s, (clip_s + np.abs(clip_s - self._duration_s)) / 2)
        start_s, end_s = self._bounds.fitted(some.video, offsets_s, self._duration_s, self._levels[-1].length_s / 4)
        better = np.isfinite(fine) & (end_s - start_s >= self._duration_s / 2)
        starts, ends, scores = segments.start_s.copy(), segments.end_s.copy(), segments.score.copy()
        starts[at[better]], ends[at[better]] = start_s[better], end_s[better]
        scores[at[better]] = raised(some.score, fine)[better]
        return Segments(segments.video, starts, ends, scores, segments.row, segments.flagged, segments.fixed)

    @property
    def comparable(self) -> ClipSelector:
        """Clips of about the query's length: what its scores are scores of."""
        return self._selector_of(self.length_factors[0])

    def num_clips(self, factor: float) -> int:
        """How many clips may answer."""
        return self._index.rows.mask(self._selector_of(factor)).count

    def _selector_of(self, factor: float) -> ClipSelector:
        return of_about_length(self._selector, self._duration_s, factor, self._whole_factor)

    def _of_clips(self, rows: NDArray[np.int64], cosines: NDArray[np.float64], scores: NDArray[np.float64]) -> Segments:
        columns = self._index.rows
        video = columns.ids[rows] >> ORDINAL_BITS
        whole = (columns.flags[rows] & WHOLE_VIDEO) != 0
        lengths_s = columns.ends_s[rows] - columns.starts_s[rows]
        offsets_s = (columns.starts_s[rows] + columns.ends_s[rows] - self._duration_s) / 2
        offsets_s += np.where(whole | self._is_still, 0.0, self._drawn(rows, cosines, lengths_s))
        start_s, end_s = self._bounds.fitted(video, offsets_s, self._duration_s, lengths_s / 4)
        low_s, high_s = self._bounds.of(video)
        start_s, end_s = np.where(whole, low_s, start_s), np.where(whole, high_s, end_s)
        return Segments(video, start_s, end_s, scores, rows, is_flagged(columns.flags[rows], self._selector.empty_flag), whole)

    def _of_fine_windows(self, candidates: ClipCandidates) -> Segments:
        """Where the finer windows fit along the diagonal; the nearest clip's score is raised by how well."""
        video = candidates.fine_video
        offsets_s, fine = candidates.fine_offset_s, np.full(len(video), -np.inf)
        if self._levels and len(video):
            offsets_s, fine = self._refine(video, offsets_s, np.full(len(video), self._levels[-1].hop_s * 2))
        low_s, high_s = self._bounds.of(video)
        slack_s = self._levels[-1].length_s / 16 if self._levels else 0.0
        inside = (offsets_s >= low_s - slack_s) & (offsets_s + self._duration_s <= high_s + slack_s)
        fits = inside & (fine >= ALIKE)
        video, offsets_s, fine = video[fits], offsets_s[fits], fine[fits]
        start_s, end_s = self._bounds.fitted(video, offsets_s, self._duration_s, slack_s * 4)
        rows = np.array(
            [self._nearest(*one, candidates.mask) for one in zip(video.tolist(), start_s, end_s, strict=True)], np.int64
        )
        known = rows >= 0
        fitting = Segments(video, start_s, end_s, fine, rows, np.zeros(len(rows), np.bool_), np.ones(len(rows), np.bool_))[known]
        # Of offsets side by side the one that fits best, before the nearest clip's score makes them equal.
        best = temporal_nms(fitting, per_video=len(rows))
        scores = raised(self._mixed(best.row, self._cosines(best.row)), best.score)
        return replace(best, score=scores, flagged=is_flagged(self._index.rows.flags[best.row], self._selector.empty_flag))

    def _with_whole_videos(self, segments: Segments) -> Segments:
        """Where the query is a whole video: half the score, half that of the query with the whole of a short video. So a movement
        finds the same movement before a piece of a longer one. Nothing changes for videos too long to be one clip."""
        if not self._is_whole_video or self._parts is None or not len(segments):
            return segments
        videos, place = np.unique(segments.video, return_inverse=True)
        rows = self._whole_rows(videos)
        known = rows >= 0
        with_whole = np.full(len(videos), np.nan)
        with_whole[known] = self._cosines_of_parts(rows[known], self._parts)
        mixed = WHOLE_SHARE * with_whole[place] + (1 - WHOLE_SHARE) * segments.score
        return replace(segments, score=np.where(known[place], mixed, segments.score))

    def _whole_rows(self, videos: NDArray[np.int64]) -> NDArray[np.int64]:
        """The clip over the whole of each video (n,), or -1."""
        columns, tracks = self._index.rows, self._index.rows.tracks
        own = tracks.of_videos(videos)
        found = np.full(len(videos), -1, np.int64)
        for column in own.T:
            for step in (0, 1):  # it begins with its video, as does a window of nearly its length
                row = np.minimum(tracks.first[column] + step, np.maximum(tracks.first[column + 1] - 1, 0))
                whole = (column >= 0) & columns.alive[row] & ((columns.flags[row] & WHOLE_VIDEO) != 0)
                found = np.where(whole, row, found)
        return found

    def _refine(
        self, video: NDArray[np.int64], around_s: NDArray[np.float64], radius_s: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """`alignment.refine` over the levels that a video has; its finest one is the finest that decides."""
        tracks = [(level, track_of_level(self._index, video, level)) for level in self._levels]
        finest = np.array(
            [max((n for n, (_, track) in enumerate(tracks) if track[at] >= 0), default=-1) for at in range(len(video))]
        )
        offsets_s, fine = around_s.copy(), np.full(len(video), -np.inf)
        for number in np.unique(finest[finest >= 0]).tolist():
            own = np.flatnonzero(finest == number)
            levels = [(level, track[own]) for level, track in tracks[: number + 1]]
            offsets_s[own], fine[own] = refine(self._index, levels, around_s[own], radius_s[own], selector=self._selector)
        return offsets_s, fine

    def _cosines(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Of clips (S,) with the whole query, float64 (S,)."""
        blocks = [self._index.vectors(rows[start : start + _BLOCK]) @ self._whole for start in range(0, len(rows), _BLOCK)]
        return np.concatenate(blocks).astype(np.float64) if blocks else np.zeros(0)

    def _mixed(self, rows: NDArray[np.int64], cosines: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score of each clip (S,); cosines: with the whole query."""
        if self._parts is None or not len(rows):
            return cosines
        mixed = (cosines + self._cosines_of_parts(rows, self._parts)) / 2
        return np.where(cosines >= IDENTICAL, np.maximum(cosines, mixed), mixed)

    def _cosines_of_parts(self, rows: NDArray[np.int64], parts: NDArray[np.float32]) -> NDArray[np.float64]:
        """Cosine of the query's parts with the mean of the clips inside each clip (S,)."""
        cosines = np.zeros(len(rows))
        for start in range(0, len(rows), _MOST_SCORED):
            inside, counts = self._inside(rows[start : start + _MOST_SCORED])
            means = self._means(inside, counts)
            cosines[start : start + _MOST_SCORED] = means @ parts / np.maximum(scaled_lengths(means, self._scale), 1e-6)
        return cosines

    def _means(self, rows: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float32]:
        """Means float32 (S, D) of consecutive groups of rows; counts: rows in each group (S,). Groups of one size are averaged
        together, which is faster in NumPy than reducing ranges of different lengths."""
        distinct, place = np.unique(rows, return_inverse=True)
        vectors = self._index.vectors(distinct)
        first = np.cumsum(counts) - counts
        means = np.empty((len(counts), vectors.shape[1]), np.float32)
        for count in np.unique(counts).tolist():
            own = np.flatnonzero(counts == count)
            means[own] = vectors[place[first[own][:, None] + np.arange(count)]].mean(axis=1)
        return means

    def _inside(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The living clips inside each clip, itself among them: rows one clip after the other, and how many of each (S,)."""
        columns, tracks = self._index.rows, self._index.rows.tracks
        track = tracks.of_videos(columns.ids[rows] >> ORDINAL_BITS)
        owner = np.repeat(np.arange(len(rows)), track.shape[1])
        track = track.ravel()
        low_s, high_s = columns.starts_s[rows[owner]] - _EDGE_S, columns.ends_s[rows[owner]] + _EDGE_S
        begin, stop = columns.starting_between(track, low_s, high_s - 0.9 * tracks.length_s[track])
        sizes = stop - begin
        inside = np.repeat(begin - np.cumsum(sizes) + sizes, sizes) + np.arange(int(sizes.sum()))
        owner = np.repeat(owner, sizes)
        really = columns.alive[inside] & (columns.ends_s[inside] <= columns.ends_s[rows[owner]] + _EDGE_S)
        really &= columns.starts_s[inside] >= columns.starts_s[rows[owner]] - _EDGE_S
        really |= inside == rows[owner]  # so that none is empty, also where a clip was removed a moment ago
        return inside[really], np.bincount(owner[really], minlength=len(rows))

    def _nearest(self, video_id: int, start_s: float, end_s: float, mask: NDArray[np.bool_]) -> int:
        """The clip that may answer and shares most with a span; -1 where there is none."""
        columns, tracks = self._index.rows, self._index.rows.tracks
        best, most = -1, 0.0
        for track in tracks.of_video(video_id).tolist():
            a, b = int(tracks.first[track]), int(tracks.first[track + 1])
            centre = int(np.searchsorted(columns.starts_s[a:b] + columns.ends_s[a:b], start_s + end_s))
            rows = np.arange(max(a, a + centre - 2), min(b, a + centre + 2))
            rows = rows[mask[rows]]
            shared = np.minimum(columns.ends_s[rows], end_s) - np.maximum(columns.starts_s[rows], start_s)
            union = np.maximum(columns.ends_s[rows], end_s) - np.minimum(columns.starts_s[rows], start_s)
            for row, share in zip(rows.tolist(), (shared / union).tolist(), strict=True):
                if share > most:
                    best, most = row, share
        return best

    def _drawn(self, rows: NDArray[np.int64], cosines: NDArray[np.float64], lengths_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how many seconds the clips before and after draw a segment towards themselves, (S,)."""
        columns, tracks = self._index.rows, self._index.rows.tracks
        track = tracks.of_rows(rows)
        between = (rows > tracks.first[track]) & (rows < tracks.first[track + 1] - 1) & (cosines < IDENTICAL)
        own = np.flatnonzero(between)
        own = own[columns.alive[rows[own] - 1] & columns.alive[rows[own] + 1]]
        steps_s = np.stack(
            [
                columns.starts_s[rows[own]] - columns.starts_s[rows[own] - 1],
                columns.starts_s[rows[own] + 1] - columns.starts_s[rows[own]],
            ]
        )
        before, after = self._cosines(rows[own] - 1), self._cosines(rows[own] + 1)
        good = (np.abs(steps_s[0] - steps_s[1]) <= 0.01) & (steps_s[0] <= lengths_s[own])
        good &= cosines[own] >= np.maximum(before, after)
        shift = np.zeros(len(rows))
        shift[own] = np.where(good, steps_s[0] * peak_shift(before, cosines[own], after), 0.0)
        return shift


def raised(scores: NDArray[np.float64], fine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores, given how well the finer windows fit there. When they fit as only the same footage does, their word counts: a clip
    that lies a little off the query, as the index's hop has it, must not hide that."""
    known = np.where(np.isfinite(fine), fine, 0.0)
    weight = np.clip((known - ALIKE) / (SAME - ALIKE), 0, 1)
    return scores + weight * np.maximum(0.0, known - scores)
