"""Cut small H.264 clips and single pictures out of a video. Runs inside a decode worker."""

from __future__ import annotations

import io
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.codec.codec
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from embedder.clip_reader import ALIVE_EVERY_S
from embedder.errors import PreviewError
from embedder.frame_scaler import BoxScaler, FrameScaler, shown_size
from embedder.video_file import TimedFrame
from embedder.video_seek import open_at
from embedder.worker_messages import Alive, Done, FrameJob, PreviewJob

ENCODERS = ("libx264", "libopenh264", "h264")
MAX_RATE_HZ = 30
"""Frames that come quicker than this are left out of previews."""

MAX_ASPECT = 4
"""A preview is at most this many times wider than high; stranger pictures are squeezed."""

MIN_SIDE_PX = 16
JPEG_QUALITY = 85
_TICKS_HZ = 90_000


def make_preview(job: PreviewJob) -> Iterator[Alive | Done]:
    """Write the preview; signs of life in between. Raises PreviewError, VideoRejected, OSError; leaves no half file."""
    partial = job.out.with_name(f".{job.out.name}.{os.getpid()}.part")
    try:
        with open_at(job.path, job.start_s) as (video, frames):
            yield from _encode(job, _between(frames, job.start_s, job.end_s), video.pixel_aspect, partial)
        os.replace(partial, job.out)
    finally:
        partial.unlink(missing_ok=True)
    yield Done()


def frame_jpeg(job: FrameJob) -> bytes:
    """The picture on screen at ``job.at_s``, the last one when the video ends before, as JPEG."""
    from PIL import Image  # only pictures need it, and a worker should start quickly

    with open_at(job.path, job.at_s) as (video, frames):
        first = next(frames, None)
        if first is None:
            raise PreviewError(f"{job.path}: no frame at {job.at_s:.2f} s")
        # Before the first picture there is none on screen: then the first one stands for the file, as in a file manager.
        at_s = max(job.at_s, first.time_s)
        on_screen = next(_between(itertools.chain([first], frames), at_s, at_s))
        picture = BoxScaler(job.max_px, job.max_px, video.pixel_aspect).picture(on_screen.frame)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


def _between(frames: Iterator[TimedFrame], start_s: float, end_s: float) -> Iterator[TimedFrame]:
    """The frame on screen at ``start_s`` (when the video ends before, its last), then those that come before ``end_s``."""
    on_screen: TimedFrame | None = None
    for timed in frames:
        if on_screen is not None and timed.time_s > start_s:
            yield on_screen
            on_screen = None
            if timed.time_s >= end_s:
                return
        if timed.time_s <= start_s:
            on_screen = timed
        elif timed.time_s < end_s:
            yield timed
        else:
            return
    if on_screen is not None:
        yield on_screen


@dataclass
class _Output:
    """The stream that is written, and the pictures' way into it."""

    stream: VideoStream
    scaler: FrameScaler

    def packets(self, picture: NDArray[np.uint8] | None, ticks: int) -> list[av.Packet[VideoStream]]:
        if picture is None:
            return self.stream.encode(None)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = ticks, Fraction(1, _TICKS_HZ)
        return self.stream.encode(frame)


def _encode(job: PreviewJob, frames: Iterator[TimedFrame], pixel_aspect: float, partial: Path) -> Iterator[Alive]:
    first = next(frames, None)
    if first is None:
        raise PreviewError(f"{job.path}: no frame from {job.start_s:.2f} s to {job.end_s:.2f} s")
    with av.open(f"file:{partial.absolute()}", "w", format="mp4", options={"movflags": "+faststart"}) as container:
        output = _add_stream(container, first, pixel_aspect, job.height_px)
        picture, shown_s = output.scaler.picture(first.frame), first.time_s - job.start_s
        container.mux(output.packets(picture, 0))
        alive_at = time.monotonic() + ALIVE_EVERY_S
        for timed in frames:
            if timed.time_s - job.start_s >= shown_s + 1 / MAX_RATE_HZ - 0.001:
                picture, shown_s = output.scaler.picture(timed.frame), timed.time_s - job.start_s
                # A frame less than a tick after the start must not share it with the one on screen before: no file takes that.
                container.mux(output.packets(picture, max(1, round(shown_s * _TICKS_HZ))))
            if time.monotonic() > alive_at:
                alive_at = time.monotonic() + ALIVE_EVERY_S
                yield Alive(timed.time_s)
        # The last picture once more, so that the preview lasts as long as the range, also at one frame a second.
        last_s = max(job.end_s - job.start_s, shown_s + 2 / MAX_RATE_HZ) - 1 / MAX_RATE_HZ
        container.mux(output.packets(picture, round(last_s * _TICKS_HZ)))
        container.mux(output.packets(None, 0))


def _add_stream(container: av.container.OutputContainer, first: TimedFrame, pixel_aspect: float, height_px: int) -> _Output:
    width, height = shown_size(first.frame, pixel_aspect)
    high = _even(min(height_px, height))
    wide = _even(min(width * high / height, MAX_ASPECT * high))
    stream = container.add_stream(_h264_encoder(), rate=MAX_RATE_HZ, options={"preset": "veryfast", "crf": "26"})
    assert isinstance(stream, VideoStream), "an H.264 encoder makes a video stream"
    stream.width, stream.height, stream.pix_fmt = wide, high, "yuv420p"
    stream.codec_context.time_base = Fraction(1, _TICKS_HZ)
    stream.codec_context.thread_count = 1
    return _Output(stream, FrameScaler(high, wide))


def _even(pixels: float) -> int:
    """H.264 in 4:2:0 has even sides only, and encoders want a whole block."""
    return max(MIN_SIDE_PX, round(pixels / 2) * 2)


def _h264_encoder() -> str:
    for name in ENCODERS:
        try:
            return av.codec.Codec(name, "w").name
        except av.codec.codec.UnknownCodecError:
            continue
    raise PreviewError(f"this PyAV has no H.264 encoder (looked for {', '.join(ENCODERS)}); install the PyAV wheel from PyPI")
