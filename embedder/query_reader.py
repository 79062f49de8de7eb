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
    """How much of the asked range was read. In seconds since the first frame, as steps are."""

    job: QueryJob
    start_s: float
    stop_s: float | None
    end_s: float = 0.0
    read_to_end: bool = False

    def wants(self, step: GridStep) -> bool:
        """Whether a step's slots can be looked at by a clip of the range."""
        return step.end_slot > math.floor(self.start_s * GRID_HZ)

    def is_over(self, step: GridStep) -> bool:
        """Whether no later step matters. Raises QueryTooLong."""
        if step.time_s - self.start_s > self.job.max_s:
            raise QueryTooLong(
                f"{self.job.path}: a query may be up to {self.job.max_s:.0f} s long, this one is longer. "
                "Give the start and the end of what to look for."
            )
        # One slot more than the range: the nearest slot to a time just before the end may be the one after it.
        return self.stop_s is not None and step.end_slot > math.ceil(self.stop_s * GRID_HZ) + 1


def read_query(job: QueryJob) -> Iterator[Clip | Alive | QueryDone]:
    """The clips of ``plan_query`` over the part of the range in which there is a picture, then QueryDone.

    Raises RangeEmpty, QueryTooLong, VideoRejected, FileNotFoundError.
    """
    with open_at(job.path, job.start_s, codec_threads=job.codec_threads) as (video, frames):
        yield from _read(job, video, grid_steps(frames, video))


def _read(job: QueryJob, video: Video, steps: Iterator[GridStep]) -> Iterator[Clip | Alive | QueryDone]:
    maker = ClipMaker(job.pictures, video, with_thumbnails=False)
    reached, first_s = _Range(job, 0.0, None), 0.0
    for count, step in enumerate(steps):
        if count == 0:
            # What a file has before its first picture, sound alone, is nothing to look for.
            first_s = video.first_frame_s
            reached = _Range(job, max(0.0, job.start_s - first_s), None if job.end_s is None else job.end_s - first_s)
        reached.end_s = step.until_s
        if reached.wants(step) and step.end_slot > step.first_slot:
            maker.recent.put(step.first_slot, maker.scaler.picture(step.frame))
            if reached.is_over(step):
                break
        elif count % 256 == 0:
            yield Alive(step.time_s)
    else:
        reached.read_to_end = True
    start_s = reached.start_s
    end_s = reached.end_s if reached.stop_s is None else min(reached.stop_s, reached.end_s)
    if end_s <= start_s == 0 < first_s:
        raise RangeEmpty(f"{job.path}: nothing before {first_s:.2f} s, where its picture begins")
    if end_s <= start_s or len(maker.recent) == 0:
        raise RangeEmpty(f"{job.path}: nothing at {job.start_s:.2f} s, the video ends at {first_s + reached.end_s:.2f} s")
    plan = plan_query(end_s - start_s, job.spans_s)
    for from_s, to_s in plan.spans_s:
        slots = sample_slots(start_s + float(from_s), start_s + float(to_s), job.pictures.num_frames)
        yield maker.clip_of((float(from_s), float(to_s)), maker.recent.at(slots))
    warnings = video.warnings() if reached.read_to_end and job.start_s == 0 else ()
    yield QueryDone(
        begin_s=first_s + start_s,
        duration_s=end_s - start_s,
        whole=plan.whole,
        dense=plan.dense,
        parts=plan.parts,
        warnings=warnings,
    )
