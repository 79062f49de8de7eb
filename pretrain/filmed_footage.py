"""Stretches of video files for frame tasks: which video's turn it is, and what happens when it is bad."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from embedder.errors import VideoRejected
from pretrain.cache_remarks import Remark
from pretrain.errors import TrainingDataError
from pretrain.frame_cache import FrameCache
from pretrain.frame_source import FrameSource, StoredFrames
from pretrain.frame_store import Frames
from pretrain.run_files import Rejected

PAUSE_S = 2.0
"""Before a second trial of what may pass: a full memory, a disk that is away for a moment."""

NO_MORE_PAUSES = 5
"""So many videos in a row that failed also the second time: what it is does not pass quickly."""


class FilmedFootage:
    """Every video once in each round, each round in another order."""

    def __init__(self, videos: Sequence[Path], cache: FrameCache, seed: int) -> None:
        self._videos = list(videos)
        self._cache = cache
        self._seed = seed
        self._bad: dict[int, Rejected] = {}
        self._round = (-1, np.empty(0, np.int64))
        self._failed_in_a_row = 0

    def stretch(self, index: int, rng: np.random.Generator) -> tuple[FrameSource, list[Rejected]]:
        """A stretch of the video whose turn it is; when that is bad, of the next good one, and the bad ones by name.

        A failure that may pass counts when it comes twice. Raises TrainingDataError when no video is good.
        """
        met: list[Rejected] = []
        where = float(rng.random())  # drawn once: how often a video fails must not change what is drawn after
        round_number, place = divmod(index, len(self._videos))
        order = self._order(round_number)
        for turn in range(len(order)):
            video = int(order[(place + turn) % len(order)])
            if video not in self._bad:
                try:
                    return StoredFrames(self._read(self._videos[video], where)), met
                except VideoRejected as error:
                    self._bad[video] = Rejected(str(error.path), error.reason)
            met.append(self._bad[video])
        raise TrainingDataError(
            f"none of the {len(order)} videos can be used; the first: {met[0].path}: {met[0].reason}. Give other videos."
        )

    def take_remarks(self) -> list[Remark]:
        """What the user should know about the cache since the last call."""
        return self._cache.take_remarks()

    def _read(self, path: Path, where: float) -> Frames:
        try:
            frames = self._cache.stretch(path, where)
        except VideoRejected as error:
            if not error.transient:
                raise
            frames = self._read_again(path, where)
        self._failed_in_a_row = 0
        return frames

    def _read_again(self, path: Path, where: float) -> Frames:
        if self._failed_in_a_row < NO_MORE_PAUSES:
            time.sleep(PAUSE_S)
        self._failed_in_a_row += 1
        return self._cache.stretch(path, where)

    def _order(self, round_number: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """The videos in the order of this round."""
        if self._round[0] != round_number:
            shuffled = np.random.default_rng([self._seed, round_number]).permutation(len(self._videos))
            self._round = (round_number, shuffled)
        return self._round[1]
