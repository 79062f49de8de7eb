"""Which seconds two videos share that are no copies as a whole, told from stored vectors alone.

Every clip of a video's finest track looks for its like in other videos; hits at about the same offset of two videos are one shared
moment, if along that offset's diagonal the clips agree for long enough. A clip of one video mostly lies between two of the other:
it is compared with the vector interpolated between theirs. So a start or end is right to about half a clip.

Shapes: n clips of a track, D dimensions.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.search.duplicates import CALM, ClipTrack, Scales, candidate_offsets
from index.search.query import scaled_lengths
from index.vectors.vector_index import VectorIndex

SHORTEST_S = 3.0
"""A shared moment lasts at least so long."""
_OFFSETS = 3  # shared moments of a pair that are looked into, those with most like clips
_FEWEST_HITS = 2  # clips at about one offset that are worth a look
_STEPS = np.linspace(-1, 1, 17)  # of a hop, by which an offset is refined


@dataclass(frozen=True)
class SharedMoment:
    """The same seconds in two videos: spans_s, the start and end in `one` and in `other`. score: the mean cosine of the clips
    along them, of the part of the vectors that agrees least."""

    one: int
    other: int
    one_span_s: tuple[float, float]
    other_span_s: tuple[float, float]
    score: float


def shared_moments(
    index: VectorIndex,
    video_ids: NDArray[np.int64],
    scales: Scales,
    *,
    min_score: float,
    still: NDArray[np.float32] | None,
    apart: Iterable[tuple[int, int]] = (),
) -> list[SharedMoment]:
    """What each two of these videos (V,) share, the longest first; of the moments of one pair that overlap, the longest.

    min_score: the cosine from which two clips are the same footage. still: the vector (D,) of a still picture, where vectors know
    of movement alone; clips like it then say nothing. apart: pairs, the lower number first, that are passed over.
    """
    passed_over = set(apart)
    found: list[SharedMoment] = []
    likely = candidate_offsets(index, video_ids, min_score=min_score, every_clip=True, still=still)
    for (one, other), offsets_s in likely.items():
        if (one, other) in passed_over or len(offsets_s) < _FEWEST_HITS:
            continue
        own: list[SharedMoment] = []
        for moment in _of_pair(index, one, other, np.sort(offsets_s), scales, min_score, still):
            if not any(
                _overlap(moment.one_span_s, kept.one_span_s) and _overlap(moment.other_span_s, kept.other_span_s) for kept in own
            ):
                own.append(moment)
        found += own
    return sorted(found, key=lambda moment: (moment.one_span_s[0] - moment.one_span_s[1], moment.one, moment.other))


def _of_pair(
    index: VectorIndex,
    one: int,
    other: int,
    offsets_s: NDArray[np.float64],
    scales: Scales,
    min_score: float,
    still: NDArray[np.float32] | None,
) -> Iterator[SharedMoment]:
    """The moments about the offsets that most clips speak for, longest first."""
    mine, theirs = ClipTrack.finest(index, one), ClipTrack.finest(index, other)
    if mine is None or theirs is None:
        return
    near = np.searchsorted(offsets_s, offsets_s + theirs.hop_s, side="right") - np.arange(len(offsets_s))
    moments = []
    for _ in range(_OFFSETS):
        begin = int(near.argmax())
        if near[begin] < _FEWEST_HITS:
            break
        cluster = offsets_s[begin : begin + near[begin]]
        near[(offsets_s >= cluster[0] - theirs.hop_s) & (offsets_s <= cluster[-1])] = 0
        fits = [
            _longest(mine, theirs, float(np.median(cluster)) + step * theirs.hop_s, scales, min_score, still) for step in _STEPS
        ]
        # Of offsets at which about as many clips agree, the one at which they agree best.
        longest_s = max((fit.one_span_s[1] - fit.one_span_s[0] for fit in fits if fit is not None), default=0.0)
        best = [fit for fit in fits if fit is not None and fit.one_span_s[1] - fit.one_span_s[0] >= longest_s - mine.hop_s - 1e-6]
        if best:
            moments.append(max(best, key=lambda fit: fit.score))
    yield from sorted(moments, key=lambda moment: moment.one_span_s[0] - moment.one_span_s[1])


def _longest(
    mine: ClipTrack, theirs: ClipTrack, offset_s: float, scales: Scales, min_score: float, still: NDArray[np.float32] | None
) -> SharedMoment | None:
    """The longest run of clips that agree at an offset; None where none is long enough."""
    at_s = mine.centres_s + offset_s
    centres_s = theirs.centres_s
    slack_s = theirs.hop_s / 4
    inside = np.flatnonzero((at_s >= centres_s[0] - slack_s) & (at_s <= centres_s[-1] + slack_s))
    if not len(inside):
        return None
    right = np.clip(np.searchsorted(centres_s, at_s[inside]), min(1, len(centres_s) - 1), len(centres_s) - 1)
    left = np.maximum(right - 1, 0)
    gap_s = np.maximum(centres_s[right] - centres_s[left], 1e-9)
    weight = np.clip((at_s[inside] - centres_s[left]) / gap_s, 0, 1)[:, None].astype(np.float32)
    between = (1 - weight) * theirs.vectors[left] + weight * theirs.vectors[right]
    cosines = np.min([_cosines(mine.vectors[inside], between, scale) for scale in scales], axis=0)
    cosines[gap_s > 2 * theirs.hop_s + 1e-6] = -1.0  # nothing to see in between: nothing to compare with
    if still is not None:
        cosines[mine.vectors[inside] @ still >= CALM] = -1.0
    best: SharedMoment | None = None
    for begin, stop in _runs(cosines >= min_score, inside):
        first, last = mine.spans_s[inside[begin], 0], mine.spans_s[inside[stop - 1], 1]
        if last - first >= max(SHORTEST_S, 0 if best is None else best.one_span_s[1] - best.one_span_s[0] + 1e-6):
            own, score = (float(first), float(last)), float(cosines[begin:stop].mean())
            span = (max(0.0, own[0] + offset_s), own[1] + offset_s)
            best = SharedMoment(mine.video, theirs.video, own, span, score)
    return best


def _cosines(vectors: NDArray[np.float32], between: NDArray[np.float32], scale: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Of one part of the vectors (n, D) with that of interpolated ones, which are shorter than one: float32 (n,)."""
    scaled = vectors if scale is None else vectors * scale
    cosines: NDArray[np.float32] = (scaled * between).sum(axis=1) / np.maximum(scaled_lengths(between, scale), 1e-6)
    return cosines


def _runs(agree: NDArray[np.bool_], at: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """[begin, stop) of each run of agreeing clips that follow one another (n,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], agree.astype(np.int8), [0]])))
    for begin, stop in edges.reshape(-1, 2).tolist():
        breaks = begin + 1 + np.flatnonzero(np.diff(at[begin:stop]) > 1)
        yield from zip([begin, *breaks.tolist()], [*breaks.tolist(), stop], strict=True)


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] < other[1] and other[0] < one[1]
