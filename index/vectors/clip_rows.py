"""What a vector index knows of its clips besides their vectors: one row per clip in plain columns, and the tracks they form.

A track is a video's clips of one length in order of time, so that clips near a second are found by bisection and most filters
decide for a whole track at once. Rows of one track lie side by side. A row number never changes while an index lives: a removed
clip's row is dead, and is left behind when the index is rebuilt.

Shapes: R rows, dead ones included; K tracks.
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.catalog.records import ORDINAL_BITS, WHOLE_VIDEO
from index.catalog.serialization import is_flagged
from index.vectors.vector_index import ClipSelector

ROW = np.dtype([("id", "<i8"), ("start_s", "<f8"), ("end_s", "<f8"), ("flags", "u1")])
"""A row in a file."""
_SAME_LENGTH = 0.05  # share by which lengths in a track may differ from one clip to the next
_EDGE_S = 0.01  # by this much a clip may stick out of a wanted range: rounding
_KEY_S = 1e7  # seconds, more than any video has: what keeps the tracks apart in one ascending column
_KEPT_MASKS = 12  # of 1.1 bytes a row each: the filters of a search and of the next ones like it


def track_order(ids: NDArray[np.int64], spans_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """The order that puts clips (N,) into tracks: by video, then by length, then by start. int64 (N,)."""
    videos, lengths = ids >> ORDINAL_BITS, spans_s[:, 1] - spans_s[:, 0]
    by_length = np.lexsort((lengths, videos))
    new_track = _jumps(videos[by_length], lengths[by_length])
    track = np.empty(len(ids), np.int64)
    track[by_length] = np.cumsum(new_track)
    return np.lexsort((ids, spans_s[:, 0], track))


def _jumps(videos: NDArray[np.int64], lengths: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rows begin a new track: bool (N,)."""
    first = np.ones(len(videos), np.bool_)
    longer = np.maximum(lengths[1:], lengths[:-1])
    first[1:] = (videos[1:] != videos[:-1]) | (np.abs(np.diff(lengths)) > _SAME_LENGTH * longer)
    return first


@dataclass(frozen=True, eq=False)
class Mask:
    """Which rows may answer: rows bool (R,), and how many they are. Equal to itself alone."""

    rows: NDArray[np.bool_]
    count: int

    @cached_property
    def bits(self) -> NDArray[np.uint8]:
        """The same for FAISS, the first row in the lowest bit of the first byte."""
        return np.packbits(self.rows, bitorder="little")


@dataclass(frozen=True)
class Tracks:
    """first int64 (K + 1,): row at which each begins, and R; video int64 (K,); length_s float64 (K,) of its first clip.

    by_video int64: numbers of the tracks that have a living row, in order of their videos. videos int64 (V,) ascending: the videos
    that have one; begin int64 (V + 1,): where each one's tracks begin in by_video. start_s, end_s float64 (V,): from its first
    clip to its last.
    """

    first: NDArray[np.int64]
    video: NDArray[np.int64]
    length_s: NDArray[np.float64]
    by_video: NDArray[np.int64]
    videos: NDArray[np.int64]
    begin: NDArray[np.int64]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.video)

    def of_video(self, video_id: int) -> NDArray[np.int64]:
        """Numbers of a video's tracks."""
        ((low,), (high,)) = self._ranges(np.array([video_id], np.int64))
        return self.by_video[low:high]

    def of_videos(self, videos: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers of the tracks of each video (n,): int64 (n, most), -1 where it has no more."""
        low, high = self._ranges(videos)
        at = low[:, None] + np.arange(int((high - low).max(initial=0)))
        there = at < high[:, None]
        return np.where(there, self.by_video[np.where(there, at, 0)], -1) if there.any() else np.full(at.shape, -1)

    def of_rows(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The track of each row (n,)."""
        found: NDArray[np.int64] = np.searchsorted(self.first, rows, side="right") - 1
        return found

    def bounds(self, videos: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """From the first clip of each video (n,) to its last, seconds float64 (n,) each; nothing of a video that is not there."""
        if not len(self.videos):
            return np.full(len(videos), np.inf), np.full(len(videos), -np.inf)
        place, known = self._places(videos)
        return np.where(known, self.start_s[place], np.inf), np.where(known, self.end_s[place], -np.inf)

    def _ranges(self, videos: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        place, known = self._places(videos)
        return np.where(known, self.begin[place], 0), np.where(known, self.begin[np.minimum(place + 1, len(self.videos))], 0)

    def _places(self, videos: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        if not len(self.videos):
            return np.zeros(len(videos), np.int64), np.zeros(len(videos), np.bool_)
        place = np.minimum(np.searchsorted(self.videos, videos), len(self.videos) - 1)
        return place, self.videos[place] == videos


class ClipRows:
    """Growing columns: ids int64 (R,), starts_s and ends_s float64 (R,), flags uint8 (R,), alive bool (R,)."""

    def __init__(self, table: NDArray[np.void] | None = None) -> None:
        table = np.zeros(0, ROW) if table is None else table
        self.ids = table["id"].astype(np.int64)
        self.starts_s = table["start_s"].astype(np.float64)
        self.ends_s = table["end_s"].astype(np.float64)
        self.flags = table["flags"].astype(np.uint8)
        self.alive = np.ones(len(table), np.bool_)
        self.num_alive = len(table)
        self._first = np.flatnonzero(_jumps(self.ids >> ORDINAL_BITS, self.ends_s - self.starts_s)) if len(table) else _NONE
        self._last_id = int(self.ids.max(initial=-1))
        self._tracks: Tracks | None = None
        self._keys: NDArray[np.float64] | None = None
        self._masks: OrderedDict[Any, Mask] = OrderedDict()
        self.kept: dict[Any, Any] = {}
        """What searches worked out from the rows and want to keep; emptied whenever a row comes or goes."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def tracks(self) -> Tracks:
        """All tracks, those of dead rows included."""
        if self._tracks is None:
            first = self._first
            video = self.ids[first] >> ORDINAL_BITS
            living = np.flatnonzero(np.logical_or.reduceat(self.alive, first)) if len(first) else _NONE
            order = living[np.argsort(video[living], kind="stable")]
            videos, begin = np.unique(video[order], return_index=True)
            last = np.append(first[1:], len(self)) - 1
            starts_s, ends_s = self.starts_s[first[order]], self.ends_s[last[order]]
            self._tracks = Tracks(
                np.append(first, len(self)),
                video,
                self.ends_s[first] - self.starts_s[first],
                order,
                videos,
                np.append(begin, len(order)),
                np.minimum.reduceat(starts_s, begin) if len(begin) else starts_s,
                np.maximum.reduceat(ends_s, begin) if len(begin) else ends_s,
            )
        return self._tracks

    def starting_between(
        self, tracks: NDArray[np.int64], low_s: NDArray[np.float64], high_s: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows [begin, stop) of each track (n,) whose clips start within [low_s, high_s], to a millisecond; none of track -1."""
        if self._keys is None:
            sizes = np.diff(self.tracks.first)
            self._keys = np.repeat(np.arange(len(sizes)) * _KEY_S, sizes) + np.clip(self.starts_s, 0, _KEY_S / 2)
        key = tracks * _KEY_S
        begin = np.searchsorted(self._keys, key + np.clip(low_s - 1e-3, 0, _KEY_S - 1))
        stop = np.searchsorted(self._keys, key + np.clip(high_s + 1e-3, -1, _KEY_S - 1), side="right")
        return begin, np.where(tracks >= 0, np.maximum(stop, begin), begin)

    def alive_rows(self) -> NDArray[np.int64]:
        """Row numbers of the living, in an order that makes tracks."""
        rows = np.flatnonzero(self.alive)
        return rows[track_order(self.ids[rows], np.stack([self.starts_s[rows], self.ends_s[rows]], axis=1))]

    def table(self, rows: NDArray[np.int64]) -> NDArray[np.void]:
        """Rows as they go into a file."""
        table = np.zeros(len(rows), ROW)
        table["id"], table["start_s"], table["end_s"] = self.ids[rows], self.starts_s[rows], self.ends_s[rows]
        table["flags"] = self.flags[rows]
        return table

    def append(self, ids: NDArray[np.int64], spans_s: NDArray[np.float64], flags: NDArray[np.uint8]) -> None:
        """Add rows, which must be in an order of `track_order`; living rows of the same ids die."""
        begin = len(self)
        if begin and len(ids) and ids.min() <= self._last_id:  # not so where an index is built, video by video
            self.kill_ids(ids)
        self._last_id = max(self._last_id, int(ids.max(initial=-1)))
        self.ids = np.concatenate([self.ids, ids.astype(np.int64)])
        self.starts_s = np.concatenate([self.starts_s, spans_s[:, 0].astype(np.float64)])
        self.ends_s = np.concatenate([self.ends_s, spans_s[:, 1].astype(np.float64)])
        self.flags = np.concatenate([self.flags, flags.astype(np.uint8)])
        self.alive = np.concatenate([self.alive, np.ones(len(ids), np.bool_)])
        self.num_alive += len(ids)
        self._first = np.concatenate([self._first, begin + np.flatnonzero(_jumps(ids >> ORDINAL_BITS, np.diff(spans_s)[:, 0]))])
        self._forget()

    def kill_ids(self, ids: NDArray[np.int64]) -> int:
        """Returns how many living rows had one of these ids."""
        ids = np.asarray(ids, np.int64)
        rows = self._rows_of_videos(np.unique(ids >> ORDINAL_BITS))
        return self._kill(rows[np.isin(self.ids[rows], ids)])

    def kill_videos(self, video_ids: NDArray[np.int64]) -> int:
        """Returns how many living rows belonged to one of these videos."""
        return self._kill(self._rows_of_videos(np.asarray(video_ids, np.int64)))

    def mask(self, selector: ClipSelector | None) -> Mask:
        """Which rows may answer. Masks are kept until a row comes or goes: the next search mostly asks for the same."""
        selector = _EVERY_CLIP if selector is None else selector
        allowed, whole_allowed = self._lengths_allowed(selector)
        key = (
            None if selector.video_ids is None else np.asarray(selector.video_ids, np.int64).tobytes(),
            None if selector.exclude_video_ids is None else np.asarray(selector.exclude_video_ids, np.int64).tobytes(),
            selector.between_s,
            selector.whole_video,
            None if selector.include_flagged else selector.empty_flag,
            None if allowed is None else np.packbits(allowed).tobytes(),
            None if whole_allowed is None else np.packbits(whole_allowed).tobytes(),
        )
        if key not in self._masks:
            rows = self._matching(selector, allowed, whole_allowed)
            self._masks[key] = Mask(rows, int(np.count_nonzero(rows)))
            while len(self._masks) > _KEPT_MASKS:
                self._masks.popitem(last=False)
        self._masks.move_to_end(key)
        return self._masks[key]

    def _lengths_allowed(self, selector: ClipSelector) -> tuple[NDArray[np.bool_] | None, NDArray[np.bool_] | None]:
        """Which tracks (K,) have a length that is asked for, of any clips and of whole videos."""
        lengths = self.tracks.length_s
        found: list[NDArray[np.bool_] | None] = []
        for wanted in (selector.lengths_s, selector.whole_lengths_s):
            found.append(None if wanted is None else (lengths >= wanted[0] - _EDGE_S) & (lengths <= wanted[1] + _EDGE_S))
        return found[0], found[1]

    def _matching(
        self, selector: ClipSelector, allowed: NDArray[np.bool_] | None, whole_allowed: NDArray[np.bool_] | None
    ) -> NDArray[np.bool_]:
        tracks = self.tracks
        sizes = np.diff(tracks.first)
        of_video = np.ones(len(tracks), np.bool_)
        if selector.video_ids is not None:
            of_video &= np.isin(tracks.video, selector.video_ids)
        if selector.exclude_video_ids is not None:
            of_video &= ~np.isin(tracks.video, selector.exclude_video_ids)
        rows = self.alive & np.repeat(of_video if allowed is None else of_video & allowed, sizes)
        whole = (self.flags & WHOLE_VIDEO) != 0
        if whole_allowed is not None and allowed is not None:
            rows |= self.alive & whole & np.repeat(of_video & whole_allowed, sizes)
        if not selector.include_flagged:
            rows &= ~is_flagged(self.flags, selector.empty_flag)
        if selector.whole_video is not None:
            rows &= whole == selector.whole_video
        if selector.between_s is not None:
            low, high = selector.between_s
            rows &= (self.starts_s >= low - _EDGE_S) & (self.ends_s <= high + _EDGE_S)
        matching: NDArray[np.bool_] = rows
        return matching

    def _rows_of_videos(self, video_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        tracks = self.tracks
        chosen = np.unique(tracks.of_videos(video_ids))
        chosen = chosen[chosen >= 0]
        rows = [np.arange(tracks.first[track], tracks.first[track + 1]) for track in chosen]
        return np.concatenate(rows) if rows else _NONE

    def _kill(self, rows: NDArray[np.int64]) -> int:
        rows = rows[self.alive[rows]]
        if len(rows):
            self.alive = self.alive.copy()  # a search in another thread may still look at the old one
            self.alive[rows] = False
            self.num_alive -= len(rows)
            self._forget()
        return len(rows)

    def _forget(self) -> None:
        """What was worked out from the columns, which have changed."""
        self._tracks = None
        self._keys = None
        self._masks.clear()
        self.kept.clear()


_NONE = np.zeros(0, np.int64)
_EVERY_CLIP = ClipSelector(include_flagged=True)
