"""Decoded training footage: each video once through embedder's reader, then memory-mapped small frames, within a limit.

A video is kept as stretches of consecutive frames spread over its whole length, so that an hour costs as little room as a minute.
Of a video for which there is no room an outline is kept, by which one stretch alone can be decoded again.

Shapes: N frames, H x W pixels.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from embedder.errors import VideoRejected
from embedder.reading_rules import READING_RULES
from embedder.worker_messages import StretchesDone, StretchesJob, StretchPlace, StretchPlan
from embedder.worker_process import replies_of
from pretrain import pulse
from pretrain.cache_remarks import Remark
from pretrain.frame_store import EntryName, Frames, FrameStore


@dataclass(frozen=True, kw_only=True)
class _Outline:
    """Where the stretches of a video begin, and what they held when all of it was read. num_frames: in all of them."""

    num_frames: int
    starts_s: tuple[float, ...]
    digests: tuple[str, ...]


class FrameCache:
    """Stretches of videos, from disk where they were decoded before. Safe for several processes at once.

    Whatever is on disk, a stretch holds the same frames.
    """

    def __init__(self, folder: Path, plan: StretchPlan, max_bytes: int, videos: Iterable[Path]) -> None:
        """videos: all that will be asked for. Removes what killed processes left unfinished."""
        self._plan = plan
        self._plan_word = _digest(f"{READING_RULES} {plan!r}", 4)
        own = (EntryName(video=_path_word(video), plan=self._plan_word, state="").prefix for video in videos)
        self._store = FrameStore(folder, max_bytes, frozenset(own))
        self._store.sweep()
        self._outlines: dict[EntryName, _Outline] = {}
        self._only_whole: set[EntryName] = set()

    def stretch(self, path: Path, where: float) -> Frames:
        """The stretch around the share `where`, in [0, 1), of the video's frames, uint8 (N, H, W, 3). Raises VideoRejected."""
        name = self._name(path)
        frames = self._store.load(name)
        if frames is None:
            alone = self._alone(path, name, where)
            if alone is not None:
                return alone
            frames = self._decoded(path, name)
        return _cut(frames, self._number(len(frames), where), self._plan.stretch_frames)

    def frames(self, path: Path) -> Frames:
        """All stretches of the video, uint8 (N, H, W, 3). Raises VideoRejected."""
        name = self._name(path)
        frames = self._store.load(name)
        return self._decoded(path, name) if frames is None else frames

    def take_remarks(self) -> list[Remark]:
        """What the user should know since the last call: that frames cannot be kept, and what would help."""
        return self._store.take_remarks()

    def _name(self, path: Path) -> EntryName:
        try:
            stat = path.stat()
        except OSError as error:
            raise VideoRejected(path, f"cannot be read ({error.strerror})", transient=True) from error
        state = _digest(repr((stat.st_size, stat.st_mtime_ns)), 8)
        return EntryName(video=_path_word(path), plan=self._plan_word, state=state)

    def _number(self, num_frames: int, where: float) -> int:
        """It goes by frame, so that a short last stretch comes as seldom as it is short."""
        return min(int(where * num_frames), num_frames - 1) // self._plan.stretch_frames

    def _decoded(self, path: Path, name: EntryName) -> Frames:
        """The whole video, kept if there is room, else its outline."""
        done = decode(path, self._plan)
        if not self._store.keep(name, done.frames):
            stretches = [_cut(done.frames, number, self._plan.stretch_frames) for number in range(len(done.starts_s))]
            digests = tuple(_digest(stretch.data, 16) for stretch in stretches)
            outline = _Outline(num_frames=len(done.frames), starts_s=done.starts_s, digests=digests)
            self._outlines[name] = outline
            self._store.write_outline(name, json.dumps(asdict(outline)))
        return done.frames

    def _alone(self, path: Path, name: EntryName, where: float) -> Frames | None:
        """One stretch of a video for which there is no room; None where all of it must be read."""
        if name in self._only_whole:
            return None
        outline = self._outlines.get(name) or _parsed(self._store.read_outline(name))
        if outline is None or self._store.has_room(outline.num_frames * self._plan.frame_bytes):
            return None
        self._outlines[name] = outline
        number = self._number(outline.num_frames, where)
        length = min(self._plan.stretch_frames, outline.num_frames - number * self._plan.stretch_frames)
        try:
            frames = decode(path, self._plan, StretchPlace(start_s=outline.starts_s[number], num_frames=length)).frames
        except VideoRejected:
            return None  # reading all of it tells the reason
        if _digest(frames.data, 16) == outline.digests[number]:
            return frames
        self._only_whole.add(name)  # in a file with odd time stamps a place may not be found again
        return None


def stretches_that_fit(plan: StretchPlan, num_videos: int, max_bytes: int) -> int:
    """How many stretches of each video a cache can hold: all that the plan has, or a half, a quarter ... of them, at least one.

    Counted as if every video were long. Halves, so that few more videos seldom make another plan, and a full cache useless.
    """
    count = plan.max_stretches
    while count > 1 and 0 < max_bytes < num_videos * count * plan.stretch_bytes:
        count = math.ceil(count / 2)
    return count


def decode(path: Path, plan: StretchPlan, only: StretchPlace | None = None) -> StretchesDone:
    """Decode a video from end to end, or one stretch of it, in a process of its own, which may crash or hang.

    Raises VideoRejected.
    """
    try:
        pulse.beat()
        (reply,) = replies_of(StretchesJob(path=path, plan=plan, only=only), on_alive=pulse.beat)
    except FileNotFoundError as error:
        raise VideoRejected(path, "is gone", transient=True) from error
    assert isinstance(reply, StretchesDone), f"{reply} is no answer to a StretchesJob"
    return reply


def _cut(frames: Frames, number: int, stretch_frames: int) -> Frames:
    return frames[number * stretch_frames : (number + 1) * stretch_frames]


def _path_word(path: Path) -> str:
    return _digest(os.fsencode(os.path.abspath(path)), 8)


def _digest(data: str | bytes | memoryview, num_bytes: int) -> str:
    return hashlib.blake2b(data.encode() if isinstance(data, str) else data, digest_size=num_bytes).hexdigest()


def _parsed(text: str | None) -> _Outline | None:
    """None for nothing, and for what is damaged."""
    try:
        values: dict[str, Sequence[float]] = json.loads(text or "{}")
        outline = _Outline(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})  # type: ignore[arg-type]
    except (ValueError, TypeError, AttributeError):
        return None
    return outline if outline.starts_s and len(outline.starts_s) == len(outline.digests) else None
