"""Videos with a bright picture from edge to edge, and with black bars around it."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH, FRAMES = 96, 128, 40
Picture = NDArray[np.uint8]


def scene(number: int, *, height: int = HEIGHT, width: int = WIDTH) -> Picture:
    """Coloured waves that wander, bright from edge to edge."""
    y, x = np.mgrid[:height, :width] / 16
    waves = [np.sin(x + number / 5 + shift) * np.cos(y - number / 9 + shift) for shift in (0.0, 1.0, 2.5)]
    return (150 + 70 * np.stack(waves, axis=-1)).astype(np.uint8)


def padded(picture: Picture, *, top: int = 0, bottom: int = 0, left: int = 0, right: int = 0) -> Picture:
    """With black bars of so many pixels."""
    return np.pad(picture, ((top, bottom), (left, right), (0, 0)))


def write_video(path: Path, picture_of: Callable[[int], Picture], frames: int = FRAMES, crf: str = "20") -> Path:
    """Writes H.264, ten frames a second, a key frame each second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(10), options={"preset": "ultrafast", "crf": crf, "g": "10"})
        stream.height, stream.width = picture_of(0).shape[:2]
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture_of(number), format="rgb24")))
        container.mux(stream.encode())
    return path
