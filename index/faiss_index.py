"""Nearest neighbours by FAISS: exact while small, inverted lists re-ranked with the stored vectors above.

An index is made of segments. The first comes from a file and is never changed (it may be mapped into memory); clips that came
later lie in a second one, in memory; removed clips are dead rows that no search returns. `compacted` makes one segment of all.

Shapes: R rows of a segment, M queries, D dimensions, k neighbours.
"""

import threading
from typing import Any, Protocol

import faiss as typed_faiss
import numpy as np
from numpy.typing import NDArray

from index.clip_rows import ClipRows
from index.numpy_index import best_k, check_search, unit_vectors
from index.vector_index import ClipSelector

faiss: Any = typed_faiss  # its stubs know only the C++ constructors, not the Python ones that are meant to be called

EXACT_UP_TO = 200_000
"""Clips up to which search is exact. 200,000 vectors of 256 dimensions are 200 MB and are scanned in some 20 ms on 2 cores;
beyond, inverted lists are faster at little loss."""
_FEW = 20_000  # so few matching rows are gathered and scored exactly, faster and safer than probing lists for them
_PROBES = 48  # lists visited per query, when nothing is filtered out
_RERANK = 8  # candidates per wanted neighbour that are scored again with the stored vectors
_MAX_TRAIN_PER_LIST = 64


class Segment(Protocol):
    """Some rows' vectors. Row numbers here count from the segment's own start."""

    def __len__(self) -> int: ...

    def search(
        self, queries: NDArray[np.float32], k: int, mask: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Best k rows among those of mask (R,): scores (M, k), rows (M, k), -1 where there are no more."""
        ...

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Unit vectors of rows, (len(rows), D)."""
        ...


class FlatSegment:
    """Every vector as float32; exact."""

    def __init__(self, index: Any) -> None:
        self.index = index

    @classmethod
    def empty(cls, dim: int) -> "FlatSegment":
        return cls(faiss.IndexFlatIP(dim))

    def __len__(self) -> int:
        return int(self.index.ntotal)

    def add(self, vectors: NDArray[np.float32]) -> None:
        """Append unit vectors (N, D)."""
        self.index.add(np.ascontiguousarray(vectors))

    def search(
        self, queries: NDArray[np.float32], k: int, mask: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """See `Segment.search`."""
        scores, rows = self.index.search(queries, k, params=faiss.SearchParameters(sel=_selector(mask)))
        return scores, rows

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Segment.vectors`."""
        found: NDArray[np.float32] = self.index.reconstruct_batch(rows)
        return found


class IvfSegment:
    """8-bit codes in inverted lists, and the float16 vectors (R, D) for the last word; fast where `FlatSegment` gets slow."""

    def __init__(self, index: Any, halves: NDArray[np.float16]) -> None:
        self.index = index
        self.halves = halves

    @classmethod
    def build(cls, halves: NDArray[np.float16]) -> "IvfSegment":
        """Train on a sample and add all; halves (R, D) of unit length. Deterministic."""
        count, dim = halves.shape
        num_lists = max(1, min(int(2 * count**0.5), count // 40))
        index = faiss.index_factory(dim, f"IVF{num_lists},SQ8", faiss.METRIC_INNER_PRODUCT)
        sample = np.random.default_rng(0).permutation(count)[: num_lists * _MAX_TRAIN_PER_LIST]
        index.train(halves[np.sort(sample)].astype(np.float32))
        for start in range(0, count, 50_000):  # so that the float32 copy stays small
            index.add(halves[start : start + 50_000].astype(np.float32))
        return cls(index, halves)

    def __len__(self) -> int:
        return int(self.index.ntotal)

    def search(
        self, queries: NDArray[np.float32], k: int, mask: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """See `Segment.search`. Visits more lists the fewer rows match, all of them if that is what it takes to find k."""
        matching = int(np.count_nonzero(mask))
        wanted = min(matching, _RERANK * k)
        probes = min(self.index.nlist, max(1, round(_PROBES * len(mask) / max(1, matching))))
        rows = self._candidates(queries, wanted, mask, probes)
        if probes < self.index.nlist and (np.count_nonzero(rows >= 0, axis=1) < min(k, matching)).any():
            rows = self._candidates(queries, wanted, mask, self.index.nlist)
        scores = np.full(rows.shape, -np.inf, np.float32)
        for query, found, out in zip(queries, rows, scores, strict=True):
            real = found >= 0
            out[real] = self.vectors(found[real]) @ query
        return scores, rows

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Segment.vectors`."""
        return unit_vectors(np.asarray(self.halves[rows]), self.halves.shape[1])

    def _candidates(self, queries: NDArray[np.float32], count: int, mask: NDArray[np.bool_], probes: int) -> NDArray[np.int64]:
        params = faiss.SearchParametersIVF(sel=_selector(mask), nprobe=probes)
        rows: NDArray[np.int64] = self.index.search(queries, count, params=params)[1]
        return rows


class FaissIndex:
    """`VectorIndex` of one or two segments. May be searched from several threads while one adds or removes."""

    def __init__(self, dim: int, rows: ClipRows | None = None, base: FlatSegment | IvfSegment | None = None) -> None:
        self._dim = dim
        self._rows = ClipRows() if rows is None else rows
        self._base = FlatSegment.empty(dim) if base is None else base
        self._delta = FlatSegment.empty(dim)
        self._lock = threading.RLock()
        self.revision = 0

    @property
    def dim(self) -> int:
        return self._dim

    @property
    def base(self) -> FlatSegment | IvfSegment:
        """The segment that goes into a file."""
        return self._base

    @property
    def rows(self) -> ClipRows:
        """The rows of both segments, the base's first."""
        return self._rows

    @property
    def is_exact(self) -> bool:
        """Whether every search finds the true best, or may miss some."""
        return isinstance(self._base, FlatSegment)

    @property
    def num_unsaved(self) -> int:
        """Clips that came or went since the base was made: what a new file would save the next process from reading."""
        return len(self._delta) + len(self._rows) - self._rows.num_alive

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
        with self._lock:
            self._rows.append(ids, spans_s, flags)
            self._delta.add(unit)

    def remove(self, ids: NDArray[np.int64]) -> int:
        """See `VectorIndex.remove`."""
        with self._lock:
            return self._rows.kill_ids(ids)

    def remove_videos(self, video_ids: NDArray[np.int64]) -> int:
        """See `VectorIndex.remove_videos`."""
        with self._lock:
            return self._rows.kill_videos(video_ids)

    def search(
        self, queries: NDArray[np.float32], k: int, selector: ClipSelector | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """See `VectorIndex.search`."""
        check_search(queries, k, self._dim)
        queries = np.ascontiguousarray(queries, np.float32)
        with self._lock:
            mask = self._rows.matching(selector)
            matching = np.flatnonzero(mask)
            if len(matching) <= max(k, min(_FEW, len(mask) // 8)):
                scores = queries @ self._vectors(matching).T
                return best_k(scores, np.broadcast_to(self._rows.ids[matching], scores.shape), k)
            border = len(self._base)
            found = [
                _offset(segment.search(queries, min(k, int(part.sum())), part), start)
                for segment, part, start in ((self._base, mask[:border], 0), (self._delta, mask[border:], border))
                if part.any()
            ]
            scores = np.concatenate([scores for scores, _ in found], axis=1)
            rows = np.concatenate([rows for _, rows in found], axis=1)
            return best_k(scores, np.where(rows >= 0, self._rows.ids[rows], -1), k)

    def search_exactly(
        self, queries: NDArray[np.float32], k: int, selector: ClipSelector | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """As `search`, by scoring every clip that may answer: what the search is measured against. Slow."""
        check_search(queries, k, self._dim)
        with self._lock:
            matching = np.flatnonzero(self._rows.matching(selector))
            found = []
            for start in range(0, max(1, len(matching)), _FEW):
                rows = matching[start : start + _FEW]
                scores = np.asarray(queries, np.float32) @ self._vectors(rows).T
                found.append(best_k(scores, np.broadcast_to(self._rows.ids[rows], scores.shape), k))
            scores, ids = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
            return best_k(scores, ids, k)

    def compacted(self, *, exact_up_to: int = EXACT_UP_TO) -> "FaissIndex":
        """The same clips in one segment of the kind that suits their number."""
        with self._lock:
            alive = self._rows.alive_rows()
            rows = ClipRows(self._rows.alive_table())
            base: FlatSegment | IvfSegment
            if len(alive) <= exact_up_to:
                base = FlatSegment.empty(self._dim)
                base.index.add(self._vectors(alive))
            else:
                halves = np.zeros((len(alive), self._dim), np.float16)
                for start in range(0, len(alive), 50_000):
                    halves[start : start + 50_000] = self._vectors(alive[start : start + 50_000])
                base = IvfSegment.build(halves)
            fresh = FaissIndex(self._dim, rows, base)
            fresh.revision = self.revision
            return fresh

    def _vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Unit vectors of ascending row numbers."""
        border = len(self._base)
        split = int(np.searchsorted(rows, border))
        parts = [
            segment.vectors(part)
            for segment, part in ((self._base, rows[:split]), (self._delta, rows[split:] - border))
            if len(part)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, self._dim), np.float32)


def _selector(mask: NDArray[np.bool_]) -> Any:
    bits = np.packbits(mask, bitorder="little")
    selector = faiss.IDSelectorBitmap(bits)
    selector.bits = bits  # FAISS keeps a bare pointer
    return selector


def _offset(found: tuple[NDArray[np.float32], NDArray[np.int64]], start: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    scores, rows = found
    return scores, np.where(rows >= 0, rows + start, -1)
