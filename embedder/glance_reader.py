"""Look through a video for a strip of pictures and its length. Runs inside a decode worker."""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image

from embedder.frame_scaler import BoxScaler
from embedder.video_file import TimedFrame, Video, open_video
from embedder.video_seek import SEEK_BEYOND_S, open_at
from embedder.worker_messages import Alive, GlanceDone, GlanceJob

JPEG_QUALITY = 80
_ONE_PASS_UP_TO_S = 3 * SEEK_BEYOND_S  # below, reading on to the next picture is quicker than opening and seeking for it


def read_glance(job: GlanceJob) -> Iterator[Alive | GlanceDone]:
    """The strip, with signs of life in between. Raises VideoRejected, FileNotFoundError."""
    with open_video(job.path) as video:
        length_s = video.stamped_length_s()
    times_s = [length_s * (number + 0.5) / job.num_pictures for number in range(job.num_pictures)]
    pictures: list[bytes] = []
    pictures_of = _one_pass if length_s <= _ONE_PASS_UP_TO_S else _by_seeking
    for picture, at_s in zip(pictures_of(job, times_s), times_s, strict=True):
        pictures.append(picture)
        yield Alive(at_s)
    yield GlanceDone(length_s=length_s, pictures=tuple(pictures))


def _one_pass(job: GlanceJob, times_s: list[float]) -> Iterator[bytes]:
    """What is on screen at each time, in order; the last frame again where the video ends before."""
    left = list(times_s)
    on_screen: TimedFrame | None = None
    with open_video(job.path) as video:
        scaler = BoxScaler(job.max_px, job.max_px, video.pixel_aspect)
        for timed in video.frames():
            while left and on_screen is not None and timed.time_s > left[0]:
                left.pop(0)
                yield _jpeg(scaler, on_screen)
            if not left:
                return
            on_screen = timed
        for _ in left:
            assert on_screen is not None, "a video without a frame is rejected"
            yield _jpeg(scaler, on_screen)


def _by_seeking(job: GlanceJob, times_s: list[float]) -> Iterator[bytes]:
    for at_s in times_s:
        with open_at(job.path, at_s) as (video, frames):
            yield _jpeg(BoxScaler(job.max_px, job.max_px, video.pixel_aspect), _on_screen(video, frames, at_s))


def _on_screen(video: Video, frames: Iterator[TimedFrame], at_s: float) -> TimedFrame:
    on_screen: TimedFrame | None = None
    for timed in frames:
        if on_screen is not None and timed.time_s > at_s:
            break
        on_screen = timed
    assert on_screen is not None, f"{video.path}: a video without a frame is rejected"
    return on_screen


def _jpeg(scaler: BoxScaler, timed: TimedFrame) -> bytes:
    file = io.BytesIO()
    Image.fromarray(scaler.picture(timed.frame)).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()
