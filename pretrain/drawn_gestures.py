"""What figures do: gestures as tables of key poses, strung together to a track over a scene.

Shapes: K keys; a pose is (11,): lean, far shoulder, far elbow, near shoulder, near elbow, far hip, far knee, near hip, near knee
(degrees in the tables, radians in tracks; limbs from hanging down, forwards, in front views outwards; elbows bend forwards, knees
backwards), rise above the ground in body heights, and where it faces (1 right, -1 left).
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from pretrain.drawn_things import Doubles

Gesture = Literal["stand", "walk", "run", "punch", "kick", "jump", "bend", "fall", "wave", "jack", "dance", "ride"]
GESTURES: tuple[Gesture, ...] = get_args(Gesture)
FRONTAL: tuple[Gesture, ...] = ("wave", "jack", "ride")  # only make sense from the front
RISE, FACING = 9, 10

_Row = tuple[float, float, float, float, float, float, float, float, float, float]
_STAND: _Row = (0, -4, 12, 6, 12, -2, 2, 5, 3, 0)
_GUARD: _Row = (6, 40, 105, 32, 112, -16, 10, 20, 16, 0)
_CHAMBER: _Row = (-5, 40, 90, 28, 100, -2, 6, 75, 95, 0)
_CROUCH: _Row = (26, -40, 12, -35, 12, 45, 88, 52, 92, 0)
_TABLES: dict[Gesture, tuple[_Row, ...]] = {
    "stand": (_STAND, (2, -2, 14, 2, 16, -3, 2, 6, 4, 0), _STAND),
    "walk": (
        (4, -28, 12, 28, 22, 27, 5, -22, 14, 0),
        (4, 0, 14, 0, 16, -2, 2, 16, 56, 0),
        (4, 28, 22, -28, 12, -22, 14, 27, 5, 0),
        (4, 0, 16, 0, 14, 16, 56, -2, 2, 0),
        (4, -28, 12, 28, 22, 27, 5, -22, 14, 0),
    ),
    "run": (
        (14, -50, 70, 50, 85, 48, 25, -32, 40, 0.03),
        (14, 0, 80, 0, 80, -4, 14, 38, 105, 0),
        (14, 50, 85, -50, 70, -32, 40, 48, 25, 0.03),
        (14, 0, 80, 0, 80, 38, 105, -4, 14, 0),
        (14, -50, 70, 50, 85, 48, 25, -32, 40, 0.03),
    ),
    "punch": (_GUARD, (14, 35, 115, 88, 4, -26, 6, 30, 26, 0), _GUARD, (14, 88, 4, 35, 115, -26, 6, 30, 26, 0), _GUARD),
    "kick": (_GUARD, _CHAMBER, (-20, 20, 60, 8, 60, -5, 6, 92, 6, 0), _CHAMBER, _GUARD),
    "jump": (_STAND, _CROUCH, (0, 150, 10, 155, 10, -4, 10, 6, 16, 0.28), _CROUCH, _STAND),
    "bend": (_STAND, (76, 22, 6, 28, 6, 10, 24, 14, 30, 0), (72, 10, 20, 14, 20, 10, 24, 14, 30, 0), _STAND),
    "fall": (
        _STAND,
        (-24, 60, 20, 75, 20, 20, 12, 38, 22, 0),
        (-84, -60, 10, -80, 20, 82, 10, 88, 30, 0),
        (-86, -70, 10, -90, 20, 84, 8, 88, 26, 0),
    ),
    "wave": ((0, 6, 8, 138, 36, 3, 0, 3, 0, 0), (0, 6, 8, 132, -30, 3, 0, 3, 0, 0), (0, 6, 8, 138, 36, 3, 0, 3, 0, 0)),
    "jack": ((0, 8, 5, 8, 5, 3, 0, 3, 0, 0), (0, 160, 6, 160, 6, 28, 0, 28, 0, 0.1), (0, 8, 5, 8, 5, 3, 0, 3, 0, 0)),
    "ride": (
        (6, 45, 22, 38, 22, 24, 36, 24, 36, 0),
        (16, 60, 20, 60, 20, 46, 84, 46, 84, 0),
        (0, 105, 12, 105, 12, 44, 80, 44, 80, 0.16),
        (12, 80, 20, 80, 20, 42, 78, 42, 78, 0),
        (4, 45, 22, 38, 22, 24, 36, 24, 36, 0),
    ),
    "dance": (),  # any poses
}


@dataclass(frozen=True)
class PoseTrack:
    """Poses (K, 11) at phases (K,), which grow."""

    phases_K: Doubles
    poses_K: Doubles

    def at(self, phase: float) -> Doubles:
        """Pose (11,), eased from key to key."""
        after = int(np.searchsorted(self.phases_K, phase, side="right"))
        if after == 0 or after == len(self.phases_K):
            return np.asarray(self.poses_K[max(after - 1, 0)])
        start, end = self.phases_K[after - 1], self.phases_K[after]
        part = float((phase - start) / (end - start))
        part = 0.5 * part + 0.5 * part * part * (3 - 2 * part)
        return np.asarray((1 - part) * self.poses_K[after - 1] + part * self.poses_K[after])


@dataclass(frozen=True, kw_only=True)
class Act:
    """One gesture of a track: done `times` times until phase `until`, facing right (1) or left (-1)."""

    gesture: Gesture
    until: float
    times: float = 1.0
    facing: float = 1.0


def make_track(rng: np.random.Generator, acts: list[Act]) -> PoseTrack:
    """A track of acts from phase 0 on, each body a little different in how far its joints go."""
    phases, poses = [], []
    start = 0.0
    vigour = rng.uniform(0.8, 1.2)
    for act in acts:
        table = _table(rng, act.gesture)
        num_keys = max(2, round(act.times * (len(table) - 1)) + 1)
        keys = [table[i % (len(table) - 1)] if i < num_keys - 1 or act.gesture != "fall" else table[-1] for i in range(num_keys)]
        rows = np.array([(*row, act.facing) for row in keys])
        rows[:, :RISE] = np.deg2rad(rows[:, :RISE] * vigour + rng.normal(0, 4, RISE))
        # A gap between two acts is where one pose goes over into the next.
        gap = 0.0 if start == 0 else min(0.06, 0.3 * (act.until - start))
        phases.append(np.linspace(start + gap, act.until, num_keys))
        poses.append(rows)
        start = act.until
    return PoseTrack(np.concatenate(phases), np.concatenate(poses))


def _table(rng: np.random.Generator, gesture: Gesture) -> tuple[_Row, ...]:
    if gesture != "dance":
        return _TABLES[gesture]
    spread = np.array([14, 70, 50, 70, 50, 26, 30, 26, 30, 0])
    centre = np.array([0, 50, 45, 50, 45, 4, 28, 8, 28, 0])
    rows = centre + spread * rng.uniform(-1, 1, (int(rng.integers(3, 6)), 10))
    rows = np.concatenate([rows, rows[:1]])
    return tuple(tuple(row) for row in rows.tolist())
