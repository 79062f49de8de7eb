"""What is gathered between two log lines: averages, features, and where the time went.

Shapes: B examples, K clips each, D features.
"""

import time
from collections import defaultdict

import torch
from torch import Tensor

from pretrain.gather import gather, mean_with_grad
from pretrain.train_step import Stepped

_KEPT_EXAMPLES = 512  # of each task, for what is said about the features


class LogWindow:
    """Sums of one process; `averages` and `features` are of all processes together, and all must ask."""

    def __init__(self, batch_size: int) -> None:
        """batch_size: of all processes together."""
        self._batch_size = batch_size
        self.start()

    def start(self) -> None:
        """Forget everything."""
        self._sums: dict[str, float] = defaultdict(float)
        self._features: dict[str, list[Tensor]] = defaultdict(list)
        self._num_steps = 0
        self._began_s = time.perf_counter()
        self._waited_s = 0.0

    def before_data(self) -> None:
        """From here on the training waits for examples."""
        self._asked_s = time.perf_counter()

    def after_data(self) -> None:
        """The examples are there."""
        self._waited_s += time.perf_counter() - self._asked_s

    def add(self, stepped: Stepped) -> None:
        """Count one step."""
        # One transfer for all: each by itself would make a GPU wait.
        values = torch.stack([value.detach().double().reshape(()) for value in stepped.scalars.values()]).tolist()
        for name, value in zip(stepped.scalars, values, strict=True):
            self._sums[name] += value
        self._num_steps += 1
        for name, features_BKD in stepped.features.items():
            if sum(map(len, self._features[name])) < _KEPT_EXAMPLES:
                self._features[name].append(features_BKD.float().cpu())

    def averages(self, device: torch.device) -> dict[str, float]:
        """Of every scalar, over the steps of this window."""
        values = torch.tensor([total / self._num_steps for total in self._sums.values()], dtype=torch.float64)
        return dict(zip(self._sums, mean_with_grad(values.to(device)).tolist(), strict=True))

    def features(self, device: torch.device) -> dict[str, Tensor]:
        """Every task's pooled features, float32 (N, K, D), on the CPU."""
        return {name: gather(torch.cat(parts).to(device)).cpu() for name, parts in self._features.items()}

    def clips_per_s(self) -> float:
        """Examples trained on in a second, of all processes together."""
        return self._num_steps * self._batch_size / max(time.perf_counter() - self._began_s, 1e-9)

    def data_wait(self) -> float:
        """Share of the time spent waiting for examples, 0 to 1."""
        return self._waited_s / max(time.perf_counter() - self._began_s, 1e-9)
