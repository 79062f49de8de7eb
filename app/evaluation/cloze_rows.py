"""What cloze as a target task finds, as records and as plain dictionaries for JSON, CSV and the catalog."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.evaluation.beside_floor import BesideFloor
from app.evaluation.flat_values import rounded

if TYPE_CHECKING:
    from app.evaluation.metrics.bootstrap import Interval
    from pretrain.downstream.cloze_target import ClozeResult


@dataclass(frozen=True, kw_only=True)
class ClozeRow(BesideFloor):
    """One network. clips: what it was shown, in words. num_train: videos whose tuples the head learnt from; num_tuples: of them
    all. asked: each test video with each operation under which it was asked once: all of them, but "remote" only if it has a clip
    remote enough, and none where num_train_with_room, the train videos that have one, are too few to learn from.

    recalls: by operation, None where none was asked; mean_recall: over those that were. interval: of the latter, of 95 %
    (bootstrap; videos of one group are drawn together). counts: rows are the true operations, columns the answers, in the order of
    `recalls`. rotation: recall by angle in degrees. chosen: the head's settings, in words. num_held_out: train videos by which
    they were chosen. floor: mean recall of the best untrained network that was asked the same of the same clips: those of other
    lengths have room for a remote clip in other videos, and among four operations guessing is right more often than among five.
    """

    clips: str
    num_train: int
    num_tuples: int
    num_train_with_room: int
    asked: frozenset[tuple[Path, str]]
    recalls: Mapping[str, float | None]
    mean_recall: float
    interval: "Interval"
    counts: tuple[tuple[int, ...], ...]
    rotation: Mapping[int, float]
    chosen: str
    num_held_out: int

    @property
    def name(self) -> str:
        return self.encoder

    @property
    def figure(self) -> float:
        return self.mean_recall

    @property
    def figure_interval(self) -> "Interval":
        return self.interval

    @property
    def question(self) -> object:
        return self.clips, self.asked, self.num_train, self.num_tuples

    @property
    def num_test(self) -> int:
        """Videos that were asked."""
        return len({path for path, _ in self.asked})

    @property
    def num_remote(self) -> int:
        """Those of them that were asked under "remote" too."""
        return sum(operation == "remote" for _, operation in self.asked)

    @property
    def chance(self) -> float:
        """Mean recall of guessing."""
        return 1 / sum(recall is not None for recall in self.recalls.values())

    def to_dict(self) -> dict[str, Any]:
        """Flat, for JSON and CSV; without the counts."""
        return {
            "encoder": self.encoder,
            "train": self.num_train,
            "tuples": self.num_tuples,
            "test": self.num_test,
            **{f"recall_{name}": rounded(recall) for name, recall in self.recalls.items()},
            "mean_recall": round(self.mean_recall, 4),
            "mean_recall_low": round(self.interval.low, 4),
            "mean_recall_high": round(self.interval.high, 4),
            "chance": round(self.chance, 4),
            **{f"recall_rotation_{angle}": round(recall, 4) for angle, recall in self.rotation.items()},
            "test_with_remote": self.num_remote,
            "train_with_remote": self.num_train_with_room,
            "held_out": self.num_held_out,
            "chosen": self.chosen,
            "is_floor": self.is_floor,
            "floor": rounded(self.floor),
            "above_floor": self.above_floor,
        }


@dataclass(frozen=True, kw_only=True)
class ClozeReport:
    """All rows, those that were asked for first. left_out: (path, why) of videos that could not take part. checks: what was seen
    to, warnings: what makes the figures doubtful, in sentences. asked: the settings that the run is stored with. run_id: its
    number.
    """

    rows: list[ClozeRow]
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
            "rows": [row.to_dict() for row in self.rows],
            "confusions": [_confusion(row) for row in self.rows],
            "left_out": [list(pair) for pair in self.left_out],
            "checks": list(self.checks),
            "warnings": list(self.warnings),
        }


def cloze_row(encoder: str, clips: str, result: "ClozeResult", *, is_floor: bool) -> ClozeRow:
    """A network's answers, counted. clips: what it was shown, in words."""
    from pretrain.downstream.cloze_answers import confusion, mean_recall, recalls, rotation_recalls

    counts_OO, choice = confusion(result.answers), result.choice
    return ClozeRow(
        encoder=encoder,
        is_floor=is_floor,
        clips=clips,
        num_train=result.num_train_videos,
        num_tuples=result.num_train_tuples,
        num_train_with_room=result.num_train_with_room,
        asked=frozenset((video.path, str(name)) for video in result.answers for name in video.of_operation),
        recalls={str(name): recall for name, recall in recalls(counts_OO).items()},
        mean_recall=mean_recall(counts_OO),
        interval=_interval(result),
        counts=tuple(tuple(row) for row in counts_OO.tolist()),
        rotation=rotation_recalls(result.answers),
        chosen=f"rate {choice.learning_rate:g}, decay {choice.weight_decay:g}, {choice.steps} steps",
        num_held_out=len(result.held_out.places),
    )


def _interval(result: "ClozeResult") -> "Interval":
    """Tuples of one group are drawn together, or those of one video where there are too few groups; of a single video each tuple
    is drawn by itself, for otherwise nothing would vary.
    """
    from app.evaluation.metrics.bootstrap import FEWEST_GROUPS, mean_interval

    by_scene = len({video.scene for video in result.answers}) >= FEWEST_GROUPS
    asked = [
        (float(true == answer), str(true), video.scene if by_scene else str(video.path))
        for video in result.answers
        for true, answer in video.of_operation.items()
    ]
    right, operations, units = zip(*asked, strict=True)
    return mean_interval(right, operations, units, fewest_groups=2)


def _confusion(row: ClozeRow) -> dict[str, Any]:
    """counts[i][j]: how often labels[i] was taken for labels[j]."""
    title = f"{row.encoder}: what was done, and what was answered"
    return {"title": title, "labels": list(row.recalls), "counts": [list(counts) for counts in row.counts]}
