"""Use case: which videos are copies of one another, which one to keep, and what else they share. Nothing is decoded.

Files with the same content are found by hash, near copies (encoded anew, resized, cropped a little, with a logo) by the stored
vectors. Only files that are there and unchanged since they were indexed take part: nobody should delete one for what it once was.
"""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import BadQuery, WrongValue
from app.given_path import GivenPath, absolute_path, given_path
from app.on_disk import look_at
from app.search_scope import searchable_encoder
from app.still_pictures import still_vector
from app.workspace import Workspace
from embedder.reading_rules import KEY_FRAMES_ALONE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.catalog.records import VideoRow
    from index.search.duplicates import Comparison
    from index.vectors.vector_index import VectorIndex

COPY_SCORE = 0.88
"""From this mean cosine on, two videos are copies. Chosen on drawn videos (`benchmarks/duplicate_threshold.py`): of 4,660
pairs that are none, and in which something moves, the most similar has 0.82."""
MOMENT_SCORE = 0.8
"""From this cosine on, clips of two videos show the same footage. Lower than for whole videos: the clips of a shared moment lie
between one another, and there is no whole video to tell by. Chosen likewise, on drawn videos that were spliced."""
_KEPT_FOR = ("largest picture", "longest", "largest file", "oldest")
_NO_DIFFERENCE = "equal in all, first by path"


@dataclass(frozen=True, kw_only=True)
class DuplicateVideo:
    """A file in a group of duplicates.

    libraries, other_paths: all libraries that hold it, and further ways to the same file; they are no copies. size in bytes, width
    and height in pixels as shown, modified: when the file was last changed. score: mean cosine with the one to keep, 1 is the same,
    of the part of the vectors that agrees least. identical: it has the very content of the one to keep.
    """

    video_id: int
    path: Path
    libraries: tuple[str, ...]
    other_paths: tuple[Path, ...]
    size: int
    width: int | None
    height: int | None
    duration_s: float | None
    modified: datetime
    score: float
    identical: bool

    def to_dict(self) -> dict[str, Any]:
        """Everything, for CSV."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class DuplicateGroup:
    """Videos that are copies of `keep`: the largest picture, of those the longest, of those the largest file, of those the oldest.
    kept_for: which of these decided."""

    keep: DuplicateVideo
    others: tuple[DuplicateVideo, ...]
    kept_for: str


@dataclass(frozen=True, kw_only=True)
class MomentInTwoVideos:
    """The same seconds, at least 3 of them, in two videos that are no duplicates; right to about a second. score: as above."""

    video_id: int
    path: Path
    start_s: float
    end_s: float
    other_video_id: int
    other_path: Path
    other_start_s: float
    other_end_s: float
    score: float

    def to_dict(self) -> dict[str, Any]:
        """Everything, for CSV."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class DuplicateReport:
    """Groups of duplicates, the one that frees most bytes first; and moments that others share, the longest first, None where
    nobody asked for them. Of a group, only the one to keep is looked through for moments.

    compared: how many files took part. without_vectors: of these, how many have no clips of this encoder, or of their key frames
    alone (`vret index --quick`), so that only files of their very content were found. away, changed: files that took no part, for
    they are not there now, or have changed since they were indexed. parted: pairs of files that are marked as no duplicates.
    """

    groups: list[DuplicateGroup]
    moments: list[MomentInTwoVideos] | None
    encoder: str
    min_score: float
    compared: int
    without_vectors: int
    away: int
    changed: int
    parted: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _File:
    """One real file. row: the video that stands for it; rows: all that do."""

    row: "VideoRow"
    rows: tuple["VideoRow", ...]

    @property
    def id(self) -> int:
        return self.row.id

    @property
    def content(self) -> object:
        """Equal for files with the same content; of one whose content is not known, it alone."""
        return self.row.content_hash or self.row.id

    @property
    def merits(self) -> tuple[float, float, float, float]:
        """By which the one to keep is chosen, the best first, in the order of `_KEPT_FOR`. A frame more or less is no merit."""
        picture = (self.row.width or 0) * (self.row.height or 0)
        return -picture, -round(self.row.duration_s or 0.0, 1), -self.row.size, self.row.mtime_ns


def find_duplicates(
    ws: Workspace,
    *,
    library: str | None = None,
    encoder_name: str | None = None,
    min_score: float | None = None,
    moments: bool = False,
) -> DuplicateReport:
    """Groups of videos that are copies of one another, in one library or in all.

    min_score: from which mean cosine on videos are copies, 0 to 1; None for COPY_SCORE, and for moments MOMENT_SCORE. Of an encoder
    whose vectors hold movement and look, both must reach it. moments: also look for seconds that videos share which are no
    copies. Pairs that `part_videos` marked are never in one group.
    Raises WrongValue (min_score), NotIndexed, UnknownLibrary, UnknownEncoder, EncoderError, ProviderUnavailable, CatalogError.
    """
    return _Search(ws, library, encoder_name, min_score).report(moments)


def part_videos(ws: Workspace, paths: Sequence[GivenPath], *, undo: bool = False) -> int:
    """Remembers that no two of some videos are duplicates, or takes that back. Returns how many pairs of files that was new of.

    paths: two or more indexed videos. Raises BadQuery (not indexed, the same file twice), WrongValue (fewer than two), BadPath,
    CatalogError.
    """
    if len(paths) < 2:
        raise WrongValue(f"Say which videos are no duplicates of one another: two paths or more, got {len(paths)}.")
    files = [(absolute_path(path), _indexed_file(ws, path)) for path in paths]
    pairs = list(combinations(files, 2))
    for (path, one), (other_path, other) in pairs:
        if one & other:
            raise BadQuery(f"{path} and {other_path} are one file. Name two videos.")
    change = ws.catalog.remove_not_duplicates if undo else ws.catalog.put_not_duplicates
    return sum(change(sorted(one), sorted(other)) > 0 for (_, one), (_, other) in pairs)


def part_scales(ws: Workspace, encoder_name: str | None) -> "tuple[NDArray[np.float32] | None, ...]":
    """What vectors are multiplied by to get the cosine of each of their parts alone: float32 (D,) each, (None,) where there is one
    part. Colours are left out: a copy may have been given others. (Candidates are found by whole vectors, colours and all.)

    Raises UnknownEncoder, EncoderError."""
    from embedder.encoder_card import COLOUR
    from embedder.vector_parts import query_scale

    parts = ws.encoder_facts(encoder_name).card.parts
    if len(parts) < 2:
        return (None,)
    return tuple(query_scale(parts, {part.name: float(part is one) for part in parts}) for one in parts if one.name != COLOUR)


class _Search:
    """One search for duplicates."""

    def __init__(self, ws: Workspace, library: str | None, encoder_name: str | None, min_score: float | None) -> None:
        from index.search import Filters

        self.began = time.perf_counter()
        self.ws, self.encoder_name = ws, encoder_name
        self.min_score = COPY_SCORE if min_score is None else float(min_score)
        self.moment_score = MOMENT_SCORE if min_score is None else float(min_score)
        if not 0 <= self.min_score <= 1:
            raise WrongValue(f"The score from which videos are copies (--min-score) must be 0 to 1, got {self.min_score:g}.")
        encoder_id = searchable_encoder(ws, encoder_name, Filters(library=library))
        self.index: VectorIndex = ws.vectors(encoder_id)
        self.still = still_vector(ws, encoder_name)
        # Not by key frames alone: two films with the same title card at their beginning are no copies.
        by_key_frames = ws.catalog.videos_read_by(encoder_id, KEY_FRAMES_ALONE)
        self.with_vectors = frozenset(self.index.rows.tracks.videos.tolist()).difference(by_key_frames)
        self.away = self.changed = 0
        self.files = self._real_files(ws.catalog.videos(library, outcome="indexed"))
        parted = ws.catalog.not_duplicates()
        file_of = {row.id: file.id for file in self.files.values() for row in file.rows}
        known = [(file_of[one], file_of[other]) for one, other in parted if one in file_of and other in file_of]
        self.parted = {(min(pair), max(pair)) for pair in known}

    def report(self, with_moments: bool) -> DuplicateReport:
        import numpy as np

        from index.search.duplicates import VideoPair, group_copies

        order = sorted(self.files, key=lambda number: (self.files[number].merits, str(self.files[number].row.path)))
        first_of: dict[object, int] = {}  # content -> the file with it that is compared for all
        for number in sorted(order, key=lambda number: number not in self.with_vectors):
            first_of.setdefault(self.files[number].content, number)
        seen = np.array(sorted(set(first_of.values()) & self.with_vectors), np.int64)
        comparison = self._comparison()
        near = self._near(comparison, seen)
        alike: dict[int, set[int]] = {number: set() for number in order}
        for one, other in (*near, *((first_of[self.files[number].content], number) for number in order)):
            if one != other:
                alike[one].add(other)
                alike[other].add(one)

        def pair(one: int, other: int) -> VideoPair:
            low, high = sorted(first_of[self.files[number].content] for number in (one, other))
            if low == high:
                return VideoPair(low, low, 0.0, 1.0)
            if not comparison.may_be_copies(low, high):
                return VideoPair(low, high, 0.0, -math.inf)
            return comparison.pairs(low, {high: near.get((low, high), 0.0)})[0]

        def matches(one: int, other: int) -> bool:
            return pair(one, other).is_copy(self.min_score)

        groups = [
            self._group(members, [pair(members[0], member).score for member in members])
            for members in group_copies(order, alike, matches, self.parted)
        ]
        groups.sort(key=lambda group: (-sum(video.size for video in group.others), str(group.keep.path)))
        spare = {video.video_id for group in groups for video in group.others}
        single = np.array([number for number in seen.tolist() if number not in spare], np.int64)
        return DuplicateReport(
            groups=groups,
            moments=self._moments(single) if with_moments else None,
            encoder=self.encoder_name or self.ws.settings.encoder_name,
            min_score=self.min_score,
            compared=len(self.files),
            without_vectors=sum(first_of[file.content] not in self.with_vectors for file in self.files.values()),
            away=self.away,
            changed=self.changed,
            parted=len(self.parted),
            seconds=time.perf_counter() - self.began,
        )

    def _real_files(self, rows: "Iterable[VideoRow]") -> dict[int, _File]:
        """Every file once, by the number of the video that stands for it."""
        by_file: dict[object, list[VideoRow]] = {}
        for row in rows:
            sight = look_at(row)
            if sight.file is None:
                self.away += 1
            elif not sight.as_indexed:
                self.changed += 1
            else:
                by_file.setdefault(sight.file, []).append(row)
        ordered = (sorted(own, key=lambda row: (row.id not in self.with_vectors, row.id)) for own in by_file.values())
        return {own[0].id: _File(own[0], tuple(own)) for own in ordered}

    def _comparison(self) -> "Comparison":
        from index.search.duplicates import Comparison

        durations_s = {number: file.row.duration_s or 0.0 for number, file in self.files.items()}
        return Comparison(self.index, durations_s, part_scales(self.ws, self.encoder_name), self.still)

    def _near(self, comparison: "Comparison", seen: "NDArray[np.int64]") -> dict[tuple[int, int], float]:
        """Pairs of files that are copies, the lower number first, and by how many seconds the second lies behind."""
        import numpy as np

        from index.search.duplicates import candidate_offsets

        likely = {
            (one, other): float(np.median(offsets))
            for (one, other), offsets in candidate_offsets(self.index, seen, min_score=self.min_score).items()
            if comparison.may_be_copies(one, other)
        }
        by_one: dict[int, dict[int, float]] = {}
        for (one, other), offset in likely.items():
            by_one.setdefault(one, {})[other] = offset
        return {
            (one, other): offsets[other]
            for one, offsets in by_one.items()
            for other, pair in zip(offsets, comparison.pairs(one, offsets), strict=True)
            if pair.is_copy(self.min_score)
        }

    def _moments(self, single: "NDArray[np.int64]") -> list[MomentInTwoVideos]:
        from index.search.shared_moments import shared_moments

        scales = part_scales(self.ws, self.encoder_name)
        found = shared_moments(
            self.index,
            single,
            scales,
            min_score=self.moment_score,
            still=self.still,
            apart=self.parted,
        )
        return [
            MomentInTwoVideos(
                video_id=moment.one,
                path=self.files[moment.one].row.path,
                start_s=round(moment.one_span_s[0], 2),
                end_s=round(moment.one_span_s[1], 2),
                other_video_id=moment.other,
                other_path=self.files[moment.other].row.path,
                other_start_s=round(moment.other_span_s[0], 2),
                other_end_s=round(min(moment.other_span_s[1], self.files[moment.other].row.duration_s or math.inf), 2),
                score=round(min(1.0, moment.score), 4),
            )
            for moment in found
        ]

    def _group(self, members: Sequence[int], scores: Sequence[float]) -> DuplicateGroup:
        files = [self.files[member] for member in members]
        videos = [_video(file, score, file.content == files[0].content) for file, score in zip(files, scores, strict=True)]
        differs = [name for name, own, next_ in zip(_KEPT_FOR, files[0].merits, files[1].merits, strict=True) if own != next_]
        return DuplicateGroup(keep=videos[0], others=tuple(videos[1:]), kept_for=differs[0] if differs else _NO_DIFFERENCE)


def _video(file: _File, score: float, identical: bool) -> DuplicateVideo:
    row = file.row
    return DuplicateVideo(
        video_id=row.id,
        path=row.path,
        libraries=tuple(sorted({one.library for one in file.rows})),
        other_paths=tuple(sorted({one.path for one in file.rows} - {row.path})),
        size=row.size,
        width=row.width,
        height=row.height,
        duration_s=row.duration_s,
        modified=datetime.fromtimestamp(row.mtime_ns / 1e9, UTC),
        score=round(min(1.0, score), 4),
        identical=identical,
    )


def _indexed_file(ws: Workspace, path: GivenPath) -> set[int]:
    """The numbers of all videos that stand for the file at a path. Raises BadQuery, BadPath."""
    found = ws.catalog.find_video(given_path(path))
    if found is None or found.outcome != "indexed":
        why = "is not indexed" if found is None else f"is {found.outcome}"
        raise BadQuery(f"{absolute_path(path)} {why}. Name a video that was indexed: vret videos --outcome indexed")
    here = look_at(found).file
    alike = ws.catalog.rows_like([found])
    return {row.id for row in alike if row.path == found.path or (here is not None and look_at(row).file == here)}
