"""One result for one video, however many rows of the catalog stand for it.

The same file may be in several libraries, and be reached by links; a copy is another file with the same content. What lies on the
disk is told by who searches (`Look`): the catalog alone cannot know it.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from index.catalog.records import VideoRow
from index.search.temporal_nms import Segments
from index.vectors.vector_index import ClipSelector

if TYPE_CHECKING:
    from index.catalog import Catalog


@dataclass(frozen=True)
class Sight:
    """What is at a video's path. file: which file it is, equal for every way to it; None when it is away. size: its bytes.
    as_indexed: it has the size and the time of change that it had when it was indexed."""

    file: Hashable | None
    size: int = 0
    as_indexed: bool = True


Look = Callable[[VideoRow], Sight]
"""Looks at a video's file. Asked once for a video and search."""


class Answering:
    """Which videos answer, and what the catalog says of them.

    Rows of the catalog are one video when they are the same file, or when one is away and the other has its content; with
    `copies`, whenever they have the same content. One row answers for a video: one whose file is there, unchanged, and of those
    the oldest. look: None takes every row for a video of its own. Only rows that the selector lets through, and of which there are
    vectors of this encoder, can answer for others.
    """

    def __init__(self, catalog: "Catalog", encoder_id: int, selector: ClipSelector, look: Look | None, *, copies: bool) -> None:
        self._catalog = catalog
        self._encoder_id = encoder_id
        self._wanted = None if selector.video_ids is None else set(np.asarray(selector.video_ids).tolist())
        self._unwanted = set() if selector.exclude_video_ids is None else set(np.asarray(selector.exclude_video_ids).tolist())
        self._look = look
        self._copies = copies
        self._rows: dict[int, VideoRow] = {}
        self._asked: set[int] = set()
        self._alike: dict[Hashable, dict[int, VideoRow]] = {}
        self._sights: dict[int, Sight] = {}
        self._taken: dict[Hashable, int] = {}
        self._answers: dict[int, bool] = {}

    def first(self, segments: Segments, order: Iterator[int], most: int) -> Segments:
        """The first `most` of segments, in this order, whose videos answer."""
        kept: list[int] = []
        while len(kept) < most and (some := list(islice(order, most))):
            self._read(segments.video[some].tolist())
            kept += [at for at in some if self._answers_for_itself(int(segments.video[at]))]
        return segments[np.array(kept[:most], np.int64)]

    def row(self, video_id: int) -> VideoRow:
        """What the catalog says of a video that answers."""
        return self._rows[video_id]

    def is_away(self, video_id: int) -> bool:
        """Whether the file of a video that answers is not at its path; False where nobody looks."""
        return self._look is not None and self._sight(self._rows[video_id]).file is None

    def _read(self, video_ids: Iterable[int]) -> None:
        new = [video_id for video_id in dict.fromkeys(video_ids) if video_id not in self._asked]
        self._asked.update(new)
        rows = self._catalog.videos_by_id(new)
        self._rows.update(rows)
        if self._look is None or not rows:
            return
        # A file that changed may be known as it is now to another library, by another way to it.
        changed = {sight.size for sight in map(self._sight, rows.values()) if sight.file is not None and not sight.as_indexed}
        for row in (*rows.values(), *self._catalog.rows_like(rows.values(), self._encoder_id, sizes=changed)):
            if row.id not in self._unwanted and (self._wanted is None or row.id in self._wanted):
                for key in self._keys(row):
                    self._alike.setdefault(key, {})[row.id] = row

    def _answers_for_itself(self, video_id: int) -> bool:
        if video_id not in self._answers:
            row = self._rows.get(video_id)  # a video may have gone since the vector index was opened
            self._answers[video_id] = row is not None and row.outcome == "indexed" and (self._look is None or self._is_chosen(row))
        return self._answers[video_id]

    def _is_chosen(self, row: VideoRow) -> bool:
        rivals = [rival for key in self._keys(row) for rival in self._alike[key].values()]
        chosen = min((rival for rival in rivals if self._is_one(row, rival)), key=self._order)
        file = self._sight(row).file
        # A file whose content has changed since one library indexed it has two contents in the catalog.
        return chosen.id == row.id and (file is None or self._taken.setdefault(file, row.id) == row.id)

    def _is_one(self, row: VideoRow, other: VideoRow) -> bool:
        if row.id == other.id or (self._copies and row.content_hash and row.content_hash == other.content_hash):
            return True
        here, there = self._sight(row).file, self._sight(other).file
        return here == there or here is None or there is None

    def _order(self, row: VideoRow) -> tuple[bool, bool, int]:
        sight = self._sight(row)
        return sight.file is None, not sight.as_indexed, row.id

    def _sight(self, row: VideoRow) -> Sight:
        assert self._look is not None
        if row.id not in self._sights:
            self._sights[row.id] = self._look(row)
        return self._sights[row.id]

    def _keys(self, row: VideoRow) -> list[Hashable]:
        """Rows that share none of these are different videos."""
        file = self._sight(row).file
        return [
            ("path", row.path),
            *([("content", row.content_hash)] if row.content_hash else []),
            *([("file", file)] if file is not None else []),
        ]
