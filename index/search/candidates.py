"""Which clips and offsets are worth scoring: the vector index names neighbours of the query's windows, and they vote.

Shapes: M query windows, k neighbours, D dimensions, S candidates.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from index.catalog.records import ORDINAL_BITS
from index.search.query import SAME_LENGTH, QueryLevel
from index.vectors.vector_index import ClipSelector, VectorIndex

WHOLE_VIDEO_FACTOR = 4.0
"""Clips that are a whole video may answer within this factor of the query's length: whoever did the same thing at half the speed
has a video twice as long."""
_T = TypeVar("_T")

_SIDE_DEPTH = 32  # neighbours of each finer window, which name further videos
_LOOKED_THROUGH = 32  # videos, best first, all of whose clips are compared; of the others only those that were named
_SHORT_TRACK = 64  # clips; of a longer track only those near a named one
_NEAR = 8  # clips before and after a named one
_FINE_OFFSETS = 64  # offsets at which finer windows may fit
_MAX_ASKING = 64  # windows per level that ask the vector index; more add time, hardly candidates
_LENGTH_FACTOR = 1.6  # a whole video stands for a window whose length is within this factor
_MIN_OFFSETS, _OFFSETS_PER_HIT = 200, 8  # offsets of a sequence that are compared


@dataclass(frozen=True)
class ClipCandidates:
    """rows: clips that may answer a whole query, int64 (S,). fine_video, fine_offset_s: where finer windows may fit the query.
    mask: which of all rows may answer, bool (R,)."""

    rows: NDArray[np.int64]
    fine_video: NDArray[np.int64]
    fine_offset_s: NDArray[np.float64]
    mask: NDArray[np.bool_]


def clip_candidates(
    index: VectorIndex,
    whole: NDArray[np.float32],
    levels: Sequence[QueryLevel],
    of_any_length: ClipSelector,
    selector: ClipSelector,
    *,
    depth: int,
    alike: float,
) -> ClipCandidates:
    """For a query short enough to be one clip. whole: its vector (D,). selector: the clips that may answer. of_any_length: those
    that finer windows may find. alike: neighbours of finer windows count from this cosine on."""
    scores, rows = index.search_rows(whole[None], depth, selector)
    named = _best_rows(scores[0], rows[0])
    video_of = _videos(index, named)
    fine = [_offset_votes(index, level, of_any_length, alike) for level in levels]
    fine_video, fine_offset_s, fine_score = (np.concatenate(parts) for parts in zip(*fine, strict=True)) if fine else _NO_VOTES
    step_s = levels[-1].hop_s * 2 if levels else 1.0
    voted = _heaped(fine_video, fine_offset_s, fine_score - alike + 0.01, step_s, _FINE_OFFSETS)
    videos = _distinct(_in_turns([video_of.tolist(), [one for one, _, _ in voted]]), _LOOKED_THROUGH)
    mask = index.rows.mask(selector)
    every = np.unique(np.concatenate([named, _rows_of_videos(index, videos, named, mask.rows)]))
    return ClipCandidates(
        every,
        np.array([one for one, _, _ in voted], np.int64),
        np.array([offset_s for _, offset_s, _ in voted], np.float64),
        mask.rows,
    )


@dataclass(frozen=True)
class OffsetCandidates:
    """Where a sequence may lie: video int64 (S,), offset_s float64 (S,), best first."""

    video: NDArray[np.int64]
    offset_s: NDArray[np.float64]


def offset_candidates(
    index: VectorIndex, levels: Sequence[QueryLevel], selector: ClipSelector, *, depth: int, k: int
) -> OffsetCandidates:
    """For a query too long to be one clip. The longest windows ask for clips like them, and every level for short whole videos."""
    ballots: list[list[tuple[int, float]]] = []
    most = max(_MIN_OFFSETS, _OFFSETS_PER_HIT * k)
    for number, level in enumerate(levels):
        chosen = np.unique(np.linspace(0, len(level.vectors) - 1, min(len(level.vectors), _MAX_ASKING)).round().astype(int))
        low_s, high_s = around(level.length_s, _LENGTH_FACTOR)
        if number == len(levels) - 1:
            low_s = 0.0  # a video shorter than the finest window is still a candidate
        own = replace(selector, lengths_s=(low_s, high_s), whole_video=None if number == 0 else True)
        scores, rows = index.search_rows(level.vectors[chosen], depth, own, rough=True)
        found = rows >= 0
        window, _ = np.nonzero(found)
        lowest = np.where(found, scores, np.inf).min(axis=1, initial=np.inf)
        hit, votes = rows[found], (scores - lowest[:, None])[found] + 1e-6
        offsets = _middles(index, hit) - level.centres_s[chosen][window]
        heaps = _heaped(_videos(index, hit), offsets, votes, level.length_s / 2, most)
        ballots.append([(one, offset) for one, offset, _ in heaps])
    # In turns, so that many short videos, found by their every level, cannot crowd out a long one found by its longest.
    best = list(itertools.islice(_in_turns(ballots), most))
    return OffsetCandidates(np.array([one for one, _ in best], np.int64), np.array([offset for _, offset in best], np.float64))


def of_about_length(selector: ClipSelector, duration_s: float, factor: float, whole_factor: float) -> ClipSelector:
    """The clips among those of a selector whose length is within a factor of the query's, or that are a whole video and within
    another factor of it."""
    whole_lengths_s = around(duration_s, max(factor, whole_factor))
    return replace(selector, lengths_s=around(duration_s, factor), whole_lengths_s=whole_lengths_s)


def around(length_s: float, factor: float) -> tuple[float, float]:
    """Lengths within a factor of this one."""
    return length_s / factor, length_s * factor


def track_of_level(index: VectorIndex, videos: NDArray[np.int64], level: QueryLevel) -> NDArray[np.int64]:
    """The track of each video (S,) whose clips are as long as a level's windows; -1 where there is none."""
    tracks = index.rows.tracks
    own = tracks.of_videos(videos)
    if not own.size:
        return np.full(len(videos), -1, np.int64)
    near = (own >= 0) & (np.abs(tracks.length_s[own] - level.length_s) <= SAME_LENGTH * level.length_s)
    sizes = np.where(near, tracks.first[own + 1] - tracks.first[own], 0)
    largest = sizes.argmax(axis=1)
    each = np.arange(len(videos))
    found: NDArray[np.int64] = np.where(sizes[each, largest] > 0, own[each, largest], -1)
    return found


def _offset_votes(
    index: VectorIndex, level: QueryLevel, selector: ClipSelector, alike: float
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    own = replace(selector, lengths_s=around(level.length_s, 1 + SAME_LENGTH), whole_lengths_s=None)
    # Windows a quarter of their length apart: some clip of the index then lies within an eighth of one.
    step = max(1, round(level.length_s / 4 / level.hop_s))
    scores, rows = index.search_rows(level.vectors[::step], _SIDE_DEPTH, own, rough=True)
    near = (rows >= 0) & (scores >= alike)
    window, _ = np.nonzero(near)
    hit = rows[near]
    offsets_s = _middles(index, hit) - level.centres_s[::step][window]
    return _videos(index, hit), offsets_s, scores[near].astype(np.float64)


_NO_VOTES = (np.zeros(0, np.int64), np.zeros(0), np.zeros(0))


def _heaped(
    videos: NDArray[np.int64], offsets_s: NDArray[np.float64], votes: NDArray[np.floating], width_s: float, most: int
) -> list[tuple[int, float, float]]:
    """Votes for nearly equal offsets of a video together: (video, offset of the strongest vote, sum), the `most` best first."""
    if not len(videos):
        return []
    box = np.round(offsets_s / width_s).astype(np.int64)
    order = np.lexsort((-votes, box, videos))
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(videos[order]) != 0) | (np.diff(box[order]) != 0)
    first = np.flatnonzero(new)
    sums = np.add.reduceat(votes[order].astype(np.float64), first)
    best = order[first]
    rank = np.lexsort((offsets_s[best], videos[best], -sums))[:most]
    return list(zip(videos[best][rank].tolist(), offsets_s[best][rank].tolist(), sums[rank].tolist(), strict=True))


def _best_rows(scores: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    found = rows >= 0
    order = np.lexsort((rows[found], -scores[found]))
    best: NDArray[np.int64] = rows[found][order]
    return best


def _rows_of_videos(
    index: VectorIndex, videos: Sequence[int], named: NDArray[np.int64], mask: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The clips of some videos that may answer: all of a short track, of a longer one those near the named ones."""
    tracks = index.rows.tracks
    own = np.unique(tracks.of_videos(np.array(videos, np.int64)))
    own = own[own >= 0]
    sizes = tracks.first[own + 1] - tracks.first[own]
    short = own[sizes <= _SHORT_TRACK]
    lengths = tracks.first[short + 1] - tracks.first[short]
    rows = np.repeat(tracks.first[short] - np.cumsum(lengths) + lengths, lengths) + np.arange(int(lengths.sum()))
    long = named[np.isin(tracks.of_rows(named), own[sizes > _SHORT_TRACK])]
    near = (long[:, None] + np.arange(-_NEAR, _NEAR + 1)).ravel()
    track = np.repeat(tracks.of_rows(long), 2 * _NEAR + 1)
    near = near[(near >= tracks.first[track]) & (near < tracks.first[track + 1])]
    every: NDArray[np.int64] = np.concatenate([rows, near]).astype(np.int64)
    return every[mask[every]]


def _videos(index: VectorIndex, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    videos: NDArray[np.int64] = index.rows.ids[rows] >> ORDINAL_BITS
    return videos


def _middles(index: VectorIndex, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    middles: NDArray[np.float64] = (index.rows.starts_s[rows] + index.rows.ends_s[rows]) / 2
    return middles


def _distinct(numbers: Iterable[int], most: int) -> list[int]:
    """The first different ones."""
    found: dict[int, None] = {}
    for number in numbers:
        found[number] = None
        if len(found) == most:
            break
    return list(found)


def _in_turns(ballots: "Sequence[Sequence[_T]]") -> "Iterable[_T]":
    """The first of each, then the second of each, and so on."""
    for turn in itertools.zip_longest(*ballots):
        yield from (one for one in turn if one is not None)
