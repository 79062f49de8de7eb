"""The seconds of each video that may answer.

Shapes: S segments.
"""

import numpy as np
from numpy.typing import NDArray

from index.vectors.vector_index import VectorIndex


class Bounds:
    """From a video's first clip to its last, or what of that `between_s` allows; no moment sticks out of them."""

    def __init__(self, index: VectorIndex, between_s: tuple[float, float] | None) -> None:
        self._index = index
        self.between_s = between_s
        self._known: dict[int, tuple[float, float]] = {}

    def of(self, videos: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Start and end in seconds for videos (S,), float64 (S,) each."""
        bounds = np.array([self._bounds(one) for one in videos.tolist()], np.float64).reshape(-1, 2)
        return bounds[:, 0], bounds[:, 1]

    def fitted(
        self,
        videos: NDArray[np.int64],
        offsets_s: NDArray[np.float64],
        duration_s: float,
        slack_s: NDArray[np.float64] | float,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The spans that a query takes at offsets (S,), within the videos. What sticks out by no more than `slack_s` is moved in,
        the rest is cut off."""
        low_s, high_s = self.of(videos)
        early = (low_s - slack_s <= offsets_s) & (offsets_s < low_s)
        late = ~early & (high_s < offsets_s + duration_s) & (offsets_s + duration_s <= high_s + slack_s)
        start_s = np.where(early, low_s, np.where(late, high_s - duration_s, offsets_s))
        return np.maximum(start_s, low_s), np.minimum(start_s + duration_s, high_s)

    def _bounds(self, video_id: int) -> tuple[float, float]:
        if video_id not in self._known:
            columns, tracks = self._index.rows, self._index.rows.tracks
            start_s, end_s = np.inf, -np.inf
            for track in tracks.of_video(video_id).tolist():
                rows = slice(int(tracks.first[track]), int(tracks.first[track + 1]))
                alive = columns.alive[rows]
                start_s = min(start_s, float(columns.starts_s[rows][alive].min(initial=np.inf)))
                end_s = max(end_s, float(columns.ends_s[rows][alive].max(initial=-np.inf)))
            if self.between_s is not None:
                start_s, end_s = max(start_s, self.between_s[0]), min(end_s, self.between_s[1])
            self._known[video_id] = start_s, end_s
        return self._known[video_id]
