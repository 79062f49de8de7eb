"""What a task says of how well it is being solved."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """How well a task is being solved. score: 0 is what blind guessing gets, 1 is perfect. words: the same for people,
    accuracies beside chance and beside always answering with the commonest label.
    """

    score: float
    words: str
