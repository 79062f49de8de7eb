"""Statistics: say where, in what direction and when a clip moves most, and where its colours change most and least (Wang et al.,
CVPR 2019 and TPAMI 2021).

Shapes: B examples, T frames, S x S pixels, D features, V = 27 values: 14 of motion, then 13 of appearance.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pretrain.appearance_statistics import DominantColour, Histograms, appearance_values
from pretrain.crops import random_crop
from pretrain.gather import total, world_size
from pretrain.motion_statistics import motion_values
from pretrain.optical_flow import Flow, flow_of_clip
from pretrain.partition_patterns import partition
from pretrain.tasks.base import TASKS, ClipShape, Example, FeatureShape, FrameSource, FrameTask, Judgement, SlowView

_PATTERN_TOPS = (16, 8, 16, 8, 4, 8, 4, 8, 8, 8, 8, 8)  # block, direction or colour, twice for each pattern
_NUM_MOTION = 14


@TASKS.register("statistics")
@dataclass(frozen=True, kw_only=True)
class Statistics(FrameTask):
    """Regress 27 whole numbers, labels that the clip gives itself; see `motion_values` and `appearance_values` for each. They are
    made of the cropped and mirrored clip. No colours are changed: that would change the labels.

    strides: source frames from one clip frame to the next, one of these that fits, or else the smallest. Published: 1. Of filmed
    footage at 30 frames a second, small, 1 shows movements of a fraction of a pixel: adding noise of two grey levels then changed
    37 % of the answers to when a clip moves most, and 13 % where its frames were spread over the video.

    flip: share of clips mirrored. Published: 0.5 (2021), 0 (2019).

    mirrored_u: in a mirrored clip the flow's horizontal part is `negated`, as what moves left then moves right; `released`: it is
    not, so that the three directions of u are wrong by half a turn in mirrored clips.

    maps: `between` neighbouring frames of the clip, 15 for 16. `released`: one more, from the last frame to the one after the clip,
    counts for where and in what direction the clip moves most, though not for when (so in the released PyTorch code; its
    TensorFlow code reads 15).

    flow: how well optical flow is computed, on the clip's own pixels; `benchmarks/statistics_flow.py` measures what each is
    worth. Published: TV-L1 on whole frames, which OpenCV has in its contrib build only. Motion vectors of the codec would be
    free, but examples are cut from stored, resized frames that are decoded once for many visits, a drawn clip was never
    coded, and a vector says what was cheap to code, from some other frame, not what moved since the last one.

    targets: `scaled` maps every value's range to -1..1 before it is compared; `published` takes it as it is, 1..16 and all,
    so that blocks of the grid and times outweigh the rest.

    histograms: what a block's colours are compared by from frame to frame. Published: `all_pixels`, with which the answer for
    the rings is the innermost and the outermost in nearly every clip, whatever it shows. `equal_pixels` takes equally many of
    each ring (see `appearance_values`).

    dominant_colour: `octant_count`, or as in the released code, `commonest_colour`.

    still: what moves or changes nowhere has no place or direction. `left_out`: such values do not count; `published`: they are to
    be answered with 0.

    motion_weight, appearance_weight: factors of the two mean squared errors. Published: 1 and 0.1.

    Known ways to answer without watching the movement: where things are tells in part where colours differ, and where
    something will move.
    """

    strides: tuple[int, ...] = (2, 4, 8)
    flip: float = 0.5
    mirrored_u: Literal["negated", "released"] = "negated"
    maps: Literal["between", "released"] = "between"
    flow: Flow = "dis_medium"
    targets: Literal["scaled", "published"] = "scaled"
    histograms: Histograms = "equal_pixels"
    dominant_colour: DominantColour = "octant_count"
    still: Literal["left_out", "published"] = "left_out"
    motion_weight: float = 1.0
    appearance_weight: float = 0.1

    def __post_init__(self) -> None:
        if not self.strides or min(self.strides) < 1:
            raise ValueError(f"strides is {self.strides}; it must name 1 or more source frames, such as (1,)")
        if min(self.motion_weight, self.appearance_weight) < 0 or self.motion_weight + self.appearance_weight <= 0:
            raise ValueError(
                f"motion_weight is {self.motion_weight}, appearance_weight {self.appearance_weight}; "
                "neither may be below 0, and one must be above"
            )

    def frames_needed(self, clip: ClipShape) -> int:
        partition(clip.size_px)  # says at once when the patterns do not fit
        if clip.num_frames < 2:
            raise ValueError(f"clips have {clip.num_frames} frame; motion needs 2 or more")
        return self._span(max(self.strides), clip)

    def make_example(self, source: FrameSource, clip: ClipShape, rng: np.random.Generator) -> Example:
        fitting = [stride for stride in self.strides if self._span(stride, clip) <= len(source)] or [min(self.strides)]
        stride = fitting[int(rng.integers(len(fitting)))]
        start = int(rng.integers(max(1, len(source) - self._span(stride, clip) + 1)))
        # A video that is too short stays on its last frame: looping would jump, and the jump would be the greatest motion.
        places_T = np.minimum(start + stride * np.arange(self._num_read(clip)), len(source) - 1)
        clip_TSSC = random_crop(source.take(places_T), clip.size_px, rng)
        mirrored = bool(rng.random() < self.flip)
        if mirrored:
            clip_TSSC = np.ascontiguousarray(clip_TSSC[:, :, ::-1])
        flow_TSS2 = flow_of_clip(clip_TSSC, self.flow)
        if mirrored and self.mirrored_u == "released":
            flow_TSS2 = flow_TSS2 * np.array([-1, 1], np.float32)  # what the flow of the mirrored clip has right is made wrong
        motion = motion_values(flow_TSS2, num_timed=clip.num_frames - 1)
        clip_TSSC = clip_TSSC[: clip.num_frames]
        appearance = appearance_values(clip_TSSC, self.dominant_colour, self.histograms)
        return Example(clip_TSSC[None], np.concatenate([motion, appearance]))

    def _num_read(self, clip: ClipShape) -> int:
        return clip.num_frames + (self.maps == "released")

    def _span(self, stride: int, clip: ClipShape) -> int:
        return (self._num_read(clip) - 1) * stride + 1

    def build_head(self, features: FeatureShape, clip: ClipShape) -> nn.Module:
        return StatisticsHead(features.dim, clip.num_frames)

    def loss(self, head: nn.Module, features: Tensor, target: Tensor, slow: SlowView | None = None) -> dict[str, Tensor]:
        answers_BV, wanted_BV = head(features[:, 0]), target.float()
        if self.targets == "scaled":
            wanted_BV = cast(StatisticsHead, head).scaled(wanted_BV)
        counts_BV = torch.ones_like(wanted_BV) if self.still == "published" else (target > 0).float()
        mean_V = total((wanted_BV * counts_BV).sum(dim=0)) / total(counts_BV.sum(dim=0)).clamp(min=1)
        scalars = {}
        for name, part in (("motion", slice(0, _NUM_MOTION)), ("appearance", slice(_NUM_MOTION, None))):
            wanted, counts = wanted_BV[:, part], counts_BV[:, part]
            scalars[f"{name}_error"] = _mean_square(answers_BV[:, part] - wanted, counts)
            scalars[f"{name}_error_of_mean"] = _mean_square(mean_V[part] - wanted, counts)
        return {
            "loss": self.motion_weight * scalars["motion_error"] + self.appearance_weight * scalars["appearance_error"],
            "loss_of_mean": self.motion_weight * scalars["motion_error_of_mean"]
            + self.appearance_weight * scalars["appearance_error_of_mean"],
            **scalars,
        }

    def judge(self, averages: Mapping[str, float]) -> Judgement:
        parts = [
            f"{name} {_relative(averages[f'{name}_error'], averages[f'{name}_error_of_mean']):.2f}"
            for name in ("motion", "appearance")
        ]
        words = f"statistics error {', '.join(parts)} of what always saying the mean gets (1.00 = learnt nothing)"
        return Judgement(score=1 - _relative(averages["loss"], averages["loss_of_mean"]), words=words)

    def describe(self, target: NDArray[np.generic]) -> str:
        values = np.asarray(target, np.int64)
        motion = [
            f"{name} changes most in square {values[i]}, towards {45 * (int(values[i + 1]) - 1)} degrees"
            if values[i]
            else f"{name} nowhere"
            for name, i in (("horizontal motion", 0), ("vertical motion", 2))
        ]
        colours = f"colours change most in square {values[14]}, least in {values[16]}" if values[14] else "colours change nowhere"
        return "; ".join([*motion, colours])


class StatisticsHead(nn.Module):
    """Linear, (B, D) -> (B, 27). The published two parallel layers, for motion and for appearance, are one of as many outputs."""

    top_V: Tensor

    def __init__(self, dim: int, num_frames: int) -> None:
        super().__init__()
        self.values = nn.Linear(dim, 2 * len(_PATTERN_TOPS) + 3)
        tops = [*_PATTERN_TOPS, num_frames - 1, num_frames - 1, *_PATTERN_TOPS, 8]
        self.register_buffer("top_V", torch.tensor(tops, dtype=torch.float32), persistent=False)

    def forward(self, features_BD: Tensor) -> Tensor:
        return cast(Tensor, self.values(features_BD))

    def scaled(self, values_BV: Tensor) -> Tensor:
        """1 becomes -1, each value's top 1."""
        return 2 * (values_BV - 1) / (self.top_V - 1).clamp(min=1) - 1


def _mean_square(errors: Tensor, counts: Tensor) -> Tensor:
    """Over those that count; 0 where none does. Its mean over processes is that over all of them, wherever these are."""
    return (errors.square() * counts).sum() * world_size() / total(counts.sum()).clamp(min=1)


def _relative(error: float, error_of_mean: float) -> float:
    """1 where all answers are the same, so that there is nothing to learn."""
    return error / error_of_mean if error_of_mean > 0 else 1.0
