"""What the cache of decoded frames does when there is no room, or no permission."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from embedder.worker_messages import StretchesDone, StretchPlace, StretchPlan
from pretrain import frame_store
from pretrain.frame_cache import FrameCache, decode, stretches_that_fit
from pretrain.own_folder import MARKER_NAME, OWN_NAME, make_own_folder
from tests.helpers.counting_video import draw_counting_video, number_in

SHORT = StretchPlan(size_px=48, max_frame_rate_hz=32, stretch_frames=16, max_stretches=4)
WHOLE = StretchPlan(size_px=48, max_frame_rate_hz=32, stretch_frames=64, max_stretches=4)
ONE = 20 * WHOLE.frame_bytes


@pytest.fixture(autouse=True)
def _always_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_store, "FULL_FOR_S", 0.0)


def entries(folder: Path) -> set[Path]:
    return set((folder / OWN_NAME).glob("*.npy"))


def decoded_places(monkeypatch: pytest.MonkeyPatch) -> list[StretchPlace | None]:
    """From now on what was decoded: a place, or None for a whole video."""
    seen: list[StretchPlace | None] = []

    def listening(path: Path, plan: StretchPlan, only: StretchPlace | None = None) -> StretchesDone:
        seen.append(only)
        return decode(path, plan, only)

    monkeypatch.setattr("pretrain.frame_cache.decode", listening)
    return seen


def make_old(folder: Path) -> None:
    for entry in (folder / OWN_NAME).iterdir():
        os.utime(entry, (time.time() - 7200, time.time() - 7200))


def refuse(*_: object, **__: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_full__only_the_stretch_that_is_needed_is_decoded_and_a_remark_says_what_would_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = [draw_counting_video(tmp_path / f"{number}.mp4", num_frames=40 + number) for number in range(3)]
    limit = 45 * SHORT.frame_bytes
    roomy = FrameCache(tmp_path / "roomy", SHORT, 10**9, videos)
    full = FrameCache(tmp_path / "full", SHORT, limit, videos)
    expected = {(video, where): roomy.stretch(video, where) for video in videos for where in (0.0, 0.5, 0.9)}
    for video in videos:
        full.stretch(video, 0.2)
    seen = decoded_places(monkeypatch)
    for (video, where), frames in expected.items():
        np.testing.assert_array_equal(full.stretch(video, where), frames)
    assert [place and place.num_frames for place in seen] == [16, 16, 9, 16, 16, 10]
    # Another process reads it off the disk.
    other = FrameCache(tmp_path / "full", SHORT, limit, videos)
    np.testing.assert_array_equal(other.stretch(videos[2], 0.5), expected[videos[2], 0.5])
    assert len(seen) == 7 and seen[-1] is not None
    assert roomy.take_remarks() == []
    remark = full.take_remarks()[0]
    assert remark.text.endswith("hold 1 of 3 videos, the others are decoded at each visit; raise --cache-gb to about 1")
    assert full.take_remarks() == []


def test_full__a_place_that_holds_something_else_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=40)
    cache = FrameCache(tmp_path / "cache", SHORT, 0, [video])
    first = cache.stretch(video, 0.5)
    assert cache.take_remarks() == [], "no cache was asked for"
    whole: list[bool] = []

    def astray(path: Path, plan: StretchPlan, only: StretchPlace | None = None) -> StretchesDone:
        whole.append(only is None)
        place = only and StretchPlace(start_s=only.start_s + 0.04, num_frames=only.num_frames)
        return decode(path, plan, place)

    monkeypatch.setattr("pretrain.frame_cache.decode", astray)
    for _ in range(2):
        np.testing.assert_array_equal(cache.stretch(video, 0.5), first)
    assert whole == [False, True, True]


def test_full__a_damaged_outline_is_made_again(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=40)
    first = FrameCache(tmp_path / "cache", SHORT, 0, [video]).stretch(video, 0.5)
    (outline,) = (tmp_path / "cache" / OWN_NAME / "outlines").iterdir()
    sound = outline.read_text()
    for damaged in (sound[:30], "[]", "{}", '{"num_frames": 3}'):
        outline.write_text(damaged)
        np.testing.assert_array_equal(FrameCache(tmp_path / "cache", SHORT, 0, [video]).stretch(video, 0.5), first)
        assert outline.read_text() == sound


def test_full__what_another_run_left_goes_but_what_one_uses_stays(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    left, used, mine, more = [draw_counting_video(tmp_path / f"{number}.mp4", num_frames=20) for number in range(4)]
    limit = int(2.5 * ONE)
    FrameCache(folder, WHOLE, limit, [left]).frames(left)
    make_old(folder)
    (left_entry,) = entries(folder)
    other = FrameCache(folder, WHOLE, limit, [used])
    other.frames(used)
    cache = FrameCache(folder, WHOLE, limit, [mine, more])
    cache.frames(mine)
    assert len(entries(folder)) == 2 and left_entry not in entries(folder)
    make_old(folder)
    other.frames(used)
    held = entries(folder)
    cache.frames(more)
    assert entries(folder) == held, "neither its own, though not looked at for long, nor what the other uses"
    assert [remark.kind for remark in cache.take_remarks()] == ["cache full"]


def test_keep__a_changed_video_leaves_nothing_behind(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=20)
    cache = FrameCache(tmp_path / "cache", WHOLE, int(1.5 * ONE), [video])
    cache.frames(video)
    os.utime(video, (1, 1))
    cache.frames(video)
    assert len(entries(tmp_path / "cache")) == 1
    assert cache.take_remarks() == []


def test_keep__leaves_room_on_the_disk_for_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_store, "KEEP_FREE_BYTES", 10**18)
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=20)
    cache = FrameCache(tmp_path / "cache", WHOLE, 10**9, [video])
    assert len(cache.frames(video)) == 20
    assert not entries(tmp_path / "cache")
    assert [remark.kind for remark in cache.take_remarks()] == ["disk full"]


def test_sweep__takes_what_killed_processes_left_only(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    own = make_own_folder(folder)
    left, being_written = (f".{'0' * 16}-{'1' * 8}-{'2' * 16}.npy.{word}.part" for word in ("00001234", "00005678"))
    (own / left).write_bytes(b"\0" * 1000)
    make_old(folder)
    (own / being_written).write_bytes(b"\0" * 1000)
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=20)
    cache = FrameCache(folder, WHOLE, ONE + 500, [video])
    assert sorted(path.name for path in own.iterdir()) == [being_written, MARKER_NAME]
    cache.frames(video)
    assert not entries(folder), "what is being written counts"


@pytest.mark.parametrize("obstacle", ["folder", "file"])
def test_keep__what_cannot_be_written_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, obstacle: str) -> None:
    monkeypatch.setattr(frame_store, "FULL_FOR_S", 60.0)
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=40)
    if obstacle == "folder":
        (tmp_path / "cache").write_text("a file stands where the folder should be")
    else:
        monkeypatch.setattr("pretrain.atomic_file.os.open", refuse)
    cache = FrameCache(tmp_path / "cache", SHORT, 10**9, [video])
    assert number_in(cache.stretch(video, 0.0)[0]) == 0
    (remark,) = cache.take_remarks()
    assert remark.kind == "cache not writable" and remark.text.endswith("choose another --cache-dir")
    seen = decoded_places(monkeypatch)
    assert number_in(cache.stretch(video, 0.9)[0]) == 32
    assert len(seen) == 1 and seen[0] is not None, "the outline is remembered all the same"


def test_load__frames_of_another_user_can_be_read_or_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=20)
    cache = FrameCache(tmp_path / "cache", WHOLE, 10**9, [video])
    before = os.umask(0o022)
    try:
        cache.frames(video)
    finally:
        os.umask(before)
    (entry,) = entries(tmp_path / "cache")
    assert entry.stat().st_mode & 0o777 == 0o644
    monkeypatch.setattr("pretrain.frame_store.np.load", refuse)
    assert len(cache.frames(video)) == 20


def test_stretches_that_fit__of_a_large_library_fewer_are_kept_of_each_video() -> None:
    default = StretchPlan(size_px=73, max_frame_rate_hz=32, stretch_frames=256, max_stretches=8)
    fits = {count: stretches_that_fit(default, count, 8 * 10**9) for count in (1, 244, 245, 488, 489, 1954, 10**5)}
    assert fits == {1: 8, 244: 8, 245: 4, 488: 4, 489: 2, 1954: 1, 10**5: 1}
    assert stretches_that_fit(default, 10**5, 0) == 8, "without a cache nothing needs to fit"
