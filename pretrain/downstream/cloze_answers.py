"""What a network answered to cloze tuples of the test videos, counted.

Shapes: O = 5 operations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pretrain.tasks.cloze import OPERATIONS, Operation

DEGREES = (90, 180, 270)


@dataclass(frozen=True, kw_only=True)
class VideoAnswers:
    """of_operation: true operation -> answer; `remote` is left out where the video has no clip so remote. of_rotation: angle in
    degrees -> answer, of all three angles, of which one is also in `of_operation`.
    """

    path: Path
    scene: str
    of_operation: Mapping[Operation, Operation]
    of_rotation: Mapping[int, Operation]


def confusion(answers: Sequence[VideoAnswers]) -> NDArray[np.int64]:
    """Counts int64 (O, O): rows are the true operations, columns the answers, both in the order of OPERATIONS."""
    counts_OO = np.zeros((len(OPERATIONS), len(OPERATIONS)), np.int64)
    for video in answers:
        for true, answer in video.of_operation.items():
            counts_OO[OPERATIONS.index(true), OPERATIONS.index(answer)] += 1
    return counts_OO


def recalls(counts_OO: NDArray[np.int64]) -> dict[Operation, float | None]:
    """Share of each operation's tuples that were answered rightly; None where there are none."""
    return {
        name: float(row[number] / row.sum()) if row.sum() else None
        for number, (name, row) in enumerate(zip(OPERATIONS, counts_OO, strict=True))
    }


def mean_recall(counts_OO: NDArray[np.int64]) -> float:
    """Over the operations of which there are tuples; guessing gets one divided by their number, or less."""
    return float(np.mean([recall for recall in recalls(counts_OO).values() if recall is not None]))


def rotation_recalls(answers: Sequence[VideoAnswers]) -> dict[int, float]:
    """By angle in degrees: share of the videos turned by it that were taken for turned."""
    return {angle: float(np.mean([video.of_rotation[angle] == "rotation" for video in answers])) for angle in DEGREES}
