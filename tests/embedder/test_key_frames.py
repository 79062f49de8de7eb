"""Reading a video by its key frames alone: which frames they are, when they come, and what is read whole instead."""

from pathlib import Path

import numpy as np
import pytest

from embedder.clip_plan import ClipPlan
from embedder.errors import VideoRejected
from embedder.key_frames import read_key_frames
from embedder.worker_messages import Clip, ClipsDone, ClipsJob, PictureSpec
from tests.helpers.counting_video import draw_counting_video, draw_late_video, number_in

PICTURES = PictureSpec(num_frames=4, height_px=48, width_px=64, geometry="squash")


def read(path: Path, *, span_s: float = 1.0) -> tuple[list[Clip], ClipsDone]:
    job = ClipsJob(path=path, plan=ClipPlan((span_s, 4.0)), pictures=PICTURES, only_key_frames=True)
    *clips, done = (reply for reply in read_key_frames(job) if isinstance(reply, Clip | ClipsDone))
    assert isinstance(done, ClipsDone)
    return [clip for clip in clips if isinstance(clip, Clip)], done


def of_length(clips: list[Clip], length_s: float) -> list[Clip]:
    return [clip for clip in clips if clip.span_s[1] - clip.span_s[0] == pytest.approx(length_s, abs=0.02)]


def numbers(clips: list[Clip]) -> list[int]:
    """The frame that each clip shows; it stands still."""
    found: list[int] = []
    for clip in clips:
        if clip.pixels is None:  # the same picture in a longer clip
            found.append(found[-1])
            continue
        assert clip.pixels is not None and all(np.array_equal(picture, clip.pixels[0]) for picture in clip.pixels)
        found.append(number_in(clip.pixels[0]))
    return found


@pytest.mark.parametrize(
    ("name", "codec", "container_format"),
    [
        ("v.mp4", "libx264", None),
        ("v.mkv", "libx264", None),
        ("v.mp4", "mpeg4", None),
        ("v.webm", "libvpx-vp9", None),
        ("v.ts", "mpeg2video", "mpegts"),
    ],
)
def test_there_is_a_still_clip_for_each_key_frame(tmp_path: Path, name: str, codec: str, container_format: str | None) -> None:
    path = draw_counting_video(tmp_path / name, num_frames=200, gop=50, codec=codec, container_format=container_format)
    every, done = read(path)
    assert done.is_by_key_frames
    assert numbers(every) == [0, 0, 50, 100, 100, 150, 150]
    assert [clip.span_s for clip in of_length(every, 4.0)] == [pytest.approx(span, abs=0.05) for span in ((0, 4), (2, 6), (4, 8))]
    clips = of_length(every, 1.0)
    middles = [(0.0, 1.0), *((at_s - 0.5, at_s + 0.5) for at_s in (2.0, 4.0, 6.0))]
    assert [clip.span_s for clip in clips] == [pytest.approx(span, abs=0.05) for span in middles]
    assert [clip.is_low_information for clip in clips] == [True] * 4
    assert [clip.is_plain for clip in clips] == [True, False, False, False]  # number 0 is a dark picture
    assert (done.facts.duration_s, done.facts.width, done.facts.height) == (pytest.approx(8.0, abs=0.05), 96, 72)
    assert done.facts.frame_rate == pytest.approx(25, rel=0.03)
    assert [clip.thumbnail for clip in clips] == [0, 1, 2, 3]
    assert sum(len(clip.new_thumbnails) for clip in clips) == 4


def test_where_every_frame_is_a_key_frame_a_hop_lies_between_clips(tmp_path: Path) -> None:
    every, done = read(draw_counting_video(tmp_path / "v.mp4", num_frames=100, gop=1), span_s=2.0)
    assert done.is_by_key_frames
    assert numbers(every) == [0, 0, 50, 75]
    clips = of_length(every, 2.0)
    assert [clip.span_s for clip in clips] == [pytest.approx(span, abs=0.05) for span in ((0.0, 2.0), (1.0, 3.0), (2.0, 4.0))]


def test_a_short_video_is_one_clip_over_all_of_it(tmp_path: Path) -> None:
    clips, done = read(draw_counting_video(tmp_path / "v.mp4", num_frames=40, gop=12), span_s=2.0)
    assert [clip.span_s for clip in clips] == [pytest.approx((0.0, 1.6), abs=0.01)]
    assert done.is_by_key_frames


def test_seconds_before_the_first_picture_are_in_no_clip(tmp_path: Path) -> None:
    clips, done = read(draw_late_video(tmp_path / "v.mp4", picture_from_s=6.0, num_frames=100, gop=50))
    assert [clip.span_s for clip in clips] == [pytest.approx(span, abs=0.05) for span in ((6.0, 7.0), (6.0, 10.0), (7.5, 8.5))]
    assert (done.facts.first_frame_s, done.facts.duration_s) == (pytest.approx(6.0, abs=0.05), pytest.approx(10.0, abs=0.05))


def test_avi_has_no_times_and_is_read_whole(tmp_path: Path) -> None:
    clips, done = read(draw_counting_video(tmp_path / "v.avi", num_frames=100, gop=50, codec="mpeg4"))
    assert not done.is_by_key_frames
    assert len(clips) > 6
    assert len({number_in(clips[0].pixels[at]) for at in range(4) if clips[0].pixels is not None}) == 4


def test_a_broken_file_is_refused_as_when_it_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(b"no video" * 100)
    with pytest.raises(VideoRejected):
        read(tmp_path / "v.mp4")
