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

    def of(self, videos: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Start and end in seconds for videos (S,), float64 (S,) each."""
        start_s, end_s = self._index.rows.tracks.bounds(videos)
        if self.between_s is None:
            return start_s, end_s
        return np.maximum(start_s, self.between_s[0]), np.minimum(end_s, self.between_s[1])

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
