"""Cloze as a target task: how much a frozen network's features say about what was done to a clip.

Luo et al., "Video Cloze Procedure for Self-Supervised Spatio-Temporal Learning" (AAAI 2020), propose to judge trained networks by
it; their protocol and figures could not be read, so this one is ours. The backbone stays as it is, the head alone learns, from
tuples of the train videos in which all operations count alike; its settings are chosen on a part of these videos that is held out
by scene. Then every test video is asked under all operations, once.

Shapes: N tuples, F features of a clip.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from embedder.worker_messages import StretchPlan
from pretrain.config import FootageConfig, Precision
from pretrain.downstream.cloze_answers import DEGREES, VideoAnswers
from pretrain.downstream.cloze_features import OnPhase, TupleFeatures, TupleReader, without_remote
from pretrain.downstream.cloze_head import ClozeHead, HeadChoice, choose_head, train_head
from pretrain.downstream.cloze_tuples import QUARTERS
from pretrain.downstream.frozen_network import FrozenNetwork
from pretrain.downstream.held_out_part import HeldOutPart, hold_out
from pretrain.downstream.labelled_footage import CacheChoice, LabelledFile, LabelledFootage
from pretrain.downstream.networks import StartingPoint
from pretrain.errors import ConfigError, TrainingDataError
from pretrain.processes import find_device
from pretrain.tasks.base import ClipShape, FeatureShape
from pretrain.tasks.cloze import OPERATIONS, Cloze

HELD_OUT_SHARE = 0.2
FEWEST_WITH_ROOM = 10
"""Train videos long enough for a remote clip. Of fewer nothing can be learnt about remote clips, which would only spoil the rest,
since all operations count alike; then nobody is asked for them."""


@dataclass(frozen=True, kw_only=True)
class ClozeChoices:
    """tuples: of each operation from each train video. hidden: width of a hidden layer of the head; 0, as published, for none: such
    a head adds up what it sees in each clip and cannot compare clips. seed: of tuples, of what is held out, and of the head.
    device: `auto` is the GPU where there is one. precision: of the backbone alone. Raises ConfigError.
    """

    tuples: int = 2
    hidden: int = 0
    seed: int = 1
    device: str = "auto"
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        for name, least in (("tuples", 1), ("hidden", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be {least} or more")


@dataclass(frozen=True, kw_only=True)
class ClozeResult:
    """answers: of every readable test video; none to `remote` where fewer than FEWEST_WITH_ROOM train videos, of which there are
    num_train_with_room, have a clip so remote. choice: the head's settings. held_out: of the train videos, by which they were
    chosen. num_train_videos, num_train_tuples: what the head learnt from in the end. rejected: (path, reason) of videos that give
    no frames. remarks: what the user should know about the cache of frames.
    """

    answers: tuple[VideoAnswers, ...]
    choice: HeadChoice
    held_out: HeldOutPart
    num_train_videos: int
    num_train_with_room: int
    num_train_tuples: int
    rejected: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]


def measure_cloze(
    start: StartingPoint,
    train: Sequence[LabelledFile],
    test: Sequence[LabelledFile],
    cache: CacheChoice,
    choices: ClozeChoices,
    on_phase: OnPhase | None = None,
) -> ClozeResult:
    """Raises ConfigError for clips that cannot be rearranged and for a device that is not there; TrainingDataError where fewer than
    two train videos, or no test video, can be read; TrainingStopped for features that are not finite.
    """
    _check_clip(start.clip)
    task, tell = Cloze(hidden=choices.hidden), on_phase or (lambda phase, done, total: None)
    footage = LabelledFootage([*train, *test], _plan(task, start.clip), cache)
    network = FrozenNetwork(start.build(), find_device(choices.device), choices.precision)
    reader = TupleReader(task=task, clip=start.clip, network=network, footage=footage, seed=choices.seed, tell=tell)
    learnt = list(reader.train(train, count=choices.tuples))
    if len(learnt) < 2:
        raise TrainingDataError(_too_few("train", len(learnt), footage))
    with_room = sum(one.room for one in learnt)
    if with_room < FEWEST_WITH_ROOM:
        learnt = [without_remote(one) for one in learnt]
    held_out = hold_out([one.file for one in learnt], share=HELD_OUT_SHARE, keep_labels=False, seed=choices.seed)
    tell("head", 0, 1)
    head, choice = _trained_head(_head_builder(task, learnt[0], start.clip), learnt, held_out, choices.seed)
    tell("head", 1, 1)
    ask_remote = any(one.room for one in learnt)
    answers = tuple(_answers(one if ask_remote else without_remote(one), head) for one in reader.test(test))
    if not answers:
        raise TrainingDataError(_too_few("test", 0, footage))
    return ClozeResult(
        answers=answers,
        choice=choice,
        held_out=held_out,
        num_train_videos=len(learnt),
        num_train_with_room=with_room,
        num_train_tuples=sum(len(one.operations_N) for one in learnt),
        rejected=tuple(footage.rejected),
        remarks=tuple(footage.take_remarks()),
    )


def _check_clip(clip: ClipShape) -> None:
    if clip.size_px % 2 or clip.num_frames < 4:
        raise ConfigError(
            f"clips of {clip.num_frames} frames of {clip.size_px} pixels a side cannot be rearranged: four tiles need an even "
            "side, four stretches four frames or more"
        )


def _plan(task: Cloze, clip: ClipShape) -> StretchPlan:
    """As a training on footage has it."""
    footage = FootageConfig()
    return StretchPlan(
        size_px=round(clip.size_px * footage.margin),
        max_frame_rate_hz=footage.max_frame_rate_hz,
        stretch_frames=max(footage.stretch_frames, task.frames_needed(clip)),
        max_stretches=footage.max_stretches,
    )


def _head_builder(task: Cloze, one: TupleFeatures, clip: ClipShape) -> Callable[[], nn.Module]:
    shape = FeatureShape(dim=one.features_NG.shape[1] // 3, places=(1, 1, 1))
    return lambda: task.build_head(shape, clip)


def _trained_head(
    build: Callable[[], nn.Module], learnt: Sequence[TupleFeatures], held_out: HeldOutPart, seed: int
) -> tuple[ClozeHead, HeadChoice]:
    """Chosen on the held-out part, then trained on all."""
    features_NG = np.concatenate([one.features_NG for one in learnt])
    operations_N = np.concatenate([one.operations_N for one in learnt])
    is_held_out = [np.full(len(one.operations_N), place in held_out.places) for place, one in enumerate(learnt)]
    choice = choose_head(build, features_NG, operations_N, np.concatenate(is_held_out), seed)
    return train_head(build, features_NG, operations_N, choice, seed), choice


def _answers(one: TupleFeatures, head: ClozeHead) -> VideoAnswers:
    answered = [OPERATIONS[number] for number in head.answers(one.features_NG)]
    asked = [OPERATIONS[number] for number in one.operations_N]
    first = len(OPERATIONS) if one.room else len(OPERATIONS) - 1  # after these, rotations by the other angles
    by_quarter = {int(quarters): answer for quarters, answer in zip(one.quarters_N, answered, strict=True) if quarters}
    return VideoAnswers(
        path=one.file.path,
        scene=one.file.scene,
        of_operation=dict(zip(asked[:first], answered[:first], strict=True)),
        of_rotation={angle: by_quarter[quarters] for angle, quarters in zip(DEGREES, QUARTERS, strict=True)},
    )


def _too_few(side: str, count: int, footage: LabelledFootage) -> str:
    first = f" The first that cannot be: {': '.join(footage.rejected[0])}." if footage.rejected else ""
    return (
        f"{count} {side} video(s) can be read, {'one is' if side == 'test' else 'two are'} needed at least.{first} Give more videos"
    )
