"""Nearest neighbours by FAISS: exact while small, above that inverted lists of short codes, re-ranked with the stored vectors.

An index is made of segments. The first comes from a file and is never changed (it may be mapped into memory); clips that came
later lie in a second one, in memory; removed clips are dead rows that no search returns. `compacted` makes one segment of all.

Shapes: R rows of a segment, M queries, D dimensions, k neighbours.
"""

import math
import threading
from collections.abc import Iterator
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import faiss as typed_faiss
import numpy as np
from numpy.typing import NDArray

from index.vectors.clip_rows import ClipRows, Mask, track_order
from index.vectors.vector_index import ClipSelector, best_k, check_search, unit_vectors

faiss: Any = typed_faiss  # its stubs know only the C++ constructors, not the Python ones that are meant to be called

EXACT_UP_TO = 20_000
"""Clips up to which search is exact. A query asks by some thirty windows: scanning more clips for each would take longer than
all else."""
_FEW = 8_000  # so few matching rows are gathered and scored exactly, faster and safer than probing lists for them
_PROBED, _ROUGHLY_PROBED = 0.3, 0.01
"""Share of the lists that a query visits when nothing is filtered out; a filter adds to it. Short codes are compared so quickly
that many lists cost little. Of a search by many windows, each may miss some."""
_RERANK, _MIN_RERANK = 4, 1024  # candidates per wanted neighbour, and in all, that are scored again with the stored vectors
_PER_CODE = 4  # numbers of a vector that share one of 16 codes
_MAX_TRAIN_PER_LIST = 64
_BLOCK = 50_000  # rows worked on at a time, so that float32 copies stay small


class Segment(Protocol):
    """Some rows' vectors. Row numbers here count from the segment's own start."""

    def __len__(self) -> int: ...

    def search(
        self, queries: NDArray[np.float32], k: int, mask: Mask, *, rough: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Best rows among those of a mask of R rows: scores (M, n), rows (M, n) for n of k or more, -1 where there are no more.

        rough: fewer lists are visited, and the k best are chosen by their codes.
        """
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
        self, queries: NDArray[np.float32], k: int, mask: Mask, *, rough: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """See `Segment.search`."""
        scores, rows = self.index.search(queries, k, params=faiss.SearchParameters(sel=_selector(mask)))
        return scores, rows

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Segment.vectors`."""
        found: NDArray[np.float32] = self.index.reconstruct_batch(rows)
        return found


class IvfSegment:
    """Codes of 4 bits for each 4 numbers in inverted lists (product quantization, Jegou et al. 2011; compared in registers, Andre
    et al. 2015), and the float16 vectors (R, D) for the last word; fast where `FlatSegment` gets slow."""

    def __init__(self, index: Any, halves: NDArray[np.float16]) -> None:
        self.index = index
        self.halves = halves
        self._halves = np.asarray(halves)  # rows of a plain array are picked faster than those of a memory map

    @classmethod
    def build(cls, halves: NDArray[np.float16]) -> "IvfSegment":
        """Train on a sample and add all; halves (R, D) of unit length. Deterministic."""
        count, dim = halves.shape
        num_lists = max(1, min(int(2 * count**0.5), count // 40))
        codes = dim // math.gcd(dim, _PER_CODE)
        index = faiss.index_factory(dim, f"IVF{num_lists},PQ{codes}x4fs", faiss.METRIC_INNER_PRODUCT)
        sample = np.random.default_rng(0).permutation(count)[: num_lists * _MAX_TRAIN_PER_LIST]
        index.train(halves[np.sort(sample)].astype(np.float32))
        for start in range(0, count, _BLOCK):
            index.add(halves[start : start + _BLOCK].astype(np.float32))
        return cls(index, halves)

    def __len__(self) -> int:
        return int(self.index.ntotal)

    def search(
        self, queries: NDArray[np.float32], k: int, mask: Mask, *, rough: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """See `Segment.search`. Visits more lists the fewer rows match, all of them if that is what it takes to find k."""
        wanted = min(mask.count, k if rough else max(_MIN_RERANK, _RERANK * k))
        params = faiss.SearchParametersIVF(sel=_selector(mask))
        # Of fewer rows the nearest lie farther off, but still in the lists about the query.
        share = (_ROUGHLY_PROBED if rough else _PROBED) * (len(self) / max(1, mask.count)) ** 0.5
        params.nprobe = min(self.index.nlist, math.ceil(share * self.index.nlist))
        _, rows = self.index.search(queries, wanted, params=params)
        if params.nprobe < self.index.nlist and (np.count_nonzero(rows >= 0, axis=1) < min(k, mask.count)).any():
            params.nprobe = self.index.nlist
            _, rows = self.index.search(queries, wanted, params=params)
        step = max(1, _BLOCK // max(1, rows.shape[1]))
        exact = [self._exact(queries[at : at + step], rows[at : at + step]) for at in range(0, len(queries), step)]
        return np.concatenate(exact), rows

    def _exact(self, queries: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Inner products (M, n) of queries (M, D) with stored vectors, by their rows (M, n); of row -1, minus infinity."""
        real = rows >= 0
        distinct, place = np.unique(rows[real], return_inverse=True)
        found = self.vectors(distinct)
        exact = np.full(rows.shape, -np.inf, np.float32)
        if len(queries) == 1:
            exact[real] = (found @ queries[0])[place]
        else:
            exact[real] = np.einsum("nd,nd->n", found[place], queries[np.nonzero(real)[0]])
        return exact

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Segment.vectors`."""
        return unit_vectors(self._halves[rows], self.halves.shape[1])


class FaissIndex:
    """`VectorIndex` of one or two segments. May be searched from several threads while one adds or removes."""

    def __init__(self, dim: int, rows: ClipRows | None = None, base: FlatSegment | IvfSegment | None = None) -> None:
        self._dim = dim
        self._rows = ClipRows() if rows is None else rows
        self._base = FlatSegment.empty(dim) if base is None else base
        self._delta = FlatSegment.empty(dim)
        self._lock = threading.RLock()
        self._gathered: WeakKeyDictionary[Mask, tuple[NDArray[np.int64], NDArray[np.float32]]] = WeakKeyDictionary()
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
        order = track_order(ids, np.asarray(spans_s, np.float64).reshape(-1, 2))
        with self._lock:
            self._rows.append(ids[order], spans_s[order], flags[order])
            self._delta.add(unit[order])

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
        scores, rows = self.search_rows(queries, k, selector)
        with self._lock:
            return best_k(scores, np.where(rows >= 0, self._rows.ids[rows], -1), k)

    def search_rows(
        self, queries: NDArray[np.float32], k: int, selector: ClipSelector | None = None, *, rough: bool = False
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """See `VectorIndex.search_rows`."""
        check_search(queries, k, self._dim)
        queries = np.ascontiguousarray(queries, np.float32)
        with self._lock:
            mask = self._rows.mask(selector)
            if mask.count <= max(k, min(_FEW, len(self._rows) // 8)):
                matching, vectors = self._all_of(mask)
                scores = queries @ vectors.T
                rows = np.broadcast_to(matching, scores.shape)
                if len(matching) <= k:
                    return scores, rows
                kth_best = np.partition(scores, len(matching) - k, axis=1)[:, len(matching) - k]
                return scores, np.where(scores >= kth_best[:, None], rows, -1)
            border = len(self._base)
            found = [
                _offset(segment.search(queries, min(k, part.count), part, rough=rough), start)
                for segment, part, start in self._parts(mask, border)
                if part.count
            ]
            scores, rows = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
            return scores, rows

    def search_exactly(
        self, queries: NDArray[np.float32], k: int, selector: ClipSelector | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """As `search`, by scoring every clip that may answer: what the search is measured against. Slow."""
        check_search(queries, k, self._dim)
        with self._lock:
            matching = np.flatnonzero(self._rows.mask(selector).rows)
            found = []
            for start in range(0, max(1, len(matching)), _BLOCK):
                rows = matching[start : start + _BLOCK]
                scores = np.asarray(queries, np.float32) @ self.vectors(rows).T
                found.append(best_k(scores, np.broadcast_to(self._rows.ids[rows], scores.shape), k))
            scores, ids = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
            return best_k(scores, ids, k)

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `VectorIndex.vectors`."""
        with self._lock:
            border = len(self._base)
            if not len(self._delta):
                return self._base.vectors(rows)
            found = np.empty((len(rows), self._dim), np.float32)
            late = rows >= border
            found[~late] = self._base.vectors(rows[~late])
            found[late] = self._delta.vectors(rows[late] - border)
            return found

    def compacted(self, *, exact_up_to: int = EXACT_UP_TO) -> "FaissIndex":
        """The same clips in one segment of the kind that suits their number."""
        with self._lock:
            alive = self._rows.alive_rows()
            base: FlatSegment | IvfSegment
            if len(alive) <= exact_up_to:
                base = FlatSegment.empty(self._dim)
                base.add(self.vectors(alive))
            else:
                halves = np.zeros((len(alive), self._dim), np.float16)
                for start in range(0, len(alive), _BLOCK):
                    halves[start : start + _BLOCK] = self.vectors(alive[start : start + _BLOCK])
                base = IvfSegment.build(halves)
            fresh = FaissIndex(self._dim, ClipRows(self._rows.table(alive)), base)
            fresh.revision = self.revision
            return fresh

    def _all_of(self, mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The rows of a mask, and their vectors; few are kept as long as their mask, for the next search with this filter."""
        if mask in self._gathered:
            return self._gathered[mask]
        matching = np.flatnonzero(mask.rows)
        found = matching, self.vectors(matching)
        if mask.count <= _FEW:
            self._gathered[mask] = found
        return found

    def _parts(self, mask: Mask, border: int) -> Iterator[tuple[Segment, Mask, int]]:
        """Each segment with its part of a mask, and the row at which it starts."""
        if not len(self._delta):
            yield self._base, mask, 0
            return
        for segment, rows, start in ((self._base, mask.rows[:border], 0), (self._delta, mask.rows[border:], border)):
            yield segment, Mask(rows, int(np.count_nonzero(rows))), start


def _selector(mask: Mask) -> Any:
    selector = faiss.IDSelectorBitmap(mask.bits)
    selector.bits = mask.bits  # FAISS keeps a bare pointer
    return selector


def _offset(found: tuple[NDArray[np.float32], NDArray[np.int64]], start: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    scores, rows = found
    return scores, np.where(rows >= 0, rows + start, -1)
