"""Small H.264 clips and single pictures of a video, for showing a hit in any browser.

The work is done in a decode worker: a file that crashes a codec does not take the page with it.
"""

from __future__ import annotations

from pathlib import Path

from embedder.errors import PreviewError
from embedder.worker_messages import Done, FrameJob, PreviewJob
from embedder.worker_process import replies_of

MAX_PREVIEW_S = 120.0


def write_preview(path: Path, start_s: float, end_s: float, out: Path, *, height_px: int = 240) -> None:
    """Write ``[start_s, end_s)`` of a video as a small MP4: H.264, yuv420p, index at the start, upright, no sound.

    out: appears whole or not at all; its folder must exist. height_px: at most, never enlarged. Ranges beyond the end
    show the last frame; longer ones than MAX_PREVIEW_S are cut there. Raises VideoRejected, FileNotFoundError,
    PreviewError, OSError.
    """
    if not 0 <= start_s < end_s:
        raise PreviewError(f"{path}: a preview needs 0 <= start < end, got {start_s} to {end_s} s")
    if not out.parent.is_dir():
        raise FileNotFoundError(2, "no such folder for a preview", str(out.parent))
    end_s = min(end_s, start_s + MAX_PREVIEW_S)
    list(replies_of(PreviewJob(path=path, start_s=start_s, end_s=end_s, out=out, height_px=height_px)))


def read_frame(path: Path, at_s: float, max_px: int = 640) -> bytes:
    """The picture on screen at ``at_s`` (the last one, when the video ends before) as JPEG, no side over ``max_px``.

    Raises VideoRejected, FileNotFoundError, PreviewError.
    """
    if at_s < 0:
        raise PreviewError(f"{path}: at_s must not be negative, got {at_s}")
    *_, done = replies_of(FrameJob(path=path, at_s=at_s, max_px=max_px))
    assert isinstance(done, Done), "a frame job ends with Done or is refused"
    return done.data
