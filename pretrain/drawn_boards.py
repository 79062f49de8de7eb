"""Flat things that turn in space, such as boards: foreshortened, near edges larger, the back of another colour.

Shapes: T phases, H x W pixels, P points. Coordinates and angles as in `drawn_things`; z points away from who looks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from pretrain.drawn_paths import Floats
from pretrain.drawn_things import Colour, Doubles, fill, follow

_DEPTH = 0.22  # how much larger what is one half length nearer is seen
_LIGHT = np.array([-0.35, -0.75, -0.56])  # from where light comes: what turns up is brighter than what turns down


@dataclass(frozen=True, kw_only=True)
class Board:
    """A plate with two faces. Local axes: x along its length, y across, z through it; the front's normal is -z.

    outline: (P, 2), convex, half its length is 1. marks: convex polygons and their colours on the front. axis: what it turns
    about in space. tilt: how it is seen when it has not turned, about its length; 0 is head-on.
    """

    outline: Doubles
    thickness: float
    front: Doubles
    back: Doubles
    edge: Doubles
    marks: tuple[tuple[Doubles, Doubles], ...]
    wheels: bool
    path: Floats  # (P, 2)
    distance: Callable[[Doubles], Doubles]
    radius: float
    axis: Literal["long", "short"]
    tilt: float
    turns: Callable[[Doubles], Doubles]  # phase -> turn in the picture plane
    flips: Callable[[Doubles], Doubles]  # phase -> turn in space

    def at(self, phase_T: Doubles) -> Doubles:
        return follow(self.path, self.distance(phase_T))

    def turn_at(self, phase_T: Doubles) -> Doubles:
        return self.turns(phase_T)

    def flip_at(self, phase_T: Doubles) -> Doubles:
        return self.flips(phase_T)

    def paint(self, canvas_HWC: Floats, phase: float) -> None:
        at = np.array([phase])
        centre, rotation = self.at(at)[0], self._rotation(at)
        towards = -rotation[:, 2]  # the front's normal
        shade = 0.8 + 0.35 * float(towards @ _LIGHT)
        front_seen = towards[2] < 0

        def seen(flat_P2: Doubles, z: float) -> Doubles:
            return self._project(np.column_stack([flat_P2, np.full(len(flat_P2), z)]), rotation, centre)

        if self.wheels and front_seen:
            self._paint_wheels(canvas_HWC, rotation, centre)
        front, back = seen(self.outline, -self.thickness), seen(self.outline, self.thickness)
        hull = cv2.convexHull(np.concatenate([front, back]).astype(np.float32))[:, 0]
        fill(canvas_HWC, np.asarray(hull, np.float64), _colour(self.edge))
        if front_seen:
            fill(canvas_HWC, front, _colour(self.front * shade))
            for outline, colour in self.marks:
                fill(canvas_HWC, seen(outline, -self.thickness), _colour(colour * shade))
        else:
            fill(canvas_HWC, back, _colour(self.back * (1.6 - shade)))
            if self.wheels:
                self._paint_wheels(canvas_HWC, rotation, centre)

    def _rotation(self, at: Doubles) -> Doubles:
        """(3, 3): from the board's axes to the picture's."""
        flip, turn = float(self.flips(at)[0]), float(self.turns(at)[0])
        tilt = self.tilt + flip if self.axis == "long" else self.tilt
        cos, sin = np.cos(tilt), np.sin(tilt)
        rotation = np.array([[1.0, 0, 0], [0, cos, -sin], [0, sin, cos]])
        if self.axis == "short":
            cos, sin = np.cos(flip), np.sin(flip)
            rotation = rotation @ np.array([[cos, 0.0, sin], [0, 1, 0], [-sin, 0, cos]])
        cos, sin = np.cos(turn), np.sin(turn)
        return np.asarray(np.array([[cos, -sin, 0.0], [sin, cos, 0], [0, 0, 1]]) @ rotation)

    def _project(self, points_P3: Doubles, rotation: Doubles, centre: Doubles) -> Doubles:
        turned = points_P3 @ rotation.T
        return np.asarray(centre + self.radius * turned[:, :2] / (1 + _DEPTH * turned[:, 2:]))

    def _paint_wheels(self, canvas_HWC: Floats, rotation: Doubles, centre: Doubles) -> None:
        half_width = float(self.outline[:, 1].max()) * 0.8
        for x in (-0.62, 0.62):
            corners = np.array(
                [[x + a, b * half_width, self.thickness + c] for a in (-0.1, 0.1) for b in (-1, 1) for c in (0, 0.17)]
            )
            hull = cv2.convexHull(self._project(corners, rotation, centre).astype(np.float32))[:, 0]
            fill(canvas_HWC, np.asarray(hull, np.float64), _colour(self.edge * 0.6 + 70))


def _colour(colour: Doubles) -> Colour:
    return [float(value) for value in colour]


def _plate(rng: np.random.Generator, width: float) -> Doubles:
    """A convex outline (P, 2) of half length 1: from a box to an ellipse."""
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    power = rng.uniform(0.2, 1.0)  # 1 is the ellipse
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([np.sign(cos) * np.abs(cos) ** power, width * np.sign(sin) * np.abs(sin) ** power], axis=1)


def make_board(
    rng: np.random.Generator,
    path: Floats,
    distance: Callable[[Doubles], Doubles],
    *,
    flips: Callable[[Doubles], Doubles],
    turns: Callable[[Doubles], Doubles],
    radius: float,
    skate: bool,
) -> Board:
    """A board of random looks that moves as given. skate: long and narrow, with wheels, seen from the side and a little
    from above.
    """
    width = float(rng.uniform(0.22, 0.34) if skate else rng.uniform(0.3, 1.0))
    front, back = rng.uniform(0, 255, (2, 3))
    if np.abs(front - back).sum() < 150:  # the two sides must differ to the eye
        back = 255 - front if np.abs(2 * front - 255).sum() > 150 else front * 0.3
    marks = []
    for _ in range(rng.integers(0, 4)):
        x0, x1 = np.sort(rng.uniform(-0.75, 0.75, 2))
        y0, y1 = np.sort(rng.uniform(-0.8, 0.8, 2)) * width
        marks.append((np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]), rng.uniform(0, 255, 3)))
    return Board(
        outline=_plate(rng, width),
        thickness=float(rng.uniform(0.02, 0.06)),
        front=front,
        back=back,
        edge=rng.uniform(0, 200, 3),
        marks=tuple(marks),
        wheels=skate,
        path=path,
        distance=distance,
        radius=radius,
        axis="long" if rng.random() < 0.65 else "short",
        # Seen from above, the upper side shows: turned about its length so that its far edge is higher in the picture.
        tilt=float(-rng.uniform(0.8, 1.35) if skate else rng.uniform(-0.7, 0.7)),
        turns=turns,
        flips=flips,
    )
