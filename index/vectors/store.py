"""Keeps one vector index per encoder on disk, as a cache of the catalog that heals itself.

Opening reads the file and applies what the catalog's change log says happened since. A file that is missing, damaged, of another
encoder, or of a history this catalog does not have (one of the two was restored from a backup) is rebuilt from the catalog.
Failing to write it is not an error: searching goes on in memory.
"""

import logging
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from index.catalog.records import VideoClips
from index.vectors.faiss_index import EXACT_UP_TO, FaissIndex
from index.vectors.files import IndexMark, UnusableIndexFile, UnwritableIndex, read_index, write_index
from index.vectors.vector_index import VectorIndex, clip_ids

if TYPE_CHECKING:
    from index.catalog import Catalog
    from index.catalog.change_log import Snapshot

_SAVE_FROM_CLIPS = 2000  # so many unsaved clips are read from the catalog faster than a new file is written and synced ...
_SAVE_FROM_SHARE = 0.1  # ... and beyond, so large a share of the index
_SEARCH_SAVES_FROM_SHARE = (
    0.5  # a search writes only what an indexing run that was killed left undone, so that not all later ones read it
)
_BATCH_CLIPS = 50_000  # clips added at a time: the columns grow by copying, so not one video at a time

logger = logging.getLogger(__name__)


class VectorStore:
    """Vector indexes in a folder, which may be missing, read-only, damaged or full: search works nonetheless.

    exact_up_to: clips up to which search is exact (beyond: inverted lists). saves: whether files are written; where that cannot
    be, as in a folder that may only be read, trying would only be trouble. Safe to share between threads and processes.
    """

    def __init__(self, catalog: "Catalog", folder: Path, *, exact_up_to: int = EXACT_UP_TO, saves: bool = True) -> None:
        self._catalog = catalog
        self._folder = folder
        self._exact_up_to = exact_up_to
        self._saves = saves
        self._open: dict[int, tuple[FaissIndex, IndexMark]] = {}
        self._lock = threading.Lock()

    def open(self, encoder_id: int, *, save: bool = False) -> VectorIndex:
        """The index of one encoder, caught up with the catalog.

        save: whether to put what came since into its files, as an indexing run does at its end; without, that is done only where
        there are none, or where most of the clips are not in them.

        Raises UnknownEncoder, CatalogError. An index file that cannot be read or written is none: the log says what was done.
        """
        sha256 = self._catalog.vector_files_key(encoder_id)
        with self._lock, self._catalog.snapshot() as snapshot:
            index, known = self._caught_up(snapshot, encoder_id, sha256)
            mark = IndexMark(sha256, snapshot.revision, snapshot.token(snapshot.revision) or "")
            index.revision = mark.revision
            share = _SAVE_FROM_SHARE if save else _SEARCH_SAVES_FROM_SHARE
            if known is None or index.num_unsaved > max(_SAVE_FROM_CLIPS, share * len(index)):
                index = index.compacted(exact_up_to=self._exact_up_to)
                self._save(mark, index)
            self._open[encoder_id] = index, mark
            return index

    def _caught_up(self, snapshot: "Snapshot", encoder_id: int, sha256: str) -> tuple[FaissIndex, IndexMark | None]:
        """The index at the snapshot's state, and the mark it had before; None when it was built anew."""
        try:
            index, mark = self._open.get(encoder_id) or read_index(self._folder, sha256, snapshot.dim(encoder_id))
            if snapshot.token(mark.revision) != mark.token:
                raise UnusableIndexFile(f"it is of revision {mark.revision} of another history of the catalog")
        except UnusableIndexFile as reason:
            logger.info("Rebuilding the vector index of encoder %d from the catalog: %s.", encoder_id, reason)
            index = FaissIndex(snapshot.dim(encoder_id))
            _add(index, snapshot.all_clips(encoder_id))
            return index, None
        changed = snapshot.changed_videos(encoder_id, mark.revision)
        if changed:
            index.remove_videos(np.asarray(changed, np.int64))
            _add(index, snapshot.clips_of(encoder_id, changed))
        return index, mark

    def _save(self, mark: IndexMark, index: FaissIndex) -> None:
        if not self._saves:
            return
        try:
            write_index(self._folder, mark, index)
        except UnwritableIndex as reason:
            logger.warning(
                "The vector index could not be saved in %s: %s. Search works, but the next start has to rebuild it.",
                self._folder,
                reason,
            )


def _add(index: FaissIndex, videos: Iterable[VideoClips]) -> None:
    batch: list[VideoClips] = []
    waiting = 0
    for clips in videos:
        batch.append(clips)
        waiting += len(clips)
        if waiting >= _BATCH_CLIPS:
            _add_batch(index, batch)
            batch, waiting = [], 0
    _add_batch(index, batch)


def _add_batch(index: FaissIndex, batch: list[VideoClips]) -> None:
    if batch:
        index.add(
            np.concatenate([clip_ids(clips.video_id, len(clips)) for clips in batch]),
            np.concatenate([clips.vectors for clips in batch]),
            np.concatenate([clips.spans_s for clips in batch]),
            np.concatenate([clips.flags for clips in batch]),
        )
