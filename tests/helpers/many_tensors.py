"""Examples whose handing over keeps a worker's thread busy. A file of its own, for workers that import it."""

import torch
from torch import Tensor
from torch.utils.data import Dataset


class ManyTensors(Dataset[list[Tensor]]):
    """Endlessly many lists of small tensors, each of which crosses over in shared memory of its own."""

    def __len__(self) -> int:
        return 10_000

    def __getitem__(self, index: int) -> list[Tensor]:
        return [torch.full((2000,), float(index)) for _ in range(200)]
