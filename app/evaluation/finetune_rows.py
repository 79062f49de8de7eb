"""What fine-tuning finds, as records and as plain dictionaries for JSON, CSV and the catalog."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from app.evaluation.beside_floor import BesideFloor
from app.evaluation.flat_values import rounded

if TYPE_CHECKING:
    from app.evaluation.metrics.bootstrap import Interval
    from pretrain.downstream.finetune import FinetuneResult, VideoAnswer


@dataclass(frozen=True, kw_only=True)
class FinetuneRow(BesideFloor):
    """One fine-tuned network on one split, or, where fold is "mean", on several: then all shares are means over the splits.

    network: its backbone and clips. is_floor: it began with nothing learnt. answers: of the test videos, by split. num_labels:
    that could be answered, in the mean row the fewest; chance: class-mean top-1 of guessing among them. num_train: train videos,
    of which num_held_out chose the epoch and were not learnt from; epoch: the chosen one, and its loss on these; None in the mean
    row, and where none could be held out. intervals: of 95 % (bootstrap; videos of one group are drawn together). floor:
    class-mean top-1 of the same network from scratch on the same split.
    """

    nothing: ClassVar[str] = "the from-scratch network's"
    network: str
    fold: int | str
    answers: "Mapping[int, Sequence[VideoAnswer]]"
    num_labels: int
    num_train: int
    num_held_out: int
    epoch: int | None
    held_out_loss: float | None
    top_1_interval: "Interval"
    class_mean_interval: "Interval"

    @property
    def name(self) -> str:
        return f"{self.encoder}, split {self.fold}"

    @property
    def figure(self) -> float:
        return self.class_mean_top_1

    @property
    def figure_interval(self) -> "Interval":
        return self.class_mean_interval

    @property
    def question(self) -> object:
        return self.network, self.fold, [[answer.path for answer in own] for own in self.answers.values()]

    @property
    def num_test(self) -> int:
        return sum(map(len, self.answers.values()))

    @property
    def top_1(self) -> float:
        """Share of the test videos that got their label."""
        return _mean([_mean([_right(answer) for answer in own]) for own in self.answers.values()])

    @property
    def top_5(self) -> float:
        """Share whose label is among the five largest logits."""
        return _mean([_mean([_among_five(answer) for answer in own]) for own in self.answers.values()])

    @property
    def class_mean_top_1(self) -> float:
        """Top-1 in which every label counts alike."""
        return _mean([_mean(list(_per_label(own).values())) for own in self.answers.values()])

    @property
    def chance(self) -> float:
        return 1 / self.num_labels

    @property
    def per_label_top_1(self) -> dict[str, float]:
        """Of the test videos of each label, of all splits together."""
        return _per_label([answer for own in self.answers.values() for answer in own])

    def to_dict(self) -> dict[str, Any]:
        """Flat, for JSON and CSV."""
        return {
            "encoder": self.encoder,
            "fold": self.fold,
            "train": self.num_train,
            "held_out": self.num_held_out,
            "test": self.num_test,
            "labels": self.num_labels,
            "top_1": round(self.top_1, 4),
            "top_1_low": round(self.top_1_interval.low, 4),
            "top_1_high": round(self.top_1_interval.high, 4),
            "top_5": round(self.top_5, 4),
            "class_mean_top_1": round(self.class_mean_top_1, 4),
            "class_mean_top_1_low": round(self.class_mean_interval.low, 4),
            "class_mean_top_1_high": round(self.class_mean_interval.high, 4),
            "chance": round(self.chance, 4),
            "epoch": self.epoch,
            "held_out_loss": rounded(self.held_out_loss),
            "is_floor": self.is_floor,
            "floor": rounded(self.floor),
            "above_floor": self.above_floor,
        }


@dataclass(frozen=True, kw_only=True)
class FinetuneReport:
    """All rows. left_out: (path, why) of videos that could not take part. checks: what was seen to, warnings: what makes the
    figures doubtful, in sentences. asked: the settings that the run is stored with. run_id: its number.
    """

    rows: list[FinetuneRow]
    asked: Mapping[str, Any]
    left_out: list[tuple[str, str]] = field(default_factory=list)
    checks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    run_id: int = 0

    def settings(self) -> dict[str, Any]:
        """What was asked, as the catalog keeps it."""
        return dict(self.asked)

    def results(self) -> dict[str, Any]:
        """All that was found, as the catalog keeps it."""
        return {
            "rows": [row.to_dict() | {"per_label_top_1": row.per_label_top_1} for row in self.rows],
            "confusions": [_confusion(row) for row in self.rows],
            "left_out": [list(pair) for pair in self.left_out],
            "checks": list(self.checks),
            "warnings": list(self.warnings),
        }


def finetune_row(encoder: str, network: str, fold: int, result: "FinetuneResult", *, is_floor: bool) -> FinetuneRow:
    """A network's answers on one split. network: its backbone and clips, in words."""
    top_1, class_mean = _intervals({fold: result.answers})
    return FinetuneRow(
        encoder=encoder,
        network=network,
        fold=fold,
        is_floor=is_floor,
        answers={fold: result.answers},
        num_labels=len(result.labels),
        num_train=result.num_train_videos,
        num_held_out=len(result.held_out.places),
        epoch=result.learnt.best_epoch,
        held_out_loss=result.learnt.held_out_loss,
        top_1_interval=top_1,
        class_mean_interval=class_mean,
    )


def mean_row(rows: Sequence[FinetuneRow]) -> FinetuneRow:
    """Of one encoder on several splits: what papers report. A video that is tested in several is drawn together with itself."""
    answers = {fold: own for row in rows for fold, own in row.answers.items()}
    top_1, class_mean = _intervals(answers)
    return FinetuneRow(
        encoder=rows[0].encoder,
        network=rows[0].network,
        fold="mean",
        is_floor=rows[0].is_floor,
        answers=answers,
        num_labels=min(row.num_labels for row in rows),
        num_train=sum(row.num_train for row in rows),
        num_held_out=sum(row.num_held_out for row in rows),
        epoch=None,
        held_out_loss=None,
        top_1_interval=top_1,
        class_mean_interval=class_mean,
    )


def _intervals(answers: "Mapping[int, Sequence[VideoAnswer]]") -> "tuple[Interval, Interval]":
    """Of top-1 and of class-mean top-1, each the mean over the splits."""
    from app.evaluation.metrics.bootstrap import mean_interval

    asked = [(str(fold), answer) for fold, own in answers.items() for answer in own]
    right = [_right(answer) for _, answer in asked]
    scenes = [answer.scene for _, answer in asked]
    # Means over splits are means over labels of which each is a split's.
    top_1 = mean_interval(right, [fold for fold, _ in asked], scenes)
    return top_1, mean_interval(right, [f"{fold}/{answer.label}" for fold, answer in asked], scenes)


def _right(answer: "VideoAnswer") -> float:
    return float(answer.answer == answer.label)


def _among_five(answer: "VideoAnswer") -> float:
    return float(answer.rank is not None and answer.rank < 5)


def _per_label(answers: "Sequence[VideoAnswer]") -> dict[str, float]:
    asked, right = Counter(answer.label for answer in answers), Counter[str]()
    for answer in answers:
        right[answer.label] += int(_right(answer))
    return {label: right[label] / asked[label] for label in sorted(asked)}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _confusion(row: FinetuneRow) -> dict[str, Any]:
    """counts[i][j]: how many test videos of labels[i] were called labels[j]."""
    pairs = Counter((answer.label, answer.answer) for own in row.answers.values() for answer in own)
    labels = sorted({label for pair in pairs for label in pair})
    title = f"{row.encoder}, fine-tuned, split {row.fold}: label, answer"
    return {"title": title, "labels": labels, "counts": [[pairs[true, said] for said in labels] for true in labels]}
