"""Articulated figures: head, torso and four limbs of two parts, whose joints follow a track of poses.

Shapes: T phases, H x W pixels, P points, K keys, N parts. Coordinates and angles as in `drawn_things`. A figure's own
unit is its height, its own origin the middle of its torso.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from pretrain.drawn_gestures import FACING, RISE, PoseTrack
from pretrain.drawn_paths import Floats
from pretrain.drawn_sprites import SPRITE_PX, Sprite, cover_of, noise_texture
from pretrain.drawn_things import Colour, Doubles, capsules, follow, to_sixteenths

Point = tuple[float, float]
Label = Literal["torso", "hand", "foot"]

_NECK, _HIP = 0.17, 0.15  # from the torso's middle up and down
_ARM, _LEG = 0.17, 0.235  # length of each half
_TORSO_PART = 6  # its number among the parts: the far limbs are painted before it
STANDING = _HIP + 2 * _LEG  # how far the feet of a figure that stands upright are below its torso's middle


@dataclass(frozen=True, kw_only=True)
class Looks:
    """build: factor of all widths. Colours of the parts, each (3,); tips are hands and feet; stripe: on the torso, or none.
    cloth: a texture over the torso, or none.
    """

    build: float
    torso: Doubles
    head: Doubles
    arms: Doubles
    legs: Doubles
    tips: Doubles
    stripe: Doubles | None
    cloth: Sprite | None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A body on its way along `path`, on which the torso's middle lies while it stands upright.

    Feet stay on the ground: when knees bend, the body sinks. height: of the body, half the picture is 1. label: the part whose
    place `at` gives. frontal: seen from the front; else from the side, facing right where the track's facing is 1.
    trace: (P, 2) that the near hand draws in the air around its shoulder, within radius 1 = arm's length;
    None leaves it to the track.
    Made for square pictures; in others it is stretched with them.
    """

    looks: Looks
    path: Floats
    distance: Callable[[Doubles], Doubles]
    track: PoseTrack
    height: float
    growth: float
    label: Label
    frontal: bool
    trace: Floats | None

    @property
    def radius(self) -> float:
        return 0.4 * self.height

    def at(self, phase_T: Doubles) -> Doubles:
        return np.stack([self._labelled(float(phase)) for phase in phase_T])

    def turn_at(self, phase_T: Doubles) -> Doubles:
        poses = [self.track.at(float(phase)) for phase in phase_T]
        return np.array([pose[0] * pose[FACING] for pose in poses])

    def flip_at(self, phase_T: Doubles) -> Doubles:
        return np.zeros(len(phase_T))

    def paint(self, canvas_HWC: Floats, phase: float) -> None:
        pose = self.track.at(phase)
        joints = self._joints(pose, phase)
        centre, height = self._centre(joints, pose, phase), self._height(phase)
        start, end, radius, colours = self._parts(joints)
        outlines = capsules(centre + height * start, centre + height * end, height * self.looks.build * radius)
        for number, (outline, colour) in enumerate(zip(to_sixteenths(canvas_HWC, outlines), colours, strict=True)):
            cv2.fillConvexPoly(canvas_HWC, outline, colour, cv2.LINE_8, 4)
            if number == _TORSO_PART and self.looks.cloth is not None:
                self._dress(canvas_HWC, self.looks.cloth, joints, centre, height)

    def _dress(self, canvas_HWC: Floats, cloth: Sprite, joints: dict[str, Point], centre: Doubles, height: float) -> None:
        half_px = np.array([canvas_HWC.shape[1], canvas_HWC.shape[0]]) / 2
        hip, neck = np.array(joints["hip"]), np.array(joints["neck"])
        down = (hip - neck) / 2
        across = np.array([down[1], -down[0]]) / np.hypot(*down) * 0.1 * self.looks.build
        matrix = half_px[:, None] * height * np.column_stack([across, 1.3 * down]) / (SPRITE_PX * 0.46)
        cloth.paint(canvas_HWC, (centre + height * (hip + neck) / 2 + 1) * half_px, matrix)

    def _height(self, phase: float) -> float:
        return self.height * math.exp(self.growth * (phase - 0.5))

    def _labelled(self, phase: float) -> Doubles:
        pose = self.track.at(phase)
        joints = self._joints(pose, phase)
        offset = {"torso": (0.0, 0.0), "hand": joints["near hand"], "foot": joints["near foot"]}[self.label]
        return self._centre(joints, pose, phase) + self._height(phase) * np.array(offset)

    def _centre(self, joints: dict[str, Point], pose: Doubles, phase: float) -> Doubles:
        """Where the torso's middle is, so that the lower foot is on the ground, or as high above it as the pose rises."""
        reach = max(joints["near foot"][1], joints["far foot"][1], 0.06)
        upright = follow(self.path, self.distance(np.array([phase])))[0]
        return np.asarray(upright + np.array([0.0, self._height(phase) * (STANDING - reach - pose[RISE])]))

    def _joints(self, pose: Doubles, phase: float) -> dict[str, Point]:
        """Own coordinates of every joint. Limbs' angles count from hanging down, forwards; in front views outwards."""
        lean, facing = float(pose[0]), float(pose[FACING])
        up = (math.sin(lean) * facing, -math.cos(lean))
        joints: dict[str, Point] = {
            "neck": (_NECK * up[0], _NECK * up[1]),
            "hip": (-_HIP * up[0], -_HIP * up[1]),
            "head": ((_NECK + 0.095) * up[0], (_NECK + 0.095) * up[1]),
        }
        for i, side in enumerate(("far", "near")):
            sign = (1.0 if side == "near" else -1.0) if self.frontal else facing
            apart = sign if self.frontal else (0.12 if side == "near" else -0.12)
            shoulder = (0.9 * joints["neck"][0] + 0.085 * apart * math.cos(lean), 0.9 * joints["neck"][1])
            upper, bend, hip, knee = pose[1 + 2 * i], pose[2 + 2 * i], pose[5 + 2 * i], pose[6 + 2 * i]
            elbow = _swing(shoulder, upper, _ARM, sign)
            hand = _swing(elbow, upper + bend, _ARM, sign)
            if side == "near" and self.trace is not None:
                elbow, hand = self._reach(shoulder, phase, sign)
            pelvis = (joints["hip"][0] + 0.045 * apart, joints["hip"][1])
            knee_at = _swing(pelvis, hip, _LEG, sign)
            foot = _swing(knee_at, hip - knee, _LEG, sign)
            toe = _swing(foot, hip - knee + (0.9 if self.frontal else 1.45), 0.055, sign)
            named = {
                "shoulder": shoulder,
                "elbow": elbow,
                "hand": hand,
                "pelvis": pelvis,
                "knee": knee_at,
                "foot": foot,
                "toe": toe,
            }
            joints |= {f"{side} {name}": point for name, point in named.items()}
        return joints

    def _reach(self, shoulder: Point, phase: float, sign: float) -> tuple[Point, Point]:
        """Elbow and hand when the hand is where the trace wants it: two sides of a triangle."""
        assert self.trace is not None
        x, y = (2 * _ARM * 0.97 * follow(self.trace, self.distance(np.array([phase])))[0]).tolist()
        far = min(math.hypot(x, y) / (2 * _ARM), 0.99)
        length = math.hypot(x, y) + 1e-9
        x, y = x / length * far * 2 * _ARM, y / length * far * 2 * _ARM
        bow = _ARM * math.sqrt(1 - far * far) * sign
        elbow = (shoulder[0] + x / 2 - bow * y / length, shoulder[1] + y / 2 + bow * x / length)
        return elbow, (shoulder[0] + x, shoulder[1] + y)

    def _parts(self, joints: dict[str, Point]) -> tuple[Doubles, Doubles, Doubles, list[Colour]]:
        """Start, end and radii, each (N, 2), and colours of all parts, the farthest first."""
        looks = self.looks
        parts: list[tuple[Point, Point, float, float, Doubles]] = []

        def limbs(side: str, shade: float) -> None:
            at = {name: joints[f"{side} {name}"] for name in ("shoulder", "elbow", "hand", "pelvis", "knee", "foot", "toe")}
            parts.append((at["pelvis"], at["knee"], 0.058, 0.042, looks.legs * shade))
            parts.append((at["knee"], at["foot"], 0.042, 0.03, looks.legs * shade * 0.95))
            parts.append((at["foot"], at["toe"], 0.03, 0.022, looks.tips * shade * 0.6))
            parts.append((at["shoulder"], at["elbow"], 0.042, 0.034, looks.arms * shade))
            parts.append((at["elbow"], at["hand"], 0.034, 0.025, looks.arms * shade * 0.95))
            parts.append((at["hand"], at["hand"], 0.036, 0.036, looks.tips * shade))

        limbs("far", 0.75)
        parts.append((joints["hip"], joints["neck"], 0.075, 0.095 if self.frontal else 0.08, looks.torso))
        if looks.stripe is not None:
            parts.append((joints["hip"], joints["hip"], 0.078, 0.078, looks.stripe))
            parts.append(((0.0, 0.0), (0.4 * joints["neck"][0], 0.4 * joints["neck"][1]), 0.05, 0.05, looks.stripe))
        parts.append((joints["neck"], joints["head"], 0.035, 0.072, looks.head))
        limbs("near", 1.0)
        start, end = np.array([part[0] for part in parts]), np.array([part[1] for part in parts])
        radius = np.array([part[2:4] for part in parts])
        return start, end, radius, [part[4].tolist() for part in parts]


def _swing(origin: Point, angle: float, length: float, sign: float) -> Point:
    return origin[0] + sign * length * math.sin(angle), origin[1] + length * math.cos(angle)


def make_looks(rng: np.random.Generator) -> Looks:
    """Clothes and skin: coloured parts more often than a body in one colour."""
    torso, head, arms, legs, stripe = rng.uniform(0, 255, (5, 3))
    kind = rng.random()
    if kind < 0.25:  # seen as one dark or bright shape
        head, arms, legs = torso * 1.1, torso * 0.9, torso * 0.95
    elif kind < 0.6:
        arms = torso * rng.uniform(0.8, 1.2)
    return Looks(
        build=float(np.exp(rng.normal(0, 0.2))),
        torso=torso,
        head=head,
        arms=arms,
        legs=legs,
        tips=head,
        stripe=stripe if rng.random() < 0.3 else None,
        cloth=_cloth(rng) if rng.random() < 0.35 else None,
    )


def _cloth(rng: np.random.Generator) -> Sprite:
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    oval = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Sprite(picture=noise_texture(rng, SPRITE_PX, (3, 8)), cover=cover_of(oval))
