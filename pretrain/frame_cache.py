"""Decoded training footage: each video once through embedder's reader, then memory-mapped small frames, within a limit.

A video is kept as stretches of consecutive frames spread over its whole length, so that an hour costs as little room as a minute.

Shapes: N frames, H x W pixels.
"""

import hashlib
import math
import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedder.errors import VideoRejected
from embedder.worker_messages import StretchesDone, StretchesJob, StretchPlan
from embedder.worker_process import replies_of

Frames = NDArray[np.uint8]


class FrameCache:
    """Stretches of videos, from disk where they were decoded before. Safe for several processes at once."""

    def __init__(self, folder: Path, plan: StretchPlan, max_bytes: int) -> None:
        self._folder = folder
        self._plan = plan
        self._max_bytes = max_bytes

    def stretch(self, path: Path, rng: np.random.Generator) -> Frames:
        """A random stretch of the video, uint8 (N, H, W, 3); longer ones are likelier. Raises VideoRejected."""
        frames = self.frames(path)
        count = math.ceil(len(frames) / self._plan.stretch_frames)
        # The draw goes by frame, so that a short last stretch is drawn as seldom as it is short.
        chosen = int(rng.integers(len(frames))) // self._plan.stretch_frames if count > 1 else 0
        return frames[chosen * self._plan.stretch_frames : (chosen + 1) * self._plan.stretch_frames]

    def frames(self, path: Path) -> Frames:
        """All stretches of the video, uint8 (N, H, W, 3). Raises VideoRejected."""
        stored = self._folder / f"{self._key(path)}.npy"
        try:
            return np.asarray(np.load(stored, mmap_mode="r"), dtype=np.uint8)
        except FileNotFoundError:
            pass
        except (ValueError, EOFError):  # cut short by a full disk or a power cut: it is only a cache
            stored.unlink(missing_ok=True)
        frames = decode(path, self._plan)
        if self._room_for(frames.nbytes):
            _save_atomically(stored, frames)
        return frames

    def _key(self, path: Path) -> str:
        try:
            stat = path.stat()
        except OSError as error:
            raise VideoRejected(path, f"cannot be read ({error.strerror})") from error
        words = (str(path.resolve()), stat.st_size, stat.st_mtime_ns, self._plan)
        return hashlib.blake2b(repr(words).encode(), digest_size=16).hexdigest()

    def _room_for(self, num_bytes: int) -> bool:
        """When the cache is full, nothing is thrown out: in a run that visits videos in turn, that would throw out all of it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        used = sum(entry.stat().st_size for entry in os.scandir(self._folder) if entry.name.endswith(".npy"))
        return used + num_bytes <= self._max_bytes


def decode(path: Path, plan: StretchPlan) -> Frames:
    """Decode a video from end to end in a process of its own, which may crash or hang: uint8 (N, H, W, 3), N >= 1.

    Raises VideoRejected.
    """
    try:
        (reply,) = replies_of(StretchesJob(path=path, plan=plan))
    except FileNotFoundError as error:
        raise VideoRejected(path, "is gone") from error
    assert isinstance(reply, StretchesDone), f"{reply} is no answer to a StretchesJob"
    return reply.frames


def _save_atomically(out: Path, frames: Frames) -> None:
    """Best effort: without room on the disk the training goes on, decoding again at the next visit."""
    handle, temporary = tempfile.mkstemp(dir=out.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.save(file, frames)
        os.replace(temporary, out)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
