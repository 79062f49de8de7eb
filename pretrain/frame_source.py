"""Footage that examples are cut from: a stretch of consecutive frames of which only the wanted ones are fetched or drawn.

Shapes: N frames in all, T wanted ones, H x W pixels.
"""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pretrain.drawn_scenes import Scene

Frames = NDArray[np.uint8]
Places = NDArray[np.int64]


class FrameSource(Protocol):
    """A stretch of a video."""

    def __len__(self) -> int:
        """N, at least 1."""

    @property
    def size_px(self) -> int:
        """H and W of every frame."""

    def take(self, places_T: Places) -> Frames:
        """uint8 (T, H, W, 3) RGB, a new array. places_T: each in [0, N), in any order; one may come more than once."""


@dataclass(frozen=True)
class StoredFrames:
    """Decoded frames uint8 (N, H, W, 3), squares, in memory or mapped."""

    stored_NHWC: Frames

    def __len__(self) -> int:
        return len(self.stored_NHWC)

    @property
    def size_px(self) -> int:
        return int(self.stored_NHWC.shape[1])

    def take(self, places_T: Places) -> Frames:
        return np.ascontiguousarray(self.stored_NHWC[places_T])


@dataclass(frozen=True, kw_only=True)
class SmallerFrames:
    """Another source's frames made smaller, to `size_px` a side."""

    source: FrameSource
    size_px: int

    def __len__(self) -> int:
        return len(self.source)

    def take(self, places_T: Places) -> Frames:
        size = (self.size_px, self.size_px)
        frames = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in self.source.take(places_T)]
        return np.stack(frames).astype(np.uint8, copy=False)


@dataclass(frozen=True, kw_only=True)
class DrawnFrames:
    """A drawn scene as if it had been filmed in `num_frames` frames; a frame is drawn when it is asked for."""

    scene: Scene
    num_frames: int
    size_px: int

    def __len__(self) -> int:
        return self.num_frames

    def take(self, places_T: Places) -> Frames:
        wanted, where_T = np.unique(places_T, return_inverse=True)
        drawn = self.scene.render((wanted + 0.5) / self.num_frames, self.size_px, self.size_px)
        return drawn[where_T]
