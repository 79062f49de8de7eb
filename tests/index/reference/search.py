"""The search as it was before: every clip of every candidate video is compared. What the one that is quick is held to."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from index.catalog.records import ORDINAL_BITS
from index.errors import EncoderMismatch
from index.search.query import Filters, Moment, QueryClips
from index.search.stored_query import moment_as_query
from index.search.video_view import VideoView
from index.vectors.vector_index import ClipSelector
from tests.index.reference.places import Place, collapse
from tests.index.reference.sequence_search import SequenceSearch
from tests.index.reference.whole_search import LENGTH_FACTORS, WholeClipSearch

if TYPE_CHECKING:
    from index.catalog import Catalog
    from index.catalog.records import VideoRow
    from index.vectors.vector_index import VectorIndex

__all__ = ["Filters", "Moment", "QueryClips", "find_moments", "moment_as_query"]

_NO_FILTERS = Filters()
_DEPTH_PER_HIT, _MIN_DEPTH = 4, 128  # neighbours asked for: several clips of one moment are neighbours together
_SIDE_DEPTH = 32  # neighbours of each finer window, which only name further videos
_DEEPER = 4  # times as many when that gave too few moments
_VIDEOS_PER_HIT, _MIN_VIDEOS = 8, 256  # candidate videos of a sequence that are compared exactly


def find_moments(
    catalog: "Catalog",
    vector_index: "VectorIndex",
    encoder_id: int,
    query: QueryClips,
    *,
    k: int = 10,
    filters: Filters = _NO_FILTERS,
    one_per_video: bool = False,
) -> list[Moment]:
    """The k best moments for a query, best first; fewer when there are not so many.

    one_per_video: only the best moment of each video.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}.")
    if query.vectors.shape[1] != vector_index.dim:
        raise EncoderMismatch(
            f"The query has {query.vectors.shape[1]} dimensions, the index {vector_index.dim}. Embed it with the library's encoder."
        )
    selector = _selector(catalog, filters)
    hunt = _Hunt(catalog, vector_index, encoder_id, selector, k, one_per_video)
    whole = query.whole_vector()
    levels = query.levels()
    if whole is None:
        search = SequenceSearch(query.duration_s, levels, include_flagged=filters.include_flagged)
        return hunt.moments(hunt.places(search))
    places: list[Place] = []
    for factor in LENGTH_FACTORS:
        places = hunt.places(
            WholeClipSearch(
                whole,
                query.parts_vector(),
                query.duration_s,
                levels,
                factor=factor,
                include_flagged=filters.include_flagged,
                scale=query.scale,
            )
        )
        if len(places) >= k:
            break
    return hunt.moments(places)


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


@dataclass(frozen=True)
class _Candidates:
    """Videos that the vector index named, best first. `floor`: no clip it left unnamed scores higher."""

    video_ids: list[int]
    floor: float


class _Hunt:
    """Asks deeper and deeper until there are k moments or nothing is left. Videos are read once."""

    def __init__(
        self,
        catalog: "Catalog",
        vector_index: "VectorIndex",
        encoder_id: int,
        selector: ClipSelector,
        k: int,
        one_per_video: bool,
    ) -> None:
        self._catalog = catalog
        self._index = vector_index
        self._encoder_id = encoder_id
        self._selector = selector
        self._k = k
        self._one_per_video = one_per_video
        self._rows: dict[int, VideoRow] = {}
        self._views: dict[int, VideoView] = {}

    def places(self, search: WholeClipSearch | SequenceSearch) -> list[Place]:
        """The best places, at most k, best first."""
        depth = max(_MIN_DEPTH, _DEPTH_PER_HIT * self._k)
        while True:
            candidates = self._candidates(search, depth)
            views = self._read(candidates.video_ids)
            per_video = 1 if self._one_per_video else self._k
            coarse = self._best(sorted(search.places(views, per_video), key=lambda place: place.order))
            # What lies below the floor may be outdone by a video that was not named yet.
            enough = sum(place.score >= candidates.floor for place in coarse) >= self._k
            if enough or candidates.floor == -np.inf:
                return self._refined(search, coarse)
            depth *= _DEEPER

    def moments(self, places: list[Place]) -> list[Moment]:
        """Places with what the catalog says of their videos."""
        return [
            Moment(
                place.video_id,
                self._rows[place.video_id].path,
                self._rows[place.video_id].library,
                round(place.start_s, 3),
                round(place.end_s, 3),
                min(1.0, place.score),
                place.ordinal,
                place.flagged,
            )
            for place in places
        ]

    def _candidates(self, search: WholeClipSearch | SequenceSearch, depth: int) -> _Candidates:
        floor = -np.inf
        depth = max(1, min(depth, len(self._index)))
        ballots: list[list[int]] = []
        for vectors, selector in search.questions:
            ballot, lowest = self._ask(vectors, selector, depth)
            ballots.append(ballot)
            floor = max(floor, lowest)
        if isinstance(search, SequenceSearch):
            # In turns, so that many short videos, found by their every level, cannot crowd out a long one found by its longest.
            best_first = _in_turns(ballots)
            most = max(_MIN_VIDEOS, _VIDEOS_PER_HIT * self._k)
            return _Candidates(best_first[:most], -np.inf if len(best_first) >= most else floor)
        ballots += [self._ask(vectors, selector, min(depth, _SIDE_DEPTH))[0] for vectors, selector in search.side_questions]
        return _Candidates(_in_turns(ballots), floor)

    def _ask(self, vectors: NDArray[np.float32], selector: ClipSelector, depth: int) -> tuple[list[int], float]:
        """Videos that the neighbours of all vectors vote for, best first; and the score that no unnamed clip exceeds."""
        votes: dict[int, float] = {}
        floor = -np.inf
        own = replace(self._selector, lengths_s=selector.lengths_s, whole_video=selector.whole_video)
        scores, ids = self._index.search(vectors, depth, own)
        for row_scores, row_ids in zip(scores, ids, strict=True):
            found = row_ids >= 0
            if not found.any():
                continue
            lowest = float(row_scores[found].min())
            if found.all() and depth < len(self._index):
                floor = max(floor, lowest)
            for video_id, score in _best_by_video(row_ids[found], row_scores[found]):
                votes[video_id] = votes.get(video_id, 0.0) + score - lowest + 1e-6
        return sorted(votes, key=lambda video_id: (-votes[video_id], video_id)), floor

    def _read(self, video_ids: list[int]) -> list[VideoView]:
        new = [video_id for video_id in video_ids if video_id not in self._views]
        if new:
            rows = self._catalog.videos_by_id(new)
            clips = self._catalog.clips_of(new, self._encoder_id)
            for video_id in new:  # a video may have gone since the vector index was opened
                row = rows.get(video_id)
                if row is not None and row.outcome == "indexed" and row.duration_s and video_id in clips:
                    self._rows[video_id] = row
                    self._views[video_id] = VideoView.of(clips[video_id], row.duration_s, self._selector.between_s)
        return [self._views[video_id] for video_id in video_ids if video_id in self._views]

    def _best(self, coarse: list[Place]) -> list[Place]:
        """So many of the best that k remain when some collapse, and that one the finer windows raise can come up."""
        return coarse[: 2 * self._k + 20]

    def _refined(self, search: WholeClipSearch | SequenceSearch, coarse: list[Place]) -> list[Place]:
        by_video: dict[int, list[Place]] = {}
        for place in coarse:
            by_video.setdefault(place.video_id, []).append(place)
        refined: Iterable[Place] = (
            place for video_id, places in by_video.items() for place in search.refined(self._views[video_id], places)
        )
        return collapse(refined)[: self._k]


def _in_turns(ballots: list[list[int]]) -> list[int]:
    """Videos of all ballots without repetition: the first of each, then the second of each, and so on."""
    turns = (video_id for turn in itertools.zip_longest(*ballots) for video_id in turn if video_id is not None)
    return list(dict.fromkeys(turns))


def _best_by_video(ids: NDArray[np.int64], scores: NDArray[np.float32]) -> Iterable[tuple[int, float]]:
    """(video, best score) of neighbours that come best first."""
    videos, first = np.unique(ids >> ORDINAL_BITS, return_index=True)
    return zip(videos.tolist(), scores[first].tolist(), strict=True)
