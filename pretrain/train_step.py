"""One optimiser step: forward, backward, clip, update, in one or several pieces, by one or several processes."""

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn

from pretrain.clip_dataset import Batch
from pretrain.errors import TrainingStopped
from pretrain.finite import first_bad_layer, last_bad_gradient
from pretrain.gather import gather
from pretrain.pretrain_model import Losses, PretrainModel


@dataclass(frozen=True)
class Stepped:
    """loss: of the whole batch. scalars: of this process's share. features: for every task float32 (B, K, D), of the last piece."""

    loss: float
    scalars: dict[str, Tensor]
    features: dict[str, Tensor]


class TrainStep:
    """Takes the optimiser's steps. `model` is what the optimiser knows; it is wrapped here where several processes train."""

    def __init__(
        self, accelerator: Accelerator, model: PretrainModel, optimiser: torch.optim.Optimizer, *, clip_norm: float | None
    ) -> None:
        """clip_norm: the gradient's length is cut to this; None for never."""
        self._accelerator = accelerator
        self._model = model
        self._wrapped: nn.Module = accelerator.prepare_model(model)
        self._optimiser = optimiser
        self._clip_norm = clip_norm

    def __call__(self, pieces: Sequence[Batch], step: int) -> Stepped:
        """pieces: the micro-batches of this step, this process's share of each. step: its number, for messages, from 1.

        Raises TrainingStopped before any weight is spoilt, in all processes alike.
        """
        self._optimiser.zero_grad(set_to_none=True)
        done = []
        for number, piece in enumerate(pieces):
            is_last = number == len(pieces) - 1
            with nullcontext() if is_last else self._accelerator.no_sync(self._wrapped):
                done.append(self._forward_backward(piece, step))
        norm = torch.nn.utils.get_total_norm(p.grad for p in self._model.parameters() if p.grad is not None)
        if not math.isfinite(float(norm)):
            raise TrainingStopped(f"step {step}: the gradient of {last_bad_gradient(self._model)} is not finite")
        scalars = {"gradient_norm": norm}
        if self._clip_norm is not None:
            torch.nn.utils.clip_grads_with_norm_(self._model.parameters(), self._clip_norm, norm)
            scalars["clipped"] = (norm > self._clip_norm).float()
        self._optimiser.step()
        self._model.after_step()
        losses = [losses for losses, _ in done]
        return Stepped(
            loss=sum(value for _, value in done) / len(done),
            scalars=scalars | _mean_scalars(losses),
            features=losses[-1].features,
        )

    def _forward_backward(self, piece: Batch, step: int) -> tuple[Losses, float]:
        losses: Losses = self._wrapped(piece.clips, piece.targets)
        # One process's bad loss is everybody's: none may be left waiting for another in the backward pass.
        of_all = gather(losses.total.detach()[None]).tolist()
        if not all(map(math.isfinite, of_all)):
            places = gather_object([first_bad_layer(self._model, piece.clips, piece.targets)])
            bad, place = next((loss, place) for loss, place in zip(of_all, places, strict=True) if not math.isfinite(loss))
            raise TrainingStopped(f"step {step}: the loss is {bad:g}, first seen in {place}")
        self._accelerator.backward(losses.total)
        return losses, sum(of_all) / len(of_all)


def _mean_scalars(pieces: Sequence[Losses]) -> dict[str, Tensor]:
    every = [{"loss": piece.total.detach(), **piece.scalars} for piece in pieces]
    if len(every) == 1:
        return every[0]
    return {name: torch.stack([scalars[name] for scalars in every]).mean() for name in every[0]}
