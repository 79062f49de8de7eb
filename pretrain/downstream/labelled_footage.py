"""Frames of labelled videos through the readers and the cache that training uses: bad videos are named, and the rest goes on.

Shapes: N frames, H x W pixels.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from embedder.errors import VideoRejected
from embedder.stretch_reader import most_stretches
from embedder.worker_messages import StretchPlan
from pretrain.frame_cache import FrameCache
from pretrain.frame_store import Frames

_AHEAD = 2
"""Videos decoded while the network is at work, each in a process of its own, of which two are kept from one video to the next."""


@dataclass(frozen=True, kw_only=True)
class LabelledFile:
    """A video, what it shows, and its scene: what it must not be parted from, its group, or its own path where it has none."""

    path: Path
    label: str
    scene: str


@dataclass(frozen=True, kw_only=True)
class CacheChoice:
    """folder: where decoded frames are kept. gigabytes: of them at most; what has no room is decoded at each visit."""

    folder: Path
    gigabytes: float = 8.0


class LabelledFootage:
    """What is kept of each video: the whole of it, or stretches spread over it where it is longer than the plan has room for."""

    def __init__(self, files: Sequence[LabelledFile], plan: StretchPlan, cache: CacheChoice) -> None:
        self._plan = plan
        self._cache = FrameCache(cache.folder, plan, int(cache.gigabytes * 1e9), [file.path for file in files])
        self._place_of = {file.path: place for place, file in enumerate(files)}
        self._reasons: dict[Path, str] = {}

    @property
    def rejected(self) -> list[tuple[str, str]]:
        """(path, reason) of the videos met so far that give no frames, in the order of the files."""
        return [(str(path), self._reasons[path]) for path in sorted(self._reasons, key=self._place_of.__getitem__)]

    def frames(self, path: Path) -> Frames | None:
        """uint8 (N, H, W, 3), N >= 1, in memory or mapped; None for a bad video. What may pass is tried twice."""
        if path in self._reasons:
            return None
        for trial in (1, 2):
            try:
                return self._cache.frames(path)
            except VideoRejected as error:
                if trial == 2 or not error.transient:
                    self._reasons[path] = error.reason
                    break
        return None

    def each(self, files: Sequence[LabelledFile]) -> Iterator[tuple[LabelledFile, Frames | None]]:
        """In this order, decoded a little ahead."""
        with ThreadPoolExecutor(_AHEAD, thread_name_prefix="footage") as pool:
            coming: deque[Future[Frames | None]] = deque()
            try:
                for place, file in enumerate(files):
                    ahead = files[place + len(coming) : place + _AHEAD + 1]
                    coming.extend(pool.submit(self.frames, one.path) for one in ahead)
                    yield file, coming.popleft().result()
            finally:
                for future in coming:
                    future.cancel()

    def run_frames(self, frames_NHWC: Frames) -> int:
        """After how many of a video's frames there may be a jump in time; as many as there are where nothing was left out."""
        size = self._plan.stretch_frames
        return len(frames_NHWC) if len(frames_NHWC) < size * most_stretches(self._plan) else size

    def stretches(self, frames_NHWC: Frames) -> list[Frames]:
        """The runs of consecutive frames that a video's frames consist of."""
        size = self.run_frames(frames_NHWC)
        return [frames_NHWC[first : first + size] for first in range(0, len(frames_NHWC), size)]

    def take_remarks(self) -> list[str]:
        """What the user should know about the cache since the last call, of each kind one sentence."""
        return list({remark.kind: remark.text for remark in self._cache.take_remarks()}.values())
