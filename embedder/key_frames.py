"""Read a video by its key frames alone: a first look at it, quicker than all of its frames.

Every key frame becomes clips that stand still, so only their look says something. Between two key frames, often 2 to 10 s apart,
nothing is seen. Runs inside a decode worker.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import replace

from embedder.clip_plan import GRID_HZ, ClipPlan
from embedder.clip_reader import ALIVE_EVERY_S, ClipMaker, read_clips
from embedder.errors import VideoRejected
from embedder.frame_grid import GridStep
from embedder.thumbnails import BEAT_SLOTS
from embedder.video_facts import VideoFacts
from embedder.video_file import TimedFrame, open_video
from embedder.worker_messages import Alive, Clip, ClipsDone, ClipsJob

_NEAREST = 0.75  # of a hop: key frames do not come at even times


def read_key_frames(job: ClipsJob) -> Iterator[Clip | Alive | ClipsDone]:
    """For each key frame clips of T equal frames, one of each of the plan's lengths, then ClipsDone; in between, once a second, a
    sign of life. A key frame is in the middle of its clips, but for the ends of the video. No two clips of a length are much nearer
    than the plan's hop. A file of which no key frame can be read alone is read whole.

    Raises VideoRejected, FileNotFoundError.
    """
    end_s = _end_s(job)
    with open_video(job.path, codec_threads=job.codec_threads) as video:
        frames = video.key_frames(apart_s=job.plan.hop * job.plan.spans_s[0])
        first = next(frames, None)
        if end_s is not None and first is not None and first.time_s < end_s:
            windows = _Windows(job.plan, first.time_s, end_s)
            yield from _clips(job, ClipMaker(job.pictures, video), itertools.chain([first], frames), windows)
            yield ClipsDone(facts=_facts(video.facts(), end_s), warnings=video.track_notes, is_by_key_frames=True)
            return
    yield from read_clips(job)


class _Windows:
    """Which clips a key frame is made into."""

    def __init__(self, plan: ClipPlan, begin_s: float, end_s: float) -> None:
        """begin_s, end_s: of the footage; a clip that would be longer is as long as that."""
        self._hop = plan.hop
        self._begin_s, self._end_s = begin_s, end_s
        self._last_s = {min(span_s, end_s - begin_s): -math.inf for span_s in plan.spans_s}

    def about(self, time_s: float) -> Iterator[tuple[float, float]]:
        """Those that are not nearly the last one of their length."""
        for length_s, last_s in self._last_s.items():
            start_s = min(max(self._begin_s, time_s - length_s / 2), self._end_s - length_s)
            if start_s - last_s >= _NEAREST * self._hop * length_s:
                self._last_s[length_s] = start_s
                yield start_s, start_s + length_s


def _clips(job: ClipsJob, maker: ClipMaker, frames: Iterator[TimedFrame], windows: _Windows) -> Iterator[Clip | Alive]:
    alive_at = time.monotonic() + ALIVE_EVERY_S
    for timed in frames:
        beat = round(timed.time_s * GRID_HZ / BEAT_SLOTS)
        maker.thumbnails.see(GridStep(timed.time_s, timed.time_s, beat * BEAT_SLOTS, beat * BEAT_SLOTS + 1, timed.frame))
        pictures = [maker.scaler.picture(timed.frame)] * job.pictures.num_frames
        for span_s in windows.about(timed.time_s):
            yield replace(maker.clip_of((timed.time_s, timed.time_s), pictures), span_s=span_s)
        maker.forget_before(beat * BEAT_SLOTS)
        if time.monotonic() > alive_at:
            alive_at = time.monotonic() + ALIVE_EVERY_S
            yield Alive(timed.time_s)


def _end_s(job: ClipsJob) -> float | None:
    """When the video ends, by the time stamps of the packets, or by the header of a large file; None where neither tells."""
    try:
        with open_video(job.path) as video:
            return video.stamped_length_s() or None
    except VideoRejected as error:
        if error.transient or error.blames_machine:
            raise
        return None


def _facts(read: VideoFacts, end_s: float) -> VideoFacts:
    """Of the whole video, where only some of its frames were read."""
    return replace(read, duration_s=end_s, frame_rate=read.num_frames / (end_s - read.first_frame_s))
