"""Stretches of videos, read off frames that spell their own number."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from embedder.stretch_reader import most_stretches, read_stretches
from embedder.worker_messages import StretchesDone, StretchesJob, StretchPlace, StretchPlan
from embedder.worker_process import replies_of
from tests.helpers.counting_video import draw_counting_video, number_in


def plan(size_px: int = 48, stretch_frames: int = 16, max_stretches: int = 4) -> StretchPlan:
    return StretchPlan(size_px=size_px, max_frame_rate_hz=32, stretch_frames=stretch_frames, max_stretches=max_stretches)


def read(job: StretchesJob) -> StretchesDone:
    *_, done = read_stretches(job)
    assert isinstance(done, StretchesDone)
    return done


def numbers(frames: NDArray[np.uint8]) -> list[int]:
    return [number_in(frame) for frame in frames]


@pytest.mark.parametrize(("num_frames", "suffix"), [(300, "mp4"), (1000, "mp4"), (1000, "ts")])
def test_one_stretch__is_the_same_as_among_all(tmp_path: Path, num_frames: int, suffix: str) -> None:
    video = draw_counting_video(tmp_path / f"a.{suffix}", num_frames=num_frames)
    done = read(StretchesJob(path=video, plan=plan()))
    assert len(done.starts_s) == -(-len(done.frames) // 16) >= 3
    for number, start_s in enumerate(done.starts_s):
        among_all = done.frames[16 * number : 16 * (number + 1)]
        place = StretchPlace(start_s=start_s, num_frames=len(among_all))
        np.testing.assert_array_equal(read(StretchesJob(path=video, plan=plan(), only=place)).frames, among_all)


def test_one_stretch__of_a_thinned_video(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=1800, rate=60)
    done = read(StretchesJob(path=video, plan=plan()))
    place = StretchPlace(start_s=done.starts_s[-1], num_frames=16)
    alone = numbers(read(StretchesJob(path=video, plan=plan(), only=place)).frames)
    assert alone == numbers(done.frames[-16:])
    assert set(np.diff(alone)) == {2}


def test_stretches__a_short_rest_is_kept_only_beside_all_others(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=65)
    assert len(read(StretchesJob(path=video, plan=plan(max_stretches=5))).frames) == 65
    for most in (1, 2, 4):
        assert len(read(StretchesJob(path=video, plan=plan(max_stretches=most))).frames) == 16 * most


def test_stretches__of_large_pictures_there_are_fewer(tmp_path: Path) -> None:
    """Through a worker with its limit of memory: twelve of these would be 1.3 GB."""
    large = plan(size_px=1500, max_stretches=6)
    assert 1 <= most_stretches(large) < most_stretches(plan(max_stretches=6)) == 6
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=16 * 13)
    (done,) = replies_of(StretchesJob(path=video, plan=large))
    assert isinstance(done, StretchesDone)
    kept = numbers(done.frames)
    assert len(kept) == 16 * most_stretches(large)
    assert kept[-1] > 100


def test_stretches__of_frames_that_are_no_squares(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=20)
    wide = StretchPlan(size_px=48, width_px=64, max_frame_rate_hz=32, stretch_frames=16, max_stretches=4)
    done = read(StretchesJob(path=video, plan=wide))
    assert done.frames.shape == (20, 48, 64, 3)
    assert numbers(done.frames) == list(range(20))
    alone = read(StretchesJob(path=video, plan=wide, only=StretchPlace(start_s=done.starts_s[1], num_frames=4)))
    np.testing.assert_array_equal(alone.frames, done.frames[16:])
    assert wide.frame_bytes == done.frames[0].nbytes
