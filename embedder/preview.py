"""Small H.264 clips and single pictures of a video, for showing a hit in any browser."""

from __future__ import annotations

from pathlib import Path


def write_preview(path: Path, start_s: float, end_s: float, out: Path, *, height_px: int = 240) -> None:
    """Write ``[start_s, end_s)`` of a video as a small MP4 (H.264, yuv420p, faststart, no sound); atomic."""
    raise NotImplementedError


def read_frame(path: Path, at_s: float, max_px: int = 640) -> bytes:
    """The picture on screen at ``at_s`` as JPEG, no side longer than ``max_px``."""
    raise NotImplementedError
