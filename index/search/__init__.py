"""From query clips to ranked moments. `docs/architecture.md` has the pipeline in ten lines; `find_moments` is those ten steps."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from index.catalog.records import LOW_INFORMATION, ORDINAL_BITS, PLAIN
from index.errors import EncoderMismatch
from index.search.background import false_alarm_rates
from index.search.bounds import Bounds
from index.search.clip_scoring import ClipScoring
from index.search.one_of_each import Answering, Look
from index.search.query import Filters, Moment, QueryClips
from index.search.sequence_scoring import SequenceScoring
from index.search.stored_query import moment_as_query
from index.search.temporal_nms import Segments, surviving, temporal_nms
from index.vectors.vector_index import ClipSelector, VectorIndex

if TYPE_CHECKING:
    from index.catalog import Catalog

__all__ = ["Filters", "Moment", "QueryClips", "find_moments", "moment_as_query"]

_NO_FILTERS = Filters()
_DEPTH_PER_HIT, _MIN_DEPTH = 8, 256  # neighbours asked for: several clips of one moment are neighbours together
_DEEPER = 4  # times as many when that gave too few moments
_SPARE = 20  # segments refined beyond twice those asked for: one that the finer windows raise can come up


def find_moments(
    catalog: "Catalog",
    vector_index: VectorIndex,
    encoder_id: int,
    query: QueryClips,
    *,
    k: int = 10,
    filters: Filters = _NO_FILTERS,
    one_per_video: bool = False,
    look: Look | None = None,
) -> list[Moment]:
    """The k best moments for a query, best first; fewer when there are not so many.

    one_per_video: only the best moment of each video. look: looks at files; a file that several rows stand for then answers once, a
    copy that is away stands back behind one that is there, and with one_per_video all copies are one video. None: every row of the
    catalog answers for itself. A query in which there is nothing to see finds nothing, unless the filters include such clips.
    Raises EncoderMismatch for vectors of another dimension, UnknownLibrary for a filter that names none, ValueError for k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}.")
    if query.vectors.shape[1] != vector_index.dim:
        raise EncoderMismatch(
            f"The query has {query.vectors.shape[1]} dimensions, the index {vector_index.dim}. Embed it with the library's encoder."
        )
    if query.has_nothing and not filters.include_flagged:
        return []
    selector = replace(_selector(catalog, filters), empty_flag=PLAIN if query.sees_look else LOW_INFORMATION)
    scoring = _scoring(vector_index, query, selector)
    answering = Answering(catalog, encoder_id, selector, look, copies=one_per_video)
    per_video = 1 if one_per_video else k
    best = Segments.none()
    for factor, depth in _attempts(scoring, k):
        segments = scoring.scored(factor, depth, k)
        answers = answering.first(segments, surviving(segments, per_video=per_video), 2 * k + _SPARE)
        best = temporal_nms(scoring.refined(answers), per_video=per_video, most=k)
        if len(best) >= k:
            break
    rates = false_alarm_rates(vector_index, query, best, scoring.comparable)
    return [_moment(vector_index, best, at, answering, rate) for at, rate in enumerate(rates)]


def _attempts(scoring: ClipScoring | SequenceScoring, k: int) -> Iterator[tuple[float, int]]:
    """By how much clips may differ in length, and how many neighbours to ask for: more and more, while that gives too few moments
    and there are more."""
    for factor in scoring.length_factors:
        depth = max(_MIN_DEPTH, _DEPTH_PER_HIT * k)
        yield factor, depth
        while depth < scoring.num_clips(factor):
            depth *= _DEEPER
            yield factor, depth


def _scoring(index: VectorIndex, query: QueryClips, selector: ClipSelector) -> ClipScoring | SequenceScoring:
    """By one clip over the whole query where it is short enough to be seen at once, else by its sequence of windows."""
    bounds = Bounds(index, selector.between_s)
    return SequenceScoring(index, query, selector, bounds) if query.whole is None else ClipScoring(index, query, selector, bounds)


def _selector(catalog: "Catalog", filters: Filters) -> ClipSelector:
    """The filters as the vector index takes them."""
    wanted = None if filters.video_ids is None else np.unique(np.asarray(filters.video_ids, np.int64))
    if filters.library is not None or filters.folder is not None:
        there = np.asarray(catalog.video_ids(library=filters.library, folder=filters.folder), np.int64)
        wanted = there if wanted is None else np.intersect1d(wanted, there)
    unwanted = None if filters.exclude_video_ids is None else np.asarray(filters.exclude_video_ids, np.int64)
    return ClipSelector(
        video_ids=wanted,
        exclude_video_ids=unwanted,
        between_s=filters.between_s,
        include_flagged=filters.include_flagged,
    )


def _moment(index: VectorIndex, segments: Segments, at: int, answering: Answering, false_alarm_rate: float | None) -> Moment:
    """A segment with what the catalog says of its video."""
    video_id, row = int(segments.video[at]), answering.row(int(segments.video[at]))
    end_s = float(segments.end_s[at]) if row.duration_s is None else min(float(segments.end_s[at]), row.duration_s)
    return Moment(
        video_id,
        row.path,
        row.library,
        round(float(segments.start_s[at]), 3),
        round(end_s, 3),
        min(1.0, float(segments.score[at])),
        int(index.rows.ids[segments.row[at]]) & ((1 << ORDINAL_BITS) - 1),
        bool(segments.flagged[at]),
        answering.is_away(video_id),
        false_alarm_rate,
    )
