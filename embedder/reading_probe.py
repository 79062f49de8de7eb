"""Find out whether today's rules of reading read a video otherwise than older ones. Runs inside a decode worker."""

from __future__ import annotations

from embedder.bars import find_bars
from embedder.clip_plan import GRID_HZ
from embedder.orientation import BY_QUARTER_TURNS, orientation_of
from embedder.tone_map import is_hdr
from embedder.track_span import LONGER_BY_S
from embedder.video_file import Video, open_video
from embedder.worker_messages import ReadingDone, ReadingJob

SAME_TIME_S = 0.5 / GRID_HZ
"""A shift of less than half a grid slot is left as it is: clips would look at the same frames, or at their neighbours."""


def probe_reading(job: ReadingJob) -> ReadingDone:
    """What differs. Raises VideoRejected, FileNotFoundError."""
    why, warnings = _since_1(job) if job.reading < 2 else ("", ())
    if not why and find_bars(job.path) is not None:
        why = "the black bars around its picture are cut off"
    return ReadingDone(why=why, warnings=warnings)


def _since_1(job: ReadingJob) -> tuple[str, tuple[str, ...]]:
    """What version 2 of the rules reads otherwise than version 1, and what it says of the file besides."""
    with open_video(job.path) as video:
        why, warnings = _why(video), video.track_notes
        by_header_s = video.length_by_header_s()
        may_be_longer = by_header_s == 0 or by_header_s > job.duration_s + LONGER_BY_S
    if not why and may_be_longer:
        with open_video(job.path) as video:
            why = "its last frame stands for longer" if video.stamped_length_s() > job.duration_s + LONGER_BY_S else ""
    return why, warnings


def _why(video: Video) -> str:
    if not video.is_track_of_old:
        return "another of its tracks is the film"
    first = next(video.frames())
    if orientation_of(first.frame) != BY_QUARTER_TURNS[round(first.frame.rotation / 90) % 4]:
        return "its display matrix mirrors it"
    if first.time_s > SAME_TIME_S:
        return f"its picture begins {first.time_s:.2f} s after its sound"
    return "its colours are HDR" if is_hdr(first.frame) else ""
