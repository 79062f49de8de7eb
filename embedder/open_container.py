"""Open a file for FFmpeg, if it is one that may hold a video, and nothing but that file."""

from __future__ import annotations

import errno
from pathlib import Path

import av
import av.container
import av.error

from embedder.errors import VideoRejected
from embedder.file_kind import not_a_video_reason

CONTAINERS = (
    "apng,asf,av1,avi,dv,flv,gif,gxf,h264,hevc,ivf,m4v,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mpeg,mpegts,mpegtsraw,"
    "mpegvideo,mxf,nut,obu,ogg,rm,wtv,yuv4mpegpipe"
)
"""FFmpeg demuxers that read moving pictures out of the one file they are given. No playlists, scripts, devices, networks,
and none of the picture demuxers (png_pipe, image2, ...)."""

MACHINE_ERRORS = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENODEV, errno.EMFILE, errno.ENFILE})
"""What opening a file may fail of that is not the file's fault. (Want of memory is: a demuxer asks for what the file says.)"""


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
        detail = not_a_video_reason(path)
        passing = error.errno in MACHINE_ERRORS if isinstance(error, OSError) else False
        raise VideoRejected(path, detail or f"cannot be opened as a video ({in_words(error)})", blames_machine=passing) from error


def in_words(error: Exception) -> str:
    """FFmpeg's or the system's own words on an error, one line."""
    return (getattr(error, "strerror", None) or str(error)).split("\n")[0]
