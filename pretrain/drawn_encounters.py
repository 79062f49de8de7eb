"""Two or three figures that meet: they fight, talk or pass each other. The first is the one who starts at the left."""

from dataclasses import dataclass

import numpy as np

from pretrain.drawn_figures import Figure, make_looks
from pretrain.drawn_gestures import Act, Gesture, make_track
from pretrain.drawn_solo import even
from pretrain.drawn_things import Doubles

_BLOWS: tuple[Gesture, ...] = ("punch", "punch", "kick", "dance", "stand")


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """Where and when they meet, as they all know it: phases, middle, distance, body height, and place of their torsos."""

    start: float
    end: float
    middle: float
    gap: float
    height: float
    torso_y: float
    violent: bool


def make_encounter(rng: np.random.Generator) -> tuple[Figure, ...]:
    """Figures of about the same height (0.4 to 1.4, half the picture is 1)."""
    height = float(np.exp(rng.uniform(np.log(0.4), np.log(1.4))))
    violent = rng.random() < 0.55
    plan = _Plan(
        start=float(rng.uniform(0, 0.4)),
        end=float(rng.uniform(0.65, 1.0)),
        middle=float(rng.uniform(-0.35, 0.35)),
        gap=height * float(rng.uniform(0.28, 0.5)),
        height=height,
        torso_y=float(rng.uniform(-0.25, 0.3)),
        violent=violent,
    )
    if not violent and rng.random() < 0.4:
        return _passer(rng, plan, -1), _passer(rng, plan, 1)
    sides = [-1.0, 1.0] + ([float(rng.choice([-1, 1]))] if rng.random() < 0.25 else [])
    shove = _jolts(rng, plan, 0.12 if violent else 0.01)
    return tuple(_party(rng, plan, side, shove, further=i == 2) for i, side in enumerate(sides))


def _party(rng: np.random.Generator, plan: _Plan, side: float, shove: Doubles, *, further: bool) -> Figure:
    """One who comes from its side, does its part in the middle, and leaves or lies or stays."""
    phase = np.linspace(0, 1, 97)
    near = side * plan.gap * (1.3 if further else 0.5)
    come, part = near + side * rng.uniform(0.4, 1.2), near + side * rng.uniform(0.0, 1.0)
    fate = rng.random()
    falls, stays = plan.violent and fate < 0.3, fate > 0.75 or plan.end > 0.93
    if falls or stays:
        part = near
    x = plan.middle + np.interp(phase, [0, max(plan.start, 0.01), plan.end, 1.01], [come, near, near, part])
    own = _jolts(rng, plan, 0.12 if plan.violent else 0.01)
    path = np.stack([x, np.full(97, plan.torso_y + (0.06 * side if further else 0.0))], axis=1) + (shove + own) * (1.0, 0.25)
    towards = -side
    acts: list[Act] = []
    if plan.start > 0.08:
        acts.append(Act(gesture="walk", until=plan.start, times=_steps(come - near, plan.height), facing=towards))
    acts += _middle(rng, plan, towards)
    if plan.end < 0.98:
        last: Gesture = "fall" if falls else "stand" if stays else "walk" if rng.random() < 0.6 else "run"
        leaves = last in ("walk", "run")
        times = _steps(part - near, plan.height) if leaves else 1.0
        acts.append(Act(gesture=last, until=1.0, times=times, facing=side if leaves else towards))
    return _figure(rng, path, plan.height, acts)


def _middle(rng: np.random.Generator, plan: _Plan, facing: float) -> list[Act]:
    """What one does while they are together: blows in turn, or nothing much."""
    if not plan.violent:
        gesture: Gesture = "bend" if rng.random() < 0.15 else "stand"
        return [Act(gesture=gesture, until=plan.end, facing=facing)]
    ends = np.linspace(plan.start, plan.end, int(rng.integers(2, 5)))[1:]
    return [
        Act(gesture=_BLOWS[int(rng.integers(len(_BLOWS)))], until=float(end), times=float(rng.integers(1, 3)), facing=facing)
        for end in ends
    ]


def _passer(rng: np.random.Generator, plan: _Plan, side: float) -> Figure:
    """One who walks through the picture from its side without minding the other."""
    x = np.linspace(side * rng.uniform(0.6, 1.3), -side * rng.uniform(0.3, 1.3), 97)
    path = np.stack([x, np.full(97, plan.torso_y + 0.05 * side)], axis=1)
    return _figure(rng, path, plan.height, [Act(gesture="walk", until=1.0, times=_steps(x[-1] - x[0], plan.height), facing=-side)])


def _figure(rng: np.random.Generator, path: Doubles, height: float, acts: list[Act]) -> Figure:
    return Figure(
        looks=make_looks(rng),
        path=path.astype(np.float32),
        distance=even,
        track=make_track(rng, acts),
        height=height * float(rng.uniform(0.9, 1.1)),
        growth=0.0,
        label="torso",
        frontal=False,
        trace=None,
    )


def _jolts(rng: np.random.Generator, plan: _Plan, strength: float) -> Doubles:
    """Pushes (97, 2) while they are together, none before and after."""
    phase = np.linspace(0, 1, 97)
    together = np.clip(np.minimum(phase - plan.start, plan.end - phase) / 0.08, 0, 1)[:, None]
    keys = rng.normal(0, strength * plan.height, (9, 2))
    return together * np.stack([np.interp(phase, np.linspace(0, 1, 9), keys[:, i]) for i in range(2)], axis=1)


def _steps(distance: float, height: float) -> float:
    return float(np.clip(abs(distance) / (0.85 * height), 0.5, 4))
