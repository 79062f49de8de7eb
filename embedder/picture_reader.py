"""Make a query of one still picture: a photo's file, or the frame of a video at some second. Runs inside a decode worker.

A picture's file is opened by the one demuxer that its first bytes call for, and nothing but that file; its size is limited before
its pixels are decoded. Shapes: T frames, H x W pixels.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.container
import av.error
import av.stream
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from embedder.bars import Bars, bars_in, brightness, find_bars
from embedder.clip_reader import ALIVE_EVERY_S
from embedder.errors import DecoderOutOfMemory, PreviewError, VideoRejected
from embedder.file_kind import not_a_video_reason, picture_demuxer
from embedder.frame_grid import grid_steps
from embedder.frame_scaler import FrameScaler
from embedder.low_information import is_plain
from embedder.open_container import MACHINE_ERRORS, check_room, in_words
from embedder.orientation import AS_STORED, Orientation, orientation_of, side_data
from embedder.video_seek import open_at
from embedder.worker_messages import Alive, Clip, PictureJob, PictureSpec, QueryDone

MAX_PICTURE_PIXELS = 200_000_000
"""Of the largest photos that telephones take. One picture is in memory, not the seventeen of a video's decoder."""

PICTURE_KINDS = "JPEG, PNG, WebP, BMP, HEIC and AVIF"

BLENDED_PX = 1024
"""A picture with transparent pixels is made so small before it is laid on white: the encoders' pictures are much smaller still."""

_BY_EXIF = (
    AS_STORED,
    Orientation(flips_columns=True),
    Orientation(flips_columns=True, flips_rows=True),
    Orientation(flips_rows=True),
    Orientation(is_transposed=True),
    Orientation(is_transposed=True, flips_columns=True),
    Orientation(is_transposed=True, flips_columns=True, flips_rows=True),
    Orientation(is_transposed=True, flips_rows=True),
)
"""By EXIF's tag Orientation, 1 to 8 (CIPA DC-008, section 4.6.5)."""
_ORIENTATION_TAG = 0x0112


def read_picture(job: PictureJob) -> Iterator[Clip | Alive | QueryDone]:
    """One clip whose T frames are all the picture, then QueryDone. It counts as having nothing to see if it is of one colour.

    Raises PreviewError where the video has no such second, VideoRejected, FileNotFoundError.
    """
    warnings: tuple[str, ...] = ()
    if job.at_s is None:
        picture, warnings = _photo(job.path, job.pictures)
    else:
        picture = yield from _frame_at(job, job.at_s)
    pixels = np.repeat(picture[None], job.pictures.num_frames, axis=0)
    span_s = (0.0, job.span_s)
    blank = is_plain(picture)
    yield Clip(span_s=span_s, pixels=pixels, same_as=0, is_low_information=blank, is_plain=blank, thumbnail=-1, new_thumbnails=())
    none = np.zeros(0, np.int64)
    yield QueryDone(begin_s=job.at_s or 0.0, duration_s=job.span_s, whole=0, dense=none, parts=none, warnings=warnings)


def _frame_at(job: PictureJob, at_s: float) -> Generator[Alive, None, NDArray[np.uint8]]:
    """What is on screen at a second; before a video's first frame, that one."""
    end_s, alive_at = 0.0, time.monotonic() + ALIVE_EVERY_S
    with open_at(job.path, at_s, codec_threads=job.codec_threads) as (video, frames):
        for step in grid_steps(frames, video):
            end_s = video.first_frame_s + step.until_s
            if at_s < end_s:
                return _scaler(job.pictures, video.pixel_aspect, bars=find_bars(job.path)).picture(step.frame)
            if time.monotonic() > alive_at:
                alive_at = time.monotonic() + ALIVE_EVERY_S
                yield Alive(end_s)
    raise PreviewError(f"{job.path}: no frame at {at_s:.2f} s, the video ends at {end_s:.2f} s")


def _photo(path: Path, pictures: PictureSpec) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """The picture of a file, uint8 (H, W, 3), and what is wrong with it: FFmpeg shows what there is of half a JPEG, and only its
    strict reading tells of that."""
    try:
        return _decoded(path, pictures, is_strict=True), ()
    except VideoRejected as error:
        if error.transient:
            raise
    return _decoded(path, pictures, is_strict=False), ("damaged: not all of the picture decodes cleanly",)


def _decoded(path: Path, pictures: PictureSpec, *, is_strict: bool) -> NDArray[np.uint8]:
    with _opened(path) as container:
        stream = _picture_stream(path, container)
        _check_size(path, stream.codec_context.width, stream.codec_context.height)
        stream.codec_context.options = {"err_detect": "explode"} if is_strict else {}
        try:
            frame = next(container.decode(stream), None)
        except av.error.FFmpegError as error:
            if error.errno == errno.ENOMEM:
                raise DecoderOutOfMemory(path) from error
            check_room(path, stream.codec_context)
            raise VideoRejected(path, f"is a damaged picture, or of a kind that is not read ({in_words(error)})") from error
        if frame is None:
            check_room(path, stream.codec_context)
            raise VideoRejected(path, "is a damaged picture: nothing in it decodes")
        _check_size(path, frame.width, frame.height)
        orientation, shown = _orientation(path, frame), _on_white(frame)
        scaler = _scaler(pictures, orientation=orientation, bars=bars_in([brightness(shown, orientation)]))
        return scaler.picture(shown)


def _scaler(
    pictures: PictureSpec, pixel_aspect: float = 1.0, orientation: Orientation | None = None, bars: Bars | None = None
) -> FrameScaler:
    return FrameScaler(pictures.height_px, pictures.width_px, pictures.geometry, pixel_aspect, orientation, bars)


@contextmanager
def _opened(path: Path) -> Iterator[av.container.InputContainer]:
    """A picture's file. Raises VideoRejected, FileNotFoundError."""
    if not path.is_file():
        if not path.exists():
            raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
        raise VideoRejected(path, "is no regular file")
    try:
        demuxer = picture_demuxer(path)
        if demuxer is None:
            raise VideoRejected(path, _not_a_picture(path))
        options = {"protocol_whitelist": "file", "max_streams": "256"}
        # "file:" keeps FFmpeg from reading an address, a pattern or an option out of an odd name.
        container = av.open(f"file:{path.absolute()}", format=demuxer, container_options=options, metadata_errors="ignore")
    except PermissionError as error:
        raise VideoRejected(path, "may not be read (permission denied)") from error
    except UnicodeEncodeError as error:
        raise VideoRejected(path, "its name is not valid UTF-8; rename it") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        check_room(path)
        passing = isinstance(error, OSError) and error.errno in MACHINE_ERRORS
        raise VideoRejected(path, f"cannot be opened as a picture ({in_words(error)})", blames_machine=passing) from error
    with container:
        yield container


def _not_a_picture(path: Path) -> str:
    """Raises OSError."""
    what = not_a_video_reason(path).removesuffix(", not a video")
    if not what:
        return f"is not a picture. Read are {PICTURE_KINDS}; of a video, a frame by its second"
    return f"{what}; read are {PICTURE_KINDS} of one still picture" if what.endswith("picture") else f"{what}, not a picture"


def _picture_stream(path: Path, container: av.container.InputContainer) -> VideoStream:
    """The picture itself: not the tiles of one, nor a depth map. Of a picture that is cut into tiles, as telephones' HEIC files
    are, its preview, where it has one: FFmpeg leaves putting the tiles together to its callers, and PyAV does not do it.
    """
    readable = [stream for stream in container.streams.video if getattr(stream, "codec_context", None) is not None]
    whole = [stream for stream in readable if not stream.disposition & av.stream.Disposition.dependent]
    if not whole:
        what = "is cut into tiles, which cannot be put together here" if readable else "holds no picture that this FFmpeg reads"
        raise VideoRejected(path, f"{what}. Save it as JPEG or PNG and search by that")
    return max(whole, key=lambda one: (bool(one.disposition & av.stream.Disposition.default), one.width * one.height, -one.index))


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PICTURE_PIXELS:
        limit = MAX_PICTURE_PIXELS // 1_000_000
        raise VideoRejected(path, f"its {width}x{height} pixels are more than the limit of {limit} million. Make it smaller")


def _orientation(path: Path, frame: av.VideoFrame) -> Orientation:
    """How a photo is shown. FFmpeg makes a display matrix of EXIF's orientation, too, but PyAV cannot list side data of which EXIF
    itself is a part; of such a file the tag is read.
    """
    try:
        side_data(frame)
    except ValueError:
        return _by_exif(path, otherwise=orientation_of(frame))
    return orientation_of(frame)


def _by_exif(path: Path, *, otherwise: Orientation) -> Orientation:
    from PIL import Image, UnidentifiedImageError  # only pictures need it, and a worker should start quickly

    try:
        with Image.open(path) as picture:
            tag = picture.getexif().get(_ORIENTATION_TAG, 1)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return otherwise  # damaged where Pillow minds it and FFmpeg does not
    return _BY_EXIF[tag - 1] if tag in range(1, 9) else AS_STORED


def _on_white(frame: av.VideoFrame) -> av.VideoFrame:
    """A picture with transparent pixels as on a white page; any other as it is. What lies under a transparent pixel is anything."""
    if not frame.format.has_palette and not any(component.is_alpha for component in frame.format.components):
        return frame
    scale = min(1.0, BLENDED_PX / max(frame.width, frame.height))
    width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
    small = frame.reformat(width=width, height=height, format="rgba").to_ndarray().astype(np.float32)
    cover = small[..., 3:] / 255
    blended = small[..., :3] * cover + 255 * (1 - cover)
    return av.VideoFrame.from_ndarray(np.rint(blended).astype(np.uint8), format="rgb24")
