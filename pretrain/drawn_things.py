"""What scenes are made of: the interface of everything that moves, and how parts are laid on a canvas.

Shapes: T phases, H x W pixels, P points, N parts. Coordinates: x right, y down, [-1, 1] spans the picture. Angles in radians;
a turn in the picture plane is positive clockwise.
"""

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pretrain.drawn_paths import Floats

Doubles = NDArray[np.float64]
Colour = list[float]  # red, green, blue, about 0..255


class Mover(Protocol):
    """A thing that moves, as functions of phase 0..1."""

    @property
    def radius(self) -> float:
        """How far it reaches from its labelled point, about, at most: half the picture is 1."""
        ...

    def at(self, phase_T: Doubles) -> Doubles:
        """(T, 2): where its labelled point is seen."""
        ...

    def turn_at(self, phase_T: Doubles) -> Doubles:
        """(T,): its turn in the picture plane; only differences mean something."""
        ...

    def flip_at(self, phase_T: Doubles) -> Doubles:
        """(T,): its turn in space about an axis of its own, 0 for things that do not flip."""
        ...

    def paint(self, canvas_HWC: Floats, phase: float) -> None:
        """Lay it on the canvas, float32 (H, W, 3) in 0..255."""
        ...


def follow(path_P2: Floats | Doubles, distance_T: Doubles) -> Doubles:
    """Points (T, 2) at distances 0..1 along a path of evenly spaced way-points."""
    grid_P = np.linspace(0, 1, len(path_P2))
    return np.stack([np.interp(distance_T, grid_P, path_P2[:, i]) for i in range(2)], axis=1)


def fill(canvas_HWC: Floats, corners_P2: Doubles, colour: Colour) -> None:
    """Fill a convex polygon whose corners are given in picture coordinates."""
    cv2.fillConvexPoly(canvas_HWC, to_sixteenths(canvas_HWC, corners_P2), colour, cv2.LINE_8, 4)


def to_sixteenths(canvas_HWC: Floats, points: Doubles) -> NDArray[np.int32]:
    """Picture coordinates (..., 2) in sixteenths of a pixel, as OpenCV's drawing takes them."""
    height, width = canvas_HWC.shape[:2]
    # A pixel's number is its centre's place; far outside the picture OpenCV's numbers would run over.
    pixels = (points + 1) * (width / 2, height / 2) - 0.5
    sixteenths: NDArray[np.int32] = np.clip(np.round(pixels * 16), -(2**19), 2**19).astype(np.int32)
    return sixteenths


_CAP = np.linspace(-np.pi / 2, np.pi / 2, 6)


def capsules(start_N2: Doubles, end_N2: Doubles, radius_N2: Doubles) -> Doubles:
    """Outlines (N, 12, 2) of limbs: round at both ends, with their own radius at start and end."""
    along = end_N2 - start_N2
    along = along / (np.hypot(along[:, 0], along[:, 1])[:, None] + 1e-9)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    cos, sin = np.cos(_CAP)[None, :, None], np.sin(_CAP)[None, :, None]
    far = end_N2[:, None] + radius_N2[:, None, 1:] * (cos * along[:, None] + sin * across[:, None])
    near = start_N2[:, None] - radius_N2[:, None, :1] * (cos * along[:, None] + sin * across[:, None])
    return np.concatenate([far, near], axis=1)
