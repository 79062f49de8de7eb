"""One figure on its own: it goes somewhere, does something in its place, or draws a path in the air with its hand.

What the label is can be seen: the torso of a body that goes somewhere or moves as a whole, else the hand or foot that moves.
"""

import numpy as np

from pretrain.drawn_figures import Figure, Label, make_looks
from pretrain.drawn_gestures import FRONTAL, Act, Gesture, make_track
from pretrain.drawn_hands import place_path
from pretrain.drawn_paths import MOTIONS, Floats, make_pace, make_path
from pretrain.drawn_things import Doubles

_IN_PLACE: tuple[tuple[Gesture, Label], ...] = (
    ("punch", "hand"),
    ("kick", "foot"),
    ("wave", "hand"),
    ("jump", "torso"),
    ("bend", "torso"),
    ("fall", "torso"),
    ("jack", "torso"),
    ("dance", "torso"),
)


def make_solo(rng: np.random.Generator, *, tall: tuple[float, float]) -> Figure:
    """A figure between `tall[0]` and `tall[1]` high (half the picture is 1)."""
    height = float(np.exp(rng.uniform(np.log(tall[0]), np.log(tall[1]))))
    kind = rng.random()
    if kind < 0.4:
        return _goes(rng, height)
    if kind < 0.75:
        return _acts(rng, height)
    return _traces(rng, max(height, 0.7))


def _goes(rng: np.random.Generator, height: float) -> Figure:
    """Walks or runs across the picture, there and back, or any path as if seen from above."""
    gait: Gesture = "walk" if rng.random() < 0.65 else "run"
    way = float(rng.choice([-1, 1]))
    kind = rng.random()
    if kind < 0.75:
        y = _floor(rng, height)
        first, last = -way * rng.uniform(0.3, 1.4), way * rng.uniform(0.1, 1.4)
        path = np.stack([np.linspace(first, last, 96), y + np.linspace(0, rng.normal(0, 0.1), 96)], axis=1)
    if 0.55 < kind < 0.75:  # there and back
        path = np.concatenate([path[::2], path[::-2]])
        half, steps = 0.5, _steps(path[:48], height)
        acts = [Act(gesture=gait, until=half, times=steps, facing=way), Act(gesture=gait, until=1, times=steps, facing=-way)]
        return _figure(rng, path, height, acts, steady=True)
    if kind >= 0.75:
        path = np.asarray(place_path(rng, make_path(MOTIONS[int(rng.integers(6))], rng), comes_and_goes=True), np.float64)
    acts = [Act(gesture=gait, until=1, times=_steps(path, height), facing=way)]
    return _figure(rng, path, height, acts, steady=kind < 0.75)


def _acts(rng: np.random.Generator, height: float) -> Figure:
    gesture, label = _IN_PLACE[int(rng.integers(len(_IN_PLACE)))]
    start, end = rng.uniform(0, 0.3), 1 - rng.uniform(0, 0.3)
    times = 1.0 if gesture in ("fall", "bend") else float(rng.integers(1, 5))
    facing = float(rng.choice([-1, 1]))
    acts = [Act(gesture=gesture, until=end, times=times, facing=facing)]
    if gesture not in FRONTAL:  # from a rest and, but for who lies, back to it
        acts.insert(0, Act(gesture="stand", until=start + 0.05, facing=facing))
        if gesture != "fall":
            acts.append(Act(gesture="stand", until=1, facing=facing))
    place = np.array([rng.uniform(-0.5, 0.5), _floor(rng, height)])
    path = place + np.linspace(0, 1, 96)[:, None] * rng.normal(0, 0.04, 2)
    return _figure(rng, path, height, acts, label=label, frontal=gesture in FRONTAL or (gesture == "dance" and rng.random() < 0.5))


def _traces(rng: np.random.Generator, height: float) -> Figure:
    """Stands, mostly seen from the front, and draws with its hand in the air, at its side or before its body."""
    motion = MOTIONS[int(rng.integers(len(MOTIONS) - 1))]  # all but `still`
    trace = make_path(motion, rng) * np.float32(rng.uniform(0.3, 0.55)) + rng.uniform((0.1, -0.5), (0.5, 0.2))
    place = np.array([rng.uniform(-0.4, 0.4), _floor(rng, height)])
    path = np.repeat(place[None], 96, axis=0)
    acts = [Act(gesture="stand", until=1, facing=1.0)]
    return _figure(rng, path, height, acts, label="hand", frontal=rng.random() < 0.7, trace=trace.astype(np.float32))


def _figure(
    rng: np.random.Generator,
    path: Doubles,
    height: float,
    acts: list[Act],
    *,
    label: Label = "torso",
    frontal: bool = False,
    trace: Floats | None = None,
    steady: bool = False,
) -> Figure:
    """steady: goes at an even pace, as the track of its poses does."""
    return Figure(
        looks=make_looks(rng),
        path=path.astype(np.float32),
        distance=even if steady else make_pace(rng),
        track=make_track(rng, acts),
        height=height,
        growth=float(rng.normal(0, 0.15)),
        label=label,
        frontal=frontal,
        trace=trace,
    )


def even(phase: Doubles) -> Doubles:
    """A pace without pauses."""
    return np.clip(phase, 0, 1)


def _floor(rng: np.random.Generator, height: float) -> float:
    """Height of the torso of a body that mostly fits into the picture; a tall one may be cut off at its feet."""
    room = max(0.0, 0.95 - 0.5 * height)
    return float(rng.uniform(-room, room) - 0.12 * height + (rng.uniform(0, 0.5) if height > 1.2 else 0.0))


def _steps(path: Doubles, height: float) -> float:
    """Pairs of steps on a path: one pair is a little less than a body's height."""
    length = float(np.hypot(*np.diff(path, axis=0).T).sum())
    return float(np.clip(length / (0.85 * height), 0.5, 5))
