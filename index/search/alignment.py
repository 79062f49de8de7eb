"""How well a query's windows fit a video at an offset, and at which offset they fit best; for many segments at once.

An offset is the second of the video at which the query's first second would lie. Each clip of the video that lies inside the
query's place is compared with the query as it was at that clip's middle, interpolated between the two nearest query windows;
the mean of these cosines is the fit. So it is exact wherever windows meet exactly, and order counts.

Shapes: S segments, n clips near a segment (padded), m query windows, L offsets of a segment.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.catalog.serialization import is_flagged
from index.search.query import QueryLevel
from index.vectors.vector_index import ClipSelector, VectorIndex

IDENTICAL = 0.999
"""A cosine so high says that windows met exactly: nothing to interpolate."""
_RIM = 0.02  # share of a clip's length by which a clip may lie outside the first and last query window
_EDGE_S = 0.01
_MIN_UNFLAGGED = 0.5  # a place is worth showing if at least this share of its clips shows something
_MOST_CELLS = 2_000_000  # offsets x clips, or clips x windows, that are in memory at a time


@dataclass(frozen=True)
class LevelClips:
    """The clips of one level near each segment.

    rows int64 (S, n) of the index. valid bool (S, n): False where a row is padding. centres_s float64 (S, n) ascending. flagged
    bool (S, n): nothing to see.
    cosines float32 (S, n, m): of each clip with each window of the level.
    """

    level: QueryLevel
    rows: NDArray[np.int64]
    valid: NDArray[np.bool_]
    centres_s: NDArray[np.float64]
    flagged: NDArray[np.bool_]
    cosines: NDArray[np.float32]


def clips_near(
    index: VectorIndex,
    level: QueryLevel,
    track: NDArray[np.int64],
    low_s: NDArray[np.float64],
    high_s: NDArray[np.float64],
    selector: ClipSelector,
) -> LevelClips:
    """Of each track (S,), or -1 for none, the living clips whose middle lies within [low_s, high_s], (S,) each. selector: of it
    count the seconds that clips must lie within, and which of them are empty."""
    columns = index.rows
    half_s = columns.tracks.length_s[track] / 2 * (track >= 0)
    begin, stop = columns.starting_between(track, low_s - half_s - _EDGE_S, high_s - half_s + _EDGE_S)
    most = int((stop - begin).max(initial=0))
    rows = begin[:, None] + np.arange(most)
    valid = rows < stop[:, None]
    rows = np.where(valid, rows, 0)
    valid &= columns.alive[rows]
    if selector.between_s is not None:
        begin_s, end_s = selector.between_s
        valid &= (columns.starts_s[rows] >= begin_s - _EDGE_S) & (columns.ends_s[rows] <= end_s + _EDGE_S)
    distinct, place = np.unique(rows[valid], return_inverse=True)
    cosines = np.zeros((*rows.shape, len(level.centres_s)), np.float32)
    cosines[valid] = (index.vectors(distinct) @ level.vectors.T)[place]
    centres = (columns.starts_s[rows] + columns.ends_s[rows]) / 2
    return LevelClips(level, rows, valid, centres, is_flagged(columns.flags[rows], selector.empty_flag), cosines)


def fit_at(
    clips: LevelClips, offsets_s: NDArray[np.float64], *, include_flagged: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How well the level fits at offsets (S, L): mean cosines float64 (S, L), -inf where nothing can be compared, and the share
    of the compared clips that show nothing."""
    scores, flagged = np.full(offsets_s.shape, -np.inf), np.zeros(offsets_s.shape)
    together = max(1, _MOST_CELLS // max(1, offsets_s.shape[1] * clips.valid.shape[1]))
    for start in range(0, len(offsets_s), together):
        part = slice(start, start + together)
        scores[part], flagged[part] = _fit_block(clips, part, offsets_s[part], include_flagged)
    return scores, flagged


def _fit_block(
    clips: LevelClips, part: slice, offsets_SL: NDArray[np.float64], include_flagged: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    queries = clips.level.centres_s
    rim_s = _RIM * clips.level.length_s
    second_SLn = clips.centres_s[part][:, None, :] - offsets_SL[:, :, None]
    inside = clips.valid[part][:, None, :] & (second_SLn >= queries[0] - rim_s) & (second_SLn <= queries[-1] + rim_s)
    cosines = clips.cosines[part]
    if len(queries) == 1:
        cosine = np.broadcast_to(cosines[:, None, :, 0], second_SLn.shape)
    else:
        right = np.clip(np.searchsorted(queries, second_SLn), 1, len(queries) - 1)
        weight = np.clip((second_SLn - queries[right - 1]) / (queries[right] - queries[right - 1]), 0, 1)
        segment = np.arange(len(cosines))[:, None, None]
        clip = np.arange(cosines.shape[1])[None, None, :]
        between = (1 - weight) * cosines[segment, clip, right - 1] + weight * cosines[segment, clip, right]
        cosine = between.astype(np.float32)
    flagged = np.broadcast_to(clips.flagged[part][:, None, :], inside.shape) & inside
    used = inside if include_flagged else inside & ~flagged
    count, counted = inside.sum(axis=2), used.sum(axis=2)
    total = np.where(used, cosine, 0.0).sum(axis=2)
    scores = np.divide(total, counted, out=np.full(total.shape, -np.inf), where=counted > 0)
    share = np.divide(flagged.sum(axis=2), count, out=np.zeros(total.shape), where=count > 0)
    if not include_flagged:
        scores[1 - share < _MIN_UNFLAGGED] = -np.inf
    return scores, share


def refine(
    index: VectorIndex,
    levels: Sequence[tuple[QueryLevel, NDArray[np.int64]]],
    around_s: NDArray[np.float64],
    radius_s: NDArray[np.float64],
    *,
    selector: ClipSelector,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The best offset of each segment within a radius (S,), and the mean cosine there; (around_s, -inf) where no level can tell.

    levels: from the coarsest to the finest, each with the track (S,) that holds its clips, or -1. The finest must be able to tell;
    coarser ones may be silent.
    """
    offsets, scores = around_s.copy(), np.full(len(around_s), -np.inf)
    if not levels or not len(around_s):
        return offsets, scores
    finest = levels[-1][0]
    widest = float(radius_s.max())
    cells = (widest * 2 / finest.hop_s + 4) * max(1.0, (finest.centres_s[-1] + 2 * widest) / (finest.length_s / 2))
    together = max(1, int(_MOST_CELLS / (cells * max(1, len(finest.centres_s) / 8))))
    for start in range(0, len(around_s), together):
        part = slice(start, start + together)
        own = [(level, track[part]) for level, track in levels]
        offsets[part], scores[part] = _refine_block(index, own, around_s[part], radius_s[part], selector)
    return offsets, scores


def _refine_block(
    index: VectorIndex,
    levels: Sequence[tuple[QueryLevel, NDArray[np.int64]]],
    around_s: NDArray[np.float64],
    radius_s: NDArray[np.float64],
    selector: ClipSelector,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    near = []
    for level, track in levels:
        reach_s = radius_s + level.hop_s + _RIM * level.length_s + 1e-3
        low_s, high_s = around_s - reach_s + level.centres_s[0], around_s + reach_s + level.centres_s[-1]
        near.append(clips_near(index, level, track, low_s, high_s, selector))
    finest = near[-1]
    step_s = finest.level.hop_s
    # Offsets at which the windows meet the finest clips exactly: those of the first clip, and on in steps of a window.
    some = finest.valid.any(axis=1)
    clip = finest.valid.argmax(axis=1)
    meeting = finest.centres_s[np.arange(len(clip)), clip] - finest.level.centres_s[0] if finest.valid.shape[1] else around_s
    begin = np.where(some, meeting + np.ceil((around_s - radius_s - meeting - 1e-6) / step_s) * step_s, around_s)
    steps = np.arange(int(np.ceil(2 * radius_s.max() / step_s)) + 1)
    offsets = begin[:, None] + steps * step_s
    latest_s = np.where(some, around_s + radius_s, -np.inf)
    allowed = offsets <= latest_s[:, None] + 1e-6
    scores = np.where(allowed, _mean_fit(near, offsets, selector.include_flagged), -np.inf)
    best = np.lexsort((np.abs(offsets - around_s[:, None]), -scores), axis=1)[:, 0]
    segment = np.arange(len(best))
    score, offset = scores[segment, best], offsets[segment, best]
    beside = _mean_fit(near, np.stack([offset - step_s, offset + step_s], axis=1), selector.include_flagged)
    shift = np.where(score < IDENTICAL, step_s * peak_shift(beside[:, 0], score, beside[:, 1]), 0.0)
    told = np.isfinite(score)
    return np.where(told, offset + shift, around_s), np.where(told, score, -np.inf)


def _mean_fit(near: Sequence[LevelClips], offsets_s: NDArray[np.float64], include_flagged: bool) -> NDArray[np.float64]:
    """Mean over levels of the fit at each offset, float64 (S, L)."""
    fits = np.stack([fit_at(clips, offsets_s, include_flagged=include_flagged)[0] for clips in near])
    known = np.isfinite(fits)
    summed = np.where(known, fits, 0.0).sum(axis=0)
    mean: NDArray[np.float64] = np.divide(summed, known.sum(axis=0), out=np.full(offsets_s.shape, -np.inf), where=known[-1])
    return mean


def peak_shift(before: NDArray[np.float64], at: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where between its neighbours each peak lies: -0.5 to 0.5 steps, by the parabola through three equally spaced values."""
    with np.errstate(invalid="ignore"):
        bend = 2 * at - before - after
        round_top = np.isfinite(bend) & (bend > 1e-9)
        slope = np.where(round_top, after - before, 0.0)
    shift: NDArray[np.float64] = np.clip(slope / (2 * np.where(round_top, bend, 1.0)), -0.5, 0.5)
    return shift
