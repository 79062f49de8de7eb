"""Sprites: small pictures with a cover, flat or textured, that are laid on a canvas in any size and turn.

Shapes: H x W pixels, P points, S pixels of a sprite's side.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from pretrain.drawn_paths import Floats
from pretrain.drawn_things import Doubles

SPRITE_PX = 48


def noise_texture(rng: np.random.Generator, size_px: int, octaves: tuple[int, ...]) -> Floats:
    """Smoothed colour noise of several octaves, float32 (size, size, 3) in about 0..255."""
    texture = np.zeros((size_px, size_px, 3), np.float32)
    for cells in octaves:
        coarse = rng.normal(0, 1, (cells, cells, 3)).astype(np.float32)
        coarse = 0.6 * coarse.mean(axis=2, keepdims=True) + 0.6 * coarse
        texture += cv2.resize(coarse, (size_px, size_px), interpolation=cv2.INTER_CUBIC) * (
            rng.uniform(0.3, 1.2) * 40 * (octaves[0] / cells) ** 0.5
        )
    return texture + rng.uniform(50, 200, 3).astype(np.float32)


def random_outline(rng: np.random.Generator) -> Doubles:
    """Outline (P, 2) of a random shape around 0 with radius about 1: polygon, ellipse or smooth blob."""
    kind = rng.integers(3)
    if kind == 0:
        num_corners = int(rng.integers(3, 9))  # about evenly around, so that the shape always has some area
        angle = 2 * np.pi * (np.arange(num_corners) + rng.uniform(-0.35, 0.35, num_corners)) / num_corners
        radius = rng.uniform(0.6, 1.0, num_corners)
    else:
        angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
        radius = np.ones_like(angle)
        if kind == 2:
            for k in (2, 3, 5):
                radius += rng.normal(0, 0.3 / k) * np.sin(k * angle + rng.uniform(0, 2 * np.pi))
    outline = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.array(outline * (1.0, rng.uniform(0.5, 1.0)) / max(1.0, float(np.abs(outline).max())))


@dataclass(frozen=True, kw_only=True)
class Sprite:
    """Picture float32 (S, S, 3) and cover float32 (S, S, 1) in 0..1 of one thing, seen head-on."""

    picture: Floats
    cover: Floats

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Sprite":
        if rng.random() < 0.5:
            picture = noise_texture(rng, SPRITE_PX, (3, 8))
        else:
            picture = np.full((SPRITE_PX, SPRITE_PX, 3), rng.uniform(0, 255, 3), np.float32)
        return cls(picture=picture, cover=cover_of(random_outline(rng)))

    def mean_colour(self) -> Doubles:
        return np.asarray((self.picture * self.cover).sum(axis=(0, 1)) / self.cover.sum(), np.float64)

    def paint(self, canvas: Floats, centre_px: Doubles, matrix: Doubles) -> None:
        """Lay the thing on canvas (H, W, 3). matrix (2, 2) maps sprite pixels to canvas pixels."""
        height, width = canvas.shape[:2]
        reach = SPRITE_PX / 2 * np.abs(matrix).sum(axis=1) + 1
        x0, y0 = np.maximum(np.floor(centre_px - reach), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(centre_px + reach), (width, height)).astype(int)
        if x1 <= x0 or y1 <= y0:
            return
        shift = centre_px - 0.5 - matrix @ np.full(2, SPRITE_PX / 2) - (x0, y0)  # a pixel's number is its centre's place
        affine = np.column_stack([matrix, shift])
        box = (int(x1 - x0), int(y1 - y0))
        # Shrinking by more than 2 would alias, as warpAffine has no area filter; the blurred cover hides the rest.
        cover = cv2.warpAffine(self.cover, affine, box, flags=cv2.INTER_LINEAR)[..., None]
        picture = cv2.warpAffine(self.picture, affine, box, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        part = canvas[y0:y1, x0:x1]
        part += cover * (picture - part)


def cover_of(outline_P2: Doubles) -> Floats:
    """Cover float32 (S, S, 1) of an outline within [-1, 1]."""
    cover = np.zeros((SPRITE_PX, SPRITE_PX), np.float32)
    corners = np.round((outline_P2 * 0.46 + 0.5) * SPRITE_PX * 16).astype(np.int32)
    cv2.fillPoly(cover, [corners], 1.0, cv2.LINE_8, 4)
    return np.asarray(cv2.GaussianBlur(cover, (3, 3), 0), np.float32)[..., None]
