"""Trajectory: say where the main mover of a drawn clip is, in every frame. Our own task; drawn footage alone has its labels.

Why it helps search: a network that can write down the path of whatever moves has movement in its features, not looks. What
else is known of the clip is asked at a smaller weight: the second mover's path, the camera's, and how the main mover turns.

Shapes: B examples, T frames, D channels, T' x H' x W' map places, U = 13 numbers of truth for every frame.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pretrain.drawn_videos import DrawnClip, draw_clip
from pretrain.gather import total, world_size
from pretrain.tasks.base import TASKS, ClipShape, DrawnTask, Example, FeatureShape, Judgement, SlowView

_BETA = 0.3  # error in half pictures from which on the loss grows linearly: a mover lost from sight must not dominate

# Columns of the target and, but for `has second`, of the answer.
_PATH, _OTHERS = slice(0, 2), {"second": slice(2, 4), "camera": slice(4, 8), "turn": slice(8, 10), "flip": slice(10, 12)}
_HAS_SECOND = 12
_CAMERA_SPREAD = np.array([0.11, 0.11, 0.045, 0.03], np.float32)  # of x, y, log zoom and turn since the first frame, about


@TASKS.register("trajectory")
@dataclass(frozen=True, kw_only=True)
class Trajectory(DrawnTask):
    """Regress the path from features averaged over space, with the map's time steps kept.

    hidden: width of the head's hidden layer. part: share of clips that show only a part of the movement, as a window does.
    others: weight of the mean loss of the other truths beside the path's, which has 1; at 0 only the path is asked for.
    """

    features: ClassVar[Literal["pooled", "map"]] = "map"

    hidden: int = 256
    part: float = 0.25
    others: float = 0.3

    def __post_init__(self) -> None:
        if not self.others >= 0:
            raise ValueError(f"others is {self.others}; it is a weight beside the path's 1, so it must be 0 or more, such as 0.3")

    def make_example(self, clip: ClipShape, rng: np.random.Generator) -> Example:
        drawn = draw_clip(rng, num_frames=clip.num_frames, size_px=clip.size_px, part=self.part)
        return Example(drawn.frames[None], truth_TU(drawn))

    def build_head(self, features: FeatureShape, clip: ClipShape) -> nn.Module:
        numbers = _HAS_SECOND if self.others else 2
        return nn.Sequential(
            nn.Linear(features.dim * features.places[0], self.hidden),
            nn.ReLU(inplace=True),
            nn.Linear(self.hidden, numbers * clip.num_frames),
        )

    def loss(self, head: nn.Module, features: Tensor, target: Tensor, slow: SlowView | None = None) -> dict[str, Tensor]:
        """Beside `loss`, for every truth its error and, as `*_of_mean`, that of always saying the whole batch's mean."""
        steps_BF = features[:, 0].mean(dim=(3, 4)).flatten(1)
        answer_BTU = head(steps_BF).unflatten(1, (target.shape[1], -1))
        everyone_B = torch.ones_like(target[:, 0, 0])
        path, path_of_mean = _errors(answer_BTU[..., _PATH], target[..., _PATH], everyone_B)
        scalars = {"loss": path, "path": path.detach(), "path_of_mean": path_of_mean}
        if not self.others:
            return scalars
        errors = []
        for name, columns in _OTHERS.items():
            counts_B = target[:, 0, _HAS_SECOND] if name == "second" else everyone_B
            error, of_mean = _errors(answer_BTU[..., columns], target[..., columns], counts_B)
            scalars |= {name: error.detach(), f"{name}_of_mean": of_mean}
            errors.append(error)
        return scalars | {"loss": path + self.others * torch.stack(errors).mean()}

    def judge(self, averages: Mapping[str, float]) -> Judgement:
        relative = _relative(averages, "path")
        words = f"path error {relative:.2f} of what always saying the mean path gets (1.00 = learnt nothing)"
        if self.others:
            words += "; likewise " + ", ".join(f"{name} {_relative(averages, name):.2f}" for name in _OTHERS)
        return Judgement(score=1 - relative, words=words)

    def describe(self, target: NDArray[np.generic]) -> str:
        truth = np.asarray(target, np.float32)
        (x0, y0), (x1, y1) = truth[0, _PATH], truth[-1, _PATH]
        words = f"it goes from ({x0:+.1f}, {y0:+.1f}) to ({x1:+.1f}, {y1:+.1f})"
        if not self.others:
            return words
        turned, flipped = _turned_deg(truth[:, _OTHERS["turn"]]), _turned_deg(truth[:, _OTHERS["flip"]])
        if abs(turned) >= 5:
            words += f", turns by {turned:+.0f}°"
        if abs(flipped) >= 5:
            words += f", flips by {flipped:+.0f}°"
        if truth[0, _HAS_SECOND]:
            (x0, y0), (x1, y1) = truth[0, _OTHERS["second"]], truth[-1, _OTHERS["second"]]
            words += f"; the second from ({x0:+.1f}, {y0:+.1f}) to ({x1:+.1f}, {y1:+.1f})"
        return words


def truth_TU(drawn: DrawnClip) -> NDArray[np.float32]:
    """All that is asked about a clip, float32 (T, 13): path, second path, camera since the first frame in units
    of its usual spread, turn, flip, and 1 where there is a second mover.
    """
    camera = (drawn.camera - drawn.camera[0]) / _CAMERA_SPREAD
    has_second = np.full((len(camera), 1), drawn.has_second)
    columns = [drawn.path_xy, drawn.second_xy, camera, drawn.turn, drawn.flip, has_second]
    return np.concatenate(columns, axis=1, dtype=np.float32)


def _errors(answer_BTN: Tensor, target_BTN: Tensor, counts_B: Tensor) -> tuple[Tensor, Tensor]:
    """Smooth L1 of the answer, and of the mean of the examples that count, over those; 0 where none counts.

    Both numbers are such that their mean over processes is that over all examples that count, wherever these are.
    """
    number = total(counts_B.sum()).clamp(min=1)
    weights_B11 = counts_B[:, None, None]
    mean_TN = total((target_BTN * weights_B11).sum(dim=0)) / number

    def error(said_BTN: Tensor) -> Tensor:
        each = functional.smooth_l1_loss(said_BTN, target_BTN, beta=_BETA, reduction="none")
        return each.mean(dim=(1, 2)).where(counts_B > 0, 0.0).sum() * world_size() / number

    return error(answer_BTN), error(mean_TN.expand_as(target_BTN))


def _relative(averages: Mapping[str, float], name: str) -> float:
    """1 where all clips are alike (but for rounding), so that there is nothing to learn."""
    of_mean = averages[f"{name}_of_mean"]
    return averages[name] / of_mean if of_mean > 1e-9 else 1.0


def _turned_deg(cos_sin_T2: NDArray[np.float32]) -> float:
    """How far something has turned from the first frame to the last, whole turns counted."""
    angle_T = np.unwrap(np.arctan2(cos_sin_T2[:, 1], cos_sin_T2[:, 0]))
    return float(np.rad2deg(angle_T[-1] - angle_T[0]))
