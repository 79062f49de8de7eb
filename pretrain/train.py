"""The training loop. It knows no task by name: what is learnt, from what, and how well, the tasks themselves say.

Shapes: B examples, K clips each, T frames, H x W pixels, D features.
"""

import math
import shutil
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pretrain.checkpoint import CHECKPOINT_NAME, load_checkpoint, load_config, restore, save_checkpoint, save_config
from pretrain.clip_dataset import Batch, ExampleDataset, Rejected, batches
from pretrain.config import OptimiserConfig, TrainConfig
from pretrain.errors import CheckpointError, TrainingStopped
from pretrain.finite import first_bad_layer, last_bad_gradient
from pretrain.health import Health, examine
from pretrain.pretrain_model import PretrainModel
from pretrain.run_log import RunLog
from pretrain.schedules import learning_rate_factor

_RANK_CLIPS = 512  # features kept per log window for the effective rank


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is, after every step.

    step: steps done, of `steps`. clips_per_s: over the last log window. data_wait: share of the time in which the training
    waited for examples, 0 to 1. seconds_left: at this rate. loss: of the last step. health: of the last whole log window,
    None before it. rejected: videos that could not be used so far.
    """

    step: int
    steps: int
    clips_per_s: float
    data_wait: float
    seconds_left: float
    loss: float
    health: Health | None
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """What came out of a run. health: of its last log window."""

    run_dir: Path
    steps: int
    health: Health | None
    rejected: tuple[Rejected, ...]


def train(
    config: TrainConfig,
    run_dir: Path,
    *,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> TrainResult:
    """Train, leaving config, checkpoint, metrics and curves in `run_dir`.

    With `resume`, a run that was broken off goes on from its last checkpoint, on the same curve; one that never saved
    starts again. Seeds torch's global generator. Raises CheckpointError (a run is there already, or another one),
    TrainingStopped (NaN or infinity), TrainingDataError (no usable video).
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    _check_run_dir(run_dir, config, resume=resume)
    save_config(run_dir, config)
    return _Run(config, run_dir).go(on_progress or (lambda progress: None))


def train_step(
    model: PretrainModel, optimiser: torch.optim.Optimizer, batch: Batch, *, step: int, clip_norm: float | None
) -> tuple[dict[str, Tensor], Tensor]:
    """One optimiser step; returns the scalars and the pooled features (B * K, D). Raises TrainingStopped before any
    weight is spoilt.
    """
    optimiser.zero_grad(set_to_none=True)
    losses = model(batch.clips, batch.targets)
    if not math.isfinite(loss := float(losses.total.detach())):
        where = first_bad_layer(model, batch.clips, batch.targets)
        raise TrainingStopped(f"step {step}: the loss is {loss:g}, first seen in {where}. {_ADVICE}")
    losses.total.backward()
    norm = torch.nn.utils.get_total_norm(p.grad for p in model.parameters() if p.grad is not None)
    if not math.isfinite(float(norm)):
        raise TrainingStopped(f"step {step}: the gradient of {last_bad_gradient(model)} is not finite. {_ADVICE}")
    if clip_norm is not None:
        torch.nn.utils.clip_grads_with_norm_(model.parameters(), clip_norm, norm)
    optimiser.step()
    model.after_step()
    return {"loss": losses.total.detach(), "gradient_norm": norm, **losses.scalars}, losses.pooled


_ADVICE = "The last checkpoint is still good. Try a lower learning rate, or precision fp32."


class _Run:
    """One process's part of a run: from the checkpoint, if there is one, to the last step."""

    def __init__(self, config: TrainConfig, run_dir: Path) -> None:
        self._config = config
        self._run_dir = run_dir
        self._device = _device(config.device)
        if config.threads is not None:
            torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        model = PretrainModel(config)
        # Channels last: 1.6 times as fast on a CPU, and what the clips come as anyway.
        self._model = model.to(device=self._device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self._optimiser = _optimiser(self._model, config.optimiser)
        self._rejected: dict[str, Rejected] = {}
        self._health: Health | None = None

    def go(self, on_progress: Callable[[Progress], None]) -> TrainResult:
        config = self._config
        first_step = 0
        if (self._run_dir / CHECKPOINT_NAME).exists():
            first_step = restore(load_checkpoint(self._run_dir), self._model, self._optimiser)
        own_cache = self._run_dir / "frames"
        dataset = ExampleDataset(config, Path(config.footage.cache_dir) if config.footage.cache_dir else own_cache)
        self._model.train()
        window = _Window(config.batch_size)
        with RunLog(self._run_dir, first_step=first_step) as log:
            stream = batches(dataset, config, first_step=first_step)
            for step in range(first_step, config.steps):
                window.before_data()
                batch = self._to_device(next(stream), step)
                window.after_data()
                self._rejected |= {bad.path: bad for bad in batch.rejected}
                self._set_learning_rate(step)
                scalars, pooled = train_step(
                    self._model, self._optimiser, batch, step=step + 1, clip_norm=config.optimiser.clip_norm
                )
                window.add(scalars, pooled)
                done = step + 1
                on_progress(self._progress(done, float(scalars["loss"]), window))
                if done % config.log_every == 0 or done == config.steps:
                    self._write(log, done, window)
                    window.start()
                if done % config.save_every == 0 or done == config.steps:
                    save_checkpoint(self._run_dir, step=done, model=self._model, optimiser=self._optimiser)
        shutil.rmtree(own_cache, ignore_errors=True)
        return TrainResult(run_dir=self._run_dir, steps=config.steps, health=self._health, rejected=self._bad())

    def _write(self, log: RunLog, done: int, window: "_Window") -> None:
        averages = window.averages()
        self._health = examine(self._config.tasks, averages, window.features())
        scores = {f"{name}/score": score for name, score in self._health.scores.items()}
        extra = {
            "effective_rank": self._health.effective_rank,
            "learning_rate": self._optimiser.param_groups[0]["lr"],
            "clips_per_s": window.clips_per_s(),
            "data_wait": window.data_wait(),
            "rejected_videos": len(self._rejected),
            "words": self._health.words,
        }
        log.write(done, {**averages, **scores, **extra})

    def _progress(self, done: int, loss: float, window: "_Window") -> Progress:
        rate = window.clips_per_s()
        return Progress(
            step=done,
            steps=self._config.steps,
            clips_per_s=rate,
            data_wait=window.data_wait(),
            seconds_left=(self._config.steps - done) * self._config.batch_size / rate,
            loss=loss,
            health=self._health,
            rejected=self._bad(),
        )

    def _bad(self) -> tuple[Rejected, ...]:
        return tuple(self._rejected.values())

    def _set_learning_rate(self, step: int) -> None:
        wanted = self._config.optimiser
        factor = learning_rate_factor(step, steps=self._config.steps, warmup_steps=wanted.warmup_steps, schedule=wanted.schedule)
        for group in self._optimiser.param_groups:
            group["lr"] = wanted.learning_rate * factor

    def _to_device(self, batch: Batch, step: int) -> Batch:
        clips = [clips.to(self._device, non_blocking=True) for clips in batch.clips]
        # A function of the step, as the examples are: a resumed run draws the same.
        generator = torch.Generator().manual_seed(_mix(self._config.seed, step))
        return Batch(
            clips=self._model.augment(clips, generator),
            targets=[targets.to(self._device, non_blocking=True) for targets in batch.targets],
            rejected=batch.rejected,
        )


def _mix(*numbers: int) -> int:
    """One seed out of several numbers, such that near ones have nothing in common."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])


class _Window:
    """Averages and times between two log lines."""

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self.start()

    def start(self) -> None:
        self._sums: dict[str, float] = defaultdict(float)
        self._features: list[Tensor] = []
        self._num_steps = 0
        self._began_s = time.perf_counter()
        self._waited_s = 0.0

    def before_data(self) -> None:
        self._asked_s = time.perf_counter()

    def after_data(self) -> None:
        self._waited_s += time.perf_counter() - self._asked_s

    def add(self, scalars: dict[str, Tensor], pooled: Tensor) -> None:
        for name, value in scalars.items():
            self._sums[name] += float(value)
        self._num_steps += 1
        if sum(map(len, self._features)) < _RANK_CLIPS:
            self._features.append(pooled.cpu())

    def averages(self) -> dict[str, float]:
        return {name: total / self._num_steps for name, total in self._sums.items()}

    def features(self) -> Tensor:
        return torch.cat(self._features)

    def clips_per_s(self) -> float:
        return self._num_steps * self._batch_size / max(time.perf_counter() - self._began_s, 1e-9)

    def data_wait(self) -> float:
        return self._waited_s / max(time.perf_counter() - self._began_s, 1e-9)


def _check_run_dir(run_dir: Path, config: TrainConfig, *, resume: bool) -> None:
    if not (run_dir / CHECKPOINT_NAME).exists():
        return
    if not resume:
        raise CheckpointError(f"{run_dir} holds a run already; resume it, or choose another folder")
    if load_config(run_dir) != config:
        raise CheckpointError(f"{run_dir} holds a run with another config; resume it with its own ({run_dir}/config.json)")


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"device is {name}, but torch finds no usable GPU here; use cpu or auto")
    return torch.device(name)


def _optimiser(model: torch.nn.Module, config: OptimiserConfig) -> torch.optim.Optimizer:
    """Weight decay acts on weights of convolutions and linear layers, not on biases and norms."""
    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    groups = [{"params": weights, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    if config.name == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.momentum)
    return torch.optim.AdamW(groups, lr=config.learning_rate)
