"""What a decode worker and its owner say to one another, and how it goes through a pipe.

A message is a pickle whose large arrays follow it as they lie in memory: uint32 number of parts, uint64 length of each,
then the parts, the pickle first.
"""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from embedder.clip_plan import ClipPlan
from embedder.video_facts import VideoFacts


@dataclass(frozen=True, kw_only=True)
class PictureSpec:
    """What pictures an encoder takes: T frames of H x W pixels, and how a video's frame becomes one."""

    num_frames: int
    height_px: int
    width_px: int
    geometry: str


@dataclass(frozen=True, kw_only=True)
class ClipsJob:
    """Read a video into all clips of a plan. only_key_frames: instead, into a clip that stands still for each key frame."""

    path: Path
    plan: ClipPlan
    pictures: PictureSpec
    codec_threads: int = 1
    only_key_frames: bool = False


@dataclass(frozen=True, kw_only=True)
class QueryJob:
    """Read one range of a video into the clips of a query."""

    path: Path
    start_s: float
    end_s: float | None
    spans_s: tuple[float, ...]
    pictures: PictureSpec
    max_s: float
    codec_threads: int = 1


@dataclass(frozen=True, kw_only=True)
class PictureJob:
    """Make a clip that stands still of a picture's file, or of the frame of a video that is on screen at ``at_s``.

    span_s: how long the clip lasts.
    """

    path: Path
    at_s: float | None
    span_s: float
    pictures: PictureSpec
    codec_threads: int = 1


@dataclass(frozen=True, kw_only=True)
class PreviewJob:
    """Write one range of a video as a small MP4."""

    path: Path
    start_s: float
    end_s: float
    out: Path
    height_px: int


@dataclass(frozen=True, kw_only=True)
class FrameJob:
    """Make one frame of a video a JPEG."""

    path: Path
    at_s: float
    max_px: int


@dataclass(frozen=True, kw_only=True)
class GlanceJob:
    """Tell a video's length and make JPEGs of pictures spread evenly over it."""

    path: Path
    num_pictures: int
    max_px: int


@dataclass(frozen=True, kw_only=True)
class StretchPlan:
    """How a video becomes stretches of consecutive frames, spread over its whole length.

    size_px: frames are squashed to so many pixels a side, as the encoder's default geometry does. max_frame_rate_hz: quicker
    videos are thinned by a whole factor. stretch_frames, max_stretches: at most so many stretches of so many frames. width_px:
    None for squares, else the width, and size_px is the height.
    """

    size_px: int
    max_frame_rate_hz: float
    stretch_frames: int
    max_stretches: int
    width_px: int | None = None

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Height and width of a frame."""
        return self.size_px, self.size_px if self.width_px is None else self.width_px

    @property
    def frame_bytes(self) -> int:
        """Of one frame."""
        height_px, width_px = self.frame_shape
        return 3 * height_px * width_px

    @property
    def stretch_bytes(self) -> int:
        """Of one whole stretch."""
        return self.stretch_frames * self.frame_bytes


@dataclass(frozen=True, kw_only=True)
class StretchPlace:
    """Where a stretch lies that was read before: the time of its first frame, and how many frames it has."""

    start_s: float
    num_frames: int


@dataclass(frozen=True, kw_only=True)
class StretchesJob:
    """Read a video into stretches, to train on; only: that one alone, without reading the rest."""

    path: Path
    plan: StretchPlan
    only: StretchPlace | None = None


@dataclass(frozen=True, kw_only=True)
class FramePick:
    """Frames of a video to make pictures of, by ``numbers``: ascending, each once, at least one, 0 the first frame shown.

    Each is squashed to height_px x width_px, of which the middle is kept, crop_height_px x crop_width_px.
    """

    numbers: tuple[int, ...]
    height_px: int
    width_px: int
    crop_height_px: int
    crop_width_px: int


@dataclass(frozen=True, kw_only=True)
class FramesJob:
    """Count the frames of a video that decode, and make pictures of some; without picks, nothing is converted."""

    path: Path
    picks: tuple[FramePick, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReadingJob:
    """Tell whether a video that lasted duration_s by older rules of reading, of this number, would be read otherwise today."""

    path: Path
    duration_s: float
    reading: int


Job = ClipsJob | QueryJob | PictureJob | PreviewJob | FrameJob | GlanceJob | StretchesJob | FramesJob | ReadingJob


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One clip over ``span_s`` (seconds of the video; in a query, seconds since its start).

    pixels: uint8 (T, H, W, 3), or None where they equal those of the clip sent as number ``same_as``. thumbnail: number of
    its picture among all that ``new_thumbnails`` brought for this video so far, -1 for none. is_low_information: nothing moves,
    or it is plain. is_plain: all of it is of one colour.
    """

    span_s: tuple[float, float]
    pixels: NDArray[np.uint8] | None
    same_as: int
    is_low_information: bool
    is_plain: bool
    thumbnail: int
    new_thumbnails: tuple[bytes, ...]


@dataclass(frozen=True)
class Alive:
    """The worker is not stuck: it has come so far, in seconds of the video."""

    media_s: float


@dataclass(frozen=True, kw_only=True)
class ClipsDone:
    """All clips of a video were sent. is_by_key_frames: those of its key frames alone."""

    facts: VideoFacts
    warnings: tuple[str, ...]
    is_by_key_frames: bool = False


@dataclass(frozen=True, kw_only=True)
class QueryDone:
    """All clips of a query were sent, in the order of its plan. begin_s: where the range really begins, in seconds of the video:
    later than asked where its first picture comes later. whole, dense, parts: as in ``QueryPlan``."""

    begin_s: float
    duration_s: float
    whole: int | None
    dense: NDArray[np.int64]
    parts: NDArray[np.int64]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Done:
    """A preview or picture is ready; ``data`` is the picture."""

    data: bytes = b""


@dataclass(frozen=True, kw_only=True)
class GlanceDone(Done):
    """A video was looked through: its length by its time stamps, in seconds, and the JPEGs."""

    length_s: float
    pictures: tuple[bytes, ...]


@dataclass(frozen=True, kw_only=True)
class StretchesDone(Done):
    """A video was read into stretches, one after another in ``frames``, uint8 (N, H, W, 3), N >= 1; only the last may be short.

    starts_s: the time of each one's first frame.
    """

    frames: NDArray[np.uint8]
    starts_s: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class FramesDone(Done):
    """A video was read to its end. pictures: of each pick, uint8 (N, H, W, 3) RGB in the order of its N numbers."""

    num_frames: int
    pictures: tuple[NDArray[np.uint8], ...]


@dataclass(frozen=True, kw_only=True)
class ReadingDone(Done):
    """What today's rules of reading change, in words; empty where nothing. warnings: what they say of the file besides."""

    why: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Refused:
    """The job cannot be done. kind: ``rejected`` (the file), ``missing`` (no such file), ``range`` (the asked range),
    ``too long`` (likewise), ``disk`` (no room to write), ``memory`` (more than the worker has left).

    transient: the same job may succeed another time. blames_machine: as in ``VideoRejected``.
    """

    kind: str
    reason: str
    transient: bool = False
    blames_machine: bool = False


Reply = Clip | Alive | ClipsDone | QueryDone | Done | Refused

_COUNT = struct.Struct("<I")


def send(pipe: IO[bytes], message: Job | Reply) -> None:
    """Write one message. Raises BrokenPipeError when nobody reads."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
    parts = [memoryview(head), *(buffer.raw() for buffer in buffers)]
    pipe.write(_COUNT.pack(len(parts)) + struct.pack(f"<{len(parts)}Q", *(part.nbytes for part in parts)))
    for part in parts:
        pipe.write(part)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """Read one message; its arrays are new memory. Raises EOFError when the other side is gone."""
    (count,) = _COUNT.unpack(_read(pipe, _COUNT.size))
    lengths = struct.unpack(f"<{count}Q", _read(pipe, 8 * count))
    head, *buffers = [_read(pipe, length) for length in lengths]
    return pickle.loads(head, buffers=buffers)


def _read(pipe: IO[bytes], length: int) -> bytearray:
    data = bytearray(length)
    view, have = memoryview(data), 0
    while have < length:
        got = pipe.readinto(view[have:])  # type: ignore[attr-defined]  # typeshed: IO has no readinto
        if not got:
            raise EOFError("the other side of the pipe is gone")
        have += got
    return data
