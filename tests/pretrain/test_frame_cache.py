"""Decoded footage, read off frames that spell their own number."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from embedder.errors import VideoRejected
from pretrain.frame_cache import FrameCache, StretchPlan, read_stretches
from tests.helpers.counting_video import draw_counting_video, number_in


def plan(stretch_frames: int = 16, max_stretches: int = 4, max_frame_rate_hz: float = 32) -> StretchPlan:
    return StretchPlan(size_px=48, max_frame_rate_hz=max_frame_rate_hz, stretch_frames=stretch_frames, max_stretches=max_stretches)


def numbers(frames: NDArray[np.uint8]) -> list[int]:
    return [number_in(frame) for frame in frames]


def test_read__a_short_video_is_kept_whole(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=50)
    frames = read_stretches(video, plan())
    assert frames.shape == (50, 48, 48, 3)
    assert numbers(frames) == list(range(50))


def test_read__a_long_video_gives_stretches_spread_over_all_of_it(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=1000)
    kept = np.array(numbers(read_stretches(video, plan())))
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
    assert numbers(read_stretches(video, plan(max_frame_rate_hz=32))) == list(range(0, 60, 2))


def test_cache__the_second_visit_decodes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=20)
    cache = FrameCache(tmp_path / "cache", plan(stretch_frames=64), 10**9)
    first = cache.stretch(video, np.random.default_rng(0))
    monkeypatch.setattr("pretrain.frame_cache.open_video", None)
    np.testing.assert_array_equal(cache.stretch(video, np.random.default_rng(0)), first)


def test_cache__a_damaged_entry_is_made_again(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=20)
    cache = FrameCache(tmp_path / "cache", plan(stretch_frames=64), 10**9)
    first = np.array(cache.stretch(video, np.random.default_rng(0)))
    (entry,) = (tmp_path / "cache").glob("*.npy")
    entry.write_bytes(entry.read_bytes()[:1000])
    np.testing.assert_array_equal(cache.stretch(video, np.random.default_rng(0)), first)
    assert entry.stat().st_size > 1000


def test_cache__a_changed_video_is_read_again(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=20)
    cache = FrameCache(tmp_path / "cache", plan(stretch_frames=64), 10**9)
    assert len(cache.stretch(video, np.random.default_rng(0))) == 20
    draw_counting_video(video, num_frames=30)
    assert len(cache.stretch(video, np.random.default_rng(0))) == 30


def test_cache__keeps_within_its_limit(tmp_path: Path) -> None:
    one = 20 * 48 * 48 * 3
    cache = FrameCache(tmp_path / "cache", plan(stretch_frames=64), int(1.5 * one))
    for name in ("a", "b", "c"):
        video = draw_counting_video(tmp_path / f"{name}.mp4", num_frames=20)
        assert len(cache.stretch(video, np.random.default_rng(0))) == 20
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_stretch__all_of_them_come(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=40)
    cache = FrameCache(tmp_path / "cache", plan(), 10**9)
    firsts = [number_in(cache.stretch(video, np.random.default_rng(seed))[0]) for seed in range(60)]
    assert set(firsts) == {0, 16, 32}
    assert firsts.count(32) < firsts.count(0)  # 8 frames against 16


def test_cache__no_video_is_rejected_by_name(tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"\0" * 100)
    cache = FrameCache(tmp_path / "cache", plan(), 10**9)
    for path in (bad, tmp_path / "gone.mp4"):
        with pytest.raises(VideoRejected) as caught:
            cache.stretch(path, np.random.default_rng(0))
        assert caught.value.path == path
