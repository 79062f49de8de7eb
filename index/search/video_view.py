"""A candidate video as search looks at it: the clips that may answer, inside the seconds that may answer.

Shapes: n clips of the view, D dimensions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.catalog.records import PLAIN, WHOLE_VIDEO, VideoClips
from index.catalog.serialization import is_flagged
from index.search.query import SAME_LENGTH
from index.vectors.vector_index import unit_vectors

_EDGE_S = 0.01


@dataclass(frozen=True)
class VideoView:
    """Clips by ordinal: ordinals int64 (n,), spans_s float64 (n, 2), vectors float32 (n, D) of unit length, flagged, plain
    and whole_video bool (n,). start_s, end_s: the seconds that may answer; no clip and no moment sticks out of them."""

    video_id: int
    start_s: float
    end_s: float
    ordinals: NDArray[np.int64]
    spans_s: NDArray[np.float64]
    vectors: NDArray[np.float32]
    flagged: NDArray[np.bool_]
    plain: NDArray[np.bool_]
    whole_video: NDArray[np.bool_]

    @classmethod
    def of(cls, clips: VideoClips, duration_s: float, between_s: tuple[float, float] | None) -> "VideoView":
        """View of a video; between_s: only these seconds of it."""
        start_s, end_s = float(clips.spans_s[:, 0].min(initial=duration_s)), duration_s
        if between_s is not None:
            start_s, end_s = max(start_s, between_s[0]), min(end_s, between_s[1])
        inside = (clips.spans_s[:, 0] >= start_s - _EDGE_S) & (clips.spans_s[:, 1] <= end_s + _EDGE_S)
        if between_s is None:  # a clip may outlast the duration by a frame; that is no reason to leave it out
            inside[:] = True
        return cls(
            clips.video_id,
            start_s,
            end_s,
            np.flatnonzero(inside),
            clips.spans_s[inside],
            unit_vectors(clips.vectors[inside], clips.vectors.shape[1]),
            is_flagged(clips.flags[inside]),
            is_flagged(clips.flags[inside], PLAIN),
            (clips.flags[inside] & WHOLE_VIDEO) != 0,
        )

    @property
    def lengths_s(self) -> NDArray[np.float64]:
        """Length of each clip (n,)."""
        return self.spans_s[:, 1] - self.spans_s[:, 0]

    @property
    def centres_s(self) -> NDArray[np.float64]:
        """Middle of each clip (n,)."""
        middles: NDArray[np.float64] = self.spans_s.mean(axis=1)
        return middles

    def rows_of_length(self, length_s: float) -> NDArray[np.int64]:
        """Rows of the clips of one level, in order of time."""
        rows = np.flatnonzero(np.abs(self.lengths_s - length_s) <= SAME_LENGTH * length_s)
        return rows[np.argsort(self.spans_s[rows, 0], kind="stable")]

    def nearest_row(self, start_s: float, end_s: float) -> int:
        """Row of the clip that shares most with a span: overlap over union, then nearest middle."""
        shared = np.minimum(self.spans_s[:, 1], end_s) - np.maximum(self.spans_s[:, 0], start_s)
        union = np.maximum(self.spans_s[:, 1], end_s) - np.minimum(self.spans_s[:, 0], start_s)
        return int(np.lexsort((np.abs(self.centres_s - (start_s + end_s) / 2), -np.maximum(shared, 0) / union))[0])
