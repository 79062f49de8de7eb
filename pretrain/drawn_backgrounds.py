"""Backgrounds: noise textures, gradients, and places with lines, boxes and a floor.

Coordinates here are pixels of the square texture; its middle half is what the camera sees when it stands still.
"""

import cv2
import numpy as np

from pretrain.drawn_paths import Floats
from pretrain.drawn_sprites import noise_texture


def make_background(rng: np.random.Generator, size_px: int) -> Floats:
    """A random background, float32 (size, size, 3) in about 0..255."""
    kind = rng.random()
    if kind < 0.55:
        return noise_texture(rng, size_px, (3, 6, 12, 24) if rng.random() < 0.7 else (2, 4, 48))
    background = _gradient(rng, size_px)
    if kind > 0.65:
        if rng.random() < 0.6:
            _lay_floor(rng, background)
        _put_boxes(rng, background)
        _draw_lines(rng, background)
    grain = noise_texture(rng, size_px, (4, 12, 32)) - 128
    return np.clip(background + grain * np.float32(rng.uniform(0, 0.35)), 0, 255)


def _gradient(rng: np.random.Generator, size_px: int) -> Floats:
    """From one colour to another in a random direction; often hardly so, as walls are."""
    first = rng.uniform(20, 235, 3)
    last = first + rng.normal(0, 60 if rng.random() < 0.5 else 15, 3)
    angle = rng.uniform(0, 2 * np.pi)
    grid = np.linspace(-0.5, 0.5, size_px)
    part = np.clip(0.5 + np.cos(angle) * grid[None] + np.sin(angle) * grid[:, None], 0, 1)[..., None]
    return np.asarray((1 - part) * first + part * last, np.float32)


def _lay_floor(rng: np.random.Generator, background: Floats) -> None:
    """A floor from a horizon on down, at times with lines that run together at the horizon."""
    size = len(background)
    horizon = int(size * rng.uniform(0.42, 0.68))
    colour = rng.uniform(20, 235, 3)
    depth = np.linspace(rng.uniform(0.7, 1.0), rng.uniform(0.9, 1.2), size - horizon)[:, None, None]
    background[horizon:] = colour * depth
    if rng.random() < 0.5:
        middle = size * rng.uniform(0.2, 0.8)
        line = (colour * rng.choice([0.7, 1.3])).tolist()
        for foot in np.linspace(-1.5, 2.5, int(rng.integers(5, 16))) * size:
            cv2.line(background, (round(middle), horizon), (round(foot), size), line, max(1, size // 128), cv2.LINE_8)


def _put_boxes(rng: np.random.Generator, background: Floats) -> None:
    """Rectangles such as doors, windows and furniture, some with a frame or in a row."""
    size = len(background)
    for _ in range(rng.integers(0, 6)):
        width, height = (np.exp(rng.uniform(np.log(0.04), np.log(0.4), 2)) * size).astype(int)
        x, y = (rng.uniform(0.1, 0.8, 2) * size).astype(int)
        colour = rng.uniform(10, 245, 3)
        repeats = int(rng.integers(2, 5)) if rng.random() < 0.3 else 1
        for number in range(repeats):
            corner = (int(x + number * 1.4 * width), int(y))
            end = (corner[0] + int(width), corner[1] + int(height))
            cv2.rectangle(background, corner, end, colour.tolist(), -1)
            if rng.random() < 0.4:
                cv2.rectangle(background, corner, end, (colour * 0.5).tolist(), max(1, size // 128))


def _draw_lines(rng: np.random.Generator, background: Floats) -> None:
    size = len(background)
    for _ in range(rng.integers(0, 6)):
        start, end = (rng.uniform(0, 1, (2, 2)) * size).astype(int).tolist()
        if rng.random() < 0.7:  # what people build is upright or level
            end[int(rng.integers(2))] = start[int(rng.integers(2))]
        width = max(1, round(size / 128 * float(rng.uniform(0.5, 4))))
        cv2.line(background, tuple(start), tuple(end), rng.uniform(0, 255, 3).tolist(), width, cv2.LINE_8)
