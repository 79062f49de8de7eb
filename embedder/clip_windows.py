"""Find out which clips a video gives while it is still being read, its length unknown and holes skipped at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from embedder.clip_plan import ClipPlan, closing_windows, sample_slots

_ROUNDING_S = 1e-6


@dataclass
class ClipWindows:
    """The windows of ``plan_clips`` in which at least one frame appears, as early as they can be made; in seconds since the first.

    Work and memory grow with the frames, not with the duration: a hole of a day between two frames costs nothing.
    """

    plan: ClipPlan
    num_frames: int
    _next: list[int] = field(init=False)
    _pending: list[tuple[float, float]] = field(init=False, default_factory=list)
    _last_frame_s: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._next = [0] * len(self.plan.spans_s)

    def frame_at(self, time_s: float) -> None:
        """Take note of a frame; times must grow."""
        self._last_frame_s = time_s
        for i, span_s in enumerate(self.plan.spans_s):
            step_s = self.plan.hop * span_s
            first = max(self._next[i], math.floor((time_s - span_s) / step_s) - 1)
            last = math.floor(time_s / step_s + _ROUNDING_S)
            for k in range(first, last + 1):
                if k * step_s <= time_s + _ROUNDING_S and time_s < k * step_s + span_s:
                    self._pending.append((k * step_s, k * step_s + span_s))
                    self._next[i] = k + 1

    def ready(self, known_s: float, end_slot: int) -> list[tuple[float, float]]:
        """Windows whose pictures are all there, each given out once.

        known_s: the video is known to last at least so long. end_slot: the first grid slot that is not yet known.
        """
        ready = [window for window in self._pending if window[1] <= known_s and self._last_slot(window) < end_slot]
        if ready:
            given = set(ready)
            self._pending = [window for window in self._pending if window not in given]
        return ready

    def closing(self, duration_s: float) -> list[tuple[float, float]]:
        """The rest, once the video came to its end."""
        fitting = [window for window in self._pending if window[1] <= duration_s + _ROUNDING_S]
        self._pending = []
        return fitting + [window for window in closing_windows(duration_s, self.plan) if window[0] <= self._last_frame_s]

    def _last_slot(self, window: tuple[float, float]) -> int:
        return int(sample_slots(*window, self.num_frames)[-1])
