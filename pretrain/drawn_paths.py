"""Paths that drawn movers travel: families of curves, named shapes, and the pace at which they are walked.

Coordinates: x right, y down, about [-1, 1] before a scene places them. P way-points lie evenly along a path.
Phase: 0..1 runs through a scene once.
"""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Motion = Literal["stroke", "polyline", "arc", "polygon", "star", "zigzag", "swing", "spiral", "wander", "still"]
MOTIONS: tuple[Motion, ...] = get_args(Motion)

Shape = Literal["circle", "square", "triangle", "star", "zigzag", "wave", "swipe-right", "swipe-left", "tick"]
_ROUND = np.linspace(-np.pi / 2, 1.5 * np.pi, 33)
_PENTAGRAM = -np.pi / 2 + 4 * np.pi * np.arange(6) / 5
SHAPES: dict[Shape, list[tuple[float, float]]] = {
    "circle": list(zip(np.cos(_ROUND).tolist(), np.sin(_ROUND).tolist(), strict=True)),
    "square": [(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8), (-0.8, -0.8)],
    "triangle": [(0, -0.9), (0.9, 0.8), (-0.9, 0.8), (0, -0.9)],
    "star": list(zip(np.cos(_PENTAGRAM).tolist(), np.sin(_PENTAGRAM).tolist(), strict=True)),
    "zigzag": [(-1, -0.6), (-0.5, 0.6), (0, -0.6), (0.5, 0.6), (1, -0.6)],
    "wave": [(-0.9, 0), (0.9, 0), (-0.9, 0), (0.9, 0), (-0.9, 0)],
    "swipe-right": [(-1, 0), (1, 0)],
    "swipe-left": [(1, 0), (-1, 0)],
    "tick": [(-0.8, 0), (-0.3, 0.7), (0.9, -0.8)],
}

_PATH_POINTS = 96  # way-points that a path is resampled to; 6 for every frame of a 16-frame clip


def make_path(motion: Motion, rng: np.random.Generator) -> Floats:
    """Way-points float32 (96, 2) of a random path of one family, before placing: about within [-1, 1]."""
    path = _walk_evenly(_CORNERS[motion](rng))
    return _vary(path[::-1] if rng.random() < 0.5 else path, rng, turn_rad=0.25)


def make_shape(shape: Shape, rng: np.random.Generator) -> Floats:
    """Way-points float32 (96, 2) of a named shape: always the same way round, never twice quite the same."""
    return _vary(_walk_evenly(np.array(SHAPES[shape], np.float64)), rng, turn_rad=0.08)


def _vary(path: NDArray[np.float64], rng: np.random.Generator, turn_rad: float) -> Floats:
    angle = rng.normal(0, turn_rad)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    aspect = np.exp(rng.normal(0, 0.15))
    return np.ascontiguousarray((path * (aspect, 1 / aspect)) @ turn.T, dtype=np.float32)


def _stroke(rng: np.random.Generator) -> NDArray[np.float64]:
    angle = rng.choice(8) * np.pi / 4 + rng.normal(0, 0.15)
    end = np.array([np.cos(angle), np.sin(angle)])
    bow = rng.normal(0, 0.12) * np.array([-end[1], end[0]])
    return np.stack([-end, bow, end])


def _polyline(rng: np.random.Generator) -> NDArray[np.float64]:
    num_corners = int(rng.integers(3, 7))
    corners = rng.uniform(-1, 1, (num_corners, 2))
    for i in range(1, num_corners):  # short legs cannot be seen: stretch them
        leg = corners[i] - corners[i - 1]
        length = float(np.hypot(*leg)) + 1e-6
        if length < 0.7:
            corners[i] = corners[i - 1] + leg / length * 0.9
    return np.array(corners - corners.mean(axis=0))


def _arc(rng: np.random.Generator) -> NDArray[np.float64]:
    turns = rng.uniform(0.5, 1.25)
    angle = rng.uniform(0, 2 * np.pi) + np.linspace(0, 2 * np.pi * turns, 40)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _regular(num_corners: int, step: int, rng: np.random.Generator) -> NDArray[np.float64]:
    first = int(rng.integers(num_corners))
    upright = -np.pi / 2 + (np.pi / num_corners if rng.random() < 0.5 else 0.0)
    angle = upright + 2 * np.pi * step * (first + np.arange(num_corners + 1)) / num_corners
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _polygon(rng: np.random.Generator) -> NDArray[np.float64]:
    return _regular(int(rng.integers(3, 7)), 1, rng)


def _star(rng: np.random.Generator) -> NDArray[np.float64]:
    return _regular(5, 2, rng) if rng.random() < 0.8 else _regular(7, 3, rng)


def _zigzag(rng: np.random.Generator) -> NDArray[np.float64]:
    num_legs = int(rng.integers(3, 7))
    x = np.linspace(-1, 1, num_legs + 1)
    y = np.where(np.arange(num_legs + 1) % 2, 1, -1) * rng.uniform(0.4, 1)
    points = np.stack([x, y], axis=1)
    return np.array(points[:, ::-1] if rng.random() < 0.5 else points)


def _swing(rng: np.random.Generator) -> NDArray[np.float64]:
    num_legs = int(rng.integers(2, 7))
    angle = rng.uniform(0, np.pi)
    side = np.where(np.arange(num_legs + 1) % 2, 1.0, -1.0)
    return np.outer(side, (np.cos(angle), np.sin(angle)))


def _spiral(rng: np.random.Generator) -> NDArray[np.float64]:
    angle = rng.uniform(0, 2 * np.pi) + np.linspace(0, 2 * np.pi * rng.uniform(1.3, 2.5), 60)
    radius = np.linspace(rng.uniform(0.1, 0.3), 1, 60)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _wander(rng: np.random.Generator) -> NDArray[np.float64]:
    phase = np.linspace(0, rng.uniform(0.6, 1.2), 60)[:, None]
    waves = sum(rng.normal(0, 0.8 / k, (1, 2)) * np.sin(2 * np.pi * (k * phase + rng.random((1, 2)))) for k in (1, 2, 3))
    return np.asarray(waves)


def _still(rng: np.random.Generator) -> NDArray[np.float64]:
    return rng.normal(0, 0.02, (3, 2))


_CORNERS: dict[Motion, Callable[[np.random.Generator], NDArray[np.float64]]] = {
    "stroke": _stroke,
    "polyline": _polyline,
    "arc": _arc,
    "polygon": _polygon,
    "star": _star,
    "zigzag": _zigzag,
    "swing": _swing,
    "spiral": _spiral,
    "wander": _wander,
    "still": _still,
}


def _walk_evenly(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Resample a poly-line to way-points that lie evenly along it."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T) + 1e-6)])
    at = np.linspace(0, along[-1], _PATH_POINTS)
    return np.stack([np.interp(at, along, corners[:, 0]), np.interp(at, along, corners[:, 1])], axis=1)


def make_pace(rng: np.random.Generator) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """How phase turns into distance along the path: pauses at the ends, even or eased speed, a random warp."""
    start, end = rng.uniform(0, 0.2), 1 - rng.uniform(0, 0.2)
    eased = rng.random() < 0.5
    warp = float(np.exp(rng.normal(0, 0.2)))

    def distance(phase: NDArray[np.float64]) -> NDArray[np.float64]:
        u = np.clip((phase - start) / (end - start), 0, 1) ** warp
        return u * u * (3 - 2 * u) if eased else u

    return distance
