"""What a vector index knows of its clips besides their vectors: one row per clip, in plain columns.

A row number never changes while an index lives: a removed clip's row is dead, and is left behind when the index is rebuilt.
Shapes: R rows, dead ones included.
"""

import numpy as np
from numpy.typing import NDArray

from index.blobs import is_flagged
from index.records import WHOLE_VIDEO
from index.vector_index import ORDINAL_BITS, ClipSelector

ROW = np.dtype([("id", "<i8"), ("start_s", "<f4"), ("end_s", "<f4"), ("flags", "u1")])
"""A row in a file. Seconds as float32 are exact to a few milliseconds over hours; they only select, spans come from the catalog."""
_EDGE_S = 0.01  # by this much a clip may stick out of a wanted range: rounding


class ClipRows:
    """Growing columns: ids int64 (R,), starts and ends in seconds float32 (R,), flags uint8 (R,), alive bool (R,)."""

    def __init__(self, table: NDArray[np.void] | None = None) -> None:
        table = np.zeros(0, ROW) if table is None else table
        self._ids = table["id"].astype(np.int64)
        self._starts = table["start_s"].astype(np.float32)
        self._ends = table["end_s"].astype(np.float32)
        self._flags = table["flags"].astype(np.uint8)
        self._alive = np.ones(len(table), np.bool_)
        self.num_alive = len(table)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def ids(self) -> NDArray[np.int64]:
        """Ids of all rows, dead ones included."""
        return self._ids

    def alive_rows(self) -> NDArray[np.int64]:
        """Row numbers of the living, ascending."""
        return np.flatnonzero(self._alive)

    def alive_table(self) -> NDArray[np.void]:
        """The living rows as they go into a file."""
        table = np.zeros(self.num_alive, ROW)
        rows = self._alive
        table["id"], table["start_s"], table["end_s"] = self._ids[rows], self._starts[rows], self._ends[rows]
        table["flags"] = self._flags[rows]
        return table

    def append(self, ids: NDArray[np.int64], spans_s: NDArray[np.float64], flags: NDArray[np.uint8]) -> None:
        """Add rows; living rows of the same ids die."""
        self.kill_ids(ids)
        self._ids = np.concatenate([self._ids, ids.astype(np.int64)])
        self._starts = np.concatenate([self._starts, spans_s[:, 0].astype(np.float32)])
        self._ends = np.concatenate([self._ends, spans_s[:, 1].astype(np.float32)])
        self._flags = np.concatenate([self._flags, flags.astype(np.uint8)])
        self._alive = np.concatenate([self._alive, np.ones(len(ids), np.bool_)])
        self.num_alive += len(ids)

    def kill_ids(self, ids: NDArray[np.int64]) -> int:
        """Returns how many living rows had one of these ids."""
        if not len(ids) or not len(self._ids):
            return 0
        return self._kill(np.isin(self._ids, ids))

    def kill_videos(self, video_ids: NDArray[np.int64]) -> int:
        """Returns how many living rows belonged to one of these videos."""
        return self._kill(np.isin(self._ids >> ORDINAL_BITS, video_ids))

    def matching(self, selector: ClipSelector | None) -> NDArray[np.bool_]:
        """Which rows may answer: bool (R,)."""
        mask = self._alive.copy()
        if selector is None:
            return mask
        if not selector.include_flagged:
            mask &= ~is_flagged(self._flags)
        if selector.whole_video is not None:
            mask &= ((self._flags & WHOLE_VIDEO) != 0) == selector.whole_video
        if selector.lengths_s is not None:
            low, high = selector.lengths_s
            lengths = self._ends - self._starts
            mask &= (lengths >= low - _EDGE_S) & (lengths <= high + _EDGE_S)
        if selector.between_s is not None:
            low, high = selector.between_s
            mask &= (self._starts >= low - _EDGE_S) & (self._ends <= high + _EDGE_S)
        if selector.video_ids is not None:
            mask &= np.isin(self._ids >> ORDINAL_BITS, selector.video_ids)
        if selector.exclude_video_ids is not None:
            mask &= ~np.isin(self._ids >> ORDINAL_BITS, selector.exclude_video_ids)
        return mask

    def _kill(self, mask: NDArray[np.bool_]) -> int:
        mask = mask & self._alive
        count = int(np.count_nonzero(mask))
        self._alive &= ~mask
        self.num_alive -= count
        return count
