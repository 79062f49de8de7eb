"""Open a video file safely and read its frames with their times.

Safely: only containers that hold video are opened, and only the file itself, so that a playlist or script under a
video's name opens nothing else; sizes are limited before memory is; a damaged file gives what decodes, with warnings.
"""

from __future__ import annotations

import errno
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import av.container
import av.error
from av.video.stream import VideoStream

from embedder.errors import VideoRejected
from embedder.file_kind import not_a_video_reason
from embedder.frame_clock import FrameClock
from embedder.video_facts import VideoFacts
from embedder.video_folder import VIDEO_SUFFIXES, find_videos

__all__ = ["MAX_FRAME_PIXELS", "VIDEO_SUFFIXES", "TimedFrame", "Video", "find_videos", "open_video"]

CONTAINERS = (
    "apng,asf,av1,avi,dv,flv,gif,gxf,h264,hevc,ivf,m4v,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mpeg,mpegts,mpegtsraw,"
    "mpegvideo,mxf,nut,obu,ogg,rm,wtv,yuv4mpegpipe"
)
"""FFmpeg demuxers that read moving pictures out of the one file they are given. No playlists, scripts, devices, networks,
and none of the picture demuxers (png_pipe, image2, ...)."""

MAX_FRAME_PIXELS = 8192 * 4608
"""8K and a little more. A decoder keeps up to 17 pictures: at 1.5 bytes a pixel that is already close to 1 GB."""

READ_THROUGH_BYTES = 500_000_000
"""A file up to this size is read through to learn its length; of a larger one the header is believed."""

SOUGHT_BY_STAMP = frozenset({"mpegts", "mpeg"})
"""Formats without an index: a place is guessed from the file's size, then corrected by the time stamps found there."""

PASSING_ERRORS = frozenset({errno.EIO, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT, errno.EMFILE, errno.ENFILE})
"""What opening a file may fail of that is not the file's fault."""

MISSING_WORTH_SAYING = 0.1
"""Share of the promised length that may be missing without a warning: headers round and count the sound, too."""


@dataclass(frozen=True)
class TimedFrame:
    """One decoded picture and its time in seconds since the first frame of the video."""

    time_s: float
    frame: av.VideoFrame


class Video:
    """An open video. ``frames()`` may be walked once; ``facts()`` and ``warnings()`` are true after that."""

    def __init__(self, path: Path, container: av.container.InputContainer, stream: VideoStream) -> None:
        self.path = path
        self._container = container
        self._stream = stream
        rate = stream.average_rate or stream.guessed_rate
        assert stream.time_base is not None, "FFmpeg gives every stream of an open file a time base"
        self._clock = FrameClock(stream.time_base, float(rate) if rate else None)
        # AVI has no presentation times: FFmpeg counts pictures as stored, and PyAV's pts are wrong where B-pictures are.
        self._stamped_by_dts = container.format.name == "avi"
        self._num_frames = 0
        self._num_bad = 0
        self._num_packets = 0
        self._broke_off = ""
        self._late_start_s = 0.0
        self._size = (0, 0)

    @property
    def pixel_aspect(self) -> float:
        """Width of a stored pixel as shown over its height; 1 where the file says nothing that could be true."""
        aspect = self._stream.sample_aspect_ratio
        return float(aspect) if aspect and 0.1 <= aspect <= 10 else 1.0

    def frames(self) -> Iterator[TimedFrame]:
        """Every frame that decodes, in the order shown. Raises VideoRejected (size limit, memory, nothing decodes)."""
        for time_s, frame in self._clock.timed(self._decoded(), self._stamp):
            if frame.width * frame.height > MAX_FRAME_PIXELS:
                raise VideoRejected(self.path, _too_large(frame.width, frame.height))
            if self._num_frames == 0:
                self._size = (frame.width, frame.height) if frame.rotation % 180 == 0 else (frame.height, frame.width)
                self._late_start_s = self._seconds_after_start(frame.pts)
            self._num_frames += 1
            self._num_bad += frame.is_corrupt
            yield TimedFrame(time_s, frame)
        if self._num_frames == 0:
            raise VideoRejected(self.path, self._nothing_decodes())

    def frames_from(self, time_s: float) -> Iterator[TimedFrame] | None:
        """Frames from some time at or before ``time_s`` on, found by seeking; None where the file does not allow that
        safely: then ``frames()`` of a newly opened video is the way. Facts and warnings tell nothing after this."""
        first = next(self._decoded(), None)
        if first is None or first.pts is None or self._stamped_by_dts or self._stream.time_base is None:
            return None
        self._clock.time_of(first.pts)
        try:
            self._container.seek(first.pts + int(time_s / self._stream.time_base), stream=self._stream)
        except av.error.FFmpegError:
            return None
        return self._after_seek(time_s)

    @property
    def is_sought_by_stamp(self) -> bool:
        """Whether seeking goes by time stamps alone, so that one that is there twice leads astray."""
        return self._container.format.name in SOUGHT_BY_STAMP

    def begins_anew(self) -> bool:
        """Whether the time stamps go back somewhere, as in recordings that were joined end to end. Reads the packets without
        decoding and uses the video up; a file too large for that is trusted. Raises VideoRejected."""
        if self._container.size > READ_THROUGH_BYTES:
            return False
        last: int | None = None
        try:
            for packet in self._container.demux(self._stream):
                if packet.dts is not None:
                    if last is not None and packet.dts < last:
                        return True
                    last = packet.dts
        except av.error.FFmpegError as error:
            self._raise_if_memory(error)  # else: damaged from here on; what came before counts
        return False

    def stamped_length_s(self) -> float:
        """Length by the time stamps of the packets, without decoding, by the rules for those of frames; by the header where
        the file is too large to be read for that. Uses the video up: open it anew for its frames. Raises VideoRejected when
        no packet tells."""
        promised_s = self._promised_s()
        if promised_s and self._container.size > READ_THROUGH_BYTES:
            return promised_s
        num_stamped = 0
        try:
            for _, stamp in self._clock.timed(self._packet_stamps(), lambda stamp: stamp):
                num_stamped += stamp is not None
        except av.error.FFmpegError as error:
            self._raise_if_memory(error)  # else: damaged from here on; what came before counts
        if num_stamped == 0 and promised_s <= 0:
            raise VideoRejected(self.path, "nothing in it tells how long it is")
        return round(self._clock.end_s(), 6) if num_stamped else promised_s

    def facts(self) -> VideoFacts:
        """What was found; only whole after ``frames()`` came to its end."""
        duration_s = self._clock.end_s()
        return VideoFacts(
            duration_s=duration_s,
            width=self._size[0],
            height=self._size[1],
            frame_rate=self._num_frames / duration_s,
            codec=self._stream.codec_context.name,
            container=self._container.format.name,
            num_frames=self._num_frames,
        )

    def warnings(self) -> tuple[str, ...]:
        """What was wrong with the file, one clear line each; empty for a sound one."""
        lines = []
        if self._num_bad:
            lines.append(f"damaged: {self._num_bad} of {max(self._num_packets, self._num_bad)} frames did not decode cleanly")
        if self._broke_off:
            lines.append(f"damaged: reading broke off after {self._clock.end_s():.1f} s ({self._broke_off})")
        missing_s = self._promised_s() - self._clock.end_s() - self._late_start_s
        if self._late_start_s > 0.2:
            lines.append(f"damaged: the first {self._late_start_s:.1f} s could not be decoded")
        if missing_s > MISSING_WORTH_SAYING * self._promised_s() and not self._broke_off:
            lines.append(f"{self._clock.end_s():.1f} s could be read of the {self._promised_s():.1f} s its header promises")
        if self._clock.num_repaired:
            lines.append(f"{self._clock.num_repaired} time stamps were equal, backwards or far off; taken for one frame later")
        return tuple(lines)

    def _decoded(self) -> Iterator[av.VideoFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                self._raise_if_memory(error)
                self._broke_off = error.strerror or "unknown reason"
                packet = None
            if packet is None:
                return
            self._num_packets += packet.size > 0
            try:
                frames = packet.decode()
            except av.error.FFmpegError as error:
                self._raise_if_memory(error)
                self._num_bad += 1
                continue
            yield from (frame for frame in frames if isinstance(frame, av.VideoFrame))

    def _packet_stamps(self) -> Iterator[int | None]:
        """The times of decoding, which are the ones that grow from packet to packet; equal ones once: of two pictures at one
        time, one is hidden."""
        last: int | None = None
        for packet in self._container.demux(self._stream):
            if packet.size and not packet.is_discard and (packet.dts is None or packet.dts != last):
                last = packet.dts
                yield packet.dts

    def _stamp(self, frame: av.VideoFrame) -> int | None:
        return frame.dts if self._stamped_by_dts else frame.pts

    def _after_seek(self, time_s: float) -> Iterator[TimedFrame] | None:
        frames = self._decoded()
        landed = next(frames, None)
        if landed is None:
            return None
        landed_s = self._clock.resume_at(landed.pts)
        # Landed behind the place, or without a time: the index of the file is not to be trusted.
        if landed_s is None or landed_s > time_s:
            return None
        rest = (TimedFrame(at_s, frame) for at_s, frame in self._clock.timed(frames, self._stamp))
        return itertools.chain([TimedFrame(landed_s, landed)], rest)

    def _raise_if_memory(self, error: av.error.FFmpegError) -> None:
        if error.errno == errno.ENOMEM:
            raise VideoRejected(self.path, "decoding it needs more memory than a decoder is given", transient=True) from error

    def _seconds_after_start(self, pts: int | None) -> float:
        start = self._stream.start_time
        if pts is None or start is None or self._stream.time_base is None:
            return 0.0
        return max(0.0, float((pts - start) * self._stream.time_base))

    def _promised_s(self) -> float:
        """Length by the stream's header, 0 where it says nothing that could be true."""
        if self._stream.duration is not None and self._stream.time_base is not None:
            promised_s = float(self._stream.duration * self._stream.time_base)
        elif self._container.duration is not None and not self._container.streams.audio:
            promised_s = self._container.duration / av.time_base
        else:
            return 0.0
        return promised_s if 0 < promised_s < 86400 else 0.0

    def _nothing_decodes(self) -> str:
        if self._num_bad:
            return f"damaged: none of its {self._num_packets} packets ({self._stream.codec_context.name}) decodes"
        return "holds no frame that decodes"


@contextmanager
def open_video(path: Path, *, codec_threads: int = 1) -> Iterator[Video]:
    """Open a video file for reading. Raises VideoRejected with a one-line reason, FileNotFoundError for no such file.

    codec_threads: threads inside the decoder; 0 lets it choose. More give speed for one file, not for many at once.
    """
    container = _open_container(path)
    with container:
        stream = _choose_stream(path, container)
        stream.codec_context.thread_count = codec_threads
        stream.thread_type = "AUTO" if codec_threads != 1 else "NONE"
        yield Video(path, container, stream)


def _open_container(path: Path) -> av.container.InputContainer:
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
        passing = error.errno in PASSING_ERRORS if isinstance(error, OSError) else False
        raise VideoRejected(path, detail or f"cannot be opened as a video ({_words(error)})", transient=passing) from error


def _choose_stream(path: Path, container: av.container.InputContainer) -> VideoStream:
    pictures = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    streams = [stream for stream in container.streams.video if not stream.disposition & pictures]
    if not streams:
        if container.streams.video:
            raise VideoRejected(path, "has no video, only a cover picture")
        kinds = sorted({stream.type for stream in container.streams})
        raise VideoRejected(path, f"has no video stream (only {', '.join(kinds)})" if kinds else "has no streams")
    # PyAV types codec_context as always there; for a codec that FFmpeg does not know it is None.
    readable = [stream for stream in streams if getattr(stream, "codec_context", None) is not None]
    if not readable:
        raise VideoRejected(path, "its video codec is unknown to this FFmpeg")
    best = container.streams.best("video")
    return best if isinstance(best, VideoStream) and best in readable else readable[0]


def _too_large(width: int, height: int) -> str:
    return f"its frames of {width}x{height} are larger than the limit of {MAX_FRAME_PIXELS // 1_000_000} million pixels"


def _words(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).split("\n")[0]
