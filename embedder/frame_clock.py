"""Time rules: what the time stamps of decoded frames mean when they are missing, equal or run backwards."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import TypeVar

PLAUSIBLE_RATE_HZ = (0.01, 300.0)
"""Frame rates outside are bookkeeping (1000 Hz means "stamped in milliseconds"), not a camera's rate."""

DEFAULT_PERIOD_S = 1 / 25

LONGEST_GAP_S = 7 * 86400.0
"""A forward jump of more than a week is a damaged time stamp, not a hole in a recording."""

LONGEST_UNCONFIRMED_GAP_S = 5.0
"""A longer forward jump is a hole only where the following frame agrees; else one damaged stamp would shift all that follows."""

LATEST_START_S = 86400.0
"""A first picture more than a day after the start of its file has a damaged time stamp."""

T = TypeVar("T")


class FrameClock:
    """Gives each frame, in the order they are shown, its time in seconds since the start of the file; times strictly grow.

    Where the start is not known, it is the first frame's, and no frame comes before it.

    A stamp that is missing, equal to the one before, backwards, more than a week ahead, or far ahead while the following
    frame goes on as before counts as "one frame later". Other forward gaps are kept: they are holes in the recording.
    """

    def __init__(self, time_base: Fraction, rate_hz: float | None, origin: int | None = None) -> None:
        """time_base: seconds per tick. rate_hz: frames per second by the header, or None when unknown. origin: the time stamp
        of second 0, or None when unknown."""
        self._seconds_per_tick = float(time_base)
        plausible = rate_hz is not None and PLAUSIBLE_RATE_HZ[0] <= rate_hz <= PLAUSIBLE_RATE_HZ[1]
        self._header_period_s = 1 / rate_hz if plausible and rate_hz else None
        self._gaps_s: deque[float] = deque(maxlen=31)
        self._origin = origin
        self._origin_s = 0.0
        self.first_s = 0.0
        self.last_s: float | None = None
        self.num_repaired = 0

    def timed(self, frames: Iterable[T], stamp_of: Callable[[T], int | None]) -> Iterator[tuple[float, T]]:
        """Each frame with its time, one frame behind what is read. stamp_of: a frame's time stamp in ticks, or None."""
        held: T | None = None
        for following in frames:
            if held is not None:
                yield self.time_of(stamp_of(held), is_refuted=self._refutes(stamp_of(following), stamp_of(held))), held
            held = following
        if held is not None:
            yield self.time_of(stamp_of(held)), held

    def time_of(self, pts: int | None, *, is_refuted: bool = False) -> float:
        """Time in seconds of the next frame. pts: its time stamp in ticks, or None. is_refuted: it is known to be wrong."""
        if self.last_s is None:
            self.first_s = self.last_s = self._begin(pts, is_refuted)
            return self.first_s
        stamp_s = self._stamp_s(pts)
        if stamp_s is None or is_refuted or not 0 < stamp_s - self.last_s <= LONGEST_GAP_S:
            self.num_repaired += pts is not None
            time_s = self.last_s + self.period_s()
        else:
            time_s = stamp_s
            self._gaps_s.append(time_s - self.last_s)
        self.last_s = time_s
        return time_s

    @property
    def origin(self) -> int | None:
        """The time stamp of second 0, None while unknown."""
        return self._origin

    def resume_at(self, pts: int | None) -> float | None:
        """Go on at another place of the file, after a seek. The time of the first frame there, or None when the stamps do
        not tell it; then nothing has changed."""
        if pts is None or self._origin is None:
            return None
        self.last_s = self._origin_s + (pts - self._origin) * self._seconds_per_tick
        return self.last_s

    def _begin(self, pts: int | None, is_refuted: bool) -> float:
        if pts is None or (is_refuted and self._origin is not None):
            self.num_repaired += pts is not None
            return 0.0
        late_s = 0.0 if self._origin is None else (pts - self._origin) * self._seconds_per_tick
        # A picture before the start of its file (the first of an open group) is where the file starts.
        if self._origin is None or not 0 <= late_s <= LATEST_START_S:
            self._origin, late_s = pts, 0.0
        return late_s

    def end_s(self) -> float:
        """When the last frame leaves the screen: one frame period after it came."""
        return (self.last_s or 0.0) + self.period_s()

    def period_s(self) -> float:
        """Seconds from frame to frame: the median of the latest gaps, before there are any the header's, else 1/25."""
        if len(self._gaps_s) >= 3 or (self._gaps_s and self._header_period_s is None):
            return statistics.median(self._gaps_s)
        return self._header_period_s or DEFAULT_PERIOD_S

    def _refutes(self, following: int | None, pts: int | None) -> bool:
        """Whether the frame after tells that a stamp far ahead is damaged: it is not behind that stamp."""
        if self._origin is None or pts is None or (self.last_s is None and following is None):
            return False
        gap_s = self._origin_s + (pts - self._origin) * self._seconds_per_tick - (self.last_s or 0.0)
        return gap_s > LONGEST_UNCONFIRMED_GAP_S and (following is None or following < pts)

    def _stamp_s(self, pts: int | None) -> float | None:
        if pts is None:
            return None
        if self._origin is None:  # the first frames had no stamp: the first one that has sets the zero
            self._origin = pts
            self._origin_s = (self.last_s or 0.0) + self.period_s()
        return self._origin_s + (pts - self._origin) * self._seconds_per_tick
