"""Open a video for reading from some second on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from embedder.video_file import TimedFrame, Video, open_video

SEEK_BEYOND_S = 20.0
"""Places that come later are looked up by seeking; before that, reading from the start is as quick and always right."""

SEEK_LEAD_S = 2.0
"""Landing so much early lets a decoder that starts in the middle of a picture group come clean."""


@contextmanager
def open_at(path: Path, time_s: float, *, codec_threads: int = 1) -> Iterator[tuple[Video, Iterator[TimedFrame]]]:
    """The video, and its frames from some time at or before ``time_s`` on. Raises as ``open_video``."""
    if time_s > SEEK_BEYOND_S:
        with open_video(path, codec_threads=codec_threads) as video:
            astray = video.is_sought_by_stamp and _begins_anew(path, path.stat().st_mtime_ns)
            frames = None if astray else video.frames_from(time_s - SEEK_LEAD_S)
            if frames is not None:
                yield video, frames
                return
    with open_video(path, codec_threads=codec_threads) as video:
        yield video, video.frames()


@lru_cache(maxsize=64)
def _begins_anew(path: Path, mtime_ns: int) -> bool:
    with open_video(path) as video:
        return video.begins_anew()
