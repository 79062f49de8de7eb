"""Black bars around the picture are no part of it: a letterboxed copy is embedded as what it is a copy of."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from embedder.bars import Bars, find_bars
from embedder.embed_query import embed_picture, embed_query
from embedder.embed_videos import EmbeddedVideo, embed_videos
from embedder.frame_scaler import FrameScaler
from embedder.onnx_encoder import OnnxEncoder
from tests.helpers.barred_video import FRAMES, HEIGHT, WIDTH, Picture, padded, scene, write_video
from tests.helpers.tiny_encoder import write_tiny_encoder


@pytest.mark.parametrize("crf", ["18", "38"])
@pytest.mark.parametrize(
    "pads", [{"top": 16, "bottom": 16}, {"left": 20, "right": 20}, {"top": 8, "bottom": 10, "left": 12, "right": 12}]
)
def test_find_bars__letterbox_pillarbox_and_both(tmp_path: Path, pads: dict[str, int], crf: str) -> None:
    path = write_video(tmp_path / "v.mp4", lambda number: padded(scene(number), **pads), crf=crf)
    found = find_bars(path)
    assert found is not None
    height, width = HEIGHT + pads.get("top", 0) + pads.get("bottom", 0), WIDTH + pads.get("left", 0) + pads.get("right", 0)
    for side, whole in (("left", width), ("right", width), ("top", height), ("bottom", height)):
        assert getattr(found, side) * whole == pytest.approx(pads.get(side, 0), abs=1.5), side


def spotlight(number: int) -> Picture:
    """A lit ball before black."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    ball = ((x - 40 - number) ** 2 + (y - 48) ** 2 < 20**2)[..., None]
    return np.where(ball, scene(number), 0).astype(np.uint8)


def vignette(number: int) -> Picture:
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    return (scene(number) * np.clip(1.2 - (x**2 + y**2), 0, 1)[..., None]).astype(np.uint8)


NO_BARS: dict[str, Callable[[int], Picture]] = {
    "none": scene,
    "black": lambda number: np.zeros((HEIGHT, WIDTH, 3), np.uint8),
    "a lit ball before black": spotlight,
    "dark corners": vignette,
    "dark below only": lambda number: padded(scene(number), bottom=24),
    "one thick, one thin": lambda number: padded(scene(number), top=24, bottom=8),
    "grey frame": lambda number: np.pad(scene(number), ((16, 16), (0, 0), (0, 0)), constant_values=70),
    "bars for a while": lambda number: (
        padded(scene(number), top=16, bottom=16) if number < FRAMES // 2 else scene(number, height=HEIGHT + 32)
    ),
    "almost nothing left": lambda number: padded(scene(number, height=16), top=60, bottom=60),
}


@pytest.mark.parametrize("name", NO_BARS)
def test_find_bars__what_is_none(tmp_path: Path, name: str) -> None:
    assert find_bars(write_video(tmp_path / "v.mp4", NO_BARS[name])) is None


def test_find_bars__a_fade_from_black_and_subtitles_do_not_hide_them(tmp_path: Path) -> None:
    def film(number: int) -> Picture:
        picture = padded(scene(number), top=16, bottom=16)
        if number < 5:
            picture = (picture * (number / 5)).astype(np.uint8)
        if 18 <= number < 24:
            picture[-12:-4, 30:90] = 230
        return picture

    found = find_bars(write_video(tmp_path / "v.mp4", film))
    assert found is not None
    assert (found.top * 128, found.bottom * 128) == (pytest.approx(16, abs=1.5), pytest.approx(16, abs=1.5))


def test_find_bars__what_is_no_video_has_none(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(b"no video at all")
    assert find_bars(tmp_path / "v.mp4") is None
    with pytest.raises(FileNotFoundError):
        find_bars(tmp_path / "none.mp4")


@pytest.mark.parametrize("geometry", ["squash", "centre_crop"])
def test_scaler__gives_what_lies_between_the_bars(geometry: str) -> None:
    plain = av.VideoFrame.from_ndarray(scene(3), format="rgb24")
    barred = av.VideoFrame.from_ndarray(padded(scene(3), top=16, bottom=16, left=32, right=32), format="rgb24")
    bars = Bars(left=32 / 192, right=32 / 192, top=16 / 128, bottom=16 / 128)
    wanted = FrameScaler(32, 32, geometry).picture(plain).astype(int)
    got = FrameScaler(32, 32, geometry, bars=bars).picture(barred).astype(int)
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).mean() < 6
    assert got.min() > 40, "no black is left at the edges"


@pytest.fixture
def encoder(tmp_path: Path) -> OnnxEncoder:
    return OnnxEncoder(write_tiny_encoder(tmp_path / "tiny.onnx", spans_s=(1.0, 2.0)))


def cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float((one * other).sum(axis=1).min())


@pytest.mark.parametrize("pads", [{"top": 24, "bottom": 24}, {"left": 32, "right": 32}])
def test_a_letterboxed_copy_is_embedded_as_the_original(tmp_path: Path, encoder: OnnxEncoder, pads: dict[str, int]) -> None:
    plain = write_video(tmp_path / "plain.mp4", scene)
    barred = write_video(tmp_path / "barred.mp4", lambda number: padded(scene(number), **pads))
    dark = write_video(
        tmp_path / "dark.mp4", lambda number: padded(scene(number), top=pads.get("top", 0), left=pads.get("left", 0))
    )
    videos = {one.path: one for one in embed_videos([plain, barred, dark], encoder)}
    assert all(isinstance(one, EmbeddedVideo) for one in videos.values())
    vectors = {path: one.vectors for path, one in videos.items() if isinstance(one, EmbeddedVideo)}
    assert cosine(vectors[plain], vectors[barred]) > 0.99
    assert cosine(vectors[plain], vectors[dark]) < 0.98, "one bar alone stays: bars do change a vector"
    stretch = [embed_query(path, encoder, start_s=1.0, end_s=3.0).vectors for path in (plain, barred)]
    assert cosine(*stretch) > 0.99
    frame = [embed_picture(path, encoder, at_s=1.5).vectors for path in (plain, barred)]
    assert cosine(*frame) > 0.99


def test_a_still_picture_with_bars(tmp_path: Path, encoder: OnnxEncoder) -> None:
    from tests.helpers.draw_picture import write_picture

    plain = write_picture(tmp_path / "plain.png", scene(0))
    barred = write_picture(tmp_path / "barred.png", padded(scene(0), top=24, bottom=24))
    assert cosine(*[embed_picture(path, encoder).vectors for path in (plain, barred)]) > 0.99
