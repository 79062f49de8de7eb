"""Textures of drawn pictures: noise, stripes, checks, tiles, gradients, rings, waves and dead leaves, in two or more colours.

Which drawn pictures teach a network most is measured by Baradad et al., "Learning to See by Looking at Noise" (NeurIPS 2021): those
with the spectra, colours and edges of natural pictures, in great variety. Later work of theirs ("Procedural Image Programs for
Representation Learning", NeurIPS 2022) finds that variety counts more than likeness. Hence many kinds here, each with few knobs.

Noise is not made for each picture, for a Fourier transform takes as long as all the rest of a picture: a bank of noise fields
is made once in a process, always the same, and a texture takes a random part of one, turned and mirrored.

Shapes: H x W pixels, C = 3 colours, K colours of a palette.
"""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pretrain.drawn_paths import Floats

_BANK_SEED = 20_211_206
_BANK_PX = 256
_BANK_BETAS = np.linspace(0.4, 2.2, 40)
"""How fast amplitudes fall with frequency: 0 is white noise, natural pictures are near 1, and 2 is clouds."""


def draw_texture(rng: np.random.Generator, height: int, width: int, scale_px: float) -> Floats:
    """A random texture, float32 (H, W, 3) in 0..1. scale_px: the side of the picture it is for, which sets how fine it is."""
    kind = rng.random()
    if kind < 0.08:
        return _colour_noise(rng, height, width)
    if kind < 0.14:
        return _dead_leaves(rng, height, width, scale_px)
    field = _FIELDS[int(rng.choice(len(_FIELDS), p=_FIELD_SHARES))](rng, height, width, scale_px)
    texture = _coloured(rng, field)
    if rng.random() < 0.4:
        texture += np.float32(rng.uniform(0.05, 0.35)) * (noise_field(rng, height, width) - np.float32(0.5))[..., None]
    return texture


def noise_field(rng: np.random.Generator, height: int, width: int) -> Floats:
    """Noise with a 1/f^beta spectrum, float32 (H, W), about 0..1; sides of at most 256 pixels are cut from the bank, longer ones
    repeat it. Read it, but change nothing in it.
    """
    bank = _noise_bank()
    tall, wide = min(height, _BANK_PX), min(width, _BANK_PX)
    number, top, left, turn = (int(rng.integers(n)) for n in (len(bank), 2 * _BANK_PX - tall, 2 * _BANK_PX - wide, 4))
    step_y, step_x = (1, -1)[turn & 1], (1, -1)[turn >> 1]
    part = bank[number, top : top + tall, left : left + wide][::step_y, ::step_x]
    if (tall, wide) != (height, width):
        part = np.pad(part, ((0, height - tall), (0, width - wide)), mode="wrap")
    return part


def random_colour(rng: np.random.Generator) -> Floats:
    """float32 (3,) in 0..1: any colour, or, as often, one of the dull ones that walls, earth and clothes have."""
    colour = rng.uniform(0, 1, 3)
    if rng.random() < 0.5:
        colour = colour.mean() + rng.uniform(0.1, 0.5) * (colour - colour.mean())
    return colour.astype(np.float32)


@cache
def _noise_bank() -> Floats:
    """float32 (N, 2 * 256, 2 * 256): each field four times, as its edges fit together, so that a part may begin anywhere."""
    rng = np.random.default_rng(_BANK_SEED)
    away = np.hypot(np.fft.fftfreq(_BANK_PX)[:, None], np.fft.rfftfreq(_BANK_PX)[None])
    away[0, 0] = 1.0
    bank = np.empty((len(_BANK_BETAS), 2 * _BANK_PX, 2 * _BANK_PX), np.float32)
    for field, beta in zip(bank, _BANK_BETAS, strict=True):
        spectrum = np.fft.rfft2(rng.normal(size=(_BANK_PX, _BANK_PX))) / away**beta
        spectrum[0, 0] = 0.0
        noise = np.fft.irfft2(spectrum, s=(_BANK_PX, _BANK_PX))
        field[:] = np.tile(np.clip(0.5 + noise / (5 * noise.std()), 0, 1), (2, 2))
    bank.setflags(write=False)
    return bank


def _coloured(rng: np.random.Generator, field_HW: Floats) -> Floats:
    """The field's values as colours: between two of them, or along a palette of up to five. A new array."""
    num_colours = 2 if rng.random() < 0.65 else int(rng.integers(3, 6))
    palette_KC = np.stack([random_colour(rng) for _ in range(num_colours)])
    if rng.random() < 0.3:  # shades of one colour
        palette_KC = palette_KC[:1] * np.linspace(rng.uniform(0.2, 0.9), 1.1, num_colours, dtype=np.float32)[:, None]
    if num_colours == 2:
        return np.asarray(palette_KC[0] + field_HW[..., None] * (palette_KC[1] - palette_KC[0]), np.float32)
    steps = np.interp(np.linspace(0, num_colours - 1, 256), range(num_colours), range(num_colours))
    if rng.random() < 0.4:
        steps = np.round(steps)  # flat patches with edges instead of a passage
    table = np.stack([np.interp(steps, range(num_colours), column) for column in palette_KC.T], axis=1).astype(np.float32)
    return table[(np.clip(field_HW, 0, 1) * 255).astype(np.uint8)]


def _colour_noise(rng: np.random.Generator, height: int, width: int) -> Floats:
    """Red, green and blue each with noise of their own, mixed so that they go together, as in nature."""
    grey = noise_field(rng, height, width)
    apart = np.float32(rng.uniform(0.1, 0.8))
    planes = [(1 - apart) * grey + apart * noise_field(rng, height, width) for _ in range(3)]
    spread, middle = np.float32(rng.uniform(0.5, 1.8)), random_colour(rng)
    return np.asarray(np.clip((np.stack(planes, axis=2) - np.float32(0.5)) * spread + middle, 0, 1), np.float32)


def _dead_leaves(rng: np.random.Generator, height: int, width: int, scale_px: float) -> Floats:
    """Discs or boxes that lie on one another, small ones more often (Lee, Mumford and Huang, 2001)."""
    canvas = np.full((height, width, 3), random_colour(rng), np.float32)
    num_leaves = int(rng.integers(20, 70))
    least, most = rng.uniform(0.01, 0.04) * scale_px, rng.uniform(0.08, 0.25) * scale_px
    # The inverse of a distribution of radii that falls with their cube.
    radius_N = (least**-2 - rng.uniform(0, 1, num_leaves) * (least**-2 - most**-2)) ** -0.5
    centre_N2 = rng.uniform((0, 0), (width, height), (num_leaves, 2))
    palette = [random_colour(rng).tolist() for _ in range(int(rng.integers(2, 9)))]
    round_leaves = rng.random() < 0.6
    colour_N = rng.integers(len(palette), size=num_leaves).tolist()
    for (x, y), radius, colour in zip(centre_N2.tolist(), radius_N.tolist(), colour_N, strict=True):
        if round_leaves:
            cv2.circle(canvas, (int(x), int(y)), max(1, round(radius)), palette[colour], -1, cv2.LINE_AA)
        else:
            cv2.rectangle(canvas, (int(x - radius), int(y - radius)), (int(x + radius), int(y + radius)), palette[colour], -1)
    return canvas


def _grid(rng: np.random.Generator, height: int, width: int, scale_px: float) -> tuple[Floats, Floats]:
    """Coordinates (H, 1) and (1, W), shares of the picture's side, from a random origin."""
    y0, x0 = rng.uniform(-1, 1, 2)
    return (
        (np.arange(height, dtype=np.float32) / np.float32(scale_px) + np.float32(y0))[:, None],
        (np.arange(width, dtype=np.float32) / np.float32(scale_px) + np.float32(x0))[None],
    )


def _turned(rng: np.random.Generator, height: int, width: int, scale_px: float) -> tuple[Floats, Floats]:
    """The grid turned by a random angle, often a right one, as what people build is upright: two arrays (H, W) or of one axis."""
    y, x = _grid(rng, height, width, scale_px)
    angle = rng.uniform(0, np.pi) if rng.random() < 0.6 else float(rng.integers(2)) * np.pi / 2
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return sin * x + cos * y, cos * x - sin * y


def _noise(rng: np.random.Generator, height: int, width: int, scale_px: float) -> Floats:
    field = noise_field(rng, height, width)
    if rng.random() < 0.25:  # islands with a shore
        level, steepness = np.float32(rng.uniform(0.35, 0.65)), np.float32(rng.uniform(8, 40))
        return np.asarray(np.clip((field - level) * steepness + np.float32(0.5), 0, 1), np.float32)
    return field


def _stripes(rng: np.random.Generator, height: int, width: int, scale_px: float) -> Floats:
    """Waves or bars, at times bent by noise."""
    _, x = _turned(rng, height, width, scale_px)
    phase = np.broadcast_to(x * np.float32(2 * np.pi * np.exp(rng.uniform(0, np.log(16)))), (height, width))
    if rng.random() < 0.4:
        phase = phase + np.float32(rng.uniform(1, 9)) * noise_field(rng, height, width)
    waves = np.sin(phase)
    if rng.random() < 0.5:
        return np.asarray(np.clip((waves - np.float32(rng.uniform(-0.7, 0.7))) * 4 + np.float32(0.5), 0, 1), np.float32)
    return np.float32(0.5) + np.float32(0.5) * waves


def _checks(rng: np.random.Generator, height: int, width: int, scale_px: float) -> Floats:
    y, x = _turned(rng, height, width, scale_px)
    per_side = np.exp(rng.uniform(np.log(2), np.log(14)))
    rows, columns = np.floor(y * np.float32(per_side * rng.uniform(0.5, 2))), np.floor(x * np.float32(per_side))
    return np.asarray(np.broadcast_to((rows + columns) % 2, (height, width)), np.float32)


def _tiles(rng: np.random.Generator, height: int, width: int, scale_px: float) -> Floats:
    """A small piece of noise, repeated; or bricks and tiles with joints between them, each of a shade of its own."""
    if rng.random() < 0.5:
        side_y, side_x = (int(side) for side in rng.integers(5, max(6, int(scale_px / 4)), 2))
        piece = noise_field(rng, side_y, side_x)
        return np.tile(piece, (height // side_y + 1, width // side_x + 1))[:height, :width]
    y, x = _grid(rng, height, width, scale_px)
    per_side = rng.uniform(2, 10)
    rows = y * np.float32(per_side * rng.uniform(1, 3))
    columns = x * np.float32(per_side) + np.float32(rng.choice([0.0, 0.5])) * (np.floor(rows) % 2)
    joint = np.float32(rng.uniform(0.04, 0.15))
    shades = rng.uniform(0.6, 1, 61).astype(np.float32)
    shade = shades[(np.floor(rows) * 7 + np.floor(columns) * 13).astype(np.int64) % len(shades)]
    return np.asarray(shade * ((rows % 1 > joint) & (columns % 1 > joint)), np.float32)


def _gradient(rng: np.random.Generator, height: int, width: int, scale_px: float) -> Floats:
    y, x = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None], np.linspace(-0.5, 0.5, width, dtype=np.float32)[None]
    angle = rng.uniform(0, 2 * np.pi)
    return np.float32(0.5) + np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y


def _rings(rng: np.random.Generator, height: int, width: int, scale_px: float) -> Floats:
    """Round about a point: rings, rays or a spiral."""
    y, x = _grid(rng, height, width, scale_px)
    per_side, arms = np.float32(rng.uniform(0, 12)), np.float32(rng.integers(0, 9))
    phase = np.asarray(np.float32(2 * np.pi) * per_side * np.hypot(y, x), np.float32)
    if arms:
        phase += arms * np.arctan2(y, x)
    return np.float32(0.5) + np.float32(0.5) * np.sin(phase)


def _waves(rng: np.random.Generator, height: int, width: int, scale_px: float) -> Floats:
    """A few waves in different directions, added: lattices, weaves and moirés."""
    y, x = _grid(rng, height, width, scale_px)
    num_waves = int(rng.integers(2, 5))
    total = np.zeros((height, width), np.float32)
    for angle, per_side in zip(rng.uniform(0, np.pi, num_waves), rng.uniform(1, 14, num_waves), strict=True):
        turn = 2 * np.pi * per_side
        total += np.sin(np.float32(turn * np.cos(angle)) * x + np.float32(turn * np.sin(angle)) * y)
    return np.float32(0.5) + total / np.float32(2 * num_waves)


_Field = Callable[[np.random.Generator, int, int, float], Floats]
_FIELDS: tuple[_Field, ...] = (_noise, _stripes, _checks, _tiles, _gradient, _rings, _waves)
_FIELD_SHARES: NDArray[np.float64] = np.array([0.32, 0.15, 0.07, 0.12, 0.18, 0.06, 0.10])
