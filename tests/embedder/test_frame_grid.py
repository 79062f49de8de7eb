"""Which frame lies in which slot, on files in which every frame says its number."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from embedder.clip_plan import GRID_HZ, ClipPlan, plan_clips, sample_slots
from embedder.clip_reader import read_clips
from embedder.errors import VideoRejected
from embedder.frame_grid import read_grid
from embedder.video_file import open_video
from embedder.worker_messages import Clip, ClipsDone, ClipsJob, PictureSpec
from tests.helpers.counting_video import draw_counting_video, number_in, number_picture

PICTURES = PictureSpec(num_frames=8, height_px=48, width_px=64, geometry="squash")


def on_screen(times_s: list[float], slot: int) -> int:
    """The number of the frame on screen at a slot: the slow, obvious way."""
    return max(number for number, time_s in enumerate(times_s) if number == 0 or time_s - 0.001 <= slot / GRID_HZ)


def evenly(rate: float, seconds: float) -> list[float]:
    return [number / rate for number in range(round(seconds * rate))]


UNEVEN = [0, 0.04, 0.08, 0.3, 0.31, 0.32, 0.5, 1.1, 1.14, 1.18, 1.9, 2.0]


@pytest.mark.parametrize(
    "times_s",
    [evenly(25, 3), evenly(30, 3), evenly(60, 2), evenly(120, 1.5), evenly(10, 3), evenly(1, 6), UNEVEN, [0.0]],
    ids=["25", "30", "60", "120", "10", "1", "uneven", "one frame"],
)
@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_read_grid__slot_holds_the_frame_on_screen(tmp_path: Path, name: str, times_s: list[float]) -> None:
    grid = read_grid(draw_counting_video(tmp_path / name, times_s=times_s), height_px=48, width_px=64)
    wanted = [on_screen(times_s, slot) for slot in range(len(grid.frames))]
    assert [number_in(picture) for picture in grid.frames] == wanted
    assert grid.facts.num_frames == len(times_s)
    assert len(grid.frames) >= grid.facts.duration_s * GRID_HZ - 1


@pytest.mark.parametrize("start_s", [0.5, 100.0])
def test_read_grid__time_starts_with_the_first_frame(tmp_path: Path, start_s: float) -> None:
    late = draw_counting_video(tmp_path / "late.mkv", times_s=[start_s + t for t in evenly(25, 2)])
    grid = read_grid(late, height_px=48, width_px=64)
    assert grid.facts.duration_s == pytest.approx(2.0, abs=0.01)
    assert [number_in(picture) for picture in grid.frames[:4]] == [0, 1, 3, 4]


def test_read_grid__max_s_reads_no_further(tmp_path: Path) -> None:
    path = draw_counting_video(tmp_path / "v.mp4", num_frames=100)
    assert len(read_grid(path, height_px=48, width_px=64, max_s=1.5).frames) == 24


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg", "ffv1"])
def test_read_grid__other_codecs_in_avi(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "v.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 72, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(50):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(number_picture(number, 96, 72), format="rgb24")))
        container.mux(stream.encode())
    grid = read_grid(path, height_px=48, width_px=64)
    assert [number_in(picture) for picture in grid.frames] == [on_screen(evenly(25, 2), slot) for slot in range(32)]


@pytest.mark.parametrize("seconds", [0.2, 1.0, 2.3, 5.1])
@pytest.mark.parametrize("rate", [10, 25, 60])
def test_read_clips__frames_are_those_of_span_and_slot(tmp_path: Path, rate: int, seconds: float) -> None:
    times_s = evenly(rate, seconds)
    path = draw_counting_video(tmp_path / "v.mp4", times_s=times_s, rate=rate)
    plan = ClipPlan((1.0, 2.0))
    *clips, done = (r for r in read_clips(ClipsJob(path=path, plan=plan, pictures=PICTURES)) if isinstance(r, Clip | ClipsDone))
    assert isinstance(done, ClipsDone)
    assert sorted(clip.span_s for clip in clips) == sorted(map(tuple, plan_clips(done.facts.duration_s, plan)))
    for clip in clips:
        assert clip.pixels is not None
        wanted = [on_screen(times_s, slot) for slot in sample_slots(*clip.span_s, 8)]
        assert [number_in(picture) for picture in clip.pixels] == wanted


def test_read_clips__pixels_do_not_depend_on_the_other_clips(tmp_path: Path) -> None:
    path = draw_counting_video(tmp_path / "v.mp4", num_frames=125)

    def by_span(plan: ClipPlan) -> dict[tuple[float, float], np.ndarray]:
        replies = read_clips(ClipsJob(path=path, plan=plan, pictures=PICTURES))
        return {r.span_s: r.pixels for r in replies if isinstance(r, Clip) and r.pixels is not None}

    sparse, dense = by_span(ClipPlan((2.0,), 1.0)), by_span(ClipPlan((1.0, 2.0), 0.25))
    assert sparse
    assert all(np.array_equal(dense[span], pixels) for span, pixels in sparse.items() if span in dense)
    assert len(set(sparse) & set(dense)) >= 2


def test_centre_crop__cuts_the_middle_in_shown_proportions(tmp_path: Path) -> None:
    path = draw_counting_video(tmp_path / "wide.mp4", num_frames=5, size=(160, 60))
    picture = read_grid(path, height_px=60, width_px=60, geometry="centre_crop").frames[0]
    whole = read_grid(path, height_px=60, width_px=160).frames[0]
    assert np.abs(picture.astype(int) - whole[:, 50:110]).mean() < 2


def test_centre_crop__minds_the_shape_of_pixels(tmp_path: Path) -> None:
    path = draw_counting_video(tmp_path / "tall_pixels.mp4", num_frames=5, size=(80, 60), pixel_aspect=Fraction(2))
    picture = read_grid(path, height_px=60, width_px=60, geometry="centre_crop").frames[0]
    whole = read_grid(path, height_px=60, width_px=160).frames[0]
    assert np.abs(picture.astype(int) - whole[:, 50:110]).mean() < 4


@pytest.mark.parametrize("size", [(2, 2), (16, 300), (640, 16)])
def test_read_grid__odd_shapes(tmp_path: Path, size: tuple[int, int]) -> None:
    grid = read_grid(draw_counting_video(tmp_path / "v.mkv", num_frames=3, size=size, codec="ffv1"), height_px=48, width_px=64)
    assert grid.frames.shape[1:] == (48, 64, 3)


def test_frames_from__finds_the_frames_of_reading_from_the_start(tmp_path: Path) -> None:
    path = draw_counting_video(tmp_path / "v.mp4", num_frames=25 * 40, gop=50)
    with open_video(path) as video:
        frames = video.frames_from(30.0)
        assert frames is not None
        found = [(round(timed.time_s, 3), number_in(timed.frame.to_ndarray(format="rgb24"))) for timed in frames]
    assert found[0][0] <= 30.0
    assert found[0][0] > 25.0
    assert found == [(round(number / 25, 3), number) for number in range(found[0][1], 1000)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\x00" * 5000, "zero bytes"),
        (b"ffconcat version 1.0\nfile v.mp4\n", "playlist"),
        (b"#EXTM3U\n#EXTINF:5,\nv.mp4\n#EXT-X-ENDLIST\n", "playlist"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b"just some words", "text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "PNG"),
        (b"PK\x03\x04" + bytes(50), "ZIP"),
        (np.random.default_rng(0).bytes(4000), "cannot be opened as a video"),
    ],
)
def test_open__what_is_no_video_says_what_it_is(tmp_path: Path, content: bytes, reason: str) -> None:
    draw_counting_video(tmp_path / "v.mp4", num_frames=5)
    path = tmp_path / "fake.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoRejected, match=reason) as caught, open_video(path):
        pass
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_open__folder_and_nothing(tmp_path: Path) -> None:
    with pytest.raises(VideoRejected, match="folder"), open_video(tmp_path):
        pass
    with pytest.raises(FileNotFoundError), open_video(tmp_path / "none.mp4"):
        pass


ODD_NAMES = ["-dash.mp4", "a:b.mp4", "percent%03d.mp4", "file:x.mp4", "ünï 動画.mp4", "concat:a|b.mp4", "#?.mp4"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_open__odd_names(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_counting_video(tmp_path / "v.mp4", num_frames=5).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert read_grid(Path(name), height_px=48, width_px=64).facts.num_frames == 5


def test_warnings__cut_file_says_so_and_gives_what_decodes(tmp_path: Path) -> None:
    whole = draw_counting_video(tmp_path / "whole.mkv", num_frames=100)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    grid = read_grid(cut, height_px=48, width_px=64)
    assert 0.2 < grid.facts.duration_s < 3.9
    assert grid.warnings
    assert read_grid(whole, height_px=48, width_px=64).warnings == ()
