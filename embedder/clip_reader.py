"""Read a video into clips: one pass over its frames, every clip sent off as soon as its last frame is there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from embedder.bars import find_bars
from embedder.clip_plan import GRID_HZ, sample_slots
from embedder.clip_windows import ClipWindows
from embedder.errors import VideoRejected
from embedder.frame_grid import RecentPictures, grid_steps
from embedder.frame_scaler import FrameScaler
from embedder.low_information import is_low_information, is_plain_clip
from embedder.thumbnails import Thumbnails
from embedder.video_file import Video, open_video
from embedder.worker_messages import Alive, Clip, ClipsDone, ClipsJob, PictureSpec

MAX_CLIPS = (1 << 20) - 1
"""Clips of one video: what fits into the clip numbers of the catalog. 160 hours of three clip lengths."""

ALIVE_EVERY_S = 1.0


def read_clips(job: ClipsJob) -> Iterator[Clip | Alive | ClipsDone]:
    """All clips of a video, then ClipsDone; in between, once a second, a sign of life.

    Memory: the pictures and thumbnails of the longest span, GRID_HZ a second (8 s of 112x112: 5 MB).
    Raises VideoRejected, FileNotFoundError.
    """
    with open_video(job.path, codec_threads=job.codec_threads) as video:
        maker = ClipMaker(job.pictures, video)
        windows = ClipWindows(job.plan, job.pictures.num_frames)
        keep_slots = int(np.ceil(job.plan.spans_s[-1] * GRID_HZ)) + 2
        alive_at = time.monotonic() + ALIVE_EVERY_S
        for step in grid_steps(video.frames(), video):
            windows.frame_at(step.time_s)
            if step.end_slot > step.first_slot:
                maker.recent.put(step.first_slot, maker.scaler.picture(step.frame))
                maker.thumbnails.see(step)
                for window in windows.ready(step.until_s, step.end_slot):
                    yield maker.clip(window)
                maker.forget_before(step.end_slot - keep_slots)
            if time.monotonic() > alive_at:
                alive_at = time.monotonic() + ALIVE_EVERY_S
                yield Alive(step.time_s)
        facts = video.facts()
        for window in windows.closing(facts.duration_s - facts.first_frame_s):
            yield maker.clip(window)
        yield ClipsDone(facts=facts, warnings=video.warnings())


class ClipMaker:
    """Puts clips together from the latest pictures of one video."""

    def __init__(self, pictures: PictureSpec, video: Video, *, with_thumbnails: bool = True) -> None:
        self.recent = RecentPictures()
        self.scaler = FrameScaler(
            pictures.height_px, pictures.width_px, pictures.geometry, video.pixel_aspect, bars=find_bars(video.path)
        )
        self.thumbnails = Thumbnails(video.pixel_aspect)
        self._with_thumbnails = with_thumbnails
        self._video = video
        self._num_frames = pictures.num_frames
        self._num_clips = 0
        self._last: tuple[list[NDArray[np.uint8]], int, bool, bool] = ([], -1, False, False)

    def clip(self, window: tuple[float, float]) -> Clip:
        """The clip over these seconds since the first frame; its span is in seconds of the video. Raises VideoRejected at the limit
        of clips."""
        clip = self.clip_of(window, self.recent.at(sample_slots(*window, self._num_frames)))
        begin_s = self._video.first_frame_s
        return replace(clip, span_s=(begin_s + window[0], begin_s + window[1]))

    def clip_of(self, window: tuple[float, float], pictures: list[NDArray[np.uint8]]) -> Clip:
        """The clip of these T pictures. Equal to the clip before (a frozen picture) it carries no pixels again."""
        if self._num_clips == MAX_CLIPS:
            raise VideoRejected(self._video.path, f"gives more than {MAX_CLIPS:,} clips; cut it, or use a larger hop")
        last_pictures, same_as, is_low, plain = self._last
        pixels = None
        if len(last_pictures) != len(pictures) or any(a is not b for a, b in zip(last_pictures, pictures, strict=True)):
            pixels, same_as = np.stack(pictures), self._num_clips
            is_low = is_low_information(pixels)
            plain = is_low and is_plain_clip(pixels)  # what moves is not plain
            self._last = (pictures, same_as, is_low, plain)
        thumbnail = self.thumbnails.number_for(*window) if self._with_thumbnails else -1
        fresh, self.thumbnails.fresh = tuple(self.thumbnails.fresh), []
        self._num_clips += 1
        return Clip(
            span_s=window,
            pixels=pixels,
            same_as=same_as,
            is_low_information=is_low,
            is_plain=plain,
            thumbnail=thumbnail,
            new_thumbnails=fresh,
        )

    def forget_before(self, slot: int) -> None:
        """Drop pictures that no coming clip can look at."""
        self.recent.forget_before(slot)
        self.thumbnails.forget_before(slot)
