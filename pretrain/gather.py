"""See the whole batch where several processes train together; with one process nothing happens.

Each process computes the loss of its own examples against everyone's. Gradients flow back through `gather_with_grad` to the
process that made the features, where they are summed; the mean over processes that data-parallel training then takes makes
them those of the mean loss over the whole batch.

Shapes: B examples here, W processes.
"""

from typing import Any

import torch
from torch import Tensor, distributed


def world_size() -> int:
    """Number of processes that train together, 1 outside such a group."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Number of this process among them, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def gather_with_grad(rows_BX: Tensor) -> Tensor:
    """All processes' rows (W * B, ...), in order of their rank, with gradients. Every process must give as many."""
    return rows_BX if world_size() == 1 else _autograd(_Gather, rows_BX)


def gather(rows_BX: Tensor) -> Tensor:
    """The same without gradients: labels and such."""
    if world_size() == 1:
        return rows_BX.detach()
    parts = [torch.empty_like(rows_BX, memory_format=torch.contiguous_format) for _ in range(world_size())]
    distributed.all_gather(parts, rows_BX.detach().contiguous())
    return torch.cat(parts)


def total(values: Tensor) -> Tensor:
    """The sum over all processes of a tensor that each has, without gradients: counts and such."""
    return values.detach() if world_size() == 1 else _summed(values)


def mean_with_grad(values: Tensor) -> Tensor:
    """The mean over all processes of a tensor that each has, with gradients."""
    return values if world_size() == 1 else _autograd(_Sum, values) / world_size()


def _autograd(function: type[torch.autograd.Function], values: Tensor) -> Tensor:
    result: Tensor = function.apply(values)  # type: ignore[no-untyped-call]
    return result


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows_BX: Tensor) -> Tensor:
        return gather(rows_BX)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        summed = gradients[0].clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(summed)
        return summed.chunk(world_size())[rank()]


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return _summed(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _summed(gradients[0])


def _summed(values: Tensor) -> Tensor:
    summed = values.detach().clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(summed)
    return summed
