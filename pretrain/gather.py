"""See the whole batch where several processes train together; with one process nothing happens.

Each process computes the loss of its own examples against everyone's. Gradients flow back through `gather_with_grad` to the
process that made the features, where they are summed; the mean over processes that data-parallel training then takes makes
them those of the mean loss over the whole batch.

Shapes: B examples here, W processes.
"""

import torch
from torch import Tensor, distributed
from torch.distributed.nn.functional import all_gather


def world_size() -> int:
    """Number of processes that train together, 1 outside such a group."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Number of this process among them, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def gather_with_grad(rows_BX: Tensor) -> Tensor:
    """All processes' rows (W * B, ...), in order of their rank, with gradients. Every process must give as many."""
    if world_size() == 1:
        return rows_BX
    return torch.cat(list(all_gather(rows_BX.contiguous())))  # type: ignore[no-untyped-call]


def gather(rows_BX: Tensor) -> Tensor:
    """The same without gradients: labels and such."""
    if world_size() == 1:
        return rows_BX.detach()
    parts = [torch.empty_like(rows_BX) for _ in range(world_size())]
    distributed.all_gather(parts, rows_BX.detach().contiguous())
    return torch.cat(parts)
