"""Scenes of drawn footage: a textured background, things that stand in it, movers with arms, camera, light and noise.

A scene is continuous in time and in size: `Scene.render` gives its frames at any phases and any resolution.

Shapes: T frames, H x W pixels, P way-points. Coordinates: [-1, 1] spans the picture, so a mover outside is beyond 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pretrain.drawn_paths import MOTIONS, Floats, Motion, make_pace, make_path

Frames = NDArray[np.uint8]

_SPRITE_PX = 48
_OUTSIDE = 1.6  # where a mover waits that is not in the picture


def _noise_texture(rng: np.random.Generator, size_px: int, octaves: tuple[int, ...]) -> Floats:
    """Smoothed colour noise of several octaves, float32 (size, size, 3) in about 0..255."""
    texture = np.zeros((size_px, size_px, 3), np.float32)
    for cells in octaves:
        coarse = rng.normal(0, 1, (cells, cells, 3)).astype(np.float32)
        coarse = 0.6 * coarse.mean(axis=2, keepdims=True) + 0.6 * coarse
        texture += cv2.resize(coarse, (size_px, size_px), interpolation=cv2.INTER_CUBIC) * (
            rng.uniform(0.3, 1.2) * 40 * (octaves[0] / cells) ** 0.5
        )
    return texture + rng.uniform(50, 200, 3).astype(np.float32)


def _blob(rng: np.random.Generator) -> NDArray[np.float64]:
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
class _Sprite:
    """Picture float32 (S, S, 3) and cover float32 (S, S, 1) in 0..1 of one thing, seen head-on."""

    picture: Floats
    cover: Floats

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "_Sprite":
        if rng.random() < 0.5:
            picture = _noise_texture(rng, _SPRITE_PX, (3, 8))
        else:
            picture = np.full((_SPRITE_PX, _SPRITE_PX, 3), rng.uniform(0, 255, 3), np.float32)
        outline = (_blob(rng) * 0.46 + 0.5) * _SPRITE_PX
        cover = np.zeros((_SPRITE_PX, _SPRITE_PX), np.float32)
        cv2.fillPoly(cover, [np.round(outline * 16).astype(np.int32)], 1.0, cv2.LINE_8, 4)
        soft = np.asarray(cv2.GaussianBlur(cover, (3, 3), 0), np.float32)
        return cls(picture=picture, cover=soft[..., None])

    def paint(self, canvas: Floats, centre_px: NDArray[np.float64], matrix: NDArray[np.float64]) -> None:
        """Lay the thing on canvas (H, W, 3). matrix (2, 2) maps sprite pixels to canvas pixels."""
        height, width = canvas.shape[:2]
        reach = _SPRITE_PX / 2 * np.abs(matrix).sum(axis=1) + 1
        x0, y0 = np.maximum(np.floor(centre_px - reach), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(centre_px + reach), (width, height)).astype(int)
        if x1 <= x0 or y1 <= y0:
            return
        shift = centre_px - matrix @ np.full(2, _SPRITE_PX / 2) - (x0, y0)
        affine = np.column_stack([matrix, shift])
        box = (int(x1 - x0), int(y1 - y0))
        # Shrinking by more than 2 would alias, as warpAffine has no area filter; the blurred cover hides the rest.
        cover = cv2.warpAffine(self.cover, affine, box, flags=cv2.INTER_LINEAR)[..., None]
        picture = cv2.warpAffine(self.picture, affine, box, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        part = canvas[y0:y1, x0:x1]
        part += cover * (picture - part)


@dataclass(frozen=True, kw_only=True)
class _Mover:
    sprite: _Sprite
    path: Floats  # (P, 2)
    distance: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    radius: float  # share of the picture's half width
    spin: float  # radians over the scene
    turn: float
    growth: float  # log size change over the scene
    wobble: tuple[float, float, float]  # depth, rate, phase of squashing
    arm: "_Arm | None"

    def at(self, phase: NDArray[np.float64]) -> NDArray[np.float64]:
        """Centre (T, 2) at the given phases."""
        at = self.distance(phase)
        grid = np.linspace(0, 1, len(self.path))
        return np.stack([np.interp(at, grid, self.path[:, 0]), np.interp(at, grid, self.path[:, 1])], axis=1)

    def shape(self, phase: float, half_px: float) -> NDArray[np.float64]:
        """Matrix (2, 2) from sprite pixels to canvas pixels."""
        angle = self.turn + self.spin * phase
        depth, rate, start = self.wobble
        squash = np.exp(depth * np.sin(2 * np.pi * (rate * phase + start)))
        size = self.radius * np.exp(self.growth * (phase - 0.5)) * half_px / (_SPRITE_PX * 0.46)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return np.asarray(size * turn @ np.diag([squash, 1 / squash]))


@dataclass(frozen=True, kw_only=True)
class _Arm:
    """A limb from the mover to a point outside the picture that follows it a little."""

    anchor: NDArray[np.float64]
    follow: float
    widths: tuple[float, float]
    colour: NDArray[np.float64]

    @classmethod
    def draw(cls, rng: np.random.Generator, radius: float, colour: NDArray[np.float64]) -> "_Arm":
        # Arms come in from below more often than not, as a wearer's or a person's do.
        angle = rng.normal(np.pi / 2, 0.7) if rng.random() < 0.7 else rng.uniform(0, 2 * np.pi)
        return cls(
            anchor=np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(1.5, 2.2),
            follow=rng.uniform(0, 0.6),
            widths=(radius * rng.uniform(0.5, 0.9), radius * rng.uniform(0.7, 1.6)),
            colour=colour,
        )

    def paint(self, canvas: Floats, hand: NDArray[np.float64]) -> None:
        height, width = canvas.shape[:2]
        scale = np.array([width, height]) / 2
        elbow = self.anchor + self.follow * hand
        along = elbow - hand
        across = np.array([-along[1], along[0]]) / (np.hypot(*along) + 1e-6)
        near, far = self.widths
        corners = np.stack([hand + across * near, elbow + across * far, elbow - across * far, hand - across * near])
        pixels = np.round((corners + 1) * scale * 16).astype(np.int32)
        cv2.fillConvexPoly(canvas, pixels, self.colour.tolist(), cv2.LINE_8, 4)


def _smooth_walk(rng: np.random.Generator, num_points: int, step: float) -> NDArray[np.float64]:
    walk = np.cumsum(rng.normal(0, step, num_points + 8))
    return np.convolve(walk - walk[0], np.ones(9) / 9, mode="valid")[:num_points]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything there is to draw, as functions of phase 0..1. Make one with `make_scene`."""

    motion: Motion
    background: Floats
    camera_walk: NDArray[np.float64]  # (32, 4): x, y, log zoom, turn
    standing: tuple[tuple[_Sprite, NDArray[np.float64], float], ...]
    movers: tuple[_Mover, ...]  # the first is the main one
    in_front: int  # how many of the standing things cover the movers
    light: tuple[float, float, float, float]  # gain, offset, drift, flicker
    noise: float
    blur: float
    seed: int  # of the noise and the flicker

    def camera(self, phase: NDArray[np.float64]) -> NDArray[np.float64]:
        """(T, 4): where the middle of the picture looks (x, y), log zoom, turn in radians."""
        grid = np.linspace(0, 1, len(self.camera_walk))
        return np.stack([np.interp(phase, grid, self.camera_walk[:, i]) for i in range(4)], axis=1)

    def render(self, phase: NDArray[np.float64], width_px: int, height_px: int) -> Frames:
        """Frames uint8 (T, H, W, 3) RGB at the given phases (T,)."""
        rng = np.random.default_rng(self.seed)
        cameras = self.camera(phase)
        centres = np.stack([mover.at(phase) for mover in self.movers])  # (M, T, 2)
        frames = np.empty((len(phase), height_px, width_px, 3), np.uint8)
        gain, offset, drift, flicker = self.light
        for t, at in enumerate(phase):
            canvas = self._backdrop(cameras[t], width_px, height_px)
            self._paint_standing(canvas, cameras[t], self.standing[self.in_front :])
            for mover, centre in zip(self.movers[::-1], centres[::-1, t], strict=True):
                if mover.arm is not None:
                    mover.arm.paint(canvas, centre)
                half = np.array([width_px, height_px]) / 2
                mover.sprite.paint(canvas, (centre + 1) * half, mover.shape(float(at), float(half.min())))
            self._paint_standing(canvas, cameras[t], self.standing[: self.in_front])
            if self.blur > 0:
                sigma = self.blur * width_px / 64
                canvas = cast(Floats, cv2.GaussianBlur(canvas, (0, 0), sigma))
            level = gain * (1 + drift * (at - 0.5) + flicker * rng.normal())
            canvas = canvas * level + offset
            if self.noise > 0:
                canvas += rng.standard_normal(canvas.shape, np.float32) * self.noise
            frames[t] = np.clip(canvas, 0, 255)
        return frames

    def _backdrop(self, camera: NDArray[np.float64], width_px: int, height_px: int) -> Floats:
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

    def _paint_standing(
        self,
        canvas: Floats,
        camera: NDArray[np.float64],
        things: tuple[tuple[_Sprite, NDArray[np.float64], float], ...],
    ) -> None:
        height, width = canvas.shape[:2]
        half = np.array([width, height]) / 2
        zoom, turn = np.exp(camera[2]), camera[3]
        back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) * zoom
        for sprite, place, radius in things:
            centre = (back @ (place - camera[:2]) + 1) * half
            sprite.paint(canvas, centre, back * (radius * half.min() / (_SPRITE_PX * 0.46)))


_TRAINING_SHARES: dict[Motion, float] = {
    "stroke": 0.22,
    "polyline": 0.22,
    "arc": 0.17,
    "polygon": 0.14,
    "star": 0.06,
    "zigzag": 0.04,
    "swing": 0.06,
    "spiral": 0.02,
    "wander": 0.05,
    "still": 0.02,
}


def make_scene(
    rng: np.random.Generator, *, motion: Motion | None = None, path: Floats | None = None, background_px: int = 128
) -> Scene:
    """A random scene whose main mover follows `path` (P, 2), or else a path of the family `motion`, or else any.

    background_px: size of the background texture; about twice the width of the frames to be rendered.
    """
    if motion is None:
        names = list(_TRAINING_SHARES)
        shares = np.array([_TRAINING_SHARES[name] for name in names])
        motion = names[int(rng.choice(len(names), p=shares / shares.sum()))]
    movers = [_make_mover(rng, make_path(motion, rng) if path is None else path, comes_and_goes=motion != "still")]
    if rng.random() < 0.15:
        other = MOTIONS[int(rng.integers(len(MOTIONS)))]
        movers.append(_make_mover(rng, make_path(other, rng), main=False))
    octaves = (3, 6, 12, 24) if rng.random() < 0.7 else (2, 4, 48)
    shake = np.exp(rng.uniform(np.log(0.002), np.log(0.05)))
    walk = np.stack([_smooth_walk(rng, 32, shake * weight) for weight in (1.0, 1.0, 0.4, 0.25)], axis=1)
    if rng.random() < 0.25:  # a steady pan or zoom
        walk += np.linspace(0, 1, 32)[:, None] * rng.normal(0, (0.35, 0.35, 0.15, 0.1))
    standing = tuple((_Sprite.draw(rng), rng.uniform(-1, 1, 2), float(rng.uniform(0.08, 0.35))) for _ in range(rng.integers(0, 4)))
    return Scene(
        motion=motion,
        background=_noise_texture(rng, background_px, octaves),
        camera_walk=walk,
        standing=standing,
        movers=tuple(movers),
        in_front=1 if standing and rng.random() < 0.2 else 0,
        light=(
            float(rng.uniform(0.6, 1.3)),
            float(rng.uniform(-25, 25)),
            float(rng.normal(0, 0.1)),
            float(abs(rng.normal(0, 0.01))),
        ),
        noise=float(rng.uniform(0, 10)) if rng.random() < 0.7 else 0.0,
        blur=float(rng.uniform(0.3, 1.0)) if rng.random() < 0.5 else 0.0,
        seed=int(rng.integers(2**31)),
    )


def _make_mover(rng: np.random.Generator, unplaced: Floats, *, main: bool = True, comes_and_goes: bool = False) -> _Mover:
    size = rng.uniform(0.25, 0.75)
    room = max(0.05, 0.95 - size)
    path = unplaced * size + rng.uniform(-room, room, 2) * 0.8
    if comes_and_goes and rng.random() < 0.35:
        path = _enter_and_leave(rng, path)
    radius = float(np.exp(rng.uniform(np.log(0.1), np.log(0.42)))) if main else float(rng.uniform(0.08, 0.25))
    sprite = _Sprite.draw(rng)
    arm = None
    if main and rng.random() < 0.6:
        skin = (sprite.picture * sprite.cover).sum(axis=(0, 1)) / sprite.cover.sum()
        arm = _Arm.draw(rng, radius, skin * rng.uniform(0.8, 1.2))
    return _Mover(
        sprite=sprite,
        path=path.astype(np.float32),
        distance=make_pace(rng),
        radius=radius,
        spin=float(rng.normal(0, 0.8)),
        turn=float(rng.uniform(0, 2 * np.pi)),
        growth=float(rng.normal(0, 0.25)),
        wobble=(float(abs(rng.normal(0, 0.12))), float(rng.uniform(0.5, 3)), float(rng.random())),
        arm=arm,
    )


def _enter_and_leave(rng: np.random.Generator, path: NDArray[np.float64] | Floats) -> NDArray[np.float64]:
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
