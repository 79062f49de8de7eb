"""What a hit means in this library: the chance that unrelated footage is as similar to the query.

Clips from all over the library are compared with clips of other videos. Most such pairs are unrelated, and the lower half of their
similarities, which the few related pairs do not reach, shows how unrelated pairs vary. A hit's similarity is measured in these
deviations and turned into a false-alarm rate, as sequence search does with its E-value (Karlin and Altschul 1990): how likely it is
that the best match among as many unrelated videos is at least this similar.

The score does not tell enough: it is a weighted mean of the cosines of parts such as motion and look. At the same score, a hit that
is very similar in one part is less likely to be chance than one that is somewhat similar in both. So each part counts by
-log(1 - cosine), since chance makes cosines near 1 rare by a power of 1 - cosine. Each part is measured in its own deviations, and
their weighted mean is taken, much as Fisher (1925) adds up independent tests.

Shapes: B background clips, D numbers of a vector, P parts of it that have a weight, S hits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from index.catalog.records import LOW_INFORMATION, ORDINAL_BITS
from index.search.alignment import IDENTICAL
from index.search.query import PartWeight, QueryClips
from index.search.temporal_nms import Segments
from index.vectors.vector_index import ClipSelector, VectorIndex

CLIPS = 512
"""Clips that stand for the library. With 128, the words for one library depended on the order in which it had been indexed."""
FEWEST_PAIRS = 400
"""With fewer pairs of clips of different videos, nothing is said."""
_QUANTILE, _NORMAL_QUANTILE = 0.1, 1.2816
_EVENNESS = 0.25
"""A part counts by its weight to this power: more evenly than in the score, but not at all where its weight is 0. The weights that
rank hits best are not those that tell best which hits are right; chosen on train rows (docs/results.md)."""
_TAIL, _TAIL_DEVIATIONS = 0.54, 1.02
"""So often an unlike video comes z deviations above the median: TAIL * exp(-z / TAIL_DEVIATIONS). Fitted to pairs of unlike train
rows at the default weight; the tail is heavier than a normal law's. At the border of 10 %, 1 % of the train rows to which nothing
is alike find a hit at the default weight, 23 % by movement alone (docs/results.md)."""
_LEAST_DEVIATION = 0.02  # a part that is nearly the same in most clips must not make the rest look like no chance at all
_ALONG = 8  # clips along a hit of a long query that are compared
_EDGE_S = 0.01
_MOST_CELLS = 2_000_000  # clips x query windows that are in memory at a time
_FEWEST_VIDEOS = 100  # with less footage than this, chance is not less than with so much


@dataclass(frozen=True)
class Spread:
    """How a value varies over unrelated pairs of clips: its median, and its standard deviation."""

    median: float
    deviation: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> "Spread":
        """By the lower half of the values."""
        low, median = np.quantile(values, [_QUANTILE, 0.5])
        return cls(float(median), max(float(median - low) / _NORMAL_QUANTILE, _LEAST_DEVIATION))

    def deviations(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how many standard deviations values lie above the median."""
        return (values - self.median) / self.deviation


@dataclass(frozen=True)
class Background:
    """How similar unrelated clips of a library are. parts: the spread of the similarity of each part. whole: that of their
    weighted mean."""

    weights: tuple[PartWeight, ...]
    parts: tuple[Spread, ...]
    whole: Spread

    @classmethod
    def of(cls, cosines: NDArray[np.float64], weights: tuple[PartWeight, ...]) -> "Background":
        """From the cosines (P, n) of n pairs of unrelated clips, part by part."""
        parts = tuple(Spread.of(part) for part in _likeness(cosines))
        return cls(weights, parts, Spread.of(_together(cosines, weights, parts)))

    def deviations(self, cosines: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how many standard deviations hits (S,) are more similar to the query than unrelated clips are; cosines (P, S)."""
        return self.whole.deviations(_together(cosines, self.weights, self.parts))

    def false_alarm_rates(self, cosines: NDArray[np.float64], scores: NDArray[np.float64], num_videos: int) -> NDArray[np.float64]:
        """How likely it is that the best match among so many unrelated videos is at least as similar as each hit (S,), 0 to 1.
        cosines (P, S): of the hits with the query. A score of 1 is the same footage, however similar an encoder finds any."""
        exponent = np.minimum(-self.deviations(cosines) / _TAIL_DEVIATIONS, 700.0)
        rates = -np.expm1(-max(num_videos, _FEWEST_VIDEOS) * _TAIL * np.exp(exponent))
        return np.where(scores >= IDENTICAL, 0.0, np.nan_to_num(rates, nan=1.0))


def false_alarm_rates(index: VectorIndex, query: QueryClips, hits: Segments, comparable: ClipSelector) -> list[float] | list[None]:
    """Of each hit (S,), 0 to 1; None where there is too little footage to tell. comparable: clips whose lengths are comparable with
    what the query is compared by."""
    if not len(hits):
        return []
    weights = query.part_weights or (PartWeight(index.dim, 1.0),)
    background = background_of(index, comparable, weights)
    if background is None:
        return [None] * len(hits)
    together = max(1, _MOST_CELLS // (_ALONG * len(query.vectors)))
    cosines = [_cosines(index, query, hits[at : at + together], weights) for at in range(0, len(hits), together)]
    rates = background.false_alarm_rates(np.concatenate(cosines, axis=1), hits.score, len(index.rows.tracks.videos))
    found: list[float] = rates.tolist()
    return found


def _cosines(index: VectorIndex, query: QueryClips, hits: Segments, weights: Sequence[PartWeight]) -> NDArray[np.float64]:
    """Cosines of the hits with the query, part by part, float64 (P, S): of a short query with the nearest clip, of a longer one the
    mean over some clips along the hit."""
    columns, clips, units = index.rows, index.vectors(hits.row), query.unit_vectors()
    if query.whole is not None:
        return _lifted(_of_pairs(units[[query.whole] * len(hits)], clips, weights), hits.score, weights)
    middles_s = (columns.starts_s[hits.row] + columns.ends_s[hits.row]) / 2
    lengths_s = columns.ends_s[hits.row] - columns.starts_s[hits.row]
    # A hit shorter than the query was cut off by an end of its video: the query may begin at any second that keeps the hit inside.
    asked = query.windows_of(clips, lengths_s, middles_s - hits.start_s, middles_s - (hits.end_s - query.duration_s))
    track = columns.tracks.of_rows(hits.row)
    begin, stop = columns.starting_between(track, hits.start_s - _EDGE_S, hits.end_s - lengths_s + _EDGE_S)
    last = np.maximum(stop - 1, begin)[:, None]
    steps = np.round(np.linspace(0, 1, _ALONG) * (last - begin[:, None])).astype(np.int64)
    rows = np.where((stop > begin)[:, None], begin[:, None] + steps, hits.row[:, None]).ravel()
    others = index.vectors(rows)
    at_s = (columns.starts_s[rows] + columns.ends_s[rows]) / 2 + np.repeat(query.spans_s[asked].mean(axis=1) - middles_s, _ALONG)
    along = query.windows_of(others, np.repeat(lengths_s, _ALONG), at_s, at_s)
    mean: NDArray[np.float64] = _of_pairs(units[along], others, weights).reshape(-1, len(hits), _ALONG).mean(axis=2)
    return mean


def _of_pairs(one_SD: NDArray[np.float32], other_SD: NDArray[np.float32], weights: Sequence[PartWeight]) -> NDArray[np.float64]:
    pairs = zip(_units(one_SD, weights), _units(other_SD, weights), strict=True)
    return np.stack([np.einsum("sd,sd->s", one, other) for one, other in pairs]).astype(np.float64)


def _lifted(cosines: NDArray[np.float64], scores: NDArray[np.float64], weights: Sequence[PartWeight]) -> NDArray[np.float64]:
    """Cosines (P, S), raised towards 1 until their weighted mean is the score, where that is higher: finer windows may have found
    the same footage where the nearest clip lies a little off it."""
    counting = np.array([part.weight for part in weights if part.weight > 0])
    own = counting / counting.sum() @ cosines
    lift = np.clip((scores - own) / np.maximum(1 - own, 1e-6), 0, 1)
    lifted: NDArray[np.float64] = cosines + lift * (1 - cosines)
    return lifted


def background_of(index: VectorIndex, selector: ClipSelector, weights: tuple[PartWeight, ...]) -> Background | None:
    """Of the clips whose lengths a selector allows, whatever else it says. None where there is too little footage. Worked out once
    for each state of the index.

    Where something moves in enough clips, those alone count: what stands still is unlike all of them, and would make every hit
    seem good. Else those that stand still count too, if they can be found.
    """
    anywhere = replace(selector, video_ids=None, exclude_video_ids=None, between_s=None, include_flagged=False)
    key = "background", anywhere, weights
    if key not in index.rows.kept:
        moving = _measured(index, replace(anywhere, empty_flag=LOW_INFORMATION), weights)
        index.rows.kept[key] = moving if moving is not None else _measured(index, anywhere, weights)
    found: Background | None = index.rows.kept[key]
    return found


def _measured(index: VectorIndex, selector: ClipSelector, weights: tuple[PartWeight, ...]) -> Background | None:
    rows = np.flatnonzero(index.rows.mask(selector).rows)
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), CLIPS)).astype(np.int64))]
    videos = index.rows.ids[rows] >> ORDINAL_BITS
    cosines = np.stack([part @ part.T for part in _units(index.vectors(rows), weights)])
    # A video and its copy, such as one file in two libraries, are not unlike one another at any second.
    number = np.unique(videos, return_inverse=True)[1]
    alike = np.eye(number.max(initial=0) + 1, dtype=np.bool_)
    one, other = np.nonzero((cosines >= IDENTICAL).all(axis=0))
    alike[number[one], number[other]] = True
    unlike = cosines[:, np.triu(~alike[number[:, None], number[None, :]])]
    return None if unlike.shape[1] < FEWEST_PAIRS else Background.of(unlike.astype(np.float64), weights)


def _likeness(cosines: NDArray[np.float64]) -> NDArray[np.float64]:
    likeness: NDArray[np.float64] = -np.log(np.maximum(1 - cosines, 1 - IDENTICAL))
    return likeness


def _together(cosines: NDArray[np.float64], weights: Sequence[PartWeight], parts: Sequence[Spread]) -> NDArray[np.float64]:
    """Weighted mean (n,) over the parts of how far above its median each part's likeness (P, n) is."""
    counts = np.array([part.weight for part in weights if part.weight > 0]) ** _EVENNESS
    above = np.stack([spread.deviations(part) for spread, part in zip(parts, _likeness(cosines), strict=True)])
    mean: NDArray[np.float64] = counts / counts.sum() @ above
    return mean


def _units(vectors: NDArray[np.float32], weights: Sequence[PartWeight]) -> list[NDArray[np.float32]]:
    """The parts of vectors (n, D) that count, each of length one."""
    parts = np.split(vectors, np.cumsum([part.dim for part in weights])[:-1], axis=1)
    counting = [part for part, weight in zip(parts, weights, strict=True) if weight.weight > 0]
    return [part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-6) for part in counting]
