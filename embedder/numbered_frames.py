"""Pictures of certain frames of a video, by their numbers, and how many frames there are. Runs inside a decode worker.

For protocols that are written in frames. Headers promise frames that are not there and hide others, so the only count that
can be trusted is that of the frames that decode.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import av
import numpy as np
from numpy.typing import NDArray

from embedder.clip_reader import ALIVE_EVERY_S
from embedder.errors import VideoRejected
from embedder.frame_scaler import FrameScaler
from embedder.video_file import open_video
from embedder.worker_messages import Alive, FramePick, FramesDone, FramesJob


def read_numbered(job: FramesJob) -> Iterator[Alive | FramesDone]:
    """Decode a video to its end; in between, once a second, a sign of life. Memory: the pictures, twice.

    Raises VideoRejected, also for the number of a frame that is not there; FileNotFoundError.
    """
    num_frames = 0
    alive_at = time.monotonic() + ALIVE_EVERY_S
    with open_video(job.path) as video:
        makers = [_Pictures(pick, video.pixel_aspect) for pick in job.picks]
        for timed in video.frames():
            for maker in makers:
                maker.see(num_frames, timed.frame)
            num_frames += 1
            if time.monotonic() > alive_at:
                alive_at = time.monotonic() + ALIVE_EVERY_S
                yield Alive(timed.time_s)
    for pick in job.picks:
        if pick.numbers[-1] >= num_frames:
            raise VideoRejected(job.path, f"has {num_frames} frames, so that there is no frame number {pick.numbers[-1]}")
    yield FramesDone(num_frames=num_frames, pictures=tuple(np.stack(maker.made) for maker in makers))


class _Pictures:
    """What one pick has got so far."""

    def __init__(self, pick: FramePick, pixel_aspect: float) -> None:
        self.made: list[NDArray[np.uint8]] = []
        self._numbers = frozenset(pick.numbers)
        self._scaler = FrameScaler(pick.height_px, pick.width_px, "squash", pixel_aspect)
        top = round((pick.height_px - pick.crop_height_px) / 2)
        left = round((pick.width_px - pick.crop_width_px) / 2)
        self._middle = np.s_[top : top + pick.crop_height_px, left : left + pick.crop_width_px]

    def see(self, number: int, frame: av.VideoFrame) -> None:
        """Take the frame when it is wanted."""
        if number in self._numbers:
            # A copy, so that what the crop leaves out is not kept.
            self.made.append(self._scaler.picture(frame)[self._middle].copy())
