"""What search asks of an index of clip vectors, and the plain NumPy one that every other is measured against.

Shapes: N clips, M queries, D dimensions, k neighbours asked for.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

ORDINAL_BITS = 20
"""A clip id is `video_id << ORDINAL_BITS | ordinal`: a million clips per video, eight trillion videos."""


def clip_ids(video_id: int, num_clips: int) -> NDArray[np.int64]:
    """Ids of all clips of one video, int64 (num_clips,)."""
    return (np.int64(video_id) << np.int64(ORDINAL_BITS)) | np.arange(num_clips, dtype=np.int64)


@dataclass(frozen=True)
class ClipSelector:
    """Which clips may answer. It acts inside the index, so k matching clips come back however many others are nearer.

    video_ids / exclude_video_ids: int64, any order; None = no restriction. lengths_s: clip length within [low, high].
    between_s: clip wholly inside [start, end]. whole_video: only clips that cover their video, or any (None).
    """

    video_ids: NDArray[np.int64] | None = None
    exclude_video_ids: NDArray[np.int64] | None = None
    lengths_s: tuple[float, float] | None = None
    between_s: tuple[float, float] | None = None
    whole_video: bool | None = None
    include_flagged: bool = False


class VectorIndex(Protocol):
    """Nearest neighbours by cosine over the clips of one encoder. Vectors have unit length."""

    @property
    def dim(self) -> int: ...

    @property
    def revision(self) -> int:
        """The catalog revision whose clips this index holds."""
        ...

    def __len__(self) -> int: ...

    def add(
        self,
        ids: NDArray[np.int64],
        vectors: NDArray[np.floating],
        spans_s: NDArray[np.float64],
        flags: NDArray[np.uint8],
    ) -> None:
        """Add clips: ids (N,), vectors (N, D), spans_s (N, 2), flags (N,). Ids already present are replaced."""
        ...

    def remove(self, ids: NDArray[np.int64]) -> int:
        """Remove clips by id; unknown ids are ignored. Returns how many went."""
        ...

    def remove_videos(self, video_ids: NDArray[np.int64]) -> int:
        """Remove all clips of videos; unknown ones are ignored. Returns how many clips went."""
        ...

    def search(
        self, queries: NDArray[np.float32], k: int, selector: ClipSelector | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Best k clips for each query (M, D): scores float32 (M, k) descending and ids int64 (M, k).

        Equal scores come in order of id. Where fewer than k clips match, the rest is score -inf and id -1. Without a
        selector every clip may answer. Raises EncoderMismatch for queries of another dimension, ValueError for k < 1.
        """
        ...
