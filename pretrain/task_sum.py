"""Tasks trained together: `pace+0.5*trajectory` is two tasks on one backbone, the second at half weight;
`pace(contrast=same_context)` is one with a knob turned.
"""

import math
import re
from dataclasses import dataclass

from pretrain.task_knobs import knobs_of, with_knobs
from pretrain.tasks import TASKS
from pretrain.tasks.base import FrameTask, PretextTask


@dataclass(frozen=True)
class WeightedTask:
    """One term: its registry name, the task with its knobs, and the factor of its loss (above 0, finite)."""

    name: str
    task: PretextTask
    weight: float = 1.0

    def __str__(self) -> str:
        knobs = knobs_of(self.task, type(self.task)())
        # All digits, and no plus in the exponent, which would part two tasks.
        weight = "" if self.weight == 1 else f"{float(self.weight)!r}*".replace(".0*", "*").replace("e+", "e")
        return f"{weight}{self.name}({knobs})" if knobs else f"{weight}{self.name}"


@dataclass(frozen=True)
class TaskSum:
    """One or more tasks, each at most once."""

    parts: tuple[WeightedTask, ...]

    def __post_init__(self) -> None:
        names = [part.name for part in self.parts]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"a task sum needs one or more different tasks, got {names}")
        for part in self.parts:
            if not 0 < part.weight < math.inf:
                raise ValueError(f"the weight of task {part.name} is {part.weight}; it must be above 0, and finite")

    def __str__(self) -> str:
        return "+".join(map(str, self.parts))

    @property
    def uses_footage(self) -> bool:
        """Whether a task of them cuts its examples from footage; the others draw theirs."""
        return any(isinstance(part.task, FrameTask) for part in self.parts)


def parse_task_sum(text: str) -> TaskSum:
    """From `name`, `a+b`, `a+0.5*b` or `a(knob=value,other=value)+b`; knobs that are not named keep their defaults (see
    `task_knobs`). What `str` of a sum gives is read back as an equal one. Raises UnknownName, ValueError.
    """
    parts = []
    for term in re.split(r"\+(?![^(]*\))", text):  # a plus within brackets, as in 1e+5, parts no tasks
        match = re.fullmatch(r"\s*(?:([0-9.]+(?:e-?\d+)?)\s*\*\s*)?([a-z0-9_]+)\s*(?:\(([^()]*)\))?\s*", term)
        if match is None:
            raise ValueError(
                f"{_what_is_wrong(term, text)}; write a name, weight*name or name(knob=value), such as "
                "pace(contrast=same_context)+0.5*trajectory"
            )
        weight, name, knobs = match.groups()
        task = TASKS[name]()
        if knobs and knobs.strip():
            task = with_knobs(task, knobs, of=f"task {name}")
        parts.append(WeightedTask(name, task, float(weight) if weight else 1.0))
    return TaskSum(tuple(parts))


def _what_is_wrong(term: str, text: str) -> str:
    opened, closed = term.count("("), term.count(")")
    if opened != closed:
        return f"{term!r} in {text!r} lacks a bracket: {opened} opened, {closed} closed"
    if not term.strip():
        return f"{text!r} lacks a task beside a plus" if "+" in text else "there is no task in an empty text"
    return f"{term!r} in {text!r} is no task"
