"""Decoded training footage: each video once through embedder's reader, then memory-mapped small frames, within a limit.

A video is kept as stretches of consecutive frames spread over its whole length, so that an hour costs as little room as a minute.

Shapes: N frames, H x W pixels.
"""

import hashlib
import math
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedder.errors import VideoRejected
from embedder.frame_scaler import FrameScaler
from embedder.video_file import open_video

Frames = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class StretchPlan:
    """How a video becomes stretches.

    size_px: frames are squashed to size_px x size_px, as the encoder's default geometry does. max_frame_rate_hz: quicker videos are
    thinned by a whole factor. stretch_frames, max_stretches: at most so many stretches of so many frames.
    """

    size_px: int
    max_frame_rate_hz: float
    stretch_frames: int
    max_stretches: int


class FrameCache:
    """Stretches of videos, from disk where they were decoded before. Safe for several processes at once."""

    def __init__(self, folder: Path, plan: StretchPlan, max_bytes: int) -> None:
        self._folder = folder
        self._plan = plan
        self._max_bytes = max_bytes

    def stretch(self, path: Path, rng: np.random.Generator) -> Frames:
        """A random stretch of the video, uint8 (N, H, W, 3); longer ones are likelier. Raises VideoRejected."""
        frames = self._frames(path)
        count = math.ceil(len(frames) / self._plan.stretch_frames)
        # The draw goes by frame, so that a short last stretch is drawn as seldom as it is short.
        chosen = int(rng.integers(len(frames))) // self._plan.stretch_frames if count > 1 else 0
        return frames[chosen * self._plan.stretch_frames : (chosen + 1) * self._plan.stretch_frames]

    def _frames(self, path: Path) -> Frames:
        stored = self._folder / f"{self._key(path)}.npy"
        try:
            return np.asarray(np.load(stored, mmap_mode="r"), dtype=np.uint8)
        except FileNotFoundError:
            pass
        except (ValueError, EOFError):  # cut short by a full disk or a power cut: it is only a cache
            stored.unlink(missing_ok=True)
        frames = read_stretches(path, self._plan)
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


def read_stretches(path: Path, plan: StretchPlan) -> Frames:
    """Decode a video from end to end and keep stretches of it, evenly spread: uint8 (N, H, W, 3), N >= 1. Raises VideoRejected.

    How long the video is, is only known at its end. So every stretch is kept at first; each time there are twice too many, every
    second one is dropped, and from then on only every second is read. Memory: 2 * max_stretches stretches.
    """
    kept: list[list[Frames]] = []
    every = 1
    with open_video(path) as video:
        scaler = FrameScaler(plan.size_px, plan.size_px, "squash", video.pixel_aspect)
        last_s = -math.inf
        taken = -1
        for timed in video.frames():
            # Half a millisecond of grace: containers round their stamps.
            if timed.time_s - last_s < 1 / plan.max_frame_rate_hz - 5e-4:
                continue
            last_s = timed.time_s
            taken += 1
            number, place = divmod(taken, plan.stretch_frames)
            if number % every:
                continue
            if place == 0:
                if len(kept) == 2 * plan.max_stretches:
                    kept = kept[::2]
                    every *= 2  # this stretch's number, 2 * max_stretches * the old factor, is a multiple of it
                kept.append([])
            kept[-1].append(scaler.picture(timed.frame))
    kept = kept[:: math.ceil(len(kept) / plan.max_stretches)]
    # Only the last stretch may be short, so that the borders can be found again in one array.
    return np.stack([picture for stretch in kept for picture in stretch])


def _save_atomically(out: Path, frames: Frames) -> None:
    """Best effort: without room on the disk the training goes on, decoding again at the next visit."""
    handle, temporary = tempfile.mkstemp(dir=out.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.save(file, frames)
        os.replace(temporary, out)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
