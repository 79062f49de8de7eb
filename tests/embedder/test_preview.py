import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from embedder.errors import PreviewError, VideoRejected
from embedder.preview import read_frame, write_preview
from tests.helpers.counting_video import draw_counting_video, number_in
from tests.helpers.footage import footage


def watched(path: Path) -> tuple[av.VideoCodecContext, list[tuple[float, NDArray[np.uint8]]]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [(float(frame.time or 0), frame.to_ndarray(format="rgb24")) for frame in container.decode(stream)]
        return stream.codec_context, frames


@pytest.mark.parametrize("start_s", [0.0, 1.02, 30.5])
def test_preview__shows_the_range(tmp_path: Path, start_s: float) -> None:
    source = draw_counting_video(tmp_path / "v.mp4", num_frames=25 * 35, gop=50)
    out = tmp_path / "p.mp4"
    write_preview(source, start_s, start_s + 2, out)
    codec, frames = watched(out)
    assert (codec.name, codec.pix_fmt) == ("h264", "yuv420p")
    numbers = [number_in(picture) for _, picture in frames]
    first = int(start_s * 25)
    assert numbers[:-1] == list(range(first, first + len(numbers) - 1))
    assert 49 <= len(numbers) <= 52
    assert frames[0][0] == 0
    assert frames[-1][0] == pytest.approx(2.0, abs=0.1)
    assert out.read_bytes().index(b"moov") < out.read_bytes().index(b"mdat")  # plays before it is loaded whole


def test_preview__a_frame_comes_a_hair_after_the_start(tmp_path: Path) -> None:
    source = draw_counting_video(tmp_path / "v.mp4", num_frames=75)
    write_preview(source, 1.4 - 1e-7, 2.4, tmp_path / "p.mp4")
    _, frames = watched(tmp_path / "p.mp4")
    assert [number_in(picture) for _, picture in frames][:4] == [34, 35, 36, 37]
    assert [time_s for time_s, _ in frames][:4] == pytest.approx([0, 0, 0.04, 0.08], abs=1e-3)


@pytest.mark.parametrize(
    ("size", "pixel_aspect", "wanted"),
    [
        ((640, 480), None, (320, 240)),
        ((160, 120), None, (160, 120)),  # never enlarged
        ((240, 180), Fraction(4, 3), (320, 180)),
        ((2000, 20), None, (80, 20)),  # squeezed
        ((2, 2), None, (16, 16)),
    ],
)
def test_preview__size(tmp_path: Path, size: tuple[int, int], pixel_aspect: Fraction | None, wanted: tuple[int, int]) -> None:
    source = draw_counting_video(tmp_path / "v.mkv", num_frames=10, size=size, pixel_aspect=pixel_aspect)
    write_preview(source, 0, 0.4, tmp_path / "p.mp4")
    codec, _ = watched(tmp_path / "p.mp4")
    assert (codec.width, codec.height) == wanted


@pytest.mark.parametrize("name", ["derived_rotate90.mp4", "derived_odd_159x89_vp9.webm", "derived_gif.gif", "derived_prores.mov"])
def test_preview__of_any_format(tmp_path: Path, name: str) -> None:
    write_preview(footage("clips") / name, 0, 0.5, tmp_path / "p.mp4")
    codec, frames = watched(tmp_path / "p.mp4")
    assert codec.pix_fmt == "yuv420p"
    assert codec.width % 2 == codec.height % 2 == 0
    assert len(frames) > 2
    assert (codec.height > codec.width) == ("rotate90" in name)


def test_preview__of_a_slow_video_lasts_as_long(tmp_path: Path) -> None:
    source = draw_counting_video(tmp_path / "v.mp4", times_s=[float(t) for t in range(10)])
    write_preview(source, 2.5, 6.5, tmp_path / "p.mp4")
    _, frames = watched(tmp_path / "p.mp4")
    assert [number_in(picture) for _, picture in frames] == [2, 3, 4, 5, 6, 6]
    assert frames[-1][0] == pytest.approx(4.0, abs=0.1)


def test_preview__leaves_nothing_half_written(tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"words")
    folder = tmp_path / "previews"
    folder.mkdir()
    with pytest.raises(VideoRejected, match="text file"):
        write_preview(bad, 0, 1, folder / "p.mp4")
    with pytest.raises(FileNotFoundError):
        write_preview(tmp_path / "gone.mp4", 0, 1, folder / "p.mp4")
    assert list(folder.iterdir()) == []


def test_preview__impossible_ranges_and_folders(tmp_path: Path) -> None:
    source = draw_counting_video(tmp_path / "v.mp4", num_frames=10)
    with pytest.raises(PreviewError, match="start"):
        write_preview(source, 2, 1, tmp_path / "p.mp4")
    with pytest.raises(FileNotFoundError, match="folder"):
        write_preview(source, 0, 1, tmp_path / "nowhere" / "p.mp4")


def test_read_frame__of_recordings_joined_end_to_end(tmp_path: Path) -> None:
    """Their time stamps begin anew in the middle, so that a seek could land in the wrong one."""
    one = draw_counting_video(tmp_path / "one.ts", num_frames=25 * 25, container_format="mpegts").read_bytes()
    two = draw_counting_video(tmp_path / "two.ts", num_frames=25 * 30, container_format="mpegts").read_bytes()
    joined = tmp_path / "joined.ts"
    joined.write_bytes(one + two)
    for at_s, number in ((22.02, 550), (40.02, 375)):
        image = Image.open(io.BytesIO(read_frame(joined, at_s, max_px=96)))
        assert number_in(np.asarray(image)) == pytest.approx(number, abs=1)


@pytest.mark.parametrize(("at_s", "number"), [(0.0, 0), (0.1, 2), (1.0, 25), (30.0, 750), (99.0, 874)])
def test_read_frame__is_the_one_on_screen(tmp_path: Path, at_s: float, number: int) -> None:
    source = draw_counting_video(tmp_path / "v.mp4", num_frames=25 * 35, gop=50)
    image = Image.open(io.BytesIO(read_frame(source, at_s, max_px=64)))
    assert (image.format, image.size) == ("JPEG", (64, 48))
    assert number_in(np.asarray(image)) == number
