"""Signs of life of the processes that make examples, by which one that takes long is told from one that hangs.

To make a batch may take an hour, where all its videos are decoded for the first time; but never ten minutes without a word.
"""

from contextlib import suppress
from multiprocessing.connection import Connection

_pulse: Connection | None = None


def begin(pulse: Connection) -> None:
    """From now on this process gives its signs there; whoever reads them may be slow."""
    global _pulse
    import os

    os.set_blocking(pulse.fileno(), False)
    _pulse = pulse


def beat() -> None:
    """This process is at work. Does nothing in the one that trains."""
    if _pulse is not None:
        with suppress(OSError):  # full: there are signs enough; broken: the training is gone, as others will notice
            _pulse.send_bytes(b"")


def heard(pulse: Connection) -> bool:
    """Whether there was a sign since the last call."""
    found = False
    while pulse.poll(0):
        try:
            pulse.recv_bytes()
        except (EOFError, OSError):  # all have ended
            break
        found = True
    return found
