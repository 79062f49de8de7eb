"""Where the picture of a file begins and where it ends, by what its packets and its header say, without decoding."""

from __future__ import annotations

from collections import deque
from typing import Any, cast

import av
import av.container
from av.video.stream import VideoStream

from embedder.frame_clock import LATEST_START_S, FrameClock
from embedder.video_tracks import tagged_length_s

PRIMING_S = 0.1
"""Sound may begin this much before 0 without moving the start of the file: its decoder warms up on it, and nobody hears it."""

NEAR_S = 1.0
"""A packet's time belongs to a picture so near; else a stamp is damaged."""

LONGER_BY_S = 0.1
"""By so much more than a frame's time a last frame must stand for the file's word on it to count: stamps are rounded."""

SILENT_ON_LENGTH = frozenset({"matroska,webm", "flv"})
SOUND_LONGER_BY_S = 1.0
"""Sound that ends so much later than the picture, in a format that says nothing of the picture's length, has the last frame stand
to its end, as players show it: recorders of screens write no frame while nothing happens."""

SOUND_GAP_S = 10.0
"""A gap in the sound that is longer ends it."""


def start_ticks(container: av.container.InputContainer, stream: VideoStream) -> int | None:
    """The time stamp of second 0, in ticks of the stream: where the file's earliest track begins, as in FFmpeg and the players
    that build on it. None where the file does not tell."""
    # PyAV types the start as always there.
    start_us, own = cast("int | None", container.start_time), stream.start_time
    if start_us is None or stream.time_base is None:
        return None
    if -PRIMING_S * av.time_base <= start_us < 0 and own is not None and own >= 0:
        return 0
    return round(start_us / av.time_base / float(stream.time_base))


class TrackSpan:
    """Is shown the packets of a track while it is read. Seconds are those of the clock."""

    def __init__(
        self, container: av.container.InputContainer, stream: VideoStream, clock: FrameClock, *, stamped_by_dts: bool
    ) -> None:
        self.num_packets = 0
        # Formats that say of no track how long it is: there the sound tells how long the file goes on.
        is_silent_on_length = container.format.name in SILENT_ON_LENGTH and not tagged_length_s(stream)
        self.sound = container.streams.audio[:1] if is_silent_on_length else ()
        self._container = container
        self._stream = stream
        self._clock = clock
        self._stamped_by_dts = stamped_by_dts
        self._seconds_per_tick = float(stream.time_base or 0)
        self._first: av.Packet[VideoStream] | None = None
        self._last: av.Packet[VideoStream] | None = None
        self._recent: deque[tuple[int, int]] = deque(maxlen=16)  # stamps and lengths, in ticks
        self._sound_end_s: float | None = None

    @property
    def first_dts(self) -> int | None:
        """When the first packet is to be decoded, in ticks."""
        return None if self._first is None else self._first.dts

    def see(self, packet: av.Packet[VideoStream]) -> None:
        """Take note of the track's next packet."""
        self.num_packets += 1
        self._first = self._first or packet
        self._last = packet
        if packet.pts is not None:
            self._recent.append((packet.pts, packet.duration or 0))

    def hear(self, packet: av.Packet[Any]) -> None:
        """Follow the sound to its end. A packet far ahead of those before it has a damaged stamp."""
        if packet.pts is None or packet.time_base is None or self._clock.origin is None:
            return
        at_s = float(packet.pts * packet.time_base) - self._clock.origin * self._seconds_per_tick
        before_s = at_s if self._sound_end_s is None else self._sound_end_s
        if at_s - before_s < SOUND_GAP_S:
            self._sound_end_s = max(before_s, at_s + float((packet.duration or 0) * packet.time_base))

    def begin_s(self) -> float:
        """When the first picture should come, whether or not it decodes."""
        packet, origin = self._first, self._clock.origin
        stamp = None if packet is None else packet.dts if self._stamped_by_dts or packet.pts is None else packet.pts
        late_s = 0.0 if stamp is None or origin is None else (stamp - origin) * self._seconds_per_tick
        return late_s if 0 <= late_s <= LATEST_START_S else 0.0

    def last_shown_s(self, *, near_s: float) -> float:
        """When the last picture comes: of the last packets, the one that is shown last, if that is near; else near_s."""
        if self._clock.origin is None or not self._recent or self._stamped_by_dts:
            return near_s
        last_s = (max(self._recent)[0] - self._clock.origin) * self._seconds_per_tick
        return last_s if abs(last_s - near_s) < NEAR_S else near_s

    def end_s(self, last_s: float, end_s: float, *, is_whole: bool, stands_s: float = 0.0) -> float:
        """``end_s``, one frame's time after the last frame came at ``last_s``; later where the file says that it stands longer,
        as in recordings of screens on which nothing happens any more. is_whole: reading did not break off. stands_s: how long
        that frame stands by its own word."""
        stands_s = max(stands_s, self._last_packet_end_s(last_s), *self._recent_ends_s(last_s))
        if self._sound_end_s is not None and self._sound_end_s > end_s + SOUND_LONGER_BY_S:
            stands_s = max(stands_s, self._sound_end_s)
        if is_whole and "mp4" in self._container.format.name and 0 < self._stream.frames <= self.num_packets:
            # All that the index promises was there: then what it says of the track's length is true.
            stands_s = max(stands_s, self.promised_end_s())
        return stands_s if LONGER_BY_S < stands_s - end_s <= LATEST_START_S else end_s

    def promised_end_s(self) -> float:
        """When the picture ends by the header, 0 where it says nothing that could be true."""
        promised_s = 0.0
        if "matroska" in self._container.format.name:  # FFmpeg gives its streams the length of the file, which counts the sound
            promised_s = tagged_length_s(self._stream)
        elif self._stream.duration is not None:
            promised_s = self._stream.duration * self._seconds_per_tick
            if self._stream.start_time is not None and self._clock.origin is not None:
                promised_s += (self._stream.start_time - self._clock.origin) * self._seconds_per_tick
        if not promised_s and self._container.duration is not None and not self._container.streams.audio:
            promised_s = self._container.duration / av.time_base
        if "matroska" in self._container.format.name and self._clock.origin is not None:
            # Counted from 0 by some writers, from the first picture by others: at least so much.
            start_s = self._clock.origin * self._seconds_per_tick
            promised_s -= start_s if 0 < start_s < promised_s else 0.0
        return promised_s if 0 < promised_s < LATEST_START_S else 0.0

    def _recent_ends_s(self, last_frame_s: float) -> list[float]:
        """When the pictures of the last packets leave the screen by their own word."""
        if self._clock.origin is None or self._stamped_by_dts:
            return []
        starts = [((pts - self._clock.origin) * self._seconds_per_tick, duration) for pts, duration in self._recent]
        return [at_s + ticks * self._seconds_per_tick for at_s, ticks in starts if abs(at_s - last_frame_s) < NEAR_S]

    def _last_packet_end_s(self, last_frame_s: float) -> float:
        """When the picture of the last packet leaves the screen, 0 where that is not told. In the order of decoding, since the
        lengths in an index are those from packet to packet."""
        first, last = self._first, self._last
        if first is None or last is None or first.dts is None or last.dts is None or not last.duration:
            return 0.0
        if self._clock.origin is None:
            return 0.0
        begin = first.dts if self._stamped_by_dts or first.pts is None else first.pts
        last_s = (begin - self._clock.origin + last.dts - first.dts) * self._seconds_per_tick
        runs_on = abs(last_s - last_frame_s) < NEAR_S  # else some stamp in between is damaged, or this one
        return last_s + last.duration * self._seconds_per_tick if runs_on else 0.0
