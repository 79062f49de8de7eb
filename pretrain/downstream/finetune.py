"""Fine-tuning: all of a network learns to tell labels apart, and is tested once.

The schedule is a recipe (`finetune_recipes`). Of the train videos a part is held out by scene, and the epoch with the lowest loss
on it counts; no test video is opened before every network of the comparison is trained.

Shapes: C labels.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from pretrain.backbones.conv import put_channels_last
from pretrain.downstream.finetune_clips import clip_of, even_clips, plan_of
from pretrain.downstream.finetune_model import FinetuneModel
from pretrain.downstream.finetune_recipes import FinetuneRecipe
from pretrain.downstream.finetune_training import Learnt, Lesson, OnPhase, learn
from pretrain.downstream.held_out_part import HeldOutPart, hold_out
from pretrain.downstream.labelled_footage import CacheChoice, LabelledFile, LabelledFootage
from pretrain.downstream.networks import StartingPoint
from pretrain.errors import ConfigError, TrainingDataError
from pretrain.keep_memory import keep_memory
from pretrain.processes import find_device

OnNews = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class FinetuneChoices:
    """seed: of the new layer, of clips, crops and their order, and of what is held out. device: `auto` is the GPU where there is
    one.
    """

    recipe: FinetuneRecipe
    seed: int = 1
    device: str = "auto"


@dataclass(frozen=True, kw_only=True)
class VideoAnswer:
    """answer: the label with the largest mean logit. rank: how many labels had a larger one than the video's own; None where no
    train video has its label.
    """

    path: Path
    scene: str
    label: str
    answer: str
    rank: int | None


@dataclass(frozen=True, kw_only=True)
class FinetuneResult:
    """answers: of every readable test video. labels: that could be answered. learnt: how training went. held_out: of the
    `num_train_videos` readable train videos, by which the epoch was chosen; the network learnt from the others. rejected: (path,
    reason) of videos that give no frames. remarks: what the user should know about the cache of frames.
    """

    answers: tuple[VideoAnswer, ...]
    labels: tuple[str, ...]
    learnt: Learnt
    held_out: HeldOutPart
    num_train_videos: int
    rejected: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]


def finetune(
    starts: Mapping[str, StartingPoint],
    train: Sequence[LabelledFile],
    test: Sequence[LabelledFile],
    cache: CacheChoice,
    choices: FinetuneChoices,
    on_phase: OnPhase | None = None,
    on_news: OnNews | None = None,
) -> dict[str, FinetuneResult]:
    """Every network by its name, in order: all are trained, then all are tested. on_phase: told `NAME: training` and so on.
    on_news: told what the user should know before hours go by, in sentences.

    Raises ConfigError for a device that is not there and clips that cannot be had; TrainingDataError where the readable train
    videos have fewer than two labels, or no test video can be read; TrainingStopped for a loss that is not finite; TrainingFailed
    for want of memory.
    """
    tell, say = on_phase or (lambda phase, done, total: None), on_news or (lambda sentence: None)
    find_device(choices.device)  # before hours are spent on decoding
    students = [_Student(name, start, train, test, cache, choices, tell, say) for name, start in starts.items()]
    return {student.name: student.tested(test) for student in students}


class _Student:
    """A network that was fine-tuned, with what it reads videos by."""

    def __init__(
        self,
        name: str,
        start: StartingPoint,
        train: Sequence[LabelledFile],
        test: Sequence[LabelledFile],
        cache: CacheChoice,
        choices: FinetuneChoices,
        tell: OnPhase,
        say: OnNews,
    ) -> None:
        self.name = name
        self._tell: OnPhase = lambda phase, done, total: tell(f"{name}: {phase}", done, total)
        self._clip, self._choices = clip_of(choices.recipe, start.clip), choices
        try:
            plan = plan_of(choices.recipe, self._clip)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        self._footage = LabelledFootage([*train, *test], plan, cache)
        readable = self._readable(train)
        self._num_train_videos = len(readable)
        self._remarks = self._footage.take_remarks()
        for remark in self._remarks:
            say(remark)
        self._labels = tuple(sorted({file.label for file in readable}))
        recipe = choices.recipe
        self._held_out = hold_out(
            readable, share=recipe.held_out_share, at_most=recipe.held_out_most, keep_labels=True, seed=choices.seed
        )
        self._model = _model(start, len(self._labels), choices)
        self._learnt = learn(self._model, self._lesson(readable), self._tell)

    def tested(self, files: Sequence[LabelledFile]) -> FinetuneResult:
        """With every readable one of these videos, each once."""
        device = next(self._model.parameters()).device
        answers = []
        for done, (file, frames) in enumerate(self._footage.each(files), start=1):
            if frames is not None:
                clips = even_clips(frames, self._footage.run_frames(frames), self._clip, self._choices.recipe.test_clips)
                answers.append(self._answer(file, self._model.video_logits(torch.from_numpy(clips).to(device))))
            self._tell("test videos", done, len(files))
        if not answers:
            raise TrainingDataError(f"none of the {len(files)} test videos can be read.{self._first_bad()} Give more videos")
        return FinetuneResult(
            answers=tuple(answers),
            labels=self._labels,
            learnt=self._learnt,
            held_out=self._held_out,
            num_train_videos=self._num_train_videos,
            rejected=tuple(self._footage.rejected),
            remarks=tuple(dict.fromkeys([*self._remarks, *self._footage.take_remarks()])),
        )

    def _readable(self, train: Sequence[LabelledFile]) -> list[LabelledFile]:
        """Each is decoded here, and its frames kept. Raises TrainingDataError where there is nothing to tell apart."""
        readable = []
        for done, (file, frames) in enumerate(self._footage.each(train), start=1):
            if frames is not None:
                readable.append(file)
            self._tell("decoding", done, len(train))
        labels = {file.label for file in readable}
        if len(labels) < 2:
            raise TrainingDataError(
                f"the {len(readable)} train video(s) that can be read have {len(labels)} label(s); two are needed to tell "
                f"anything apart.{self._first_bad()} Give more videos"
            )
        return readable

    def _lesson(self, readable: Sequence[LabelledFile]) -> Lesson:
        held_out = set(self._held_out.places)
        return Lesson(
            files=[file for place, file in enumerate(readable) if place not in held_out],
            held_out=[readable[place] for place in self._held_out.places],
            labels=self._labels,
            footage=self._footage,
            clip=self._clip,
            recipe=self._choices.recipe,
            seed=self._choices.seed,
        )

    def _answer(self, file: LabelledFile, logits_C: torch.Tensor) -> VideoAnswer:
        own = self._labels.index(file.label) if file.label in self._labels else None
        rank = None if own is None else int((logits_C > logits_C[own]).sum())
        answer = self._labels[int(logits_C.argmax())]
        return VideoAnswer(path=file.path, scene=file.scene, label=file.label, answer=answer, rank=rank)

    def _first_bad(self) -> str:
        return f" The first that cannot be: {': '.join(self._footage.rejected[0])}." if self._footage.rejected else ""


def _model(start: StartingPoint, num_labels: int, choices: FinetuneChoices) -> FinetuneModel:
    """On its device. torch's global generator is left as it was."""
    device = find_device(choices.device)
    if device.type == "cpu":
        keep_memory()
    backbone = start.build()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(choices.seed)
        model = FinetuneModel(backbone, num_labels, choices.recipe.precision)
    put_channels_last(model, device)
    return model
