"""A quick look through a whole video: how long it is, and pictures from all over it. For choosing a range by eye.

The work is done in a decode worker: a file that crashes a codec does not take the page with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from embedder.worker_messages import GlanceDone, GlanceJob
from embedder.worker_process import replies_of


@dataclass(frozen=True)
class Glance:
    """length_s: by the time stamps in the file, so a damaged file may hold less. pictures: JPEGs, evenly spread, in order."""

    length_s: float
    pictures: tuple[bytes, ...]


def glance(path: Path, *, num_pictures: int = 10, max_px: int = 160) -> Glance:
    """Look through a video. max_px: longest side of a picture. Raises VideoRejected, FileNotFoundError, ValueError."""
    if num_pictures < 1 or max_px < 1:
        raise ValueError(f"a glance needs at least one picture of one pixel, got {num_pictures} of {max_px} px")
    *_, done = replies_of(GlanceJob(path=path, num_pictures=num_pictures, max_px=max_px))
    assert isinstance(done, GlanceDone), "a glance job ends with GlanceDone or is refused"
    return Glance(done.length_s, done.pictures)
