"""How much the parts of a vector count: one index serves any weighting, since only the query is scaled.

Shapes: D numbers of a vector, P parts of it. A stored vector has length one, its part p the length sqrt(share_p); the shares sum
to one. A query of the same kind, whose part p is multiplied by w_p / share_p, has the inner product sum_p w_p * cos_p with it:
cos_p is the cosine of the parts p.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from embedder.encoder_card import COLOUR, LOOK, MOTION, EncoderCard, VectorPart

COLOUR_OF_LOOK = 0.3
"""How much of the weight of look is given to colours where look alone counts; the less look counts, the less of it they get."""


def has_motion_and_look(parts: Sequence[VectorPart]) -> bool:
    """Whether a vector is motion and look, with or without colours, and nothing else, so that one number weighs them."""
    return {part.name for part in parts} - {COLOUR} == {MOTION, LOOK}


def is_look_alone(card: EncoderCard) -> bool:
    """Whether a vector is look and nothing else: by its part's name, or, where a card has the usual one, by the task it was trained
    with."""
    return [part.name for part in card.parts] == [LOOK] or (card.has_usual_parts and card.task == LOOK)


def sees_look(card: EncoderCard) -> bool:
    """Whether the look of a clip can be compared alone: vectors of motion and look, or of look and nothing else."""
    return has_motion_and_look(card.parts) or is_look_alone(card)


def look_weights(parts: Sequence[VectorPart], look: float) -> dict[str, float]:
    """The weights of these parts: `look` of look, the rest of motion. Colours take a share of look's weight that grows with it:
    they tell places apart best, but would hide the same movement elsewhere. Raises ValueError outside of 0 to 1.
    """
    if not 0 <= look <= 1:  # NaN, too
        raise ValueError(f"The weight of look must be 0 to 1, got {look}.")
    colour = COLOUR_OF_LOOK * look**3 if any(part.name == COLOUR for part in parts) else 0.0
    weights = {MOTION: 1 - look, LOOK: look * (1 - colour), COLOUR: look * colour}
    return {part.name: weights[part.name] for part in parts}


def shares(parts: Sequence[VectorPart]) -> NDArray[np.float64]:
    """Of the squared length of a vector, by part: float64 (P,), sum 1."""
    return np.array([1 / len(parts) if part.share is None else part.share for part in parts], np.float64)


def part_slices(parts: Sequence[VectorPart]) -> dict[str, slice]:
    """Where in a vector each part lies, by name."""
    ends = np.cumsum([part.dim for part in parts]).tolist()
    return {part.name: slice(end - part.dim, end) for part, end in zip(parts, ends, strict=True)}


def query_scale(parts: Sequence[VectorPart], weights: Mapping[str, float]) -> NDArray[np.float32]:
    """What a query's vector is multiplied by: float32 (D,), w_p / share_p over part p.

    weights: of each part, at least 0, summing to 1. Raises ValueError for others.
    """
    return np.repeat((_values(parts, weights) / shares(parts)).astype(np.float32), [part.dim for part in parts])


def _values(parts: Sequence[VectorPart], weights: Mapping[str, float]) -> NDArray[np.float64]:
    """The weights in the order of the parts. Raises ValueError as `query_scale`."""
    values = [float(weights.get(part.name, -1.0)) for part in parts]
    if weights.keys() != {part.name for part in parts} or not min(values) >= 0 or not abs(sum(values) - 1) <= 1e-6:
        names = ", ".join(part.name for part in parts)
        raise ValueError(f"The parts {names} need a weight of at least 0 each, 1 together, got {dict(weights)}.")
    return np.asarray(values, np.float64)


def weighted(vectors: NDArray[np.float32], parts: Sequence[VectorPart], weights: Mapping[str, float]) -> NDArray[np.float32]:
    """Vectors (N, D) whose plain inner products are sum_p w_p * cos_p: every part gets length sqrt(w_p), whatever it had.

    For vectors that are compared without an index, such as means of clips, whose parts are of any length. A part of zeros stays
    so. float32 (N, D), of length one where no part is zero.
    """
    scale = np.repeat(np.sqrt(_values(parts, weights)).astype(np.float32), [part.dim for part in parts])
    out = np.empty(vectors.shape, np.float32)
    for where in part_slices(parts).values():
        part = vectors[:, where]
        out[:, where] = part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    weighted_ND: NDArray[np.float32] = out * scale
    return weighted_ND
