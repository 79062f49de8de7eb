"""Whether a video would be read otherwise today than by an older version of the rules (`reading_rules`).

Clips that were stored under older rules stay true where the rules that changed do not touch their video. That is looked up in
its header, its first frame and, where its header is longer than what was read, its time stamps: no clip is embedded for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from embedder.worker_messages import ReadingDone, ReadingJob
from embedder.worker_process import replies_of


@dataclass(frozen=True)
class OtherReading:
    """What today's rules change about a video. why: in words, empty where its clips stay true. warnings: to be added to its own."""

    why: str
    warnings: tuple[str, ...]


def other_reading(path: Path, duration_s: float, reading: int) -> OtherReading:
    """Whether a video that lasted duration_s by older rules of reading, of this number, would be read otherwise today.

    Raises VideoRejected, FileNotFoundError.
    """
    *_, done = replies_of(ReadingJob(path=path, duration_s=duration_s, reading=reading))
    assert isinstance(done, ReadingDone), "a reading job ends with ReadingDone or is refused"
    return OtherReading(done.why, done.warnings)
