"""Drawn still pictures for learning to see: textured regions, up to 18 shapes on them, and a light over all.

They show nothing that exists; but what tells two of them apart (colours, textures, edges, what lies where) is also what tells two
places apart. `drawn_textures.py` says after whom. About 2 ms for a picture of 96 pixels on one core.

Shapes: H x W pixels, C = 3 colours, P corners.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from pretrain.drawn_paths import Floats
from pretrain.drawn_sprites import random_outline
from pretrain.drawn_textures import draw_texture, noise_field, random_colour
from pretrain.frame_source import Frames

MOST_SHAPES = 18
_SIXTEENTHS = 4  # bits of a pixel's fraction in OpenCV's coordinates


def draw_picture(rng: np.random.Generator, size_px: int) -> tuple[Frames, int]:
    """A picture, uint8 (size, size, 3) RGB, and how many shapes lie in it. Same generator state, same picture.

    Raises ValueError below 8 pixels, where no shape has room.
    """
    if size_px < 8:
        raise ValueError(f"a drawn picture of {size_px} pixels has no room for shapes; use 8 pixels or more")
    canvas = draw_texture(rng, size_px, size_px, size_px)
    for _ in range(int(rng.choice([0, 0, 0, 1, 1, 2, 3]))):
        _cut_across(rng, canvas)
    num_shapes = int(rng.integers(0, MOST_SHAPES + 1))
    smallness = rng.uniform(1.0, 2.5)  # in some pictures all is small
    for _ in range(num_shapes):
        _lay_shape(rng, canvas, size_px * (0.04 + 0.4 * rng.random() ** smallness))
    if rng.random() < 0.5:
        _fade(rng, canvas)
    if rng.random() < 0.5:
        _light(rng, canvas)
    if rng.random() < 0.2:
        cv2.GaussianBlur(canvas, (0, 0), float(rng.uniform(0.4, 1.2)) * size_px / 96, dst=canvas)
    return np.rint(np.clip(canvas, 0, 1) * 255).astype(np.uint8), num_shapes


def _cut_across(rng: np.random.Generator, canvas: Floats) -> None:
    """Another texture on one side of a line, level or upright as often as not: a horizon, a wall, a floor."""
    size = len(canvas)
    angle = rng.uniform(0, 2 * np.pi) if rng.random() < 0.4 else float(rng.integers(4)) * np.pi / 2
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    start = rng.uniform(0.2, 0.8, 2) * size
    corners_P2 = start + 2 * size * np.array([-along, along, along + across, across - along])
    left, top, right, bottom = _box(canvas, corners_P2)
    _lay(canvas, corners_P2, draw_texture(rng, bottom - top, right - left, size))


def _lay_shape(rng: np.random.Generator, canvas: Floats, radius_px: float) -> None:
    """A polygon, ellipse, blob, box or bar, flat, shaded or textured."""
    size = len(canvas)
    kind = rng.random()
    if kind < 0.6:
        outline_P2 = random_outline(rng)
    else:  # a box, or a long bar
        aspect = rng.uniform(0.3, 1) if kind < 0.85 else rng.uniform(0.04, 0.2)
        outline_P2 = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (1.0, aspect)
    angle = rng.uniform(0, 2 * np.pi) if rng.random() < 0.6 else float(rng.integers(4)) * np.pi / 2
    cos, sin = np.cos(angle), np.sin(angle)
    corners_P2 = radius_px * outline_P2 @ np.array([[cos, sin], [-sin, cos]]) + rng.uniform(-0.05, 1.05, 2) * size
    left, top, right, bottom = _box(canvas, corners_P2)
    if right <= left or bottom <= top:
        return
    height, width = bottom - top, right - left
    if rng.random() < 0.45:
        paint = draw_texture(rng, height, width, size)
    else:
        paint = np.broadcast_to(random_colour(rng), (height, width, 3))
        if rng.random() < 0.4:  # lit from one side
            slope = _slope(rng, 0.5, 1.2, max(height, width))
            paint = paint * (slope[:height, None, None] if rng.random() < 0.5 else slope[None, :width, None])
    _lay(canvas, corners_P2, paint)


def _lay(canvas: Floats, corners_P2: NDArray[np.float64], paint_HWC: Floats) -> None:
    """Lay the paint on the part of the canvas within the corners; the paint is as large as their box."""
    left, top, right, bottom = _box(canvas, corners_P2)
    cover = np.zeros((bottom - top, right - left), np.uint8)
    corners = np.round((corners_P2 - (left, top)) * (1 << _SIXTEENTHS)).astype(np.int32)
    cv2.fillPoly(cover, [corners], 255, cv2.LINE_AA, _SIXTEENTHS)
    part = canvas[top:bottom, left:right]
    part += (cover * np.float32(1 / 255))[..., None] * (paint_HWC - part)


def _box(canvas: Floats, corners_P2: NDArray[np.float64]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the pixels that the corners reach, within the canvas."""
    height, width = canvas.shape[:2]
    left, top = np.clip(np.floor(corners_P2.min(axis=0)), 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(corners_P2.max(axis=0)) + 1, 0, (width, height)).astype(int)
    return int(left), int(top), int(right), int(bottom)


def _fade(rng: np.random.Generator, canvas: Floats) -> None:
    """Colours nearer to one tint, as haze, dusk or a poor camera leave them: such pictures differ by shapes, not by colours."""
    kept = np.float32(rng.uniform(0.05, 0.6))
    grey_HW = cv2.cvtColor(canvas, cv2.COLOR_RGB2GRAY)
    tint = random_colour(rng) - np.float32(0.5)
    canvas *= kept
    canvas += (1 - kept) * grey_HW[..., None] + np.float32(0.25) * (1 - kept) * tint


def _light(rng: np.random.Generator, canvas: Floats) -> None:
    """Brighter on one side than on the other, or cloudy shadows, over all that is drawn."""
    size = len(canvas)
    if rng.random() < 0.6:
        slope = _slope(rng, 0.5, 1.3, size)
        canvas *= slope[:, None, None] if rng.random() < 0.5 else slope[None, :, None]
    else:
        depth = np.float32(rng.uniform(0.2, 0.8))
        canvas *= (1 - depth / 2 + depth * noise_field(rng, size, size))[..., None]


def _slope(rng: np.random.Generator, low: float, high: float, length: int) -> Floats:
    """float32 (length,), in a straight line from one random brightness to another."""
    first, last = rng.uniform(low, high, 2)
    return np.linspace(first, last, length, dtype=np.float32)
