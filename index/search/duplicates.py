"""Which videos are copies of one another, told from stored vectors alone: nothing is decoded.

1. *Candidates*: the nearest neighbours, in other videos, of a few clips of each video. So the cost grows with the number of videos,
   not with that of their pairs.
2. *Comparison*: the mean cosine along the diagonal over the whole of the shorter video, at the offset that fits best.
3. *Calm footage*: by movement alone, videos in which hardly anything moves are like all other such videos. They are copies only
   where the cosine is next to one.
4. *Groups* (`group_copies`): everyone in a group matches the one that is kept, so that a chain of likenesses, each a little off the
   last, does not make one group of unlike videos.

Clips in which there is nothing to see take no part. Shapes: S pairs, Q queries, D dimensions, P parts of a vector.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.catalog.records import ORDINAL_BITS
from index.catalog.serialization import is_flagged
from index.search.alignment import clips_near, fit_at, refine
from index.search.query import SAME_LENGTH, QueryLevel
from index.vectors.vector_index import ClipSelector, VectorIndex

SAME_DURATION = 0.8
"""Share of the longer video that the shorter must last, for two that are copies as a whole; less is a moment of it."""
CALM = 0.5
"""From this mean cosine of its clips with a still picture on, a video is calm. Drawn videos in which something moves: up to 0.3."""
SURE_SCORE = 0.995
"""From this mean cosine on, calm videos that are told by movement alone are copies. Drawn ones that are none: up to 0.991."""
_SLACK_S = 1.0  # by so much copies may differ in length whatever their length: a title card, a lost tail
_PROBES = 3  # clips of a video's finest track whose neighbours are looked for; besides, one of each longer track
_NEIGHBOURS = 32
_DEEPER, _MOST_NEIGHBOURS = 4, 512  # as long as a clip's neighbours are but its own video, so many times as many
_ENOUGH = 4  # other videos with a neighbour
_WORTH_COMPARING = 0.1  # below the wanted score: a single clip may fit worse than the whole does
_COVERED = 0.75  # share of the shorter video that must have been compared
_TOGETHER = 512  # queries at a time
_ANYWHERE = ClipSelector()

Scales = Sequence[NDArray[np.float32] | None]
"""What one side's vectors are multiplied by to get the cosine of one part of them, float32 (D,) each; (None,) for one part."""


@dataclass(frozen=True)
class VideoPair:
    """Two videos that may be copies.

    offset_s: second of `longer` at which the first second of `shorter` lies. score: the mean cosine over all of `shorter`, of the
    part of the vectors that agrees least. calm: hardly anything moves in `shorter`, and movement is all that is known.
    """

    shorter: int
    longer: int
    offset_s: float
    score: float
    calm: bool = False

    def is_copy(self, min_score: float) -> bool:
        """Whether both are the same video: min_score is reached, and, of calm ones, SURE_SCORE."""
        return self.score >= (max(min_score, SURE_SCORE) if self.calm else min_score)


def candidate_offsets(
    index: VectorIndex,
    video_ids: NDArray[np.int64],
    *,
    min_score: float,
    every_clip: bool = False,
    still: NDArray[np.float32] | None = None,
) -> dict[tuple[int, int], list[float]]:
    """Pairs of videos (lower number first) that have like clips at all, and by how many seconds the second lies behind.

    video_ids: int64 (V,), the videos that count. every_clip: ask with all clips of the finest track, not with a few.
    still: do not ask with clips that are like this vector (D,). A likeness is a cosine of at least min_score - 0.1.
    """
    found: dict[tuple[int, int], list[float]] = {}
    rows = index.rows
    for selector, probes in _probes(index, video_ids, every_clip):
        for start in range(0, len(probes), _TOGETHER):
            asked = probes[start : start + _TOGETHER]
            if still is not None:
                asked = asked[index.vectors(asked) @ still < CALM]
            for row, near in _neighbours(index, asked, selector, min_score - _WORTH_COMPARING):
                video = int(rows.ids[row]) >> ORDINAL_BITS
                for other_row in near.tolist():
                    other = int(rows.ids[other_row]) >> ORDINAL_BITS
                    behind = float(rows.starts_s[other_row] - rows.starts_s[row])
                    key = (video, other) if video < other else (other, video)
                    found.setdefault(key, []).append(behind if video < other else -behind)
    return found


def _probes(index: VectorIndex, video_ids: NDArray[np.int64], every_clip: bool) -> Iterator[tuple[ClipSelector, NDArray[np.int64]]]:
    """Rows to ask with, by length, and which clips may answer: those of about that length."""
    rows, tracks = index.rows, index.rows.tracks
    by_length: dict[float, list[NDArray[np.int64]]] = {}
    for video_id in video_ids.tolist():
        own = tracks.of_video(video_id)
        order = own[np.argsort(tracks.length_s[own], kind="stable")]
        for place, track in enumerate(order.tolist()):
            there = np.arange(tracks.first[track], tracks.first[track + 1])
            there = there[rows.alive[there] & ~is_flagged(rows.flags[there])]
            if every_clip and place > 0:
                break
            count = len(there) if every_clip else min(len(there), _PROBES if place == 0 else 1)
            if count:
                chosen = there[np.unique(((np.arange(count) + 0.5) * len(there) / count).astype(np.int64))]
                by_length.setdefault(round(float(tracks.length_s[track]), 1), []).append(chosen)
    for length_s, chosen_rows in sorted(_joined(by_length).items()):
        near = length_s * (1 - 2 * SAME_LENGTH), length_s * (1 + 2 * SAME_LENGTH)
        yield ClipSelector(video_ids=video_ids, lengths_s=near), np.concatenate(chosen_rows)


def _joined(by_length: Mapping[float, list[NDArray[np.int64]]]) -> dict[float, list[NDArray[np.int64]]]:
    """The same with lengths that hardly differ put together: clips over whole videos have every length, and each length asked for
    costs a look at all rows."""
    joined: dict[float, list[NDArray[np.int64]]] = {}
    at = -np.inf
    for length_s in sorted(by_length):
        if length_s > at * (1 + SAME_LENGTH):
            at = length_s
        joined.setdefault(at, []).extend(by_length[length_s])
    return joined


def _neighbours(
    index: VectorIndex, asked: NDArray[np.int64], selector: ClipSelector, at_least: float
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Each row with the nearest row of each other video that is near it."""
    if not len(asked):
        return
    rows, vectors, depth = index.rows, index.vectors(asked), _NEIGHBOURS
    waiting = np.arange(len(asked))
    while len(waiting):
        scores, found = index.search_rows(vectors[waiting], depth, selector)
        last = depth >= min(_MOST_NEIGHBOURS, len(index))
        deeper = []
        for place, row_scores, near in zip(waiting.tolist(), scores, found, strict=True):
            row = int(asked[place])
            good = (near >= 0) & (row_scores >= at_least)
            best = near[good][np.argsort(-row_scores[good], kind="stable")[:depth]]
            videos = rows.ids[best] >> ORDINAL_BITS
            _, nearest = np.unique(videos, return_index=True)  # of each video the best, since they come in order
            others = best[nearest[videos[nearest] != rows.ids[row] >> ORDINAL_BITS]]
            if not last and len(others) < _ENOUGH and len(best) >= depth:
                deeper.append(place)
            else:
                yield row, others
        waiting = np.array(deeper, np.int64)
        depth *= _DEEPER


class Comparison:
    """Compares videos whole, each pair once."""

    def __init__(
        self, index: VectorIndex, durations_s: Mapping[int, float], scales: Scales, still: NDArray[np.float32] | None
    ) -> None:
        """durations_s: of the videos, by number. scales: see `Scales`. still: the vector (D,) of a still picture, where
        vectors know of movement alone; None where they know how things look."""
        self._index = index
        self._durations_s = durations_s
        self._scales = scales
        self._still = still
        self._known: dict[tuple[int, int], VideoPair] = {}

    def may_be_copies(self, one: int, other: int) -> bool:
        """Whether two videos last about as long."""
        short_s, long_s = sorted((self._durations_s[one], self._durations_s[other]))
        return short_s >= SAME_DURATION * long_s or long_s - short_s <= min(_SLACK_S, short_s)

    def pairs(self, one: int, others: Mapping[int, float]) -> list[VideoPair]:
        """One video compared with others, in their order. others: number -> by about how many seconds it lies behind `one`."""
        new = {other: offset for other, offset in others.items() if (min(one, other), max(one, other)) not in self._known}
        longer = [other for other in new if (self._durations_s[other], other) > (self._durations_s[one], one)]
        self._compare(one, longer, [new[other] for other in longer])
        for other in new.keys() - set(longer):
            self._compare(other, [one], [-new[other]])
        return [self._known[min(one, other), max(one, other)] for other in others]

    def _compare(self, shorter: int, longer: Sequence[int], offsets_s: Sequence[float]) -> None:
        if not longer:
            return
        offsets, scores = whole_fit(self._index, shorter, np.array(longer, np.int64), np.array(offsets_s), self._scales)
        calm = False
        if self._still is not None:
            mine = ClipTrack.finest(self._index, shorter)
            calm = mine is not None and float((mine.vectors @ self._still).mean()) >= CALM
        for other, offset, score in zip(longer, offsets.tolist(), scores.tolist(), strict=True):
            self._known[min(shorter, other), max(shorter, other)] = VideoPair(shorter, other, offset, score, calm)


@dataclass(frozen=True)
class ClipTrack:
    """A video's shortest clips in which there is something to see, by time: spans_s float64 (n, 2), vectors float32 (n, D)."""

    video: int
    spans_s: NDArray[np.float64]
    vectors: NDArray[np.float32]

    @property
    def centres_s(self) -> NDArray[np.float64]:
        """float64 (n,)."""
        centres: NDArray[np.float64] = self.spans_s.mean(axis=1)
        return centres

    @property
    def hop_s(self) -> float:
        """Seconds from one clip to the next; half a clip where there is only one."""
        gaps = np.diff(self.spans_s[:, 0])
        return float(np.median(gaps)) if len(gaps) else float(self.spans_s[0, 1] - self.spans_s[0, 0]) / 2

    @classmethod
    def finest(cls, index: VectorIndex, video_id: int) -> "ClipTrack | None":
        """None for a video in which there is nothing to see."""
        rows, tracks = index.rows, index.rows.tracks
        own = tracks.of_video(video_id)
        if not len(own):
            return None
        track = int(own[np.argmin(tracks.length_s[own])])
        there = np.arange(tracks.first[track], tracks.first[track + 1])
        there = there[rows.alive[there] & ~is_flagged(rows.flags[there])]
        spans_s = np.stack([rows.starts_s[there], rows.ends_s[there]], axis=1)
        return cls(video_id, spans_s, index.vectors(there)) if len(there) else None


def whole_fit(
    index: VectorIndex, shorter: int, longer: NDArray[np.int64], offsets_s: NDArray[np.float64], scales: Scales
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How well one video fits into others (S,) at about these offsets (S,): the offsets that fit best, and the scores there, both
    float64 (S,). A score is -inf where the videos have too few clips of the same lengths to tell.
    """
    rows, tracks = index.rows, index.rows.tracks
    theirs = tracks.of_videos(longer)
    levels: list[tuple[QueryLevel, NDArray[np.int64]]] = []
    own = tracks.of_video(shorter)
    covered_s, (start_s, end_s) = 0.0, (edge[0] for edge in tracks.bounds(np.array([shorter])))
    for track in own[np.argsort(-tracks.length_s[own], kind="stable")].tolist():
        there = np.arange(tracks.first[track], tracks.first[track + 1])
        there = there[rows.alive[there]]
        seen = there[~is_flagged(rows.flags[there])]
        if not len(seen):
            continue
        length_s = float(tracks.length_s[track])
        differs = np.where(theirs >= 0, np.abs(tracks.length_s[theirs] - length_s), np.inf)
        nearest = differs.argmin(axis=1)[:, None] if theirs.shape[1] else np.zeros((len(longer), 0), np.int64)
        if not nearest.shape[1]:
            continue
        fits = np.take_along_axis(differs, nearest, 1)[:, 0] <= SAME_LENGTH * length_s
        matching = np.where(fits, np.take_along_axis(theirs, nearest, 1)[:, 0], -1)
        if not fits.any():
            continue
        centres_s = (rows.starts_s[there] + rows.ends_s[there]) / 2
        levels.append((QueryLevel(length_s, centres_s, index.vectors(there)), matching))
        covered_s = max(covered_s, float(rows.ends_s[seen].max() - rows.starts_s[seen].min()))
    if not levels or covered_s < _COVERED * (end_s - start_s):
        return offsets_s, np.full(len(longer), -np.inf)
    radius_s = np.full(len(longer), levels[-1][0].hop_s)
    at_s, _ = refine(index, levels, offsets_s, radius_s, selector=_ANYWHERE)
    return at_s, np.min([_mean_of_levels(index, levels, at_s, scale) for scale in scales], axis=0)


def _mean_of_levels(
    index: VectorIndex,
    levels: Sequence[tuple[QueryLevel, NDArray[np.int64]]],
    at_s: NDArray[np.float64],
    scale: NDArray[np.float32] | None,
) -> NDArray[np.float64]:
    """The mean cosine of one part of the vectors over all lengths of clips, each counting alike: float64 (S,)."""
    fits = []
    for level, track in levels:
        own = level if scale is None else QueryLevel(level.length_s, level.centres_s, level.vectors * scale)
        low_s, high_s = at_s + own.centres_s[0] - own.length_s, at_s + own.centres_s[-1] + own.length_s
        near = clips_near(index, own, track, low_s, high_s, _ANYWHERE)
        fits.append(fit_at(near, at_s[:, None], include_flagged=False)[0][:, 0])
    known = np.isfinite(fits)
    summed = np.where(known, fits, 0.0).sum(axis=0)
    mean: NDArray[np.float64] = np.divide(summed, known.sum(axis=0), out=np.full(len(at_s), -np.inf), where=known[-1])
    return mean


def group_copies(
    order: Sequence[int],
    alike: Mapping[int, Collection[int]],
    matches: Callable[[int, int], bool],
    apart: Collection[tuple[int, int]],
) -> list[list[int]]:
    """Groups of two or more, each with the one to keep first.

    order: all members, the best to keep first. alike: who is a candidate of whom. matches: whether a member matches the one that
    is kept. apart: pairs, the lower number first, that must not be in one group. Everyone in a group matches its first, is reached
    from it over members that do, and is in no other group.
    """
    place = {member: at for at, member in enumerate(order)}
    taken: set[int] = set()
    groups = []
    for first in order:
        if first in taken:
            continue
        group, seen, waiting = [first], {first}, [first]
        while waiting:
            near = sorted((other for other in alike.get(waiting.pop(), ()) if other not in taken | seen), key=place.__getitem__)
            seen.update(near)
            for other in near:
                parted = any((min(other, own), max(other, own)) in apart for own in group)
                if not parted and matches(first, other):
                    group.append(other)
                    waiting.append(other)
        taken.update(group)
        if len(group) > 1:
            groups.append([first, *sorted(group[1:], key=place.__getitem__)])
    return groups
