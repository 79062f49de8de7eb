"""Random colour changes, drawn anew for every frame or once for a clip, in NumPy and OpenCV (worker processes need no torch
for it).

Shapes: T frames, H x W pixels.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class ColourJitter:
    """Strengths: brightness, contrast and saturation are multiplied by 1 +- strength (not below 0), hue is turned by +- that share
    of the full circle. The four come in random order. share: how often anything happens at all.
    """

    brightness: float
    contrast: float
    saturation: float
    hue: float
    share: float

    def each_frame(self, frames_THWC: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Every frame changed on its own; uint8 (T, H, W, 3) RGB, a new array."""
        return np.stack([self._one(frame, rng) for frame in frames_THWC])

    def _one(self, frame_HWC: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        # All draws happen for every frame: what one frame gets does not depend on what another got.
        applies = rng.random() < self.share
        order = rng.permutation(4)
        factors = [float(rng.uniform(max(0.0, 1 - s), 1 + s)) for s in (self.brightness, self.contrast, self.saturation)]
        turn = float(rng.uniform(-self.hue, self.hue))
        if not applies:
            return frame_HWC
        picture = np.asarray(frame_HWC / np.float32(255), dtype=np.float32)
        for operation in order:
            if operation == 0:
                picture = _blend(np.zeros_like(picture), picture, factors[0])
            elif operation == 1:
                picture = _blend((picture @ _GREY).mean(), picture, factors[1])
            elif operation == 2:
                picture = _blend((picture @ _GREY)[..., None], picture, factors[2])
            else:
                picture = _turn_hue(picture, turn)
        return np.asarray(picture * 255 + 0.5, dtype=np.uint8)


def _blend(origin: NDArray[np.float32], picture: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """From `origin` towards and past `picture`, kept within [0, 1]."""
    return np.asarray(np.clip(origin + (picture - origin) * np.float32(factor), 0, 1), dtype=np.float32)


def _turn_hue(picture: NDArray[np.float32], turn: float) -> NDArray[np.float32]:
    hsv = cv2.cvtColor(np.ascontiguousarray(picture, dtype=np.float32), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + 360 * turn) % 360
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), dtype=np.float32)
