"""Of a file's video tracks the film is read: no cover, no thumbnails; further films are told of."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from embedder.errors import VideoRejected
from embedder.frame_grid import read_grid
from embedder.video_file import open_video
from tests.helpers.counting_video import number_in, number_picture

Track = tuple[str, tuple[int, int], list[float], bool]
"""Codec, size, times of its pictures in seconds, and whether it is the default track."""

FILM_S = [n / 25 for n in range(50)]


def draw(path: Path, tracks: Sequence[Track]) -> Path:
    with av.open(f"file:{path}", "w") as container:
        streams = []
        for codec, size, _, is_default in tracks:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height = size
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "rgb24" if codec == "png" else "yuv420p"
            stream.codec_context.time_base = Fraction(1, 1000)
            stream.disposition = av.stream.Disposition.default if is_default else av.stream.Disposition(0)
            streams.append(stream)
        packets = []
        for index, (stream, (_, size, times_s, _)) in enumerate(zip(streams, tracks, strict=True)):
            for number, time_s in enumerate(times_s):
                frame = av.VideoFrame.from_ndarray(number_picture(number + 100 * index, *size), format="rgb24")
                frame.pts, frame.time_base = round(time_s * 1000), Fraction(1, 1000)
                packets += stream.encode(frame)
            packets += stream.encode()
        for packet in sorted(packets, key=lambda p: float((p.dts or 0) * (p.time_base or 0))):
            container.mux(packet)
    return path


def film_of(path: Path) -> tuple[int, float, tuple[str, ...]]:
    """Which track is read (by what its first picture spells), its length and the warnings."""
    grid = read_grid(path, height_px=48, width_px=64)
    return number_in(grid.frames[0]) // 100, grid.facts.duration_s, grid.warnings


@pytest.mark.parametrize(("name", "codec"), [("v.mkv", "mjpeg"), ("v.mov", "png"), ("v.mp4", "libx264")])
@pytest.mark.parametrize("cover_is_default", [True, False])
def test_cover_picture_is_not_the_film(tmp_path: Path, name: str, codec: str, cover_is_default: bool) -> None:
    cover: Track = (codec, (640, 480), [0.0], cover_is_default)
    path = draw(tmp_path / name, [cover, ("libx264", (96, 72), FILM_S, not cover_is_default)])
    assert film_of(path) == (1, pytest.approx(2.0, abs=0.05), ())


def test_sound_with_a_cover_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=48_000, layout="mono")
        cover = container.add_stream("mjpeg", rate=25)
        cover.width, cover.height, cover.pix_fmt = 96, 72, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(number_picture(1, 96, 72), format="rgb24")))
        for number in range(25):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.pts, silence.time_base = 48_000, number * 1920, Fraction(1, 48_000)
            container.mux(sound.encode(silence))
    with pytest.raises(VideoRejected, match="has no video, only a cover picture"), open_video(path):
        pass


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4"])
def test_track_of_thumbnails_is_not_the_film(tmp_path: Path, name: str) -> None:
    thumbnails: Track = ("mjpeg", (160, 120), [0.0, 10.0, 20.0], True)
    path = draw(tmp_path / name, [thumbnails, ("libx264", (96, 72), [n / 10 for n in range(250)], False)])
    assert film_of(path) == (1, pytest.approx(25.0, abs=0.2), ())


@pytest.mark.parametrize("times_s", [[0.0, 1.0], [0.0, 0.04, 0.08, 0.12]])
def test_front_and_back_covers_are_not_the_film(tmp_path: Path, times_s: list[float]) -> None:
    path = draw(tmp_path / "v.mkv", [("mjpeg", (640, 480), times_s, True), ("libx264", (96, 72), FILM_S, False)])
    assert film_of(path) == (1, pytest.approx(2.0, abs=0.05), ())


def test_film_of_jpegs_is_a_film(tmp_path: Path) -> None:
    path = draw(tmp_path / "v.mkv", [("mjpeg", (640, 480), [0.0], True), ("mjpeg", (96, 72), FILM_S, False)])
    assert film_of(path) == (1, pytest.approx(2.0, abs=0.05), ())


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4"])
def test_a_second_film_is_named(tmp_path: Path, name: str) -> None:
    path = draw(tmp_path / name, [("libx264", (96, 72), FILM_S, True), ("libx264", (64, 48), FILM_S, False)])
    track, _, (warning,) = film_of(path)
    assert track == 0
    assert warning.startswith("2 video tracks: indexed is track 1 (h264, 96x72")
    assert "not indexed: track 2 (h264, 64x48" in warning


def test_of_pictures_alone_one_is_read(tmp_path: Path) -> None:
    path = draw(tmp_path / "v.mkv", [("mjpeg", (96, 72), [0.0], True), ("mjpeg", (64, 48), [0.0], False)])
    with open_video(path) as video:
        assert len(list(video.frames())) == 1
