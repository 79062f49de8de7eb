"""Decoded footage, read off frames that spell their own number."""

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import embedder.worker_process
from embedder.errors import VideoRejected
from embedder.worker_messages import StretchPlan
from pretrain.frame_cache import FrameCache, decode
from pretrain.own_folder import OWN_NAME
from tests.helpers.counting_video import draw_counting_video, number_in


def plan(stretch_frames: int = 16, max_stretches: int = 4, max_frame_rate_hz: float = 32) -> StretchPlan:
    return StretchPlan(size_px=48, max_frame_rate_hz=max_frame_rate_hz, stretch_frames=stretch_frames, max_stretches=max_stretches)


def numbers(frames: NDArray[np.uint8]) -> list[int]:
    return [number_in(frame) for frame in frames]


def test_read__a_short_video_is_kept_whole(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=50)
    frames = decode(video, plan()).frames
    assert frames.shape == (50, 48, 48, 3)
    assert numbers(frames) == list(range(50))


def test_read__a_long_video_gives_stretches_spread_over_all_of_it(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=1000)
    kept = np.array(numbers(decode(video, plan()).frames))
    assert len(kept) <= 4 * 16
    starts = kept[::16]
    assert len(starts) >= 3
    assert set(np.diff(starts)) == {starts[1] - starts[0]}
    assert starts[-1] >= 500
    for first in range(0, len(kept), 16):
        stretch = kept[first : first + 16]
        assert set(np.diff(stretch)) == {1}


def test_read__quick_videos_are_thinned(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=60, rate=60)
    assert numbers(decode(video, plan(max_frame_rate_hz=32)).frames) == list(range(0, 60, 2))


def test_cache__the_second_visit_decodes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=20)
    cache = FrameCache(tmp_path / "cache", plan(stretch_frames=64), 10**9, [])
    first = cache.stretch(video, 0.5)
    monkeypatch.setattr("pretrain.frame_cache.decode", None)
    np.testing.assert_array_equal(cache.stretch(video, 0.5), first)


def test_cache__a_damaged_entry_is_made_again(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=20)
    cache = FrameCache(tmp_path / "cache", plan(stretch_frames=64), 10**9, [])
    first = np.array(cache.stretch(video, 0.5))
    (entry,) = (tmp_path / "cache" / OWN_NAME).glob("*.npy")
    entry.write_bytes(entry.read_bytes()[:1000])
    np.testing.assert_array_equal(cache.stretch(video, 0.5), first)
    assert entry.stat().st_size > 1000


def test_cache__a_changed_video_is_read_again(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=20)
    cache = FrameCache(tmp_path / "cache", plan(stretch_frames=64), 10**9, [])
    assert len(cache.stretch(video, 0.5)) == 20
    draw_counting_video(video, num_frames=30)
    assert len(cache.stretch(video, 0.5)) == 30


def test_cache__keeps_within_its_limit(tmp_path: Path) -> None:
    one = 20 * 48 * 48 * 3
    cache = FrameCache(tmp_path / "cache", plan(stretch_frames=64), int(1.5 * one), [])
    for name in ("a", "b", "c"):
        video = draw_counting_video(tmp_path / f"{name}.mp4", num_frames=20)
        assert len(cache.stretch(video, 0.5)) == 20
    assert len(list((tmp_path / "cache" / OWN_NAME).glob("*.npy"))) == 1


def test_stretch__all_of_them_come(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=40)
    cache = FrameCache(tmp_path / "cache", plan(), 10**9, [])
    firsts = [number_in(cache.stretch(video, place / 40)[0]) for place in range(40)]
    assert [firsts.count(first) for first in (0, 16, 32)] == [16, 16, 8]


def test_cache__no_video_is_rejected_by_name(tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"\0" * 100)
    cache = FrameCache(tmp_path / "cache", plan(), 10**9, [])
    for path in (bad, tmp_path / "gone.mp4"):
        with pytest.raises(VideoRejected) as caught:
            cache.stretch(path, 0.5)
        assert caught.value.path == path


TREACHEROUS = """
import os, signal, time
import embedder.decode_worker as worker

honest = worker._run
def treacherous(job):
    if job.path.name.startswith("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if job.path.name.startswith("hang"):
        time.sleep(1000)
    yield from honest(job)
worker._run = treacherous
worker.main()
"""


@pytest.mark.parametrize(("name", "reason"), [("crash.mp4", "crashed on it"), ("hang.mp4", "took too long or hung")])
def test_cache__a_decoder_that_crashes_or_hangs_costs_its_file_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    monkeypatch.setattr(embedder.worker_process, "WORKER_COMMAND", (sys.executable, "-P", "-c", TREACHEROUS))
    monkeypatch.setattr(embedder.worker_process, "_idle", [])
    cache = FrameCache(tmp_path / "cache", plan(stretch_frames=64), 10**9, [])
    good = draw_counting_video(tmp_path / "good.mp4", num_frames=20)
    bad = draw_counting_video(tmp_path / name, num_frames=20)
    assert len(cache.stretch(good, 0.5)) == 20
    # Only now: the worker's start may take long on a busy machine.
    monkeypatch.setattr(embedder.worker_process, "SILENCE_LIMIT_S", 2.0)
    with pytest.raises(VideoRejected, match=reason):
        cache.stretch(bad, 0.5)
    other = draw_counting_video(tmp_path / "other.mp4", num_frames=20)
    assert len(cache.stretch(other, 0.5)) == 20
    embedder.worker_process.close_idle_workers()
