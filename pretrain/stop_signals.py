"""Ctrl-C and SIGTERM during a training: at once while it waits for examples, after the step where it is within one. Several
processes must stop after the same step, so each of them only notes the signal, and they agree after every step.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_MEANT_S = 3.0
"""A second signal within this time is the first one again: torchrun passes on what the terminal has sent already."""


class StopSignals:
    """While it is entered, both signals raise KeyboardInterrupt; within `held_back` only at its end, or at once when asked again.
    With `at_once` False they are held back everywhere, and raise nothing by themselves. asked: whether a signal came.

    In another than the main thread, where Python lets nobody handle signals, it leaves them alone; and one that is ignored, as
    Ctrl-C is by what a shell script starts in the background, stays so.
    """

    def __init__(self, *, at_once: bool = True) -> None:
        self._at_once = at_once
        self._before: dict[signal.Signals, Any] = {}
        self._holding = False
        self._asked_s: float | None = None

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            for number in STOP_SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    @property
    def asked(self) -> bool:
        return self._asked_s is not None

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """What must be done whole or not at all."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self._at_once and self.asked:
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now_s = time.monotonic()
        held = self._holding or not self._at_once
        if self._asked_s is None:
            self._asked_s = now_s
            if held:
                return
        elif held and now_s - self._asked_s < _MEANT_S:
            return
        raise KeyboardInterrupt


@contextmanager
def postponed() -> Iterator[None]:
    """What a signal must not break off halfway, such as starting and ending processes: it is handled when this ends, and once."""
    handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    kept = {number: handler for number, handler in handlers.items() if callable(handler)}
    if threading.current_thread() is not threading.main_thread():
        kept = {}
    for number in kept:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
        if came:
            kept[signal.Signals(came[0])](came[0], None)
