"""One result for one video, however many rows of the catalog stand for it.

The same file may be in several libraries, and be reached by links; a copy is another file with the same content. What lies on the
disk is told by who searches (`Look`): the catalog alone cannot know it.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from index.places import Place
from index.records import VideoRow


@dataclass(frozen=True)
class Sight:
    """What is at a video's path. file: which file it is, equal for every way to it; None when it is away. as_indexed: it has the
    size and the time of change that it had when it was indexed."""

    file: Hashable | None
    as_indexed: bool = True


Look = Callable[[VideoRow], Sight]
"""Looks at a video's file. Asked once for a video and search."""


class OneOfEach:
    """Chooses the row that answers for a video: one whose file is there, unchanged, and of those the oldest.

    Rows are one video when they are the same file, or when one is away and the other has its content; with `copies`, whenever they
    have the same content.
    """

    def __init__(self, look: Look, *, copies: bool) -> None:
        self._look = look
        self._copies = copies
        self._sights: dict[int, Sight] = {}

    def is_away(self, row: VideoRow) -> bool:
        return self._sight(row).file is None

    def distinct(self, places: Iterable[Place], rows: Mapping[int, VideoRow]) -> Iterator[Place]:
        """The places less those of rows for which another row answers, in their order. rows: of these places, and perhaps more."""
        places = list(places)
        alike: dict[Hashable, list[VideoRow]] = {}
        for video_id in dict.fromkeys(place.video_id for place in places):
            row = rows[video_id]
            for key in _keys(row):
                alike.setdefault(key, []).append(row)
        answers: dict[int, bool] = {}
        taken: dict[Hashable, int] = {}
        for place in places:
            row = rows[place.video_id]
            if row.id not in answers:
                rivals = [rival for key in _keys(row) for rival in alike[key]]
                chosen = min((rival for rival in rivals if self._is_one(row, rival)), key=self._order)
                file = self._sight(row).file
                # A file whose content has changed since one library indexed it has two contents in the catalog.
                answers[row.id] = chosen.id == row.id and (file is None or taken.setdefault(file, row.id) == row.id)
            if answers[row.id]:
                yield place

    def _is_one(self, row: VideoRow, other: VideoRow) -> bool:
        if row.id == other.id or (self._copies and row.content_hash and row.content_hash == other.content_hash):
            return True
        here, there = self._sight(row).file, self._sight(other).file
        return here == there or here is None or there is None

    def _order(self, row: VideoRow) -> tuple[bool, bool, int]:
        sight = self._sight(row)
        return sight.file is None, not sight.as_indexed, row.id

    def _sight(self, row: VideoRow) -> Sight:
        if row.id not in self._sights:
            self._sights[row.id] = self._look(row)
        return self._sights[row.id]


def _keys(row: VideoRow) -> list[Hashable]:
    """Rows that share none of these are different videos."""
    return [("path", row.path), *([("content", row.content_hash)] if row.content_hash else [])]
