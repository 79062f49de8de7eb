"""Open a video file safely and read its frames with their times.

Safely: only containers that hold video are opened, and only the file itself, so that a playlist or script under a
video's name opens nothing else; sizes are limited before memory is; a damaged file gives what decodes, with warnings.
"""

from __future__ import annotations

import errno
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av
import av.container
import av.error
from av.video.stream import VideoStream

from embedder.errors import DecoderOutOfMemory, VideoRejected
from embedder.frame_clock import FrameClock
from embedder.open_container import MAX_FRAME_PIXELS, check_room, in_words, open_container
from embedder.orientation import orientation_of
from embedder.track_span import TrackSpan, start_ticks
from embedder.video_facts import VideoFacts
from embedder.video_folder import VIDEO_SUFFIXES, find_videos
from embedder.video_tracks import choose_track, track_of_old

__all__ = ["MAX_FRAME_PIXELS", "VIDEO_SUFFIXES", "TimedFrame", "Video", "find_videos", "open_video"]

READ_THROUGH_BYTES = 500_000_000
"""A file up to this size is read through to learn its length; of a larger one the header is believed."""

SOUGHT_BY_STAMP = frozenset({"mpegts", "mpeg"})
"""Formats without an index: a place is guessed from the file's size, then corrected by the time stamps found there."""

LOST_ERRORS = frozenset({errno.ESTALE, errno.ETIMEDOUT, errno.ENODEV})
"""The file went away while it was read, with its server or its disk."""

KEY_FRAME_LATE_S = 0.2
"""Pictures of less than this may be missing before the first that decodes without a word."""

_KEY_FRAMES_TRIED = 20  # a decoder holds back up to 16 frames; where none has come by then, none can be read alone

_GLANCE_PACKETS = 300  # behind a place that was sought; where no key frame comes by then, the place tells nothing

MISSING_WORTH_SAYING = 0.1
"""Share of the promised length that may be missing without a warning: headers round and count the sound, too."""


@dataclass(frozen=True)
class TimedFrame:
    """One decoded picture and its time in seconds since the start of the file, as players count."""

    time_s: float
    frame: av.VideoFrame


class Video:
    """An open video. ``frames()`` may be walked once; ``facts()`` and ``warnings()`` are true after that."""

    def __init__(
        self, path: Path, container: av.container.InputContainer, stream: VideoStream, track_notes: tuple[str, ...] = ()
    ) -> None:
        self.path = path
        self._container = container
        self._stream = stream
        self.track_notes = track_notes
        self.is_track_of_old = stream.index == track_of_old(container)
        rate = stream.average_rate or stream.guessed_rate
        assert stream.time_base is not None, "FFmpeg gives every stream of an open file a time base"
        self._seconds_per_tick = float(stream.time_base)
        self._rate_hz = float(rate) if rate else None
        self._clock = FrameClock(stream.time_base, self._rate_hz, start_ticks(container, stream))
        # AVI has no presentation times: FFmpeg counts pictures as stored, and PyAV's pts are wrong where B-pictures are.
        self._stamped_by_dts = container.format.name == "avi"
        self._span = TrackSpan(container, stream, self._clock, stamped_by_dts=self._stamped_by_dts)
        self._dts_delay: int | None = None
        self._num_frames = 0
        self._num_bad = 0
        self._last_frame_s = 0.0
        self._met_key_frame = False
        self._broke_off = ""
        self._has_new_streams = False
        self._size = (0, 0)

    @property
    def pixel_aspect(self) -> float:
        """Width of a stored pixel as shown over its height; 1 where the file says nothing that could be true."""
        aspect = self._stream.sample_aspect_ratio
        return float(aspect) if aspect and 0.1 <= aspect <= 10 else 1.0

    @property
    def first_frame_s(self) -> float:
        """When the first frame comes; known as soon as one was read."""
        return self._clock.first_s

    def frames(self) -> Iterator[TimedFrame]:
        """Every frame that decodes, in the order shown. Raises VideoRejected (size limit, memory, nothing decodes)."""
        for time_s, frame in self._clock.timed(self._decoded(), self._stamp):
            self._see(frame)
            self._num_bad += frame.is_corrupt
            self._last_frame_s = frame.duration * self._seconds_per_tick
            yield TimedFrame(time_s, frame)
        if self._num_frames == 0:
            raise VideoRejected(self.path, self._nothing_decodes())

    def key_frames(self, *, apart_s: float) -> Iterator[TimedFrame]:
        """Key frames, none sooner than ``apart_s`` after the one before; nothing else is decoded. None come where key frames bear
        no time or do not decode alone, and of AVI, whose frames bear no times. After the last, ``facts()`` counts packets as
        frames. Raises VideoRejected (size limit, memory)."""
        last_s = -math.inf
        for frame in () if self._stamped_by_dts else self._decoded(self._key_packets(apart_s)):
            is_first = self._num_frames == 0
            time_s = (self._clock.time_of if is_first else self._clock.resume_at)(frame.pts)
            if frame.pts is not None and time_s is not None and time_s > last_s:
                last_s = time_s
                self._see(frame)
                yield TimedFrame(time_s, frame)
        self._num_frames = self._span.num_packets

    def frames_from(self, time_s: float) -> Iterator[TimedFrame] | None:
        """Frames from some time at or before ``time_s`` on, found by seeking; None where the file does not allow that
        safely: then ``frames()`` of a newly opened video is the way. Facts and warnings tell nothing after this."""
        first = next(self._clock.timed(self._decoded(), self._stamp), None)
        if first is None or first[1].pts is None or self._stamped_by_dts or self._clock.origin is None:
            return None
        try:
            self._container.seek(self._clock.origin + int(time_s / self._seconds_per_tick), stream=self._stream)
        except av.error.FFmpegError:
            return None
        return self._after_seek(time_s)

    def glances(self, shares: Sequence[float]) -> Iterator[av.VideoFrame]:
        """After the first of ``frames()``: a frame at or before each share (0 to 1) of the length that the header promises, each
        frame once. Places that cannot be sought, or where nothing decodes soon, are left out. Facts and warnings tell nothing after
        this."""
        length_s, origin = self.length_by_header_s(), self._clock.origin
        last_pts: int | None = None
        for share in shares if origin is not None else ():
            assert origin is not None
            try:
                self._container.seek(origin + int(share * length_s / self._seconds_per_tick), stream=self._stream)
            except av.error.FFmpegError:
                continue
            frame = next(self._decoded(itertools.islice(self._packets(), _GLANCE_PACKETS)), None)
            if frame is not None and frame.pts != last_pts and frame.width * frame.height <= MAX_FRAME_PIXELS:
                last_pts = frame.pts
                yield frame

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
        for packet in self._packets():
            if packet.dts is not None:
                if last is not None and packet.dts < last:
                    return True
                last = packet.dts
        return False  # also where it is damaged from somewhere on: what came before counts

    def stamped_length_s(self) -> float:
        """Length by the time stamps of the packets, without decoding, by the rules for those of frames; by the header where
        the file is too large to be read for that. Uses the video up: open it anew for its frames. Raises VideoRejected when
        no packet tells."""
        promised_s = self._span.promised_end_s()
        if promised_s and self._container.size > READ_THROUGH_BYTES:
            return promised_s
        # The times of decoding grow from packet to packet, but do not begin at the start of the file.
        assert self._stream.time_base is not None, "as on opening"
        clock = FrameClock(self._stream.time_base, self._rate_hz)
        num_stamped = 0
        for _, stamp in clock.timed(self._packet_stamps(), lambda stamp: stamp):
            num_stamped += stamp is not None
        if num_stamped == 0 and promised_s <= 0:
            raise VideoRejected(self.path, "nothing in it tells how long it is")
        if num_stamped == 0:
            return promised_s
        last_s = self._span.begin_s() + (clock.last_s or 0.0)
        last_s = self._span.last_shown_s(near_s=last_s)
        return round(self._span.end_s(last_s, last_s + clock.period_s(), is_whole=not self._broke_off), 6)

    def length_by_header_s(self) -> float:
        """The most that the header says of the length of the picture or the whole file; 0 where it says nothing."""
        return max(self._span.promised_end_s(), (self._container.duration or 0) / av.time_base)

    def facts(self) -> VideoFacts:
        """What was found; only whole after ``frames()`` came to its end."""
        duration_s = self._end_s()
        return VideoFacts(
            duration_s=duration_s,
            first_frame_s=self._clock.first_s,
            width=self._size[0],
            height=self._size[1],
            frame_rate=self._num_frames / (duration_s - self._clock.first_s),
            codec=self._stream.codec_context.name,
            container=self._container.format.name,
            num_frames=self._num_frames,
        )

    def warnings(self) -> tuple[str, ...]:
        """What was wrong with the file, one clear line each; empty for a sound one."""
        lines = list(self.track_notes)
        if self._num_bad:
            lines.append(f"damaged: {self._num_bad} of {max(self._span.num_packets, self._num_bad)} frames did not decode cleanly")
        if self._broke_off:
            lines.append(f"damaged: reading broke off after {self._end_s():.1f} s ({self._broke_off})")
        if self._has_new_streams:
            lines.append("further streams begin in the middle of the file, perhaps made up by damage; they were left out")
        # A picture may come long after the sound: that is how the file is. Pictures that are there but cannot be shown are not.
        without_picture_s = self._clock.first_s - self._span.begin_s()
        if without_picture_s > KEY_FRAME_LATE_S:
            why = "damaged" if self._num_bad else "it begins between two key frames"
            lines.append(f"the first {without_picture_s:.1f} s of its pictures could not be decoded ({why})")
        promised_s = self._span.promised_end_s()
        if promised_s - self._end_s() > MISSING_WORTH_SAYING * promised_s and not self._broke_off:
            lines.append(f"{self._end_s():.1f} s could be read of the {promised_s:.1f} s its header promises")
        if self._clock.num_repaired:
            lines.append(f"{self._clock.num_repaired} time stamps were equal, backwards or far off; taken for one frame later")
        return tuple(lines)

    def _packets(self) -> Iterator[av.Packet[VideoStream]]:
        """The track's packets, the last of them empty: on it a decoder gives what it holds back. So, too, where reading breaks
        off. Raises VideoRejected where the file went away."""
        packets = cast("Iterator[av.Packet[VideoStream]]", self._container.demux(self._stream, *self._span.sound))
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                if error.errno in LOST_ERRORS:
                    raise VideoRejected(
                        self.path, f"went away while it was read ({in_words(error)})", blames_machine=True
                    ) from error
                self._check_memory()  # not by the error: a length that damage made up asks for more memory than there is
                self._broke_off = error.strerror or "unknown reason"
                packet = None
            except IndexError:
                # PyAV's end of a file in which FFmpeg has met more streams than at its start: all packets were read.
                self._has_new_streams = True
                packet = None
            if packet is None or (packet.size == 0 and packet.dts is None):
                yield cast("av.Packet[VideoStream]", av.Packet())
                return
            if packet.size == 0:  # AVI's way of saying that the picture before stands; for a decoder, it would be the end
                continue
            if packet.stream_index == self._stream.index:
                self._span.see(packet)
                yield packet
            else:
                self._span.hear(packet)

    def _key_packets(self, apart_s: float) -> Iterator[av.Packet[VideoStream]]:
        """Packets of key frames, then the empty one."""
        num_given, last_s = 0, -math.inf
        for packet in self._packets():
            if packet.size and (not packet.is_keyframe or packet.pts is None):
                continue
            at_s = (packet.pts or 0) * self._seconds_per_tick
            if packet.size and at_s - last_s < apart_s:
                continue
            if num_given == _KEY_FRAMES_TRIED and self._num_frames == 0:
                return
            num_given, last_s = num_given + 1, at_s
            yield packet

    def _see(self, frame: av.VideoFrame) -> None:
        """Raises VideoRejected for one that is too large."""
        if frame.width * frame.height > MAX_FRAME_PIXELS:
            raise VideoRejected(self.path, _too_large(frame.width, frame.height))
        if self._num_frames == 0:
            is_turned = orientation_of(frame).is_transposed
            self._size = (frame.height, frame.width) if is_turned else (frame.width, frame.height)
        self._num_frames += 1

    def _decoded(self, packets: Iterable[av.Packet[VideoStream]] | None = None) -> Iterator[av.VideoFrame]:
        for packet in self._packets() if packets is None else packets:
            self._met_key_frame |= packet.is_keyframe
            try:
                frames = self._stream.codec_context.decode(packet if packet.size else None)
            except av.error.FFmpegError as error:
                self._check_memory(error)
                # A broadcast is tuned in somewhere: that nothing can be decoded before its first key frame is no damage.
                self._num_bad += self._met_key_frame or not self.is_sought_by_stamp
                continue
            for frame in frames:
                if isinstance(frame, av.VideoFrame):
                    if frame.is_corrupt:
                        self._check_memory()
                    yield frame

    def _check_memory(self, error: av.error.FFmpegError | None = None) -> None:
        """After something did not decode: raises DecoderOutOfMemory where that may be for want of memory, not the file's fault."""
        if error is not None and error.errno == errno.ENOMEM:
            raise DecoderOutOfMemory(self.path) from error
        check_room(self.path, self._stream.codec_context)

    def _packet_stamps(self) -> Iterator[int | None]:
        """The times of decoding, which are the ones that grow from packet to packet; equal ones once: of two pictures at one
        time, one is hidden."""
        last: int | None = None
        for packet in self._packets():
            if packet.size and not packet.is_discard and (packet.dts is None or packet.dts != last):
                last = packet.dts
                yield packet.dts

    def _stamp(self, frame: av.VideoFrame) -> int | None:
        if not self._stamped_by_dts or frame.dts is None:
            return None if self._stamped_by_dts else frame.pts
        if self._dts_delay is None:  # the first frame comes out of the decoder some packets late, and bears the last one's time
            first = self._span.first_dts
            self._dts_delay = max(0, frame.dts - first) if first is not None else 0
        return frame.dts - self._dts_delay

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

    def _end_s(self) -> float:
        last_s = self._clock.last_s or 0.0
        return self._span.end_s(last_s, self._clock.end_s(), stands_s=last_s + self._last_frame_s, is_whole=not self._broke_off)

    def _nothing_decodes(self) -> str:
        if self._num_bad:
            return f"damaged: none of its {self._span.num_packets} packets ({self._stream.codec_context.name}) decodes"
        return "holds no frame that decodes"


@contextmanager
def open_video(path: Path, *, codec_threads: int = 1) -> Iterator[Video]:
    """Open a video file for reading. Raises VideoRejected with a one-line reason, FileNotFoundError for no such file.

    codec_threads: threads inside the decoder; 0 lets it choose. More give speed for one file, not for many at once.
    """
    with open_container(path) as container:
        stream, notes = choose_track(path, container, lambda: open_container(path))
        stream.codec_context.thread_count = codec_threads
        stream.thread_type = "AUTO" if codec_threads != 1 else "NONE"
        yield Video(path, container, stream, notes)


def _too_large(width: int, height: int) -> str:
    return f"its frames of {width}x{height} are larger than the limit of {MAX_FRAME_PIXELS // 1_000_000} million pixels"
