"""How well a sequence of query windows fits a video at an offset, and at which offset it fits best.

An offset is the second of the video at which the query's first second would lie. Each clip of the video that lies inside the
query's place is compared with the query as it was at that clip's middle, interpolated between the two nearest query windows;
the mean of these cosines is the fit. So it is exact wherever windows meet exactly, and order counts.

Shapes: m query windows, n clips, K offsets.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.search.query import QueryLevel
from index.search.video_view import VideoView

_RIM = 0.02  # share of a clip's length by which a clip may lie outside the first and last query window
_MIN_UNFLAGGED = 0.5  # a place is worth showing if at least this share of its clips shows something
_SAME_OFFSET_DIGITS = 3
_BLOCK = 500_000  # pairs of offset and clip worked on at a time: some tens of megabytes, also for hours against hours


@dataclass(frozen=True)
class Fit:
    """Mean cosine at each of K offsets: scores float64 (K,), -inf where nothing can be compared; counts of clips compared;
    flagged: share of them that show nothing."""

    scores: NDArray[np.float64]
    counts: NDArray[np.int64]
    flagged: NDArray[np.float64]


class Alignment:
    """One level of a query against the clips of a video that belong to it."""

    def __init__(self, level: QueryLevel, view: VideoView, rows: NDArray[np.int64], *, include_flagged: bool) -> None:
        order = np.argsort(view.centres_s[rows], kind="stable")
        self._rows = rows[order]
        self._centres = view.centres_s[self._rows]
        self._flagged = view.flagged[self._rows]
        self._queries = level.centres_s
        self._rim_s = _RIM * level.length_s
        self._include_flagged = include_flagged
        self.cosines = level.vectors @ view.vectors[self._rows].T
        """float32 (m, n)"""

    def offsets(self, low_s: float = -np.inf, high_s: float = np.inf) -> NDArray[np.float64]:
        """Every offset in a range at which some query window meets some clip exactly, ascending (K,)."""
        every = (self._centres[None, :] - self._queries[:, None]).ravel()
        every = every[(every >= low_s - 1e-6) & (every <= high_s + 1e-6)]
        distinct: NDArray[np.float64] = np.unique(np.round(every, _SAME_OFFSET_DIGITS))
        return distinct

    def fit(self, offsets_s: NDArray[np.float64]) -> Fit:
        """How well the query fits at offsets (K,)."""
        first_s, last_s = self._queries[0] - self._rim_s, self._queries[-1] + self._rim_s
        begin = np.searchsorted(self._centres, offsets_s + first_s)
        stop = np.searchsorted(self._centres, offsets_s + last_s, side="right")
        total, used, empty = (np.zeros(len(offsets_s)) for _ in range(3))
        for block in _blocks(stop - begin):  # every clip inside the query's place, at every offset of the block
            sizes = (stop - begin)[block]
            at = np.repeat(np.arange(len(offsets_s))[block], sizes)
            clip = np.arange(len(at)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + begin[at]
            flagged = self._flagged[clip].astype(np.float64)
            weight = np.ones(len(at)) if self._include_flagged else 1 - flagged
            cosine = self._cosine_at(self._centres[clip] - offsets_s[at], clip)
            total += np.bincount(at, weight * cosine, len(offsets_s))
            used += np.bincount(at, weight, len(offsets_s))
            empty += np.bincount(at, flagged, len(offsets_s))
        counts = stop - begin
        share_flagged = np.divide(empty, counts, out=np.zeros(len(offsets_s)), where=counts > 0)
        scores = np.divide(total, used, out=np.full(len(offsets_s), -np.inf), where=used > 0)
        if not self._include_flagged:
            scores[1 - share_flagged < _MIN_UNFLAGGED] = -np.inf
        return Fit(scores, counts, share_flagged)

    def _cosine_at(self, query_s: NDArray[np.float64], clip: NDArray[np.int64]) -> NDArray[np.float64]:
        """Cosine of each clip with the query at a second of the query, between windows by interpolation."""
        if len(self._queries) == 1:
            only: NDArray[np.float64] = self.cosines[0, clip].astype(np.float64)
            return only
        right = np.clip(np.searchsorted(self._queries, query_s), 1, len(self._queries) - 1)
        left_s, right_s = self._queries[right - 1], self._queries[right]
        share = np.clip((query_s - left_s) / (right_s - left_s), 0, 1)
        between: NDArray[np.float64] = (1 - share) * self.cosines[right - 1, clip] + share * self.cosines[right, clip]
        return between


def _blocks(sizes: NDArray[np.int64]) -> Iterator[slice]:
    """Slices of K offsets so that the clips of each, together, are no more than `_BLOCK` (or those of a single offset)."""
    start, ends = 0, np.cumsum(sizes)
    while start < len(sizes):
        done = ends[start] - sizes[start]
        stop = max(start + 1, int(np.searchsorted(ends, done + _BLOCK, side="right")))
        yield slice(start, stop)
        start = stop


def peak_shift(before: float, at: float, after: float) -> float:
    """Where between its neighbours a peak really lies: -0.5 to 0.5 steps, by the parabola through three equally spaced values."""
    bend = 2 * at - before - after
    if not np.isfinite(bend) or bend <= 1e-9:
        return 0.0
    return float(np.clip((after - before) / (2 * bend), -0.5, 0.5))
