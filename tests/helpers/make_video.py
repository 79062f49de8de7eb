"""Small real video files for tests, drawn from a seed."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def draw_moving_picture(
    path: Path,
    *,
    seconds: float = 3.0,
    seed: int = 0,
    rate: int = 10,
    size: tuple[int, int] = (96, 64),
    light: float = 1.0,
    speed: float = 1.0,
    gop: int = 250,
) -> Path:
    """Writes H.264 in which coloured blobs drift: every second looks unlike every other, every seed unlike every other.
    light: 0 for black frames. speed: 0 for a picture in which nothing moves. gop: frames from one key frame to the next."""
    width, height = size
    rng = np.random.default_rng([seed, 4711])
    colours = rng.uniform(40, 255, (5, 3))
    centres = rng.uniform(0, 1, (5, 2))
    speeds = speed * rng.uniform(-0.35, 0.35, (5, 2))
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate), options={"preset": "ultrafast", "crf": "18", "g": str(gop)})
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


def encode_anew(
    source: Path,
    target: Path,
    *,
    size: tuple[int, int] | None = None,
    crf: int = 28,
    rate: int | None = None,
    crop_px: int = 0,
    seconds: tuple[float, float] = (0.0, float("inf")),
) -> Path:
    """Writes H.264 of the frames of `source` that are on screen in [start, end) `seconds`, at `rate` frames a second (None: as they
    were), without `crop_px` pixels at each edge, scaled to `size` (None: even numbers as near as can be)."""
    with av.open(str(source)) as old:
        own_rate = old.streams.video[0].average_rate or Fraction(10)
        pictures = [frame.to_ndarray(format="rgb24").astype(np.uint8) for frame in old.decode(video=0)]
    first, last = round(seconds[0] * own_rate), round(min(seconds[1], len(pictures) / float(own_rate)) * own_rate)
    wanted = Fraction(rate) if rate is not None else own_rate
    target.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(target), "w", format="mp4") as new:
        stream = new.add_stream("libx264", rate=wanted, options={"preset": "ultrafast", "crf": str(crf)})
        height, width = (length - 2 * crop_px for length in pictures[0].shape[:2])
        stream.width, stream.height = size or (width // 2 * 2, height // 2 * 2)
        stream.pix_fmt = "yuv420p"
        for number in range(round((last - first) / own_rate * wanted)):
            picture = pictures[min(last - 1, first + int(number * own_rate / wanted))]
            cropped = np.ascontiguousarray(picture[crop_px : crop_px + height, crop_px : crop_px + width])
            frame = av.VideoFrame.from_ndarray(cropped, format="rgb24")
            new.mux(stream.encode(frame.reformat(stream.width, stream.height, "yuv420p")))
        new.mux(stream.encode())
    return target


def joined_end_to_end(target: Path, *sources: Path, rate: int = 10) -> Path:
    """Writes H.264 of the frames of one video after the other, which are all of one size."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(target), "w", format="mp4") as new:
        stream = new.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "crf": "18"})
        stream.pix_fmt = "yuv420p"
        for source in sources:
            with av.open(str(source)) as old:
                for frame in old.decode(video=0):
                    if not stream.codec_context.is_open:
                        stream.width, stream.height = frame.width, frame.height
                    new.mux(stream.encode(av.VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"), format="rgb24")))
        new.mux(stream.encode())
    return target
