"""Small real video files for tests, drawn from a seed."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def draw_moving_picture(
    path: Path, *, seconds: float = 3.0, seed: int = 0, rate: int = 10, size: tuple[int, int] = (96, 64), light: float = 1.0
) -> Path:
    """Writes H.264 in which coloured blobs drift: every second looks unlike every other, every seed unlike every other.
    light: 0 for black frames."""
    width, height = size
    rng = np.random.default_rng([seed, 4711])
    colours = rng.uniform(40, 255, (5, 3))
    centres = rng.uniform(0, 1, (5, 2))
    speeds = rng.uniform(-0.35, 0.35, (5, 2))
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate), options={"preset": "ultrafast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(round(seconds * rate)):
            picture = np.zeros((height, width, 3))
            for colour, centre, speed in zip(colours, centres, speeds, strict=True):
                at_x, at_y = (centre + speed * number / rate) % 1.0
                picture += np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / 0.02)[..., None] * colour
            frame = av.VideoFrame.from_ndarray(np.clip(light * picture, 0, 255).astype(np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
