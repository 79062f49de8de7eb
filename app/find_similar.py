"""Use case: a clip goes in, the most similar moments come out."""

import os
import shlex
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from app.clip_times import check_range
from app.errors import BadQuery, BadRange, WrongValue
from app.given_path import GivenPath, absolute_path, given_path
from app.on_disk import look_at
from app.part_weights import check_sees_look, chosen_look, look_of_pictures, weighed
from app.search_scope import searchable_encoder
from app.workspace import Workspace
from embedder.errors import EncoderError, QueryTooLong, VideoRejected
from embedder.reading_rules import KEY_FRAMES_ALONE, READING_RULES, SAME_UNLESS_DAMAGED
from index.errors import NoClips, UnknownVideo

if TYPE_CHECKING:
    from index.catalog.records import VideoRow
    from index.search import Filters, Moment, QueryClips
    from index.vectors.vector_index import VectorIndex


Strength = Literal["strong", "possible", "weak"]
STRONG, POSSIBLE = 0.02, 0.1
"""False-alarm rates below which a hit is called so."""
MIN_QUERY_S = 0.1
_EMPTY, _STILL_OR_EMPTY = "it is black or one colour", "it is black, frozen or one colour"
_ALL_BY_LOOK = "all videos are indexed by their look only so far (--quick), so that alone is compared; vret index reads them whole"
_MOST_COLLAPSED = 160  # moments that are looked through to fill up an answer of which copies have fallen together


@dataclass(frozen=True, kw_only=True)
class ClipQuery:
    """Seconds [start_s, end_s) of any video file, indexed or not; None means from its start, to its end."""

    path: GivenPath
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class MomentQuery:
    """A moment of an indexed video, by its number or its path. Needs no decoding: the stored vectors are the query.

    at_s: a second within the moment, or its start when `end_s` is given.
    """

    video_id: int | None = None
    path: GivenPath | None = None
    at_s: float = 0.0
    end_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class PictureQuery:
    """A still picture: a file (JPEG, PNG, WebP, BMP, HEIC, AVIF), or with at_s the frame that is on screen at that second of a
    video file. Only its look is compared, and it has no length: it is found in the clips that look like it.
    """

    path: GivenPath
    at_s: float | None = None


CANNOT_BE_ASKED = (BadQuery, VideoRejected, QueryTooLong, NoClips, UnknownVideo, FileNotFoundError)
"""What `find_similar` raises where it is the query that cannot be asked with: its file or video is gone, broken or too long."""


@dataclass(frozen=True, kw_only=True)
class EmbeddedQuery:
    """A query that was read and embedded: asked again with other options, it answers at once.

    encoder_id: the catalog's number of the encoder whose vectors these are. name: what messages call it. provider, warnings,
    num_examples, num_unlike: as a `SearchResult` has them.
    """

    clips: "QueryClips"
    encoder_id: int
    name: str = "The query"
    provider: str | None = None
    warnings: tuple[str, ...] = ()
    num_examples: int = 1
    num_unlike: int = 0


Query = ClipQuery | MomentQuery | PictureQuery
"""What can be searched by, alone or as one of several examples."""


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A moment that answers the query. score: cosine, 1 is the same; where look counts w, it is (1 - w) times that of the movement
    plus w times that of the look. clip_ordinal: its nearest clip, for the thumbnail. missing: the file is not at its path now.
    copies: how many moments of copies of the video, found besides, stand behind it; 0 where they were not asked to be one.
    false_alarm_rate: how likely it is that the best match among as many unrelated videos is at least this similar, 0 to 1. Movement
    and look are judged one by one, so it need not rise where the score falls. None where the library is too small to tell.
    """

    rank: int
    video_id: int
    path: Path
    library: str
    start_s: float
    end_s: float
    score: float
    clip_ordinal: int
    flagged: bool
    missing: bool = False
    copies: int = 0
    false_alarm_rate: float | None = None

    @property
    def strength(self) -> Strength | None:
        """How much the hit can be relied on: strong, possible, or weak, which is what a query finds that nothing is like."""
        if self.false_alarm_rate is None:
            return None
        return "strong" if self.false_alarm_rate < STRONG else "possible" if self.false_alarm_rate < POSSIBLE else "weak"


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """Hits, best first, and how they were found.

    query_s: length of the query; of several examples their median, of a picture that of the clips it is compared with. provider:
    ONNX Runtime's execution provider, None when no decoding was needed. num_examples, num_unlike: what the query was made of.
    query_vectors: how many vectors the query became. look: how much look counted against movement, 0 to 1; None where the encoder's
    vectors have one part. best_score: of the best moment, also where min_score leaves it out; None where there is none. warnings:
    what is odd about the query. notes: what is odd about the videos that are searched.
    """

    hits: list[Hit]
    query_s: float
    query_vectors: int
    encoder: str
    seconds: float
    provider: str | None = None
    look: float | None = None
    warnings: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())
    num_examples: int = 1
    num_unlike: int = 0
    best_score: float | None = None

    @property
    def has_good_match(self) -> bool:
        """Whether some hit is more than what a query finds that nothing is like; also where that cannot be told."""
        return any(hit.strength != "weak" for hit in self.hits)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON; paths are text."""
        return asdict(self) | {"hits": [asdict(hit) | {"path": str(hit.path), "strength": hit.strength} for hit in self.hits]}


def find_similar(
    ws: Workspace,
    query: Query | EmbeddedQuery | Sequence[Query | EmbeddedQuery],
    *,
    unlike: Sequence[Query | EmbeddedQuery] = (),
    encoder_name: str | None = None,
    k: int = 10,
    filters: "Filters | None" = None,
    one_per_video: bool = False,
    every_file: bool = False,
    look: float | None = None,
    collapse_copies: bool = False,
    leave_out: "Callable[[Moment], bool] | None" = None,
    min_score: float | None = None,
) -> SearchResult:
    """The k most similar moments.

    query: one, or several examples, clips, moments and pictures in any mix, for what they have in common; unlike: examples of
    what is not meant. `app.combine_examples.combine` says how they become one query. The examples may be among the hits.
    A file answers once, in however many libraries it is and by whatever links it is reached. one_per_video: only the best moment of
    each video; copies are one video. every_file: every file of every library answers for itself, whether it is there or not.
    look: how much look counts against movement, 0 to 1, of an encoder whose vectors hold both; None for the default, or for 1 of a
    query in which nothing moves. Pictures alone are compared with 1. min_score: moments whose score is below are left out.
    collapse_copies: near-equal moments of several videos (encoded anew, resized, ...) are one hit that tells how many they are.
    leave_out: returns True for moments that must not be results, such as the query itself.
    Raises BadRange (seconds that cannot be, also in the filters), BadPath, WrongValue (k below 1, look outside of 0 to 1, min_score
    outside of -1 to 1), BadQuery (not an indexed video, no video in the folder, look with an encoder of one part, a picture with
    an encoder that sees no look or with another look than 1, no example, one of several that is too long), NotIndexed (nothing to
    search in), VideoRejected (unreadable query), UnknownEncoder, UnknownLibrary, CatalogError.
    """
    from index.search import Filters, find_moments

    began = time.perf_counter()
    if k < 1:
        raise WrongValue(f"The number of hits must be at least 1, got {k}.")
    if min_score is not None and not -1 <= min_score <= 1:
        raise WrongValue(f"The lowest score (--min-score) must be -1 to 1, got {min_score:g}.")
    filters = _checked(filters if filters is not None else Filters())
    examples = [query] if isinstance(query, Query | EmbeddedQuery) else list(query)
    is_still = bool(examples) and all(_is_still(one) for one in examples)
    asked_look, look = look, (look_of_pictures if is_still else chosen_look)(ws, encoder_name, look)
    embedded = (
        examples[0]
        if len(examples) == 1 and not unlike and isinstance(examples[0], EmbeddedQuery)
        else embed_for_search(ws, examples, unlike=unlike, encoder_name=encoder_name, filters=filters)
    )
    encoder_id = searchable_encoder(ws, encoder_name, filters)
    if embedded.encoder_id != encoder_id:
        raise EncoderError(f"{ws.encoder_path(encoder_name)} is another encoder than the query was embedded with. Search again.")
    warnings = embedded.warnings
    notes: tuple[str, ...] = ()
    index = ws.vectors(encoder_id)
    older = ws.catalog.count_read_before(encoder_id, READING_RULES, same_from=SAME_UNLESS_DAMAGED)
    if asked_look is None and look is not None and look < 1:
        if embedded.clips.stands_still:
            look = 1.0
            warnings += ("nothing moves in the query, so it is compared by its look alone",)
        elif 0 < len(index.rows.tracks.videos) <= older.get(KEY_FRAMES_ALONE, 0):
            look = 1.0
            older.pop(KEY_FRAMES_ALONE)
            notes += (_ALL_BY_LOOK,)
    clips = weighed(ws, encoder_name, embedded.clips, look)

    def best(most: int) -> "list[Moment]":
        sight = None if every_file else look_at
        return find_moments(ws.catalog, index, encoder_id, clips, k=most, filters=filters, one_per_video=one_per_video, look=sight)

    found = _chosen(ws, encoder_name, index, best, k, leave_out, collapse_copies=collapse_copies)
    hits = [
        Hit(
            rank=rank,
            video_id=moment.video_id,
            path=Path(moment.path),
            library=moment.library,
            start_s=moment.start_s,
            end_s=moment.end_s,
            score=moment.score,
            clip_ordinal=moment.clip_ordinal,
            flagged=moment.flagged,
            missing=moment.missing,
            copies=copies,
            false_alarm_rate=moment.false_alarm_rate,
        )
        for rank, (moment, copies) in enumerate(found, start=1)
    ]
    return SearchResult(
        hits=[hit for hit in hits if min_score is None or hit.score >= min_score],
        query_s=clips.duration_s,
        query_vectors=len(clips.vectors),
        encoder=encoder_name or ws.settings.encoder_name,
        seconds=time.perf_counter() - began,
        provider=embedded.provider,
        look=look,
        warnings=(*warnings, *_of_blank(clips, filters)),
        notes=(*notes, *_of_older_reading(older)),
        num_examples=embedded.num_examples,
        num_unlike=embedded.num_unlike,
        best_score=hits[0].score if hits else None,
    )


def _chosen(
    ws: Workspace,
    encoder_name: str | None,
    index: "VectorIndex",
    best: "Callable[[int], list[Moment]]",
    k: int,
    leave_out: "Callable[[Moment], bool] | None",
    *,
    collapse_copies: bool,
) -> "list[tuple[Moment, int]]":
    """The k best moments that are not left out, each with its number of copies. With collapse_copies, no moment is a copy of
    another one. best: returns the given number of moments, best first."""
    if not collapse_copies and leave_out is None:
        return [(moment, 0) for moment in best(k)]
    copies_of = _copies_of(ws, encoder_name, index) if collapse_copies else lambda moments: list(range(len(moments)))
    most = k + 1  # one more, up to which the copies of the last are counted
    while True:
        moments = best(most)
        is_all = len(moments) < most
        moments = [moment for moment in moments if leave_out is None or not leave_out(moment)]
        first_of = copies_of(moments)
        behind = Counter(first for at, first in enumerate(first_of) if first != at)
        firsts = [at for at, first in enumerate(first_of) if first == at]
        if len(firsts) > k or is_all or most >= _MOST_COLLAPSED:
            return [(moments[at], behind[at]) for at in firsts[:k]]
        most = min(2 * most, _MOST_COLLAPSED)


def _copies_of(ws: Workspace, encoder_name: str | None, index: "VectorIndex") -> "Callable[[Sequence[Moment]], list[int]]":
    """Maps each moment to the place of the earlier one that it is a copy of, or to its own."""
    from app.find_duplicates import COPY_SCORE, part_scales
    from app.still_pictures import still_vector
    from index.search.near_equal import copies_of_earlier

    scales = part_scales(ws, encoder_name)
    still = cache(partial(still_vector, ws, encoder_name))
    return lambda moments: list(copies_of_earlier(index, moments, scales, still, min_score=COPY_SCORE))


def _is_still(query: Query | EmbeddedQuery) -> bool:
    return query.clips.is_still if isinstance(query, EmbeddedQuery) else isinstance(query, PictureQuery)


def _of_blank(clips: "QueryClips", filters: "Filters") -> tuple[str, ...]:
    if not clips.has_nothing:
        return ()
    what = f"there is nothing to see in the query: {_EMPTY if clips.sees_look else _STILL_OR_EMPTY}"
    return (what if filters.include_flagged else f"{what}, so nothing is like it. Include empty footage to search anyway",)


def embed_for_search(
    ws: Workspace,
    query: Query | Sequence[Query | EmbeddedQuery],
    *,
    unlike: Sequence[Query | EmbeddedQuery] = (),
    encoder_name: str | None = None,
    filters: "Filters | None" = None,
) -> EmbeddedQuery:
    """Reads and embeds a query, or takes the stored vectors of a moment, for one or more calls of `find_similar` with this encoder.

    query, unlike: as in `find_similar`; those of several that are embedded already are not read again. filters: where the first
    search will look; there must be something. Raises what `find_similar` does.
    """
    from index.search import Filters

    examples = [query] if isinstance(query, Query) else list(query)
    if not examples:
        raise BadQuery("There is no example to search by. Give at least one, besides what is to be unlike it.")
    for one in (*examples, *unlike):
        _check_seconds(one)
    encoder_id = searchable_encoder(ws, encoder_name, filters if filters is not None else Filters())
    if any(_is_still(one) for one in (*examples, *unlike)):
        check_sees_look(ws, encoder_name)
    liked = [_embedded(ws, one, encoder_name, encoder_id) for one in examples]
    if len(liked) == 1 and not unlike:
        return liked[0]
    return _combined(ws, encoder_name, liked, [_embedded(ws, one, encoder_name, encoder_id) for one in unlike])


def _check_seconds(query: Query | EmbeddedQuery) -> None:
    """Raises BadRange."""
    if isinstance(query, ClipQuery):
        check_range(query.start_s, query.end_s)
    elif isinstance(query, MomentQuery):
        check_range(query.at_s, query.end_s)
    elif isinstance(query, PictureQuery):
        check_range(query.at_s, None)


def _embedded(ws: Workspace, query: Query | EmbeddedQuery, encoder_name: str | None, encoder_id: int) -> EmbeddedQuery:
    if isinstance(query, EmbeddedQuery):
        if query.encoder_id != encoder_id:
            raise EncoderError(
                f"{ws.encoder_path(encoder_name)} is another encoder than an example was embedded with. Search again."
            )
        return query
    if isinstance(query, MomentQuery):
        return _stored(ws, query, encoder_id)
    return _embed(ws, query, encoder_name, encoder_id)


def _combined(
    ws: Workspace, encoder_name: str | None, liked: Sequence[EmbeddedQuery], disliked: Sequence[EmbeddedQuery]
) -> EmbeddedQuery:
    """Several examples as one query, and what is odd about each."""
    from app.combine_examples import Example, combine, nothing_to_see

    positive, negative = ([Example(one.name, one.clips) for one in some] for some in (liked, disliked))
    card = ws.encoder_facts(encoder_name).card
    every = (*liked, *disliked)
    return EmbeddedQuery(
        clips=combine(positive, negative, card),
        encoder_id=liked[0].encoder_id,
        name="The examples",
        provider=next((one.provider for one in every if one.provider), None),
        warnings=(*(f"{one.name}: {text}" for one in every for text in one.warnings), *nothing_to_see(positive, negative, card)),
        num_examples=len(liked),
        num_unlike=len(disliked),
    )


def _of_older_reading(older: Mapping[int, int]) -> tuple[str, ...]:
    """Notes on videos whose clips were not made by today's rules of reading. older: how many, by the version of their rules."""
    by_key_frames = older.get(KEY_FRAMES_ALONE, 0)
    by_older_rules = sum(older.values()) - by_key_frames
    notes = []
    if by_key_frames:
        notes.append(f"{by_key_frames} video(s) are indexed by their look only so far (--quick); vret index reads them whole")
    if by_older_rules:
        notes.append(f"{by_older_rules} video(s) were indexed by an older vret, which may have read them wrongly; run vret index")
    return tuple(notes)


def _embed(ws: Workspace, query: ClipQuery | PictureQuery, encoder_name: str | None, encoder_id: int) -> EmbeddedQuery:
    from embedder.embed_query import embed_picture, embed_query
    from index.search import QueryClips

    path = absolute_path(query.path)
    if os.path.isdir(path):
        raise BadQuery(f"{path} is a folder. Give one video file of it.")
    if not os.path.isfile(path):  # unlike Path.is_file it bears names too long and folders that may not be entered
        raise BadQuery(f"There is no file {path}.")
    start_s = 0.0 if isinstance(query, PictureQuery) else query.start_s or 0.0
    end_s = None if isinstance(query, PictureQuery) else query.end_s
    if end_s is not None:
        _check_length(end_s - start_s)
    encoder = ws.encoder(encoder_name)
    if ws.encoder_id(encoder_name) != encoder_id:
        raise EncoderError(f"{encoder.path} was replaced by another encoder during the search. Search again.")
    if isinstance(query, PictureQuery):
        embedded = embed_picture(path, encoder, at_s=query.at_s)
    else:
        embedded = embed_query(path, encoder, start_s=query.start_s, end_s=query.end_s)
    if start_s > 0:  # a whole file may be as short as it is; a rest of one this short is a slip
        _check_length(embedded.duration_s)
    clips = QueryClips(
        embedded.duration_s,
        embedded.spans_s,
        embedded.vectors,
        embedded.whole,
        dense=embedded.dense,
        parts=embedded.parts,
        is_blank=embedded.is_low_information,
        is_plain=embedded.is_plain,
        is_whole_video=isinstance(query, ClipQuery) and query.start_s is None and query.end_s is None,
        is_still=isinstance(query, PictureQuery),
    )
    cut = _cut_short(end_s, embedded.begin_s + embedded.duration_s)
    warnings = (*embedded.warnings, *cut)
    return EmbeddedQuery(clips=clips, encoder_id=encoder_id, name=str(path), provider=encoder.provider, warnings=warnings)


def _checked(filters: "Filters") -> "Filters":
    """The filters with an absolute folder. Raises BadRange, BadPath."""
    if filters.between_s is not None:
        try:
            check_range(*filters.between_s)
        except BadRange as error:
            raise BadRange(f"Where to search (between_s): {error}") from error
    return filters if filters.folder is None else replace(filters, folder=absolute_path(filters.folder))


def _check_length(seconds: float) -> None:
    if seconds < MIN_QUERY_S - 1e-6:
        raise BadQuery(
            f"A query must last at least {MIN_QUERY_S} s, so that something can move in it; this one has {max(seconds, 0):.2f} s. "
            "Begin earlier or end later."
        )


def _cut_short(asked_end_s: float | None, end_s: float) -> tuple[str, ...]:
    """What to say of a range that reaches past the end of its video. Lengths are often given rounded: that is no slip."""
    if asked_end_s is None or asked_end_s <= end_s + MIN_QUERY_S:
        return ()
    return (f"the video ends at {end_s:.2f} s, so the query ends there and not at {asked_end_s:.2f} s",)


def _stored(ws: Workspace, query: MomentQuery, encoder_id: int) -> EmbeddedQuery:
    from index.search import moment_as_query

    video = _video(ws, query)
    clips = moment_as_query(ws.catalog, encoder_id, video.id, query.at_s, query.end_s)
    warnings = _cut_short(query.end_s, video.duration_s or 0.0)
    return EmbeddedQuery(clips=clips, encoder_id=encoder_id, name=str(video.path), warnings=warnings)


def _video(ws: Workspace, query: MomentQuery) -> "VideoRow":
    """The video that a moment is of. Raises BadQuery, which says what is in the way, and UnknownVideo for a number."""
    if query.video_id is not None:
        return ws.catalog.video(query.video_id)
    if query.path is None:
        raise BadQuery("A moment needs a video: give its number or its path.")
    path = absolute_path(query.path)
    found = ws.catalog.find_video(given_path(query.path))
    if found is None:
        raise BadQuery(_not_indexed(path))
    if found.outcome in ("broken", "not-video"):
        raise BadQuery(f"{path} could not be indexed: {found.reason}. Choose one that was: vret videos --outcome indexed")
    return found


def _not_indexed(path: Path) -> str:
    if os.path.isdir(path):
        return f"{path} is a folder. Give one video file of it."
    if not os.path.exists(path):
        return f"There is no file {path}, and none was indexed from there. What is indexed: vret videos"
    return f"{path} is not indexed. Search by the file itself: vret search {shlex.quote(str(path))} (or index its folder first)"
