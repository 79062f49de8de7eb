"""A quick look through a video: its length and pictures from all over it, in order."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedder.errors import VideoRejected
from embedder.glance import glance
from embedder.preview import read_frame
from tests.helpers.counting_video import draw_counting_video
from tests.helpers.make_video import draw_moving_picture


def pixels(jpeg: bytes) -> "np.ndarray[tuple[int, ...], np.dtype[np.int16]]":
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"), dtype=np.int16)


@pytest.mark.parametrize("seconds", [3.0, 70.0], ids=["read in one pass", "by seeking"])
def test_glance(tmp_path: Path, seconds: float) -> None:
    video = draw_moving_picture(tmp_path / "video.mp4", seconds=seconds)
    seen = glance(video, num_pictures=5, max_px=80)
    assert seen.length_s == pytest.approx(seconds, abs=0.01)
    assert len(seen.pictures) == 5
    for number, picture in enumerate(seen.pictures):
        there = pixels(read_frame(video, seconds * (number + 0.5) / 5, 80))
        assert max(there.shape) == 80
        assert np.abs(pixels(picture) - there).mean() < 3


def test_glance__recordings_joined_end_to_end_are_as_long_as_all_of_them(tmp_path: Path) -> None:
    part = draw_counting_video(tmp_path / "part.ts", codec="mpeg2video", container_format="mpegts", num_frames=50)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part.read_bytes() * 3)
    assert glance(joined, num_pictures=2).length_s == pytest.approx(6.0, abs=0.3)


def test_glance__no_video(tmp_path: Path) -> None:
    (tmp_path / "letter.mp4").write_text("Dear all")
    with pytest.raises(VideoRejected, match="is a text file"):
        glance(tmp_path / "letter.mp4")
    with pytest.raises(FileNotFoundError):
        glance(tmp_path / "nothing.mp4")
    with pytest.raises(ValueError, match="at least one picture"):
        glance(tmp_path / "letter.mp4", num_pictures=0)
