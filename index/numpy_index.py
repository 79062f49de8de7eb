"""The plain index: every score computed, every time. What the others are measured against."""

import numpy as np
from numpy.typing import NDArray

from index.clip_rows import ClipRows
from index.errors import EncoderMismatch
from index.vector_index import ClipSelector


class NumpyIndex:
    """`VectorIndex` by brute force. Exact, simple, all in memory; not meant to be fast."""

    def __init__(self, dim: int) -> None:
        self._dim = dim
        self._rows = ClipRows()
        self._vectors = np.zeros((0, dim), np.float32)
        self.revision = 0

    @property
    def dim(self) -> int:
        return self._dim

    def __len__(self) -> int:
        return self._rows.num_alive

    def add(
        self,
        ids: NDArray[np.int64],
        vectors: NDArray[np.floating],
        spans_s: NDArray[np.float64],
        flags: NDArray[np.uint8],
    ) -> None:
        """See `VectorIndex.add`."""
        unit = unit_vectors(vectors, self._dim)
        self._rows.append(ids, spans_s, flags)
        self._vectors = np.concatenate([self._vectors, unit])

    def remove(self, ids: NDArray[np.int64]) -> int:
        """See `VectorIndex.remove`."""
        return self._rows.kill_ids(ids)

    def remove_videos(self, video_ids: NDArray[np.int64]) -> int:
        """See `VectorIndex.remove_videos`."""
        return self._rows.kill_videos(video_ids)

    def search(
        self, queries: NDArray[np.float32], k: int, selector: ClipSelector | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """See `VectorIndex.search`."""
        check_search(queries, k, self._dim)
        rows = np.flatnonzero(self._rows.matching(selector))
        scores = np.asarray(queries, np.float32) @ self._vectors[rows].T
        return best_k(scores, np.broadcast_to(self._rows.ids[rows], scores.shape), k)


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
    unit: NDArray[np.float32] = wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), np.float32(1e-12))
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
