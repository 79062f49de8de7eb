"""Read a video into stretches of consecutive frames, to train on. Runs inside a decode worker."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from embedder.clip_reader import ALIVE_EVERY_S
from embedder.errors import VideoRejected
from embedder.frame_scaler import FrameScaler
from embedder.video_file import open_video
from embedder.video_seek import open_at
from embedder.worker_messages import Alive, StretchesDone, StretchesJob, StretchPlace, StretchPlan

Frames = NDArray[np.uint8]

KEPT_BYTES = 640 * 2**20
"""Frames that a worker holds at most: half of its memory, the other half is the codec's."""

_GRACE_S = 5e-4  # containers round their stamps


@dataclass
class _Stretch:
    start_s: float
    pictures: list[Frames] = field(default_factory=list)


def read_stretches(job: StretchesJob) -> Iterator[Alive | StretchesDone]:
    """The stretches of a video, or the one that the job names; in between, once a second, a sign of life.

    Raises VideoRejected, FileNotFoundError.
    """
    yield from _read_all(job) if job.only is None else _read_one(job, job.only)


def most_stretches(plan: StretchPlan) -> int:
    """As many as the plan says, but fewer of large pictures: twice as many are held while a video is read."""
    return max(1, min(plan.max_stretches, KEPT_BYTES // (2 * plan.stretch_bytes)))


def _read_all(job: StretchesJob) -> Iterator[Alive | StretchesDone]:
    """Decode a video from end to end and keep stretches of it, evenly spread.

    How long the video is, is only known at its end. So every stretch is kept at first; each time there are twice too many, every
    second one is dropped, and from then on only every second is read.
    """
    plan = job.plan
    limit = most_stretches(plan)
    kept: list[_Stretch] = []
    every, taken = 1, -1
    with open_video(job.path) as video:
        scaler = FrameScaler(*plan.frame_shape, "squash", video.pixel_aspect)
        thinning, life = _Thinning(plan.max_frame_rate_hz), _Life()
        for timed in video.frames():
            if life.is_due():
                yield Alive(timed.time_s)
            if not thinning.keeps(timed.time_s):
                continue
            taken += 1
            number, place = divmod(taken, plan.stretch_frames)
            if number % every:
                continue
            if place == 0:
                if len(kept) == 2 * limit:
                    kept = kept[::2]
                    every *= 2  # this stretch's number, 2 * limit * the old factor, is a multiple of it
                kept.append(_Stretch(timed.time_s))
            kept[-1].pictures.append(scaler.picture(timed.frame))
    kept = _spread(kept, limit, plan.stretch_frames)
    # Only the last stretch may be short, so that the borders can be found again in one array.
    yield StretchesDone(
        frames=np.stack([picture for stretch in kept for picture in stretch.pictures]),
        starts_s=tuple(stretch.start_s for stretch in kept),
    )


def _spread(kept: list[_Stretch], limit: int, stretch_frames: int) -> list[_Stretch]:
    """At most `limit` of them, from all over the video; when some must go, a short one goes first."""
    if len(kept) <= limit:
        return kept
    if len(kept[-1].pictures) < stretch_frames:
        kept = kept[:-1]
    count = min(limit, len(kept))
    return [kept[(2 * number + 1) * len(kept) // (2 * count)] for number in range(count)]


def _read_one(job: StretchesJob, only: StretchPlace) -> Iterator[Alive | StretchesDone]:
    """The frames that `_read_all` takes there, in all files whose places can be found again."""
    pictures: list[Frames] = []
    with open_at(job.path, only.start_s) as (video, frames):
        scaler = FrameScaler(*job.plan.frame_shape, "squash", video.pixel_aspect)
        thinning, life = _Thinning(job.plan.max_frame_rate_hz), _Life()
        for timed in frames:
            if life.is_due():
                yield Alive(timed.time_s)
            if timed.time_s < only.start_s - _GRACE_S or not thinning.keeps(timed.time_s):
                continue
            pictures.append(scaler.picture(timed.frame))
            if len(pictures) == only.num_frames:
                break
    if not pictures:
        raise VideoRejected(job.path, f"holds no frame at {only.start_s:.2f} s")
    yield StretchesDone(frames=np.stack(pictures), starts_s=(only.start_s,))


class _Thinning:
    """Keeps so many frames a second at most."""

    def __init__(self, max_frame_rate_hz: float) -> None:
        self._apart_s = 1 / max_frame_rate_hz - _GRACE_S
        self._last_s = -math.inf

    def keeps(self, time_s: float) -> bool:
        if time_s - self._last_s < self._apart_s:
            return False
        self._last_s = time_s
        return True


class _Life:
    """When the next sign of life is due."""

    def __init__(self) -> None:
        self._next_s = time.monotonic() + ALIVE_EVERY_S

    def is_due(self) -> bool:
        if time.monotonic() < self._next_s:
            return False
        self._next_s = time.monotonic() + ALIVE_EVERY_S
        return True
