"""Hand-like movers, with or without an arm, and blobs whose outline morphs.

Shapes: T phases, H x W pixels, P points, S pixels of a sprite's side, K keys. Coordinates and angles as in `drawn_things`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pretrain.drawn_paths import Floats, make_pace
from pretrain.drawn_sprites import SPRITE_PX, Sprite, cover_of
from pretrain.drawn_things import Colour, Doubles, fill, follow

_OUTSIDE = 1.6  # where a mover waits that is not in the picture


@dataclass(frozen=True, kw_only=True)
class Arm:
    """A limb from the mover to a point outside the picture that follows it a little."""

    anchor: Doubles
    follow: float
    widths: tuple[float, float]
    colour: Colour

    @classmethod
    def draw(cls, rng: np.random.Generator, radius: float, colour: Doubles) -> "Arm":
        # Arms come in from below more often than not, as a wearer's or a person's do.
        angle = rng.normal(np.pi / 2, 0.7) if rng.random() < 0.7 else rng.uniform(0, 2 * np.pi)
        return cls(
            anchor=np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(1.5, 2.2),
            follow=rng.uniform(0, 0.6),
            widths=(radius * rng.uniform(0.5, 0.9), radius * rng.uniform(0.7, 1.6)),
            colour=colour.tolist(),
        )

    def paint(self, canvas: Floats, hand: Doubles) -> None:
        elbow = self.anchor + self.follow * hand
        along = elbow - hand
        across = np.array([-along[1], along[0]]) / (np.hypot(*along) + 1e-6)
        near, far = self.widths
        corners = np.stack([hand + across * near, elbow + across * far, elbow - across * far, hand - across * near])
        fill(canvas, corners, self.colour)


@dataclass(frozen=True, kw_only=True)
class Morph:
    """An outline that changes smoothly: waves around a circle, each as strong as keys say. coefficients: (K, 4, 2)."""

    coefficients: Doubles

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Morph":
        num_keys = int(rng.integers(3, 7))
        waves = np.arange(1, 5)[None, :, None]
        return cls(coefficients=rng.normal(0, 1, (num_keys, 4, 2)) * np.array([0.0, 0.3, 0.2, 0.12])[None, :, None] / waves**0.2)

    def outline(self, phase: float) -> Doubles:
        """(P, 2) within [-1, 1], its area's middle at 0, so that a mover's path is where the middle is seen."""
        place = float(np.clip(phase, 0, 1)) * (len(self.coefficients) - 1)
        key = min(int(place), len(self.coefficients) - 2)
        part = place - key
        part = part * part * (3 - 2 * part)
        cos, sin = ((1 - part) * self.coefficients[key] + part * self.coefficients[key + 1]).T[..., None]
        waves = np.arange(1, 5)[:, None] * _ROUND
        radius = np.maximum(1 + (cos * np.cos(waves) + sin * np.sin(waves)).sum(axis=0), 0.25)
        outline = radius[:, None] * np.stack([np.cos(_ROUND), np.sin(_ROUND)], axis=1)
        after = np.roll(outline, -1, axis=0)
        cross = outline[:, 0] * after[:, 1] - after[:, 0] * outline[:, 1]
        outline -= ((outline + after) * cross[:, None]).sum(axis=0) / (3 * cross.sum())
        return np.asarray(outline / 1.8)


_ROUND = np.linspace(0, 2 * np.pi, 40, endpoint=False)


@dataclass(frozen=True, kw_only=True)
class Hand:
    """One sprite, or blob that morphs, that travels its path, spins, grows, is squashed, and may hang on an arm."""

    sprite: Sprite
    path: Floats  # (P, 2)
    distance: Callable[[Doubles], Doubles]
    radius: float  # share of the picture's half width
    spin: float  # radians over the scene
    turn: float
    growth: float  # log size change over the scene
    wobble: tuple[float, float, float]  # depth, rate, phase of squashing
    arm: Arm | None
    morph: Morph | None = None

    def at(self, phase_T: Doubles) -> Doubles:
        return follow(self.path, self.distance(phase_T))

    def turn_at(self, phase_T: Doubles) -> Doubles:
        return self.turn + self.spin * phase_T

    def flip_at(self, phase_T: Doubles) -> Doubles:
        return np.zeros(len(phase_T))

    def paint(self, canvas_HWC: Floats, phase: float) -> None:
        centre = self.at(np.array([phase]))[0]
        half = np.array([canvas_HWC.shape[1], canvas_HWC.shape[0]]) / 2
        if self.arm is not None:
            self.arm.paint(canvas_HWC, centre)
        sprite = self.sprite if self.morph is None else replace(self.sprite, cover=cover_of(self.morph.outline(phase)))
        sprite.paint(canvas_HWC, (centre + 1) * half, self._shape(phase, float(half.min())))

    def _shape(self, phase: float, half_px: float) -> Doubles:
        """Matrix (2, 2) from sprite pixels to canvas pixels."""
        angle = self.turn + self.spin * phase
        depth, rate, start = self.wobble
        squash = np.exp(depth * np.sin(2 * np.pi * (rate * phase + start)))
        size = self.radius * np.exp(self.growth * (phase - 0.5)) * half_px / (SPRITE_PX * 0.46)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return np.asarray(size * turn @ np.diag([squash, 1 / squash]))


def make_hand(rng: np.random.Generator, unplaced: Floats, *, main: bool = True, comes_and_goes: bool = False) -> Hand:
    """A hand-like mover on a path (P, 2) of about [-1, 1], which is placed in the picture. main: larger, and often with an arm."""
    path = place_path(rng, unplaced, comes_and_goes=comes_and_goes)
    radius = float(np.exp(rng.uniform(np.log(0.1), np.log(0.42)))) if main else float(rng.uniform(0.08, 0.25))
    sprite = Sprite.draw(rng)
    arm = None
    if main and rng.random() < 0.6:
        arm = Arm.draw(rng, radius, sprite.mean_colour() * rng.uniform(0.8, 1.2))
    return Hand(
        sprite=sprite,
        path=path,
        distance=make_pace(rng),
        radius=radius,
        spin=float(rng.normal(0, 0.8)),
        turn=float(rng.uniform(0, 2 * np.pi)),
        growth=float(rng.normal(0, 0.25)),
        wobble=(float(abs(rng.normal(0, 0.12))), float(rng.uniform(0.5, 3)), float(rng.random())),
        arm=arm,
    )


def make_morphing(rng: np.random.Generator, unplaced: Floats) -> Hand:
    """A blob that changes its outline on its way, and so cannot be seen to spin. Arguments as `make_hand`."""
    hand = make_hand(rng, unplaced, comes_and_goes=rng.random() < 0.5)
    radius = float(np.exp(rng.uniform(np.log(0.18), np.log(0.6))))
    return replace(hand, radius=radius, spin=0.0, morph=Morph.draw(rng))


def place_path(rng: np.random.Generator, unplaced: Floats, *, comes_and_goes: bool) -> Floats:
    """Shrink a path (P, 2) of about [-1, 1] and shift it so that it stays in the picture, but for coming and leaving."""
    size = rng.uniform(0.25, 0.75)
    room = max(0.05, 0.95 - size)
    path = unplaced * size + rng.uniform(-room, room, 2) * 0.8
    if comes_and_goes and rng.random() < 0.35:
        path = _enter_and_leave(rng, path)
    return path.astype(np.float32)


def _enter_and_leave(rng: np.random.Generator, path: Doubles | Floats) -> Doubles:
    """The mover comes into the picture before its path, or leaves after it, or both; it hurries, as hands do."""
    angle = rng.normal(np.pi / 2, 0.8)
    gate = np.array([np.cos(angle), np.sin(angle)]) * _OUTSIDE
    parts = [np.asarray(path, np.float64)]
    which = rng.integers(3)
    num_points = int(rng.integers(8, 20))  # of 96 for the path itself
    if which in (0, 2):
        parts.insert(0, np.linspace(gate, path[0], num_points))
    if which in (1, 2):
        parts.append(np.linspace(path[-1], gate + rng.normal(0, 0.2, 2), num_points))
    return np.concatenate(parts)
