"""Frames of a video by their numbers, read off frames that spell their own number."""

from pathlib import Path

import numpy as np
import pytest

from embedder.errors import VideoRejected
from embedder.worker_messages import FramePick, FramesDone, FramesJob
from embedder.worker_process import replies_of
from tests.helpers.counting_video import draw_counting_video, number_in


def pick(*numbers: int, size: tuple[int, int] = (48, 64), crop: tuple[int, int] | None = None) -> FramePick:
    crop = crop or size
    return FramePick(numbers=numbers, height_px=size[0], width_px=size[1], crop_height_px=crop[0], crop_width_px=crop[1])


def read(path: Path, *picks: FramePick) -> FramesDone:
    (done,) = replies_of(FramesJob(path=path, picks=picks))
    assert isinstance(done, FramesDone)
    return done


def test_frames__are_those_asked_for_and_all_are_counted(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=40)
    done = read(video, pick(0, 3, 4, 39), pick(7, size=(24, 32)))
    assert done.num_frames == 40
    assert [number_in(picture) for picture in done.pictures[0]] == [0, 3, 4, 39]
    assert [number_in(picture) for picture in done.pictures[1]] == [7]
    assert [pictures.shape for pictures in done.pictures] == [(4, 48, 64, 3), (1, 24, 32, 3)]
    assert read(video).pictures == ()


def test_frames__of_a_file_that_breaks_off_are_those_that_decode(tmp_path: Path) -> None:
    whole = draw_counting_video(tmp_path / "whole.mkv", num_frames=60)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    num_frames = read(cut).num_frames
    assert 10 < num_frames < 50
    (pictures,) = read(cut, pick(num_frames - 1)).pictures
    assert number_in(pictures[0]) == num_frames - 1


def test_crop__is_the_middle_of_the_resized_frame(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=6)
    whole, middle = read(video, pick(5, size=(128, 171)), pick(5, size=(128, 171), crop=(112, 112))).pictures
    # Of 171 - 112 = 59 columns half is 29.5, which is rounded to the even 30.
    np.testing.assert_array_equal(middle, whole[:, 8:120, 30:142])


def test_frame_that_is_not_there__is_said(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=6)
    with pytest.raises(VideoRejected, match=r"a\.mp4: has 6 frames, so that there is no frame number 6"):
        read(video, pick(2, 6))
