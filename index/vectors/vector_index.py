"""What search asks of an index of clip vectors.

Shapes: N clips, M queries, D dimensions, k neighbours asked for.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from index.catalog.records import LOW_INFORMATION, ORDINAL_BITS
from index.errors import EncoderMismatch

if TYPE_CHECKING:
    from index.vectors.clip_rows import ClipRows


def clip_ids(video_id: int, num_clips: int) -> NDArray[np.int64]:
    """Ids of all clips of one video, int64 (num_clips,)."""
    return (np.int64(video_id) << np.int64(ORDINAL_BITS)) | np.arange(num_clips, dtype=np.int64)


@dataclass(frozen=True)
class ClipSelector:
    """Which clips may answer. It acts inside the index, so k matching clips come back however many others are nearer.

    video_ids / exclude_video_ids: int64, any order; None = no restriction. lengths_s: clip length within [low, high].
    between_s: clip wholly inside [start, end]. whole_video: only clips that cover their video, or any (None). whole_lengths_s:
    clips that cover their video may also answer with a length within these; it counts only beside lengths_s. empty_flag: the flag
    of clips that have nothing to show to this search; they answer only where include_flagged says so.
    """

    video_ids: NDArray[np.int64] | None = None
    exclude_video_ids: NDArray[np.int64] | None = None
    lengths_s: tuple[float, float] | None = None
    between_s: tuple[float, float] | None = None
    whole_video: bool | None = None
    include_flagged: bool = False
    empty_flag: int = LOW_INFORMATION
    whole_lengths_s: tuple[float, float] | None = None


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

    @property
    def rows(self) -> "ClipRows":
        """What is known of the clips besides their vectors, by row."""
        ...

    def search_rows(
        self, queries: NDArray[np.float32], k: int, selector: ClipSelector | None = None, *, rough: bool = False
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """As `search`, but row numbers in any order, and perhaps some more: scores float32 (M, n), rows int64 (M, n), -1 for none.

        rough: more neighbours may be missed: for many windows that ask together.
        """
        ...

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors of rows (n,) in any order: float32 (n, D) of unit length."""
        ...


def best_k(scores: NDArray[np.float32], ids: NDArray[np.int64], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The best k of each row of scores (M, n) and ids (M, n), descending, ties by id; filled up with -inf and -1. Ids of -1
    are no candidates."""
    out_scores = np.full((len(scores), k), -np.inf, np.float32)
    out_ids = np.full((len(scores), k), -1, np.int64)
    for row, (row_scores, row_ids) in enumerate(zip(scores, ids, strict=True)):
        real = row_ids >= 0
        row_scores, row_ids = row_scores[real], row_ids[real]
        if len(row_scores) > 4 * k:  # sort only what can be among the best, ties at the border included
            border = np.partition(row_scores, len(row_scores) - k)[len(row_scores) - k]
            near = row_scores >= border
            row_scores, row_ids = row_scores[near], row_ids[near]
        order = np.lexsort((row_ids, -row_scores))[:k]
        out_scores[row, : len(order)] = row_scores[order]
        out_ids[row, : len(order)] = row_ids[order]
    return out_scores, out_ids


def unit_vectors(vectors: NDArray[np.floating], dim: int) -> NDArray[np.float32]:
    """As float32 (N, D) of unit length: float16 storage shortens them a little. Raises EncoderMismatch."""
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise EncoderMismatch(f"This index holds vectors of {dim} dimensions, got an array of shape {vectors.shape}.")
    wide = np.ascontiguousarray(vectors, dtype=np.float32)
    lengths = np.sqrt(np.einsum("nd,nd->n", wide, wide))
    unit: NDArray[np.float32] = wide / np.maximum(lengths, np.float32(1e-12))[:, None]
    return unit


def check_search(queries: NDArray[np.float32], k: int, dim: int) -> None:
    """Raises EncoderMismatch and ValueError as `VectorIndex.search` says."""
    if queries.ndim != 2 or queries.shape[1] != dim:
        raise EncoderMismatch(
            f"The query's vectors have shape {queries.shape}, this index holds {dim} dimensions. "
            "Use the encoder the library was indexed with."
        )
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}.")
