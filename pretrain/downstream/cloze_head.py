"""The one part that learns in cloze as a target task: the head over frozen features, and how its settings are chosen.

Shapes: N tuples, F features of a clip, so 3F of a tuple, O = 5 operations.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pretrain.tasks.cloze import OPERATIONS

Features = NDArray[np.float32]
Operations = NDArray[np.int64]
BuildHead = Callable[[], nn.Module]

LEARNING_RATES = (1e-3, 3e-3, 1e-2)
WEIGHT_DECAYS = (0.1, 3.0, 10.0)
"""Of AdamW, so that each step takes the learning rate's share of it off every weight: some hundred videos want much of that."""
MOST_STEPS = 1500
CHECK_EVERY = 25
_BATCH = 128


@dataclass(frozen=True, kw_only=True)
class HeadChoice:
    """Settings of AdamW, and after how many steps to stop. held_out_loss: mean cross-entropy over the operations, each counting
    alike, of the held-out tuples with these settings; guessing has ln 5 = 1.61.
    """

    learning_rate: float
    weight_decay: float
    steps: int
    held_out_loss: float


class ClozeHead:
    """A head, without layers that differ in training, with the scaling of features that it was trained with."""

    def __init__(self, module: nn.Module, mean_1G: Tensor, spread_1G: Tensor) -> None:
        self._module = module
        self._mean, self._spread = mean_1G, spread_1G

    def answers(self, features_NG: Features) -> Operations:
        """float32 (N, 3F) -> numbers in OPERATIONS, int64 (N,)."""
        with torch.no_grad():
            answers: Operations = self._logits(torch.from_numpy(features_NG)).argmax(dim=1).numpy()
        return answers

    def loss(self, features_NG: Features, operations_N: Operations) -> float:
        """Cross-entropy, of which every operation that comes counts alike."""
        labels_N = torch.from_numpy(operations_N)
        with torch.no_grad():
            return float(functional.cross_entropy(self._logits(torch.from_numpy(features_NG)), labels_N, weights_of(operations_N)))

    def _logits(self, features_NG: Tensor) -> Tensor:
        logits_NO: Tensor = self._module((features_NG - self._mean) / self._spread)
        return logits_NO


def choose_head(
    build: BuildHead, features_NG: Features, operations_N: Operations, held_out_N: NDArray[np.bool_], seed: int
) -> HeadChoice:
    """The settings with the lowest loss on the held-out tuples, of heads trained on the others alone."""
    best = HeadChoice(learning_rate=LEARNING_RATES[0], weight_decay=WEIGHT_DECAYS[0], steps=CHECK_EVERY, held_out_loss=float("inf"))
    held_out = features_NG[held_out_N], operations_N[held_out_N]
    for learning_rate in LEARNING_RATES:
        for weight_decay in WEIGHT_DECAYS:
            choice = replace(best, learning_rate=learning_rate, weight_decay=weight_decay, steps=MOST_STEPS)
            losses: list[float] = []
            train_head(
                build,
                features_NG[~held_out_N],
                operations_N[~held_out_N],
                choice,
                seed,
                on_check=lambda head, losses=losses: losses.append(head.loss(*held_out)),  # type: ignore[misc]
            )
            lowest = int(np.argmin(losses))
            if losses[lowest] < best.held_out_loss:
                best = replace(choice, steps=(lowest + 1) * CHECK_EVERY, held_out_loss=losses[lowest])
    return best


def train_head(
    build: BuildHead,
    features_NG: Features,
    operations_N: Operations,
    choice: HeadChoice,
    seed: int,
    *,
    on_check: Callable[[ClozeHead], None] | None = None,
) -> ClozeHead:
    """Cross-entropy of shuffled batches, in which every operation counts alike. on_check: told every CHECK_EVERY steps. torch's
    global generator is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = build()
    features, labels = torch.from_numpy(features_NG), torch.from_numpy(operations_N)
    mean_1G, spread_1G = features.mean(dim=0, keepdim=True), _spread(features)
    head, scaled_NG = ClozeHead(module, mean_1G, spread_1G), (features - mean_1G) / spread_1G
    weights_O = weights_of(operations_N)
    optimiser = torch.optim.AdamW(module.parameters(), lr=choice.learning_rate, weight_decay=choice.weight_decay)
    for step, batch in zip(range(1, choice.steps + 1), _batches(len(labels), seed), strict=False):
        optimiser.zero_grad()
        functional.cross_entropy(module(scaled_NG[batch]), labels[batch], weights_O).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if on_check is not None and step % CHECK_EVERY == 0:
            on_check(head)
    return head


def _batches(count: int, seed: int) -> Iterator[Tensor]:
    """Numbers below `count`, each once in each round, each round in another order; for ever."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.chunk(torch.randperm(count, generator=generator), -(-count // _BATCH))


def _spread(features_NG: Tensor) -> Tensor:
    """(1, 3F): by what features are divided, since those of one network vary a thousand times less than those of another. What
    hardly varies beside the others is infinite here, so that it counts nothing: nothing could be learnt of it.
    """
    spread_1G = features_NG.std(dim=0, keepdim=True)
    return torch.where(spread_1G > 1e-3 * spread_1G.max(), spread_1G, float("inf"))


def weights_of(operations_N: Operations) -> Tensor:
    """float32 (O,): what a tuple of each operation counts, so that all operations together count alike; 0 for one without any."""
    counts_O = np.bincount(operations_N, minlength=len(OPERATIONS))
    weights_O = np.where(counts_O > 0, len(operations_N) / np.maximum(counts_O, 1), 0.0)
    return torch.from_numpy(weights_O.astype(np.float32))
