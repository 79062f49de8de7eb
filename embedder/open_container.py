"""Open a file for FFmpeg, if it is one that may hold a video, and nothing but that file; and tell want of memory from damage."""

from __future__ import annotations

import errno
import mmap
import sys
from pathlib import Path

import av
import av.container
import av.error

from embedder.errors import DecoderOutOfMemory, VideoRejected
from embedder.file_kind import not_a_video_reason

CONTAINERS = (
    "apng,asf,av1,avi,dv,flv,gif,gxf,h264,hevc,ivf,m4v,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mpeg,mpegts,mpegtsraw,"
    "mpegvideo,mxf,nut,obu,ogg,rm,wtv,yuv4mpegpipe"
)
"""FFmpeg demuxers that read moving pictures out of the one file they are given. No playlists, scripts, devices, networks,
and none of the picture demuxers (png_pipe, image2, ...)."""

MACHINE_ERRORS = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENODEV, errno.EMFILE, errno.ENFILE})
"""What opening a file may fail of that is not the file's fault. Of want of memory `check_room` tells: a demuxer asks for what the
file says."""


MAX_FRAME_PIXELS = 8192 * 4608
"""8K and a little more. A decoder keeps up to 17 pictures: at 1.5 bytes a pixel that is already close to 1 GB."""

_USUAL_PIXEL_BITS = 24
_LEAST_ROOM_BYTES = 4 * 2**20


def open_container(path: Path) -> av.container.InputContainer:
    """The file as a container of streams, to be closed by the caller. Raises VideoRejected, FileNotFoundError."""
    if path.is_dir():
        raise VideoRejected(path, "is a folder, not a video")
    if not path.is_file():
        if not path.exists():
            raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
        raise VideoRejected(path, "is no regular file")
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file", "max_streams": "256"}
    try:
        # "file:" keeps FFmpeg from reading an address or an option out of an odd name.
        return av.open(f"file:{path.absolute()}", container_options=options, metadata_errors="ignore")
    except PermissionError as error:
        raise VideoRejected(path, "may not be read (permission denied)") from error
    except UnicodeEncodeError as error:
        raise VideoRejected(path, "its name is not valid UTF-8; rename it") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        check_room(path)
        detail = not_a_video_reason(path)
        passing = error.errno in MACHINE_ERRORS if isinstance(error, OSError) else False
        raise VideoRejected(path, detail or f"cannot be opened as a video ({in_words(error)})", blames_machine=passing) from error


def has_room_for(num_bytes: int) -> bool:
    """Whether so much memory could be had at this moment. FFmpeg's decoders go on without the frame that found no room, or call its
    data invalid."""
    if sys.platform == "win32":
        return True
    try:
        mmap.mmap(-1, num_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except OSError as error:
        if error.errno == errno.ENOMEM:
            return False
        raise
    return True


def check_room(path: Path, codec: av.VideoCodecContext | None = None) -> None:
    """After something did not open or decode: raises DecoderOutOfMemory where that may be for want of memory, and so not the file's
    fault. codec: by which its pictures are decoded; there must be room for two."""
    picture_bytes = 0
    if codec is not None and codec.width * codec.height <= MAX_FRAME_PIXELS:  # else a damaged header may have made them up
        bits = codec.format.padded_bits_per_pixel if codec.format is not None else _USUAL_PIXEL_BITS
        picture_bytes = codec.width * codec.height * bits // 8
    if not has_room_for(_LEAST_ROOM_BYTES + 2 * picture_bytes):
        raise DecoderOutOfMemory(path)


def in_words(error: Exception) -> str:
    """FFmpeg's or the system's own words on an error, one line."""
    return (getattr(error, "strerror", None) or str(error)).split("\n")[0]
