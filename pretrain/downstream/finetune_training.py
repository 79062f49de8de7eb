"""The epochs of a fine-tuning: one clip of each video in each, and the best epoch's weights in the end.

Shapes: B clips, T frames, S x S pixels, C labels.
"""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pretrain.downstream.finetune_clips import even_clips, random_clip
from pretrain.downstream.finetune_model import FinetuneModel
from pretrain.downstream.finetune_recipes import FinetuneRecipe
from pretrain.downstream.labelled_footage import LabelledFile, LabelledFootage
from pretrain.errors import TrainingFailed, TrainingStopped
from pretrain.frame_source import Frames
from pretrain.optimiser import build_optimiser, set_learning_rate
from pretrain.tasks.base import ClipShape

OnPhase = Callable[[str, int, int], None]
"""Told what is done now, how much of it is done, and of how much."""

HELD_OUT_CLIPS = 3
"""Of each held-out video: ten would take as long as training, and one clip says little of a few videos."""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """files: readable videos to learn from. held_out: others, to judge by. labels: in the order of the logits."""

    files: Sequence[LabelledFile]
    held_out: Sequence[LabelledFile]
    labels: Sequence[str]
    footage: LabelledFootage
    clip: ClipShape
    recipe: FinetuneRecipe
    seed: int


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """best_epoch: from 1, whose weights the model has now. held_out_loss: its cross-entropy on the held-out videos; None where none
    are held out, and the last epoch counts.
    """

    best_epoch: int
    held_out_loss: float | None


def learn(model: FinetuneModel, lesson: Lesson, tell: OnPhase) -> Learnt:
    """Trains all of the model on the device where it is. tell: told "training" after each batch, in videos of all epochs.

    Raises TrainingStopped for a loss that is not finite, TrainingFailed for want of memory.
    """
    best: Learnt | None = None
    best_state: dict[str, Tensor] = {}
    epochs = _Epochs(model, lesson, tell)
    for epoch in range(1, lesson.recipe.epochs + 1):
        try:
            epochs.run(epoch)
            held_out_loss = epochs.held_out_loss(epoch)
        except (MemoryError, torch.OutOfMemoryError) as error:
            raise TrainingFailed(_no_memory(lesson)) from error
        if best is None or held_out_loss is None or best.held_out_loss is None or held_out_loss < best.held_out_loss:
            best = Learnt(best_epoch=epoch, held_out_loss=held_out_loss)
            best_state = copy.deepcopy(model.state_dict())
    assert best is not None, "a recipe has one epoch at least"
    model.load_state_dict(best_state)
    return best


class _Epochs:
    """A model's way through its lesson."""

    def __init__(self, model: FinetuneModel, lesson: Lesson, tell: OnPhase) -> None:
        self._model, self._lesson, self._tell = model, lesson, tell
        self._device = next(model.parameters()).device
        self._optimiser = build_optimiser(model, lesson.recipe.optimiser)
        self._places = {file.path: place for place, file in enumerate(lesson.files)}
        self._number_of = {label: number for number, label in enumerate(lesson.labels)}
        self._num_batches = -(-len(lesson.files) // lesson.recipe.batch_size)

    def run(self, epoch: int) -> None:
        """One clip of each video."""
        lesson, recipe = self._lesson, self._lesson.recipe
        self._model.train()
        seen = 0
        for number, (clips, labels) in enumerate(self._batches(epoch)):
            step = (epoch - 1) * self._num_batches + number
            set_learning_rate(self._optimiser, recipe.optimiser, step=step, steps=recipe.epochs * self._num_batches)
            self._step(clips, labels, epoch)
            seen += len(labels)
            done = (epoch - 1) * len(lesson.files) + seen
            self._tell("training", done, recipe.epochs * len(lesson.files))

    def held_out_loss(self, epoch: int) -> float | None:
        """Mean cross-entropy of the held-out videos' mean logits; None where there are none."""
        losses = []
        for file, frames in self._lesson.footage.each(self._lesson.held_out):
            if frames is not None:
                clips = even_clips(frames, self._lesson.footage.run_frames(frames), self._lesson.clip, HELD_OUT_CLIPS)
                logits_C = self._model.video_logits(torch.from_numpy(clips).to(self._device))
                label = torch.tensor(self._number_of[file.label], device=self._device)
                losses.append(self._finite(functional.cross_entropy(logits_C, label), epoch))
        return float(np.mean(losses)) if losses else None

    def _step(self, clips: Tensor, labels: Tensor, epoch: int) -> None:
        self._optimiser.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(self._model(clips.to(self._device)), labels.to(self._device))
        self._finite(loss, epoch)
        loss.backward()  # type: ignore[no-untyped-call]
        if (clip_norm := self._lesson.recipe.optimiser.clip_norm) is not None:
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), clip_norm)
        self._optimiser.step()

    def _batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Clips uint8 (B, T, S, S, 3) and labels int64 (B,). The same for the same seed, epoch and videos."""
        lesson = self._lesson
        order = np.random.default_rng([lesson.seed, epoch]).permutation(len(lesson.files))
        coming = lesson.footage.each([lesson.files[place] for place in order])
        # Batches of almost equal sizes: the rest of a division may be a single clip, of which batch norm knows nothing.
        for size in [len(part) for part in np.array_split(order, self._num_batches)]:
            cut = [self._cut(*next(coming), epoch) for _ in range(size)]
            good = [one for one in cut if one is not None]
            if good:
                clips, labels = zip(*good, strict=True)
                yield torch.from_numpy(np.stack(clips)), torch.tensor(labels)

    def _cut(self, file: LabelledFile, frames: Frames | None, epoch: int) -> tuple[Frames, int] | None:
        """None for a video that went bad since it was read first."""
        if frames is None:
            return None
        rng = np.random.default_rng([self._lesson.seed, epoch, self._places[file.path]])
        clip = random_clip(frames, self._lesson.footage.run_frames(frames), self._lesson.clip, rng)
        return clip, self._number_of[file.label]

    def _finite(self, loss: Tensor, epoch: int) -> float:
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingStopped(
                f"the loss of epoch {epoch} became {value}, so the fine-tuning stopped; try a lower learning rate than "
                f"{self._lesson.recipe.optimiser.learning_rate:g}, or precision fp32"
            )
        return value


def _no_memory(lesson: Lesson) -> str:
    return (
        f"the memory does not suffice for {lesson.recipe.batch_size} clips of {lesson.clip.num_frames} frames of "
        f"{lesson.clip.size_px} pixels a side at once; take fewer: --batch-size {max(1, lesson.recipe.batch_size // 2)}"
    )
