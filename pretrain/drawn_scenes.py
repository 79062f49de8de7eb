"""Scenes of drawn footage: a background, things that stand in it, things that move, camera, light and noise.

A scene is continuous in time and in size: `Scene.render` gives its frames at any phases and any resolution, and a frame does
not depend on which others are asked for.

Shapes: T frames, H x W pixels, P way-points. Coordinates and angles as in `drawn_things`.
"""

from dataclasses import dataclass
from typing import Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pretrain.drawn_backgrounds import make_background
from pretrain.drawn_casts import KIND_SHARES, Kind, make_cast, make_hand_cast
from pretrain.drawn_paths import Floats, Motion
from pretrain.drawn_sprites import SPRITE_PX, Sprite
from pretrain.drawn_things import Doubles, Mover

Frames = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Light:
    """How bright the picture is: gain and offset (grey levels), drift of the gain over the scene, flicker from frame to frame
    (std), and a jump of the gain by a factor at a phase.
    """

    gain: float = 1.0
    offset: float = 0.0
    drift: float = 0.0
    flicker: float = 0.0
    jump_at: float = 0.0
    jump: float = 1.0

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Light":
        hard = rng.random() < 0.05
        return cls(
            gain=float(rng.uniform(0.6, 1.3)),
            offset=float(rng.uniform(-25, 25)),
            drift=float(rng.normal(0, 0.1)),
            flicker=float(abs(rng.normal(0, 0.01))),
            jump_at=float(rng.uniform(0.1, 0.9)) if hard else 0.0,
            jump=float(np.exp(rng.choice([-1, 1]) * rng.uniform(0.2, 0.6))) if hard else 1.0,
        )

    def level(self, phase: float, rng: np.random.Generator) -> float:
        """Factor of all grey levels in one frame."""
        jump = self.jump if phase >= self.jump_at else 1.0
        return float(self.gain * jump * (1 + self.drift * (phase - 0.5) + self.flicker * rng.normal()))


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything there is to draw, as functions of phase 0..1. Make one with `make_scene` or `make_training_scene`.

    kind: what moves. motion: family of the main mover's path, None where it follows from what the mover does.
    """

    kind: Kind
    motion: Motion | None
    background: Floats
    camera_walk: Doubles  # (32, 4): x, y, log zoom, turn
    standing: tuple[tuple[Sprite, Doubles, float], ...]
    movers: tuple[Mover, ...]  # the first is the main one, and in front of the others
    in_front: int  # how many of the standing things cover the movers
    light: Light
    noise: float
    blur: float
    bars: tuple[float, float]  # share of the width and of the height that is black at each side
    seed: int  # of the noise and the flicker

    def camera(self, phase: Doubles) -> Doubles:
        """(T, 4): where the middle of the picture looks (x, y), log zoom, turn in radians."""
        grid = np.linspace(0, 1, len(self.camera_walk))
        return np.stack([np.interp(phase, grid, self.camera_walk[:, i]) for i in range(4)], axis=1)

    def render(self, phase: Doubles, width_px: int, height_px: int) -> Frames:
        """Frames uint8 (T, H, W, 3) RGB at the given phases (T,). The frame of a phase is always the same."""
        frames = np.empty((len(phase), height_px, width_px, 3), np.uint8)
        for t, at in enumerate(phase):
            frames[t] = self._frame(float(at), width_px, height_px)
        return frames

    def _frame(self, phase: float, width_px: int, height_px: int) -> Floats:
        # The noise comes from the phase itself, so that a frame does not depend on how many were drawn before it.
        rng = np.random.default_rng([self.seed, round(phase * 2**40) % 2**62])
        camera = self.camera(np.array([phase]))[0]
        canvas = self._backdrop(camera, width_px, height_px)
        _paint_standing(canvas, camera, self.standing[self.in_front :])
        for mover in self.movers[::-1]:
            mover.paint(canvas, phase)
        _paint_standing(canvas, camera, self.standing[: self.in_front])
        if self.blur > 0:
            canvas = cast(Floats, cv2.GaussianBlur(canvas, (0, 0), self.blur * width_px / 64))
        canvas = canvas * np.float32(self.light.level(phase, rng)) + np.float32(self.light.offset)
        x, y = round(self.bars[0] * width_px), round(self.bars[1] * height_px)
        canvas[:y], canvas[height_px - y :] = 0, 0
        canvas[:, :x], canvas[:, width_px - x :] = 0, 0
        if self.noise > 0:
            canvas += rng.standard_normal(canvas.shape, np.float32) * np.float32(self.noise)
        return np.clip(canvas, 0, 255)

    def _backdrop(self, camera: Doubles, width_px: int, height_px: int) -> Floats:
        x, y, log_zoom, turn = camera
        size = self.background.shape[0]
        # Half of the background's width fills the picture, so the camera has somewhere to go; beyond, it is mirrored.
        scale = size / 2 / max(width_px, height_px) / np.exp(log_zoom)
        cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
        middle = size / 2 + np.array([x, y]) * size / 4
        corner = np.array([[cos, -sin], [sin, cos]]) @ (-np.array([width_px, height_px]) / 2) + middle
        to_source = np.array([[cos, -sin, corner[0]], [sin, cos, corner[1]]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cast(
            Floats,
            cv2.warpAffine(self.background, to_source, (width_px, height_px), flags=flags, borderMode=cv2.BORDER_REFLECT_101),
        )


def _paint_standing(canvas: Floats, camera: Doubles, things: tuple[tuple[Sprite, Doubles, float], ...]) -> None:
    height, width = canvas.shape[:2]
    half = np.array([width, height]) / 2
    zoom, turn = np.exp(camera[2]), camera[3]
    back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) * zoom
    for sprite, place, radius in things:
        centre = (back @ (place - camera[:2]) + 1) * half
        sprite.paint(canvas, centre, back * (radius * half.min() / (SPRITE_PX * 0.46)))


def make_scene(
    rng: np.random.Generator, *, motion: Motion | None = None, path: Floats | None = None, background_px: int = 128
) -> Scene:
    """A random scene whose main mover, a hand-like one, follows `path` (P, 2), or else a path of the family `motion`, or else any.

    background_px: size of the background texture; about twice the width of the frames to be rendered.
    """
    motion, movers = make_hand_cast(rng, motion=motion, path=path)
    return _surround(rng, "hand", motion, movers, background_px)


def make_training_scene(
    rng: np.random.Generator,
    *,
    kind: Kind | Literal["any"] = "any",
    background_px: int = 128,
    surroundings: np.random.Generator | None = None,
) -> Scene:
    """A random scene of one kind, or of any kind in the shares that training wants.

    surroundings: draws all but what moves; None: `rng` does.
    """
    if kind == "any":
        names = list(KIND_SHARES)
        shares = np.array([KIND_SHARES[name] for name in names])
        kind = names[int(rng.choice(len(names), p=shares / shares.sum()))]
    motion, movers = make_cast(rng, kind)
    return _surround(surroundings or rng, kind, motion, movers, background_px)


def _surround(rng: np.random.Generator, kind: Kind, motion: Motion | None, movers: tuple[Mover, ...], background_px: int) -> Scene:
    shake = np.exp(rng.uniform(np.log(0.002), np.log(0.05)))
    walk = np.stack([_smooth_walk(rng, 32, shake * weight) for weight in (1.0, 1.0, 0.4, 0.25)], axis=1)
    if rng.random() < 0.25:  # a steady pan or zoom
        walk += np.linspace(0, 1, 32)[:, None] * rng.normal(0, (0.35, 0.35, 0.15, 0.1))
    num_standing = int(rng.integers(0, 4))
    standing = tuple((Sprite.draw(rng), rng.uniform(-1, 1, 2), float(rng.uniform(0.08, 0.35))) for _ in range(num_standing))
    bars = (0.0, 0.0)
    if rng.random() < 0.04:
        share = float(rng.uniform(0.05, 0.15))
        bars = (share, 0.0) if rng.random() < 0.5 else (0.0, share)
    return Scene(
        kind=kind,
        motion=motion,
        background=make_background(rng, background_px),
        camera_walk=walk,
        standing=standing,
        movers=movers,
        in_front=1 if standing and rng.random() < 0.2 else 0,
        light=Light.draw(rng),
        noise=float(rng.uniform(0, 10)) if rng.random() < 0.7 else 0.0,
        blur=float(rng.uniform(0.3, 1.0)) if rng.random() < 0.5 else 0.0,
        bars=bars,
        seed=int(rng.integers(2**31)),
    )


def _smooth_walk(rng: np.random.Generator, num_points: int, step: float) -> Doubles:
    walk = np.cumsum(rng.normal(0, step, num_points + 8))
    return np.convolve(walk - walk[0], np.ones(9) / 9, mode="valid")[:num_points]
