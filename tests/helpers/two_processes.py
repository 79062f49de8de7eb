"""What each of several training processes does in tests/pretrain/test_processes.py: `python -m tests.helpers.two_processes OUT`."""

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pretrain.clip_dataset import Batch
from pretrain.config import FootageConfig, OptimiserConfig, TrainConfig
from pretrain.contrastive import info_nce
from pretrain.errors import TrainingStopped
from pretrain.optimiser import build_optimiser
from pretrain.pretrain_model import PretrainModel
from pretrain.processes import make_accelerator
from pretrain.shares import Share
from pretrain.sync_norm import synchronise_norms
from pretrain.task_sum import TaskSum, WeightedTask
from pretrain.tasks import TASKS
from pretrain.tasks.base import ClipShape, DrawnTask, Example, FeatureShape, Judgement, SlowView
from pretrain.tasks.pace import Pace
from pretrain.train import train
from pretrain.train_step import TrainStep

CLIP = ClipShape(num_frames=8, size_px=16)
BATCH = 8


@dataclass(frozen=True, kw_only=True)
class Contrast(DrawnTask):
    """Two clips that only belong together, a head with a batch norm, and the InfoNCE of the whole batch.

    bad_rank: the process whose loss becomes infinite. signalled: the second process is told to end in the midst of its third step.
    """

    bad_rank: int = -1
    signalled: bool = False

    def make_example(self, clip: ClipShape, rng: np.random.Generator) -> Example:
        shape = (2, clip.num_frames, clip.size_px, clip.size_px, 3)
        return Example(rng.integers(0, 256, shape, dtype=np.uint8), np.zeros(1, np.float32))

    def build_head(self, features: FeatureShape, clip: ClipShape) -> nn.Module:
        return nn.Sequential(nn.Linear(features.dim, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 8))

    def loss(self, head: nn.Module, features: Tensor, target: Tensor, slow: SlowView | None = None) -> dict[str, Tensor]:
        losses = info_nce(head(features.flatten(0, 1)).unflatten(0, features.shape[:2]), temperature=0.2)
        here = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
        head.count = getattr(head, "count", 0) + 1  # type: ignore[assignment]
        if self.signalled and (here, head.count) == (1, 3):
            os.kill(os.getpid(), signal.SIGTERM)
        return losses | {"loss": losses["loss"] / (0.0 if here == self.bad_rank else 1.0)}

    def judge(self, averages: Mapping[str, float]) -> Judgement:
        return Judgement(score=averages["accuracy"], words="contrast")

    def describe(self, target: NDArray[np.generic]) -> str:
        return "which clips belong together"


def contrast_config(**changes: int) -> TrainConfig:
    config = TrainConfig(
        tasks=TaskSum((WeightedTask("contrast", Contrast()),)), clip=CLIP, batch_size=BATCH, threads=1, device="cpu", workers=0
    )
    return replace(config, **changes)  # type: ignore[arg-type]


def pace_config() -> TrainConfig:
    """A run that draws nothing at random in the looks of clips: that would be other numbers in each process."""
    plain = replace(Pace().jitter, share=0.0)
    return TrainConfig(
        tasks=TaskSum((WeightedTask("pace", Pace(jitter=plain, flip=0)),)),
        clip=CLIP,
        footage=FootageConfig(margin=1.0),
        optimiser=OptimiserConfig(name="sgd", learning_rate=0.02, clip_norm=1.0),
        steps=4,
        batch_size=8,
        accumulate=2,
        device="cpu",
        threads=1,
        workers=0,
        log_every=2,
        save_every=2,
    )


def gradients(config: TrainConfig) -> dict[str, Tensor]:
    """Of one step on clips that are the same whatever the number of processes; and batch norm's running statistics."""
    accelerator = make_accelerator(config)
    share = Share(accelerator.process_index, accelerator.num_processes)
    torch.manual_seed(5)
    model = PretrainModel(config)
    # In float64, or rounding would flip a ReLU here and there, and be felt in everything below.
    model.backbone.double()
    prepare = model.backbone.prepare
    model.backbone.prepare = lambda clips: prepare(clips).double()  # type: ignore[method-assign]
    if share.world > 1:
        synchronise_norms(model, "cpu")
    take = TrainStep(accelerator, model, build_optimiser(model, OptimiserConfig(name="sgd", learning_rate=1e-9)), clip_norm=None)
    tiles = np.random.default_rng(3).integers(0, 256, (BATCH, 2, CLIP.num_frames, 4, 4, 3), dtype=np.uint8)
    clips = torch.from_numpy(tiles.repeat(CLIP.size_px // 4, axis=3).repeat(CLIP.size_px // 4, axis=4))
    size = share.of(config)
    pieces = [piece[share.rank * size : (share.rank + 1) * size] for piece in clips.chunk(config.accumulate)]
    take([Batch([piece], [torch.zeros(size, 1)], []) for piece in pieces], 1)
    of_weights = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    return of_weights | {name: buffer for name, buffer in model.named_buffers() if "running" in name}


UNEVEN = ("statistics", "trajectory")
"""Tasks of which not every example counts; and those that do fall to the processes unevenly."""


def uneven(name: str, share: Share) -> tuple[dict[str, float], list[Tensor]]:
    """A task's scalars and its head's gradients, of this process's share of a batch whose last three examples do not count."""
    task = TASKS[name]()
    draw = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = task.build_head(FeatureShape(dim=6, places=(2, 3, 3)), CLIP)
    if name == "statistics":
        features, target = torch.randn(BATCH, 1, 6, generator=draw), torch.randint(1, 5, (BATCH, 27), generator=draw)
        target[-3:, :14] = 0
    else:
        features, target = torch.randn(BATCH, 1, 6, 2, 3, 3, generator=draw), torch.randn(BATCH, 8, 13, generator=draw)
        target[..., 12] = torch.arange(BATCH)[:, None] < BATCH - 3
    own = slice(share.rank * BATCH // share.world, (share.rank + 1) * BATCH // share.world)
    scalars = task.loss(head, features[own], target[own])
    scalars["loss"].backward()  # type: ignore[no-untyped-call]
    values = {key: float(value.detach()) for key, value in scalars.items()}
    return values, [parameter.grad for parameter in head.parameters() if parameter.grad is not None]


def main() -> None:
    out = Path(sys.argv[1])
    whole = gradients(contrast_config())
    in_pieces = gradients(contrast_config(accumulate=2))
    result = train(pace_config(), out / "run")
    bad = contrast_config(steps=2, log_every=1, save_every=1)
    bad = replace(bad, tasks=TaskSum((WeightedTask("contrast", Contrast(bad_rank=1)),)))
    try:
        train(bad, out / "bad")
        stopped = ""
    except TrainingStopped as error:
        stopped = str(error)
    signalled = replace(bad, steps=6, tasks=TaskSum((WeightedTask("contrast", Contrast(signalled=True)),)), save_every=6)
    try:
        train(signalled, out / "signalled")
        ended = ""
    except KeyboardInterrupt:
        ended = "stopped from outside"
    rank = torch.distributed.get_rank()
    said: dict[str, Any] = {name: uneven(name, Share(rank, torch.distributed.get_world_size())) for name in UNEVEN}
    said |= {"whole": whole, "in_pieces": in_pieces, "stopped": stopped, "is_main": result.is_main, "ended": ended}
    group = torch.distributed.group.WORLD
    assert group is not None
    said["waits_s"] = group._get_backend(torch.device("cpu")).options._timeout.total_seconds()
    torch.save(said, out / f"{rank}.pt")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
