"""Still pictures for tests, written by PyAV: the frames of drawn videos, and files that only begin as pictures."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

_CODECS = {".jpg": ("mjpeg", "yuvj444p"), ".png": ("png", "rgb24"), ".bmp": ("bmp", "bgr24"), ".webp": ("libwebp", "bgra")}


def frame_of(video: Path, at_s: float) -> NDArray[np.uint8]:
    """The frame on screen at a second of a video, uint8 (H, W, 3)."""
    shown = None
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            if shown is not None and frame.time > at_s + 1e-6:
                break
            shown = frame.to_ndarray(format="rgb24")
    assert shown is not None
    return np.asarray(shown, np.uint8)


def write_picture(path: Path, picture: NDArray[np.uint8]) -> Path:
    """Writes uint8 (H, W, 3), or (H, W, 4) with what is transparent, as JPEG, PNG, BMP, WebP or AVIF, by the name's end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".avif":
        from PIL import Image  # PyAV has no muxer that makes one of a single frame

        Image.fromarray(picture).save(path, quality=95)
        return path
    name, pixel_format = _CODECS[path.suffix]
    if picture.shape[2] == 4:
        pixel_format = {"png": "rgba", "libwebp": "bgra"}[name]
    codec = av.CodecContext.create(name, "w")
    codec.height, codec.width = picture.shape[:2]
    codec.pix_fmt = pixel_format
    codec.time_base = Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(picture, format="rgba" if picture.shape[2] == 4 else "rgb24").reformat(format=pixel_format)
    frame.pts = 0
    if name == "mjpeg":
        codec.options = {"qmin": "1", "qmax": "2"}
    path.write_bytes(b"".join(bytes(packet) for packet in (*codec.encode(frame), *codec.encode(None))))
    return path
