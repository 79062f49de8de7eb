"""Tasks trained together: `pace+0.5*trajectory` is two tasks on one backbone, the second at half weight."""

import re
from dataclasses import dataclass

from pretrain.tasks import TASKS
from pretrain.tasks.base import PretextTask


@dataclass(frozen=True)
class WeightedTask:
    """One term: its registry name, the task with its knobs, and the factor of its loss (above 0)."""

    name: str
    task: PretextTask
    weight: float = 1.0


@dataclass(frozen=True)
class TaskSum:
    """One or more tasks, each at most once."""

    parts: tuple[WeightedTask, ...]

    def __post_init__(self) -> None:
        names = [part.name for part in self.parts]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"a task sum needs one or more different tasks, got {names}")
        for part in self.parts:
            if not part.weight > 0:
                raise ValueError(f"the weight of task {part.name} is {part.weight}; it must be above 0")

    def __str__(self) -> str:
        return "+".join(part.name if part.weight == 1 else f"{part.weight:g}*{part.name}" for part in self.parts)


def parse_task_sum(text: str) -> TaskSum:
    """From `name`, `a+b` or `a+0.5*b`, each task with its default knobs. Raises UnknownName, ValueError."""
    parts = []
    for term in text.split("+"):
        match = re.fullmatch(r"\s*(?:([0-9.]+(?:e-?\d+)?)\s*\*\s*)?([a-z0-9_]+)\s*", term)
        if match is None:
            raise ValueError(f"{term!r} in {text!r} is no task; write a name, or weight*name, such as pace+0.5*trajectory")
        weight, name = match.groups()
        parts.append(WeightedTask(name, TASKS[name](), float(weight) if weight else 1.0))
    return TaskSum(tuple(parts))
