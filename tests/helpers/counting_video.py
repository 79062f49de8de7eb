"""Videos in which every frame says its own number, so that a test knows exactly which frame it was given."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

_ROWS, _COLUMNS = 3, 4  # twelve cells, bright or dark: numbers up to 4095


def number_picture(number: int, width: int, height: int) -> NDArray[np.uint8]:
    """A picture of cells that spell ``number`` in binary, the first cell top left being the lowest bit."""
    bits = (number >> np.arange(_ROWS * _COLUMNS)) & 1
    cells = np.where(bits, 220, 30).reshape(_ROWS, _COLUMNS)
    rows, columns = np.arange(height) * _ROWS // height, np.arange(width) * _COLUMNS // width
    return np.repeat(cells[rows][:, columns, None], 3, axis=2).astype(np.uint8)


def number_in(picture: NDArray[np.uint8]) -> int:
    """The number that a picture of any size spells."""
    height, width = picture.shape[:2]
    middles = [
        picture[round((row + 0.5) * height / _ROWS), round((column + 0.5) * width / _COLUMNS)].mean()
        for row in range(_ROWS)
        for column in range(_COLUMNS)
    ]
    return sum(int(level > 125) << bit for bit, level in enumerate(middles))


def draw_counting_video(
    path: Path,
    *,
    times_s: Sequence[float] | None = None,
    num_frames: int = 50,
    rate: int = 25,
    size: tuple[int, int] = (96, 72),
    codec: str = "libx264",
    container_format: str | None = None,
    gop: int = 12,
    pixel_aspect: Fraction | None = None,
) -> Path:
    """Writes frames 0, 1, 2, ... at ``times_s`` (or evenly at ``rate``) and returns the path."""
    times_s = [number / rate for number in range(num_frames)] if times_s is None else times_s
    options: dict[str, Any] = {"g": str(gop)} | ({"preset": "ultrafast", "crf": "16"} if codec == "libx264" else {})
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(f"file:{path}", "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=Fraction(rate), options=options)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        stream.codec_context.time_base = Fraction(1, 12_800) if codec == "libx264" else Fraction(1, rate)
        ticks_hz = 1 / stream.codec_context.time_base
        for number, time_s in enumerate(times_s):
            frame = av.VideoFrame.from_ndarray(number_picture(number, *size), format="rgb24")
            frame.pts, frame.time_base = round(time_s * ticks_hz), stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def draw_late_video(
    path: Path,
    *,
    picture_from_s: float,
    sound_from_s: float = 0.0,
    num_frames: int = 50,
    codec: str = "libx264",
    container_format: str | None = None,
    gop: int = 12,
) -> Path:
    """A counting video of 25 frames a second whose first picture comes at ``picture_from_s``, beside silence from ``sound_from_s``
    to the end of the picture. Returns the path."""
    options: dict[str, str] = {"g": str(gop)} | ({"preset": "ultrafast", "crf": "16"} if codec == "libx264" else {})
    rate, at_hz = 25, 48_000
    end_s = picture_from_s + num_frames / rate
    # In the order of time, as muxers want them; those that interleave wait for both streams.
    times = sorted(
        [(picture_from_s + n / rate, 1, n) for n in range(num_frames)] + [(s, 0, 0) for s in _every(sound_from_s, end_s)]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(f"file:{path}", "w", format=container_format) as container:
        sound = container.add_stream("mp2" if container_format in ("mpegts", "mpeg", "avi") else "aac", rate=at_hz, layout="mono")
        picture = container.add_stream(codec, rate=rate, options=options)
        picture.width, picture.height, picture.pix_fmt = 96, 72, "yuv420p"
        picture.codec_context.thread_count = 1
        for time_s, is_picture, number in times:
            if is_picture:
                frame: Any = av.VideoFrame.from_ndarray(number_picture(number, 96, 72), format="rgb24")
                frame.pts, frame.time_base = round(time_s * rate), Fraction(1, rate)
                container.mux(picture.encode(frame))
            else:
                silence = np.zeros((1, at_hz // 25), np.int16 if sound.codec_context.format.name == "s16" else np.float32)
                frame = av.AudioFrame.from_ndarray(silence, format="s16" if silence.dtype == np.int16 else "fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = at_hz, round(time_s * at_hz), Fraction(1, at_hz)
                container.mux(sound.encode(frame))
        container.mux(picture.encode())
        container.mux(sound.encode())
    return path


def _every(start_s: float, end_s: float) -> list[float]:
    return [start_s + n / 25 for n in range(round((end_s - start_s) * 25))]
