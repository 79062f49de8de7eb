"""Read one range of a video into the clips of a query: the pictures that indexing would take for the same seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from embedder.clip_plan import GRID_HZ, plan_query, sample_slots
from embedder.clip_reader import ClipMaker
from embedder.errors import QueryTooLong
from embedder.frame_grid import GridStep, grid_steps
from embedder.video_file import Video
from embedder.video_seek import open_at
from embedder.worker_messages import Alive, Clip, QueryDone, QueryJob


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
    with open_at(job.path, job.start_s, codec_threads=job.codec_threads) as (video, frames):
        yield from _read(job, video, grid_steps(frames, video))


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
    yield QueryDone(duration_s=end_s - job.start_s, whole=plan.whole, dense=plan.dense, parts=plan.parts, warnings=warnings)
