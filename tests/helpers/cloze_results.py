"""What cloze as a target task finds, made by hand."""

from collections.abc import Collection
from pathlib import Path

from pretrain.downstream.cloze_answers import VideoAnswers
from pretrain.downstream.cloze_head import HeadChoice
from pretrain.downstream.cloze_target import ClozeResult
from pretrain.downstream.held_out_part import HeldOutPart
from pretrain.tasks.cloze import OPERATIONS


def cloze_result(*videos: tuple[str, str, Collection[str]]) -> ClozeResult:
    """(path, scene, operations that were answered rightly) of each; the others were taken for their neighbour."""
    answers = tuple(
        VideoAnswers(
            path=Path(path),
            scene=scene,
            of_operation={name: name if name in right else OPERATIONS[place - 1] for place, name in enumerate(OPERATIONS)},
            of_rotation={90: "rotation", 180: "rotation", 270: "original"},
        )
        for path, scene, right in videos
    )
    return ClozeResult(
        answers=answers,
        choice=HeadChoice(learning_rate=1e-3, weight_decay=0.1, steps=25, held_out_loss=1.0),
        held_out=HeldOutPart(places=(0,), by="scene"),
        num_train_videos=10,
        num_train_with_room=10,
        num_train_tuples=50,
        rejected=(),
        remarks=(),
    )
