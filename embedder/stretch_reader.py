"""Read a video into stretches of consecutive frames, to train on. Runs inside a decode worker."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from embedder.clip_reader import ALIVE_EVERY_S
from embedder.frame_scaler import FrameScaler
from embedder.video_file import open_video
from embedder.worker_messages import Alive, StretchesDone, StretchesJob

Frames = NDArray[np.uint8]


def read_stretches(job: StretchesJob) -> Iterator[Alive | StretchesDone]:
    """Decode a video from end to end and keep stretches of it, evenly spread; in between, once a second, a sign of life.

    How long the video is, is only known at its end. So every stretch is kept at first; each time there are twice too many, every
    second one is dropped, and from then on only every second is read. Memory: 2 * max_stretches stretches. Raises
    VideoRejected, FileNotFoundError.
    """
    plan = job.plan
    kept: list[list[Frames]] = []
    every = 1
    with open_video(job.path) as video:
        scaler = FrameScaler(plan.size_px, plan.size_px, "squash", video.pixel_aspect)
        last_s = -math.inf
        taken = -1
        alive_at = time.monotonic() + ALIVE_EVERY_S
        for timed in video.frames():
            if time.monotonic() > alive_at:
                alive_at = time.monotonic() + ALIVE_EVERY_S
                yield Alive(timed.time_s)
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
    yield StretchesDone(frames=np.stack([picture for stretch in kept for picture in stretch]))
