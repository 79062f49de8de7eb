"""Trajectory: say where the main mover of a drawn clip is, in every frame. Our own task; drawn footage alone has its labels.

Why it helps search: a network that can write down the path of whatever moves has movement in its features, not looks.

Shapes: B examples, T frames, D channels, T' x H' x W' map places.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pretrain.drawn_videos import draw_clip
from pretrain.tasks.base import TASKS, ClipShape, DrawnTask, Example, FeatureShape, Judgement, SlowView

_BETA = 0.3  # error in half pictures from which on the loss grows linearly: a mover lost from sight must not dominate


@TASKS.register("trajectory")
@dataclass(frozen=True, kw_only=True)
class Trajectory(DrawnTask):
    """Regress the path from features averaged over space, with the map's time steps kept.

    hidden: width of the head's hidden layer. part: share of clips that show only a part of the movement, as a window does.
    """

    features: ClassVar[Literal["pooled", "map"]] = "map"

    hidden: int = 256
    part: float = 0.25

    def make_example(self, clip: ClipShape, rng: np.random.Generator) -> Example:
        drawn = draw_clip(rng, num_frames=clip.num_frames, size_px=clip.size_px, part=self.part)
        return Example(drawn.frames[None], drawn.path_xy)

    def build_head(self, features: FeatureShape, clip: ClipShape) -> nn.Module:
        return nn.Sequential(
            nn.Linear(features.dim * features.places[0], self.hidden),
            nn.ReLU(inplace=True),
            nn.Linear(self.hidden, 2 * clip.num_frames),
        )

    def loss(self, head: nn.Module, features: Tensor, target: Tensor, slow: SlowView | None = None) -> dict[str, Tensor]:
        steps_BF = features[:, 0].mean(dim=(3, 4)).flatten(1)
        path_BT2 = head(steps_BF).unflatten(1, (-1, 2))
        error = functional.smooth_l1_loss(path_BT2, target, beta=_BETA)
        with torch.no_grad():
            error_of_mean = functional.smooth_l1_loss(target.mean(dim=0).expand_as(target), target, beta=_BETA)
        return {"loss": error, "error_of_mean": error_of_mean}

    def judge(self, averages: Mapping[str, float]) -> Judgement:
        relative = averages["loss"] / max(averages["error_of_mean"], 1e-12)
        words = f"path error {relative:.2f} of what always saying the mean path gets (1.00 = learnt nothing)"
        return Judgement(score=1 - relative, words=words)

    def describe(self, target: NDArray[np.generic]) -> str:
        return "the path of the main mover"
