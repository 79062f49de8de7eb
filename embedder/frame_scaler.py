"""Make decoded frames small: to an encoder's picture size, or to fit into a box; as players show them, as RGB.

Turned and mirrored by the display matrix (`orientation`), HDR brought to an ordinary screen's colours (`tone_map`).

Pictures are uint8 (H, W, 3). One scaler serves one file: FFmpeg's scaler is set up once and kept, because setting it up
for every frame costs a third of the speed, and with one thread, because small pictures gain nothing from more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from embedder.bars import Bars
from embedder.encoder_card import GEOMETRIES
from embedder.orientation import Orientation, orientation_of
from embedder.tone_map import is_hdr, tone_mapped


@dataclass(frozen=True)
class _Shape:
    """Size to scale a stored frame to, before it is brought into its position and the middle is cut out."""

    width_px: int
    height_px: int
    orientation: Orientation

    @classmethod
    def of_shown(cls, width_px: int, height_px: int, orientation: Orientation) -> _Shape:
        """By the size as shown."""
        return cls(height_px, width_px, orientation) if orientation.is_transposed else cls(width_px, height_px, orientation)


class FrameScaler:
    """Frames to pictures of exactly height_px x width_px by ``geometry``: ``squash`` or ``centre_crop``."""

    def __init__(
        self,
        height_px: int,
        width_px: int,
        geometry: str = "squash",
        pixel_aspect: float = 1.0,
        orientation: Orientation | None = None,
        bars: Bars | None = None,
    ) -> None:
        """pixel_aspect: width of a stored pixel as shown over its height; only ``centre_crop`` minds it. orientation: of all
        frames, where their own display matrices are not to be asked. bars: what is cut off before."""
        if geometry not in GEOMETRIES:
            raise ValueError(f"geometry must be one of {', '.join(GEOMETRIES)}, got {geometry!r}")
        self.height_px = height_px
        self.width_px = width_px
        self._geometry = geometry
        self._pixel_aspect = pixel_aspect
        self._orientation = orientation
        self._bars = Bars() if bars is None else bars
        self._reformatter = VideoReformatter()

    def picture(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """The frame as uint8 (height_px, width_px, 3)."""
        upright = _scaled(self._reformatter, frame, self._shape(frame))
        top = _first(upright.shape[0], self.height_px, self._bars.top, self._bars.bottom)
        left = _first(upright.shape[1], self.width_px, self._bars.left, self._bars.right)
        return np.ascontiguousarray(upright[top : top + self.height_px, left : left + self.width_px])

    def _shape(self, frame: av.VideoFrame) -> _Shape:
        height_px, width_px = self.height_px, self.width_px
        orientation = orientation_of(frame) if self._orientation is None else self._orientation
        wide, high = 1 - self._bars.left - self._bars.right, 1 - self._bars.top - self._bars.bottom
        if self._geometry == "centre_crop":
            shown_width, shown_height = shown_size(frame, self._pixel_aspect, orientation)
            scale = max(width_px / (shown_width * wide), height_px / (shown_height * high))
            width_px = max(width_px, round(shown_width * wide * scale))
            height_px = max(height_px, round(shown_height * high * scale))
        # With its bars it is scaled to so much more that what is between them has the size that is asked for.
        return _Shape.of_shown(round(width_px / wide), round(height_px / high), orientation)


def _first(whole_px: int, wanted_px: int, before: float, behind: float) -> int:
    """Where a cut-out begins that lies in the middle between two bars, which cover these shares of the whole."""
    middle_px = whole_px * (1 + before - behind) / 2
    return min(max(0, int(middle_px - wanted_px / 2 + 1e-6)), whole_px - wanted_px)


class BoxScaler:
    """Frames to pictures as shown (square pixels, upright) that fit into a box, never enlarged."""

    def __init__(self, max_height_px: int, max_width_px: int, pixel_aspect: float = 1.0) -> None:
        self._max_height_px = max_height_px
        self._max_width_px = max_width_px
        self._pixel_aspect = pixel_aspect
        self._reformatter = VideoReformatter()

    def picture(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """The frame as uint8 (H, W, 3)."""
        shown_width, shown_height = shown_size(frame, self._pixel_aspect)
        scale = min(1.0, self._max_width_px / shown_width, self._max_height_px / shown_height)
        width_px, height_px = max(1, round(shown_width * scale)), max(1, round(shown_height * scale))
        shape = _Shape.of_shown(width_px, height_px, orientation_of(frame))
        return np.ascontiguousarray(_scaled(self._reformatter, frame, shape))


def shown_size(frame: av.VideoFrame, pixel_aspect: float, orientation: Orientation | None = None) -> tuple[float, float]:
    """Width and height as shown, in square pixels: the smaller axis keeps its pixels, the other is stretched. orientation: the
    frame's own where None.
    """
    width, height = (frame.width * pixel_aspect, float(frame.height))
    if pixel_aspect < 1 and math.isfinite(1 / pixel_aspect):
        width, height = float(frame.width), frame.height / pixel_aspect
    orientation = orientation_of(frame) if orientation is None else orientation
    return (height, width) if orientation.is_transposed else (width, height)


def _scaled(reformatter: VideoReformatter, frame: av.VideoFrame, shape: _Shape) -> NDArray[np.uint8]:
    hdr = is_hdr(frame)
    small = reformatter.reformat(
        frame, width=shape.width_px, height=shape.height_px, format="rgb48le" if hdr else "rgb24", threads=1
    )
    picture = (
        tone_mapped(np.asarray(small.to_ndarray(), dtype=np.uint16), frame) if hdr else np.asarray(small.to_ndarray(), np.uint8)
    )
    return shape.orientation.upright(picture)
