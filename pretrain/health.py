"""How a training is doing, in words that need no research background.

Shapes: N examples, K clips each, D features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from pretrain.config import OptimiserConfig
from pretrain.feature_measures import FeatureMeasures, measure
from pretrain.judgement import Judgement
from pretrain.task_sum import TaskSum
from pretrain.trouble import LEARNT_SCORE, Signs, find_trouble


@dataclass(frozen=True, kw_only=True)
class NeighbourScore:
    """Of held-out videos whose nearest neighbour has their label. accuracy, majority (always the commonest label), at_start
    (the network before its first step, None where that is not known): shares, 0 to 1. queries: how many videos were asked; with
    0, the shares say nothing. began_trained: whether the network began with weights of an earlier training.
    """

    accuracy: float
    majority: float
    at_start: float | None
    queries: int
    began_trained: bool = False

    @property
    def gained(self) -> float | None:
        """How much more is right than at the start, None where that is not known."""
        return None if self.at_start is None or not self.queries else self.accuracy - self.at_start

    @property
    def words(self) -> str:
        """In a sentence."""
        if not self.queries:
            return "no held-out video could be compared: none of them, or nothing of their source to search among, could be read"
        before = "at the start" if self.began_trained else "untrained network"
        start = "" if self.at_start is None else f"{before} {self.at_start:.2f}, "
        return (
            f"nearest neighbours right for {self.accuracy:.2f} of {self.queries} held-out videos ({start}always the commonest "
            f"{self.majority:.2f})"
        )

    def curves(self) -> dict[str, float]:
        """What deserves a place in the log."""
        if not self.queries:
            return {}
        start = {} if self.at_start is None else {"neighbours/start": self.at_start}
        return {
            "neighbours/accuracy": self.accuracy,
            "neighbours/majority": self.majority,
            "neighbours/queries": self.queries,
            **start,
        }


@dataclass(frozen=True, kw_only=True)
class Health:
    """scores: per task, 0 = blind guessing, 1 = perfect. held_out: the same on videos that are not trained on, where there are
    some. trouble: sentences about what goes wrong and why that is thought;
    empty when nothing does. words: all of it in one line.
    """

    scores: dict[str, float]
    held_out: dict[str, float]
    measures: FeatureMeasures
    neighbours: NeighbourScore | None
    trouble: tuple[str, ...]
    words: str

    @property
    def effective_rank(self) -> float:
        """In how many directions features vary, 1 to D."""
        return self.measures.effective_rank

    def curves(self) -> dict[str, Any]:
        """Everything that deserves a place in the log."""
        numbers = {f"{name}/score": score for name, score in self.scores.items()}
        numbers |= {f"held_out/{name}/score": score for name, score in self.held_out.items()}
        names = ("effective_rank", "spread", "dead", "alignment", "uniformity", "nearness")
        numbers |= {name: value for name in names if (value := getattr(self.measures, name)) is not None}
        if self.neighbours is not None:
            numbers |= self.neighbours.curves()
        return {**numbers, "trouble": list(self.trouble), "words": self.words}


def examine(
    tasks: TaskSum,
    averages: Mapping[str, float],
    features: Mapping[str, Tensor],
    *,
    step: int,
    optimiser: OptimiserConfig,
    history: Sequence[Mapping[str, Any]] = (),
    neighbours: NeighbourScore | None = None,
    held_out: Mapping[str, Judgement] | None = None,
) -> Health:
    """averages: of the scalars named `task/name` since the last log line. features: pooled, of the same time, by task, float32
    (N, K, D). step: steps done. history: the log lines before this one. neighbours: the latest score, where labels exist.
    held_out: how well each task is solved on videos that are not trained on.
    """
    scores, sentences = {}, []
    for part in tasks.parts:
        own = {name.removeprefix(f"{part.name}/"): value for name, value in averages.items() if name.startswith(f"{part.name}/")}
        judgement = part.task.judge(own)
        scores[part.name] = judgement.score
        sentences.append(judgement.words + ("" if judgement.score > LEARNT_SCORE else ": nothing learnt yet"))
    measures = measure(list(features.values()))
    sentences.append(_cloud(measures))
    if neighbours is not None:
        sentences.append(neighbours.words)
    sentences += [f"on held-out videos {judgement.words}" for judgement in (held_out or {}).values()]
    trouble = find_trouble(
        Signs(
            step=step,
            scores=scores,
            measures=measures,
            averages=averages,
            optimiser=optimiser,
            history=history,
            gained=None if neighbours is None else neighbours.gained,
        )
    )
    words = "; ".join(sentences) + "".join(f". {sentence}" for sentence in trouble)
    return Health(
        scores=scores,
        held_out={name: judgement.score for name, judgement in (held_out or {}).items()},
        measures=measures,
        neighbours=neighbours,
        trouble=trouble,
        words=words,
    )


def _cloud(measures: FeatureMeasures) -> str:
    words = f"features vary in {measures.effective_rank:.0f} of {measures.dim} directions"
    if measures.dead > 0:
        words += f", {measures.dead:.0%} of them dead"
    if measures.nearness is not None:
        words += f"; clips of one video are {measures.nearness:.1f} times as near as clips of two"
    return words
