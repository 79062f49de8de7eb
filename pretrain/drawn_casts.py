"""Casts: who moves in a scene, and how, for every kind of scene. The first of a cast is the main mover, the second the second.

Which one is the main mover can be seen: the hand with the arm, the larger one, the board rather than its rider, and in
encounters who starts at the left.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np

from pretrain.drawn_boards import make_board
from pretrain.drawn_encounters import make_encounter
from pretrain.drawn_figures import STANDING, Figure, make_looks
from pretrain.drawn_gestures import Act, PoseTrack, make_track
from pretrain.drawn_hands import make_hand, make_morphing, place_path
from pretrain.drawn_paths import MOTIONS, Floats, Motion, make_pace, make_path
from pretrain.drawn_solo import make_solo
from pretrain.drawn_things import Doubles, Mover

Kind = Literal["hand", "figure", "encounter", "blob", "board", "crowd"]
KIND_SHARES: dict[Kind, float] = {"hand": 0.62, "figure": 0.12, "encounter": 0.06, "blob": 0.05, "board": 0.09, "crowd": 0.06}

Cast = tuple[Motion | None, tuple[Mover, ...]]

_MOTION_SHARES: dict[Motion, float] = {
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


def make_cast(rng: np.random.Generator, kind: Kind) -> Cast:
    """The family of the main mover's path, None where it has none, and 1 to 4 movers."""
    return _CASTS[kind](rng)


def make_hand_cast(
    rng: np.random.Generator, *, motion: Motion | None = None, path: Floats | None = None
) -> tuple[Motion, tuple[Mover, ...]]:
    """One hand-like mover on `path` (P, 2), or on one of the family `motion`, or on any; now and then a small second one."""
    if motion is None:
        motion = _any_motion(rng)
    movers: list[Mover] = [make_hand(rng, make_path(motion, rng) if path is None else path, comes_and_goes=motion != "still")]
    if rng.random() < 0.15:
        other = MOTIONS[int(rng.integers(len(MOTIONS)))]
        movers.append(make_hand(rng, make_path(other, rng), main=False))
    return motion, tuple(movers)


def _any_motion(rng: np.random.Generator) -> Motion:
    names = list(_MOTION_SHARES)
    shares = np.array([_MOTION_SHARES[name] for name in names])
    return names[int(rng.choice(len(names), p=shares / shares.sum()))]


def _blob_cast(rng: np.random.Generator) -> Cast:
    motion = _any_motion(rng)
    return motion, (make_morphing(rng, make_path(motion, rng)),)


def _crowd_cast(rng: np.random.Generator) -> Cast:
    """Two to four, each on its own way, from the largest to the smallest."""
    movers: list[Mover] = []
    for _ in range(rng.integers(2, 5)):
        path = make_path(_any_motion(rng), rng)
        kind = rng.integers(3)
        if kind == 0:
            movers.append(make_hand(rng, path, main=False))
        elif kind == 1:
            movers.append(make_morphing(rng, path * np.float32(0.8)))
        else:
            movers.append(make_solo(rng, tall=(0.35, 1.0)))
    return None, tuple(sorted(movers, key=lambda mover: -mover.radius))


def _board_cast(rng: np.random.Generator) -> Cast:
    if rng.random() < 0.35:
        return _flying_plate(rng)
    return None, _trick(rng)


def _flying_plate(rng: np.random.Generator) -> Cast:
    """A card or plate on any path that turns as it goes."""
    motion = _any_motion(rng)
    flip, turn = _ramp(0, 1, _some_turns(rng)), _ramp(0, 1, float(rng.normal(0, 1.2)), first=float(rng.uniform(0, 2 * np.pi)))
    path = place_path(rng, make_path(motion, rng), comes_and_goes=True)
    radius = float(rng.uniform(0.25, 0.7))
    return motion, (make_board(rng, path, make_pace(rng), flips=flip, turns=turn, radius=radius, skate=False),)


def _trick(rng: np.random.Generator) -> tuple[Mover, ...]:
    """A board that rolls, takes off with or without turning about itself, and lands; mostly with its rider above it."""
    radius = float(np.exp(rng.uniform(np.log(0.2), np.log(0.6))))
    off, down = _window(rng)
    jump = float(rng.uniform(0.5, 1.6)) * radius
    phase = np.linspace(0, 1, 97)
    way = rng.choice([-1, 1]) * np.linspace(-1, 1, 97) * rng.uniform(0, 0.9)
    air = np.clip((phase - off) / (down - off), 0, 1)
    floor = rng.uniform(0.2, 0.75) + rng.normal(0, 0.1) * phase
    path = np.stack([way + rng.normal(0, 0.2), floor - 4 * jump * air * (1 - air)], axis=1).astype(np.float32)
    pop = float(rng.uniform(0.1, 0.7)) * float(rng.choice([-1, 1]))
    slope = float(rng.normal(0, 0.08))

    def turns(at: Doubles) -> Doubles:  # the nose goes up first, and comes down with the tail
        flown = np.clip((at - off) / (down - off), 0, 1)
        return np.asarray(slope + pop * np.sin(np.pi * flown) * (1 - flown) * 1.7)

    whole = _some_turns(rng)
    flips = _ramp(off + 0.12 * (down - off), down - 0.12 * (down - off), whole)
    board = make_board(rng, path, _as_time_goes, flips=flips, turns=turns, radius=radius, skate=True)
    if rng.random() < 0.25:
        return (board,)
    return board, _rider(rng, path, radius, floor - 4 * 0.6 * jump * air * (1 - air), (off, down))


def _rider(rng: np.random.Generator, path: Floats, radius: float, feet_y: Doubles, flight: tuple[float, float]) -> Figure:
    """Who stands on the board, crouches, jumps higher than the board flies, and lands. feet_y: place of the feet but for
    the jump.
    """
    height = float(radius * rng.uniform(2.0, 3.0))
    off, down = flight
    track = make_track(rng, [Act(gesture="ride", until=1.0)])
    # Crouched just before the start, highest in the middle, crouched when landing.
    keys = np.array([0.0, max(off - 0.05, 0.02), (off + down) / 2, min(down + 0.03, 0.97), 1.0])
    track = PoseTrack(keys, track.poses_K)
    above = np.stack([path[:, 0], feet_y - STANDING * height - 0.1 * radius], axis=1).astype(np.float32)
    return Figure(
        looks=make_looks(rng),
        path=above,
        distance=_as_time_goes,
        track=track,
        height=height,
        growth=0.0,
        label="torso",
        frontal=True,
        trace=None,
    )


def _some_turns(rng: np.random.Generator) -> float:
    """0 to 2 whole turns either way, in radians; none about as often as some."""
    return float(2 * np.pi * rng.choice([0, 0, 0, 1, 1, 2]) * rng.choice([-1, 1]))


def _window(rng: np.random.Generator) -> tuple[float, float]:
    length = rng.uniform(0.25, 0.6)
    start = rng.uniform(0.1, 0.9 - length)
    return float(start), float(start + length)


def _ramp(start: float, end: float, rise: float, first: float = 0.0) -> Callable[[Doubles], Doubles]:
    """From `first` by `rise` between two phases."""

    def value(at: Doubles) -> Doubles:
        return np.asarray(first + rise * np.clip((at - start) / (end - start), 0, 1))

    return value


def _as_time_goes(phase: Doubles) -> Doubles:
    return np.clip(phase, 0, 1)


def _solo_cast(rng: np.random.Generator) -> Cast:
    return None, (make_solo(rng, tall=(0.4, 1.9)),)


def _encounter_cast(rng: np.random.Generator) -> Cast:
    return None, make_encounter(rng)


def _any_hand_cast(rng: np.random.Generator) -> Cast:
    return make_hand_cast(rng)


_CASTS: dict[Kind, Callable[[np.random.Generator], Cast]] = {
    "hand": _any_hand_cast,
    "figure": _solo_cast,
    "encounter": _encounter_cast,
    "blob": _blob_cast,
    "board": _board_cast,
    "crowd": _crowd_cast,
}
