"""Pictures are shown as their display matrix says, mirrored ones too."""

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from embedder.clip_plan import ClipPlan
from embedder.clip_reader import read_clips
from embedder.frame_grid import read_grid
from embedder.frame_scaler import BoxScaler
from embedder.orientation import AS_STORED, orientation_of_matrix
from embedder.preview import write_preview
from embedder.video_file import open_video
from embedder.worker_messages import Clip, ClipsJob, PictureSpec
from tests.helpers.counting_video import number_picture

ONE, W = 1 << 16, 1 << 30
EIGHT = [(a, b, c, d) for a, b, c, d in itertools.product((-1, 0, 1), repeat=4) if abs(a) == abs(d) != abs(b) == abs(c)]
"""(a, b, c, d) of the eight positions of a rectangle."""


def shown(stored: NDArray[np.uint8], a: int, b: int, c: int, d: int) -> NDArray[np.uint8]:
    """What the matrix makes of a stored picture: the pixel at (p, q) goes to (ap + cq, bp + dq). The slow, obvious way."""
    height, width = stored.shape[:2]
    places = {(a * p + c * q, b * p + d * q): stored[q, p] for q in range(height) for p in range(width)}
    left, top = min(x for x, _ in places), min(y for _, y in places)
    picture = np.zeros((max(y for _, y in places) - top + 1, max(x for x, _ in places) - left + 1, 3), np.uint8)
    for (x, y), pixel in places.items():
        picture[y - top, x - left] = pixel
    return picture


def draw(path: Path, matrix: list[int] | None, *, number: int = 0b0010_0111_0001, frames: int = 3) -> NDArray[np.uint8]:
    """A video of one picture without any symmetry, and that picture as stored."""
    stored = number_picture(number, 96, 64)
    with av.open(f"file:{path}", "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        if matrix is not None:
            stream.set_display_matrix(matrix)
        for pts in range(frames):
            frame = av.VideoFrame.from_ndarray(stored, format="rgb24")
            frame.pts, frame.time_base = pts, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return stored


def box_picture(path: Path) -> NDArray[np.uint8]:
    with open_video(path) as video:
        return BoxScaler(500, 500, video.pixel_aspect).picture(next(video.frames()).frame)


@pytest.mark.parametrize(("a", "b", "c", "d"), EIGHT)
def test_all_eight_positions(tmp_path: Path, a: int, b: int, c: int, d: int) -> None:
    path = tmp_path / "v.mp4"
    stored = draw(path, [a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, W])
    wanted = shown(stored, a, b, c, d)
    picture = box_picture(path)
    assert picture.shape == wanted.shape
    assert np.abs(picture.astype(int) - wanted).mean() < 8
    facts = read_grid(path, height_px=wanted.shape[0], width_px=wanted.shape[1]).facts
    assert (facts.height, facts.width) == wanted.shape[:2]


def test_mirrored__clips_thumbnails_and_previews(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    wanted = shown(draw(path, [-ONE, 0, 0, 0, ONE, 0, 0, 0, W], frames=30), -1, 0, 0, 1)
    pictures = PictureSpec(num_frames=4, height_px=64, width_px=96, geometry="squash")
    clip = next(r for r in read_clips(ClipsJob(path=path, plan=ClipPlan((1.0,)), pictures=pictures)) if isinstance(r, Clip))
    assert clip.pixels is not None
    assert np.abs(clip.pixels[0].astype(int) - wanted).mean() < 8
    write_preview(path, 0, 1, tmp_path / "p.mp4")
    with av.open(str(tmp_path / "p.mp4")) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(frame.astype(int) - wanted).mean() < 8


@pytest.mark.parametrize(("a", "b", "c", "d"), [(0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)])
def test_roll_of_a_matroska_projection(tmp_path: Path, a: int, b: int, c: int, d: int) -> None:
    path = tmp_path / "v.mkv"
    wanted = shown(draw(path, [a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, W]), a, b, c, d)
    picture = box_picture(path)
    assert picture.shape == wanted.shape
    assert np.abs(picture.astype(int) - wanted).mean() < 8


@pytest.mark.parametrize(
    "matrix",
    [
        [46341, 46341, 0, -46341, 46341, 0, 0, 0, W],  # 45 degrees: browsers leave it
        [0, 0, 0, 0, 0, 0, 0, 0, 0],
        [ONE, 0, 0, 0, 0, 0, 0, 0, W],  # flattens the picture to a line
    ],
)
def test_matrices_that_no_rectangle_can_take_change_nothing(tmp_path: Path, matrix: list[int]) -> None:
    path = tmp_path / "v.mp4"
    stored = draw(path, matrix)
    assert orientation_of_matrix(np.array(matrix, np.int32).tobytes()) == AS_STORED
    assert np.abs(box_picture(path).astype(int) - stored).mean() < 8


def test_scale_and_a_little_skew_do_not_matter() -> None:
    def matrix(a: int, b: int, c: int, d: int) -> bytes:
        return np.array([a, b, 0, c, d, 0, 0, 0, W], np.int32).tobytes()

    assert orientation_of_matrix(matrix(-2 * ONE, 0, 0, ONE // 2)) == orientation_of_matrix(matrix(-ONE, 0, 0, ONE))
    assert orientation_of_matrix(matrix(500, ONE, ONE, -500)) == orientation_of_matrix(matrix(0, ONE, ONE, 0))
