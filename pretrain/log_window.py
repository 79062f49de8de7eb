"""What is gathered between two log lines: averages, features, and where the time went.

Shapes: B examples, K clips each, D features.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pretrain.gather import gather, mean_with_grad, world_size
from pretrain.train_step import Stepped

_KEPT_EXAMPLES = 512  # of each task, for what is said about the features


@dataclass(frozen=True, kw_only=True)
class Rates:
    """clips_per_s: clips trained on in a second, of all processes together. data_wait: share of that time spent waiting for
    examples, 0 to 1. step_s: seconds of a step, with its share of what comes between steps (log lines, probing, saving).
    """

    clips_per_s: float
    data_wait: float
    step_s: float


class LogWindow:
    """Sums of one process; `averages` and `features` are of all processes together, and all must ask.

    last: the rates of the last whole window, None before there was one.
    """

    def __init__(self, accumulate: int) -> None:
        """accumulate: pieces of a step."""
        self._pieces = accumulate * world_size()
        self._aside_s = 0.0
        self._timed_steps_so_far = 0
        self.clips_per_step = 0
        self.last: Rates | None = None
        self.start()

    def start(self) -> None:
        """Forget the sums, and begin to count the time anew."""
        self._sums: dict[str, float] = defaultdict(float)
        self._features: dict[str, list[Tensor]] = defaultdict(list)
        self._num_steps = 0
        self._timed_steps = 0
        self._waited_s = 0.0
        self._began_s = time.perf_counter()

    def before_data(self) -> None:
        """From here on the training waits for examples."""
        self._asked_s = time.perf_counter()

    def after_data(self) -> None:
        """The examples are there."""
        self._waited_s += time.perf_counter() - self._asked_s

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What takes time besides the steps, and so belongs to no window's rate, but to the time that is left."""
        began_s = time.perf_counter()
        yield
        took_s = time.perf_counter() - began_s
        self._aside_s += took_s
        self._began_s += took_s

    def add(self, stepped: Stepped) -> None:
        """Count one step."""
        # One transfer for all: each by itself would make a GPU wait.
        values = torch.stack([value.detach().double().reshape(()) for value in stepped.scalars.values()]).tolist()
        for name, value in zip(stepped.scalars, values, strict=True):
            self._sums[name] += value
        self._num_steps += 1
        self._timed_steps += 1
        self._timed_steps_so_far += 1
        self.clips_per_step = self._pieces * sum(own.shape[0] * own.shape[1] for own in stepped.features.values())
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

    def rates(self) -> Rates:
        """Of this window so far, at least one step of it."""
        took_s = max(time.perf_counter() - self._began_s, 1e-9)
        return Rates(
            clips_per_s=self._timed_steps * self.clips_per_step / took_s,
            data_wait=self._waited_s / took_s,
            step_s=took_s / self._timed_steps + self._aside_s / self._timed_steps_so_far,
        )

    def close(self) -> Rates:
        """The window is whole: its rates, from now on `last`."""
        self.last = self.rates()
        return self.last

    def kept(self) -> dict[str, Any]:
        """What a checkpoint within a window needs, so that a resumed run averages over all of it."""
        return {"sums": dict(self._sums), "features": dict(self._features), "steps": self._num_steps}

    def restore(self, kept: dict[str, Any]) -> None:
        """Put what `kept` gave into effect; the time counts from now on."""
        self.start()
        self._sums.update(kept["sums"])
        self._features.update(kept["features"])
        self._num_steps = int(kept["steps"])
