"""What is wrong with a training, and why that is thought. Every rule is a sentence with the numbers that made it speak."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pretrain.config import OptimiserConfig
from pretrain.feature_measures import FeatureMeasures

LEARNT_SCORE = 0.05
"""A share of the way from guessing to perfect that chance does not reach over a log window."""
COLLAPSED_RANK = 2.0
COLLAPSED_SPREAD = 0.05
"""Features that vary in fewer directions are as good as one number, those that vary by a smaller share of their length all alike.
For scale, on 96 clips (r2plus1d_quarter, batch norm in training mode): an untrained network gave 57 directions, and networks
that had learnt a task, and found far more than it, 26 (cloze) and 18 (overlap)."""
PATIENCE_STEPS = 300
"""So long may a run learn nothing: some tasks sit still for 150 steps before they begin."""
FORGOTTEN_SCORE = 0.3
"""A score that falls by so much from its best was lost."""
FLAT_SHARE = 0.02
FLAT_STEPS = 100
"""A loss that stays within this share of its present value for so many steps is flat."""
TINY_NORM_SHARE = 1e-3
"""A gradient below this share of the run's largest is as good as none."""
ALWAYS_CLIPPED_SHARE = 0.9
USUAL_RATES = {"adamw": (1e-5, 2e-2), "sgd": (1e-4, 2.0)}
"""Peak learning rates beyond these work for hardly any network."""


@dataclass(frozen=True, kw_only=True)
class Signs:
    """What the rules look at. gained: share of neighbours found above that at the start, None where it is not known."""

    step: int
    scores: Mapping[str, float]
    measures: FeatureMeasures
    averages: Mapping[str, float]
    optimiser: OptimiserConfig
    history: Sequence[Mapping[str, Any]]
    gained: float | None = None


def find_trouble(signs: Signs) -> tuple[str, ...]:
    """Sentences, the worst first; empty when nothing is wrong."""
    found = []
    if collapsed(signs.measures):
        found.append(f"COLLAPSED: {_how_collapsed(signs.measures)}{_because(signs)}")
    elif signs.step >= PATIENCE_STEPS and max(signs.scores.values()) <= LEARNT_SCORE:
        found.append(f"LEARNS NOTHING: no task is above guessing after {signs.step} steps{_because(signs)}")
    else:
        found.extend(_forgotten(signs))
        if signs.step >= PATIENCE_STEPS and signs.gained is not None and signs.gained <= 0:
            found.append(
                "The task is learnt, but held-out videos find their like no better than before: it may not fit this footage"
            )
    return tuple(found)


def collapsed(measures: FeatureMeasures) -> bool:
    """Whether the features of all clips are as good as one point or one line."""
    return measures.effective_rank < COLLAPSED_RANK or measures.spread < COLLAPSED_SPREAD


def _how_collapsed(measures: FeatureMeasures) -> str:
    if measures.spread < COLLAPSED_SPREAD:
        return f"all clips look nearly the same to the network (features vary by {measures.spread:.1%} of their length)"
    return (
        "the network tells clips apart in a single way (features vary in "
        f"{measures.effective_rank:.1f} of {measures.dim} directions)"
    )


def _because(signs: Signs) -> str:
    """The likeliest reasons, two at most."""
    reasons = [*_rate(signs), *_gradient(signs), *_flat(signs)]
    if collapsed(signs.measures) and not reasons:
        reasons = [
            "the loss can fall without telling clips apart; try a lower learning rate, or a task that compares with other clips"
        ]
    return "".join(f"; {reason}" for reason in reasons[:2])


def _rate(signs: Signs) -> list[str]:
    low, high = USUAL_RATES[signs.optimiser.name]
    rate = signs.optimiser.learning_rate
    if not low <= rate <= high:
        return [f"the learning rate {rate:g} is outside what usually works with {signs.optimiser.name}, {low:g} to {high:g}"]
    if signs.step <= signs.optimiser.warmup_steps:
        return [f"the learning rate is still rising, until step {signs.optimiser.warmup_steps}"]
    return []


def _gradient(signs: Signs) -> list[str]:
    norm = signs.averages.get("gradient_norm")
    if norm is None:
        return []
    largest = max([norm, *(entry["gradient_norm"] for entry in signs.history if "gradient_norm" in entry)])
    if norm <= TINY_NORM_SHARE * largest or norm == 0:
        return [
            f"hardly any gradient arrives any more (length {norm:.2g}, once {largest:.2g}): dead layers, or nothing left to pull"
        ]
    if signs.averages.get("clipped", 0.0) >= ALWAYS_CLIPPED_SHARE:
        return [f"nearly every gradient is cut (length {norm:.2g}, limit {signs.optimiser.clip_norm:g}): try a lower learning rate"]
    return []


def _flat(signs: Signs) -> list[str]:
    now = signs.averages.get("loss")
    if now is None:
        return []
    since = signs.step
    for entry in reversed(signs.history):
        if abs(entry.get("loss", float("inf")) - now) > FLAT_SHARE * abs(now):
            break
        since = entry["step"]
    if signs.step - since < FLAT_STEPS:
        return []
    return [
        f"the loss has not moved since step {since} ({now:.3g}): too hard a task, too low a learning rate, or nothing to learn "
        "in this footage"
    ]


def _forgotten(signs: Signs) -> list[str]:
    sentences = []
    for task, score in signs.scores.items():
        earlier = [(entry[f"{task}/score"], entry["step"]) for entry in signs.history if f"{task}/score" in entry]
        best, at = max(earlier, default=(score, signs.step))
        if best - max(score, 0.0) > FORGOTTEN_SCORE:  # below guessing, all is lost; how far below, chance says
            sentences.append(
                f"{task} was better: {best:.2f} of the way to perfect at step {at}, {score:.2f} now; try a lower learning rate"
            )
    return sentences
