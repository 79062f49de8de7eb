"""Backbone and heads as one module: clips of all tasks go through the backbone together, each task's features to its head.

Shapes: B examples, K clips each, T frames, H x W pixels, D channels, T' x H' x W' map places.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from pretrain.backbones import Backbone, build_backbone
from pretrain.config import TrainConfig
from pretrain.motion_start import start_with_motion
from pretrain.slow_network import SlowNetwork
from pretrain.tasks.base import FeatureShape, SlowView


@dataclass(frozen=True)
class Losses:
    """total: what is minimised. scalars: every task's, named `task/loss` and so on. features: every task's clips, pooled,
    float32 (B, K, D), detached.
    """

    total: Tensor
    scalars: dict[str, Tensor]
    features: dict[str, Tensor]


class PretrainModel(nn.Module):
    """What is trained. Initialised from torch's global generator."""

    def __init__(self, config: TrainConfig) -> None:
        """Raises ValueError when two tasks ask for slow networks of different momentum."""
        super().__init__()
        self._parts = config.tasks.parts
        self._clip = config.clip
        self._precision = config.precision
        self.backbone = build_backbone(config.backbone)
        if config.start == "motion":
            start_with_motion(self.backbone)
        shape = self._feature_shape(config)
        self.heads = nn.ModuleDict({part.name: part.task.build_head(shape, config.clip) for part in self._parts})
        self.slow = self._slow_network()

    def augment(self, clips: list[Tensor], generator: torch.Generator) -> list[Tensor]:
        """Each task's clips as that task wants them seen; parameters are drawn task by task."""
        with torch.no_grad():
            return [part.task.augment(own, self._clip, generator) for part, own in zip(self._parts, clips, strict=True)]

    def forward(self, clips: list[Tensor], targets: list[Tensor]) -> Losses:
        """clips: for every task (B, K, T, H, W, 3) in 0..255; targets: for every task (B, ...)."""
        flat = [task_clips.flatten(0, 1) for task_clips in clips]
        map_NDTHW = self._map(self.backbone, torch.cat(flat))
        counts = [len(task_clips) for task_clips in flat]
        scalars: dict[str, Tensor] = {}
        pooled: dict[str, Tensor] = {}
        total = map_NDTHW.new_zeros(())
        per_task = zip(self._parts, torch.split(map_NDTHW, counts), clips, targets, strict=True)
        for part, map_, task_clips, target in per_task:
            features = _as_wanted(map_, part.task.features, task_clips)
            of_task = part.task.loss(self.heads[part.name], features, target, self._slow_view(part.name, task_clips))
            total = total + part.weight * of_task["loss"]
            scalars |= {f"{part.name}/{name}": value.detach() for name, value in of_task.items()}
            pooled[part.name] = _as_wanted(map_.detach(), "pooled", task_clips)
        return Losses(total, scalars, pooled)

    def embed(self, clips_NTHW3: Tensor) -> Tensor:
        """Pooled features of clips in 0..255, float32 (N, D), without gradients, as the mode (train, eval) has it."""
        with torch.no_grad():
            return self._map(self.backbone, clips_NTHW3).mean(dim=(2, 3, 4))

    def start_from(self, backbone_state: Mapping[str, Tensor]) -> None:
        """Give the backbone these weights, and the slow network the same. Raises RuntimeError when they do not fit."""
        self.backbone.load_state_dict(backbone_state)
        if self.slow is not None:
            self.slow.backbone.load_state_dict(backbone_state)

    def after_step(self) -> None:
        """What happens to the model besides the optimiser's step."""
        if self.slow is not None:
            self.slow.follow(self.backbone, self.heads)

    def _map(self, backbone: Backbone, clips_NTHW3: Tensor) -> Tensor:
        """float32 (N, D, T', H', W'). Only the backbone may compute in bfloat16; heads and losses never do."""
        device = clips_NTHW3.device.type
        bf16 = self._precision == "bf16" or (self._precision == "auto" and quicker_in_bf16(device))
        with torch.autocast(device, dtype=torch.bfloat16) if bf16 else nullcontext():
            map_NDTHW = backbone.forward_map(backbone.prepare(clips_NTHW3))
        return map_NDTHW.float()

    def _slow_view(self, task: str, task_clips: Tensor) -> SlowView | None:
        if self.slow is None or task not in self.slow.heads:
            return None
        wanted = next(part.task.features for part in self._parts if part.name == task)
        with torch.no_grad():
            map_NDTHW = self._map(self.slow.backbone, task_clips.flatten(0, 1))
            return SlowView(head=self.slow.heads[task], features=_as_wanted(map_NDTHW, wanted, task_clips))

    def _slow_network(self) -> SlowNetwork | None:
        asked = {part.name: momentum for part in self._parts if (momentum := part.task.slow_momentum()) is not None}
        if not asked:
            return None
        if len(set(asked.values())) > 1:
            raise ValueError(f"one slow network serves all tasks, but they ask for different momenta: {asked}")
        heads = {name: self.heads[name] for name in asked}
        return SlowNetwork(self.backbone, heads, next(iter(asked.values())))

    def _feature_shape(self, config: TrainConfig) -> FeatureShape:
        was_training = self.backbone.training
        self.backbone.eval()
        with torch.no_grad():
            size = config.clip.size_px
            blank = torch.zeros(1, config.clip.num_frames, size, size, 3, dtype=torch.uint8)
            _, dim, t, h, w = self.backbone.forward_map(self.backbone.prepare(blank)).shape
        self.backbone.train(was_training)
        return FeatureShape(dim=dim, places=(t, h, w))


def _as_wanted(map_NDTHW: Tensor, wanted: str, task_clips: Tensor) -> Tensor:
    """One task's features with its examples and clips apart: (B, K, D) or (B, K, D, T', H', W')."""
    features = map_NDTHW if wanted == "map" else map_NDTHW.mean(dim=(2, 3, 4))
    return features.reshape(*task_clips.shape[:2], *features.shape[1:])


@cache
def quicker_in_bf16(device: str) -> bool:
    """Whether this machine computes bfloat16 in hardware; elsewhere it is emulated, and slower than fp32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    cpu_facts = Path("/proc/cpuinfo")
    return device == "cpu" and cpu_facts.exists() and "avx512_bf16" in cpu_facts.read_text()
