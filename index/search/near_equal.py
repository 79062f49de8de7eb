"""Which moments of an answer are near equal: the same seconds of copies of one video, told from stored vectors."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from index.catalog.records import ORDINAL_BITS
from index.search.duplicates import CALM, SURE_SCORE, Scales
from index.search.query import SAME_LENGTH, Moment
from index.vectors.vector_index import VectorIndex

_AMONG = 200  # of so many moments each is compared with those before it: the pairs grow with the square
_SAME_PLACE = 0.25  # share of a clip's length by which the clip of a copy may lie beside the place that is looked for


def copies_of_earlier(
    index: VectorIndex,
    moments: Sequence[Moment],
    scales: Scales,
    still: Callable[[], NDArray[np.float32] | None],
    *,
    min_score: float,
) -> list[int]:
    """For each moment, best first, the place of the first one that it is a copy of; its own where it is none. Of the first 200.

    The nearest clip of the earlier moment is compared with the clip at the same place of the later one's video: each part of the
    vectors must have a cosine of min_score. still: gives the vector (D,) of a still picture, or None where vectors know how things
    look; clips like it must be as good as equal. It is called only if that matters.
    """
    first_of = list(range(len(moments)))
    rows = [_row_of(index, moment) for moment in moments[:_AMONG]]
    known = {at: index.vectors(np.array([row], np.int64))[0] for at, row in enumerate(rows) if row is not None}
    for later, moment in enumerate(moments[:_AMONG]):
        for earlier in range(later):
            row = rows[earlier]
            if first_of[earlier] != earlier or row is None or moments[earlier].video_id == moment.video_id:
                continue
            there = _row_at(index, moment.video_id, row, moment.start_s - moments[earlier].start_s)
            if there is None:
                continue
            copied = index.vectors(np.array([there], np.int64))[0]
            score = min(float(known[earlier] @ (copied if scale is None else copied * scale)) for scale in scales)
            if score >= min_score and (score >= SURE_SCORE or not _is_calm(known[earlier], still)):
                first_of[later] = earlier
                break
    return first_of


def _is_calm(vector: NDArray[np.float32], still: Callable[[], NDArray[np.float32] | None]) -> bool:
    reference = still()
    return reference is not None and float(vector @ reference) >= CALM


def _row_of(index: VectorIndex, moment: Moment) -> int | None:
    """The row of a moment's nearest clip; None where it has gone since."""
    return _first(
        index, moment.video_id, lambda there: index.rows.ids[there] == moment.video_id << ORDINAL_BITS | moment.clip_ordinal
    )


def _row_at(index: VectorIndex, video_id: int, row: int, behind_s: float) -> int | None:
    """The row of a video's clip as long as the one in `row` that lies so many seconds behind it; None where there is none."""
    rows = index.rows
    length_s = float(rows.ends_s[row] - rows.starts_s[row])

    def fits(there: NDArray[np.int64]) -> NDArray[np.bool_]:
        away_s = np.abs(rows.starts_s[there] - rows.starts_s[row] - behind_s)
        longer_s = np.abs(rows.ends_s[there] - rows.starts_s[there] - length_s)
        nearest: NDArray[np.bool_] = away_s <= min(_SAME_PLACE * length_s, away_s.min(initial=np.inf))
        return nearest & (longer_s <= SAME_LENGTH * length_s)

    return _first(index, video_id, fits)


def _first(index: VectorIndex, video_id: int, fits: Callable[[NDArray[np.int64]], NDArray[np.bool_]]) -> int | None:
    tracks = index.rows.tracks
    for track in tracks.of_video(video_id).tolist():
        there = np.arange(tracks.first[track], tracks.first[track + 1])
        there = there[index.rows.alive[there]]
        found = there[fits(there)]
        if len(found):
            return int(found[0])
    return None
