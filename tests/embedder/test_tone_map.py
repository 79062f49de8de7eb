"""HDR footage looks as the same scene does in SDR."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from embedder.frame_grid import read_grid
from embedder.preview import read_frame, write_preview

Light = NDArray[np.float64]

PATCHES = np.array(
    [[0.02, 0.02, 0.02], [0.18, 0.18, 0.18], [0.5, 0.5, 0.5], [0.6, 0.1, 0.1], [0.1, 0.5, 0.1], [0.1, 0.1, 0.6], [4.5, 4.5, 4.5]]
)
"""Light of seven patches, BT.709 colours, 1 being diffuse white of 203 cd/m2; the last one is a lamp."""

TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


def pq(light: Light) -> Light:
    """SMPTE ST 2084."""
    y = (light * 203 / 10_000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32)


def hlg(light: Light) -> Light:
    """ITU-R BT.2100, for a screen of 1000 cd/m2."""
    shown = light * 203 / 1000
    luma = (shown @ np.array([0.2627, 0.6780, 0.0593]))[..., None]
    scene = np.clip(shown * np.maximum(luma, 1e-9) ** (-0.2 / 1.2), 0, 1)
    return np.where(
        scene <= 1 / 12, np.sqrt(3 * scene), 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    )


def draw(path: Path, transfer: int) -> Path:
    """The patches side by side, 16 pixels each, in BT.2020 of ten bits."""
    levels = (pq if transfer == 16 else hlg)(PATCHES @ TO_BT2020.T)
    red, green, blue = levels.T
    luma = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    planes = [64 + 876 * luma, 512 + 896 * (blue - luma) / 1.8814, 512 + 896 * (red - luma) / 1.4746]
    stored = np.stack([np.repeat(np.tile(np.round(plane), (48, 1)), 16, axis=1) for plane in planes]).astype(np.uint16)
    with av.open(f"file:{path}", "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = stored.shape[2], stored.shape[1], "yuv444p10le"
        stream.codec_context.color_trc, stream.codec_context.color_primaries = transfer, 9
        stream.codec_context.colorspace, stream.codec_context.color_range = 9, 1
        for pts in range(25):
            frame = av.VideoFrame(stream.width, stream.height, "yuv444p10le")
            for plane, levels in zip(frame.planes, stored, strict=True):
                rows = np.zeros((plane.height, plane.line_size // 2), np.uint16)
                rows[:, : plane.width] = levels
                plane.update(rows.tobytes())
            frame.pts, frame.time_base = pts, Fraction(1, 25)
            frame.color_trc, frame.color_primaries, frame.colorspace, frame.color_range = transfer, 9, 9, 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def check(picture: NDArray[np.uint8]) -> None:
    seen = np.stack([picture[picture.shape[0] // 2, round((n + 0.5) * picture.shape[1] / 7)] for n in range(7)]).astype(float)
    wanted = 255 * np.clip(PATCHES, 0, 1) ** (1 / 2.2)
    assert np.abs(seen - wanted)[:6].max() < 14, (seen, wanted)
    assert seen[6].min() > 235
    assert seen[2].max() < seen[6].min() - 20  # a lamp is brighter than what it shines on


@pytest.mark.parametrize("transfer", [16, 18], ids=["PQ", "HLG"])
def test_hdr(tmp_path: Path, transfer: int) -> None:
    path = draw(tmp_path / "v.mkv", transfer)
    check(read_grid(path, height_px=48, width_px=112).frames[0])
    check(np.asarray(Image.open(io.BytesIO(read_frame(path, 0.5)))))
    write_preview(path, 0, 1, tmp_path / "p.mp4")
    with av.open(str(tmp_path / "p.mp4")) as container:
        check(next(container.decode(video=0)).to_ndarray(format="rgb24"))
