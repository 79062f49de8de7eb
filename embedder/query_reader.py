"""Read one range of a video into the clips of a query: the pictures that indexing would take for the same seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from embedder.clip_plan import GRID_HZ, plan_query, sample_slots
from embedder.clip_reader import ClipMaker
from embedder.errors import QueryTooLong
from embedder.frame_grid import GridStep, grid_steps
from embedder.video_file import Video, open_video
from embedder.worker_messages import Alive, Clip, QueryDone, QueryJob

SEEK_BEYOND_S = 20.0
"""Ranges that start later are looked up by seeking; before that, reading from the start is as quick and always right."""

SEEK_LEAD_S = 2.0
"""Landing so much early lets a decoder that starts in the middle of a picture group come clean."""


class RangeEmpty(Exception):
    """The asked range holds no frame; ``str()`` says what the file holds."""


@dataclass
class _Range:
    """How much of the asked range was read."""

    job: QueryJob
    end_s: float = 0.0
    read_to_end: bool = False

    def wants(self, step: GridStep) -> bool:
        """Whether a step's slots can be looked at by a clip of the range."""
        return step.end_slot > math.floor(self.job.start_s * GRID_HZ)

    def is_over(self, step: GridStep) -> bool:
        """Whether no later step matters. Raises QueryTooLong."""
        if step.time_s - self.job.start_s > self.job.max_s:
            raise QueryTooLong(
                f"{self.job.path}: a query may be up to {self.job.max_s:.0f} s long, this one is longer. "
                "Give the start and the end of what to look for."
            )
        # One slot more than the range: the nearest slot to a time just before the end may be the one after it.
        return self.job.end_s is not None and step.end_slot > math.ceil(self.job.end_s * GRID_HZ) + 1


def read_query(job: QueryJob) -> Iterator[Clip | Alive | QueryDone]:
    """The clips of ``plan_query`` over the part of the range that is there, then QueryDone.

    Raises RangeEmpty, QueryTooLong, VideoRejected, FileNotFoundError.
    """
    if job.start_s > SEEK_BEYOND_S:
        with open_video(job.path, codec_threads=job.codec_threads) as video:
            frames = video.frames_from(job.start_s - SEEK_LEAD_S)
            if frames is not None:
                yield from _read(job, video, grid_steps(frames, video))
                return
    with open_video(job.path, codec_threads=job.codec_threads) as video:
        yield from _read(job, video, grid_steps(video.frames(), video))


def _read(job: QueryJob, video: Video, steps: Iterator[GridStep]) -> Iterator[Clip | Alive | QueryDone]:
    maker = ClipMaker(job.pictures, video, with_thumbnails=False)
    reached = _Range(job)
    for count, step in enumerate(steps):
        reached.end_s = step.until_s
        if reached.wants(step) and step.end_slot > step.first_slot:
            maker.recent.put(step.first_slot, maker.scaler.picture(step.frame))
            if reached.is_over(step):
                break
        elif count % 256 == 0:
            yield Alive(step.time_s)
    else:
        reached.read_to_end = True
    end_s = reached.end_s if job.end_s is None else min(job.end_s, reached.end_s)
    if end_s <= job.start_s or len(maker.recent) == 0:
        raise RangeEmpty(f"{job.path}: nothing at {job.start_s:.2f} s, the video ends at {reached.end_s:.2f} s")
    plan = plan_query(end_s - job.start_s, job.spans_s)
    for start_s, stop_s in plan.spans_s:
        window = (job.start_s + float(start_s), job.start_s + float(stop_s))
        yield maker.clip_of((float(start_s), float(stop_s)), maker.recent.at(sample_slots(*window, job.pictures.num_frames)))
    warnings = video.warnings() if reached.read_to_end and job.start_s == 0 else ()
    yield QueryDone(duration_s=end_s - job.start_s, whole=plan.whole, warnings=warnings)
