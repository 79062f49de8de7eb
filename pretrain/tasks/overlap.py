"""Overlap: tell by how much two clips of a video overlap, in space and in time, and how fast and which way up each is, while
their features draw near (Zhang, Po et al., "CSTP", AAAI 2022).

Published here means the released code; the paper's own numbers could not be read.

Shapes: B examples, K = 2 clips, T frames, H x W pixels, C colours, D features.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pretrain.augment import ColourJitter, GaussianBlur, Greyscale, OneChannel, Tilt
from pretrain.classification import answer_scalars, judge_answers
from pretrain.overlap_clips import change_share, cut_clip
from pretrain.overlap_heads import Contrast, OverlapHeads, contrast_scalars
from pretrain.overlap_sampler import OVERLAPS, CropPair, Sizes, TimePair, draw_crops, draw_times, frames_for_all_labels
from pretrain.released_overlap import draw_crops_as_released, draw_times_as_released
from pretrain.tasks.base import TASKS, ClipShape, Example, FeatureShape, FrameSource, FrameTask, Judgement, SlowView

PUBLISHED_JITTER = ColourJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, share=0.8)
PUBLISHED_GREY = Greyscale(share=0.2)
PUBLISHED_BLUR = GaussianBlur(share=0.5, sigmas=(0.1 / 112, 2 / 112))  # 0.1 to 2 pixels of 112

# Places in the target of an example, int64 (6,).
_SPATIAL, _TEMPORAL, _PACE, _ROTATION, _TOO_SHORT = 0, 1, 2, slice(3, 5), 5


@dataclass(frozen=True, kw_only=True)
class OverlapWeights:
    """Factors in the sum of losses, the defaults as published. Pace and rotation are each asked of both clips, and the two
    losses added. What has weight 0 is not judged; a contrast of weight 0 is none.
    """

    contrast: float = 0.1
    spatial: float = 1.0
    temporal: float = 1.0
    pace: float = 1.0
    rotation: float = 1.0


@TASKS.register("overlap")
@dataclass(frozen=True, kw_only=True)
class Overlap(FrameTask):
    """Both overlaps are 1, 0.8, 0.6, 0.4 or 0.2, from both clips' features; pace and rotation from one clip's. Target: int64 (6,).

    paces: source frames from one clip frame to the next, the same in both clips; drawn from those for which the video is long
    enough whatever the overlap. Published: 1, 2, 4, 8 (which takes 217 frames for clips of 16; 1, 2, 4 take 109).

    sampler: `clean` draws a label, and then what fits it. `released` draws labels again until they fit, so that "the same" is
    the right answer in more than half of the cases, and turns the frames before it crops them, so that the overlap is
    right only when both are turned alike.

    compare: what the heads of both overlaps get: the `pair` of features (published), or the absolute `difference` of the two as
    well. How alike two clips are is all that is asked; without it, the head must learn to subtract before it learns anything.

    areas: of a crop, as shares of the frame, which is 1.75 times as wide as a clip: cut from one 8/7 times as wide, crops were 40
    pixels on average and blown up to 64. Published: 0.2 to 1. sizes (clean only): `alike` takes those for which every label has
    room, up to about 0.44. `largest` takes all and shrinks them where the label needs it; then their size alone, and with it how
    sharp the picture is, gives away the right spatial label every second time.

    flip: share of clips mirrored, each on its own. looks: share of clips whose looks change, by `tilt_degrees`, `jitter`, `grey`
    and `blur`, the same in all frames. Published: 0.5 and 0.3, and the defaults of jitter, grey and blur.

    tilt_degrees: turned by up to so much either way, black corners and all. Published: 10. 0: the corners would be there in one
    clip in three, and a slanted horizon comes in the way of the quarter turns.

    grey_kind: `brightness`; published: `one_channel`, one of the three colours, drawn anew for every frame, so that what stands
    still flickers.

    contrast: `byol` predicts the slow network's projection of the other clip (published); `info_nce` tells the other clip among
    those of other videos, at `temperature` (0.5 in the released code, which does not use it); `none`. momentum: of the slow
    network (published: 0.996). projection: hidden width of projector and predictor in multiples of D. Published: 8 (4096 for
    512), too much for small networks.

    Known ways to answer without understanding: the overlap's clips are nearer to the ends of video and frame the less they
    overlap; static frames have no pace, round things no rotation. Squashed frames, subtitles and black borders tell the
    rotation. Paces are drawn from those for which the video is long enough, so that on short footage a video's length tells
    much of the pace (with 30 frames it is always the slowest); and one too short for the slowest plays slower still, whatever
    the label says; these are counted.
    """

    margin: ClassVar[float] = 1.75  # a crop of a third of the frame, as they are on average, is about as large as a clip

    paces: tuple[int, ...] = (1, 2, 4)
    sampler: Literal["clean", "released"] = "clean"
    compare: Literal["difference", "pair"] = "difference"
    areas: tuple[float, float] = (0.2, 1.0)
    sizes: Sizes = "alike"
    flip: float = 0.5
    looks: float = 0.3
    jitter: ColourJitter = PUBLISHED_JITTER
    grey: Greyscale = PUBLISHED_GREY
    grey_kind: Literal["brightness", "one_channel"] = "brightness"
    blur: GaussianBlur = PUBLISHED_BLUR
    tilt_degrees: float = 0.0
    contrast: Contrast = "byol"
    temperature: float = 0.5
    momentum: float = 0.996
    projection: float = 2.0
    weights: OverlapWeights = OverlapWeights()

    def __post_init__(self) -> None:
        if len(self.paces) < 2 or len(set(self.paces)) < len(self.paces) or min(self.paces) < 1:
            raise ValueError(f"paces must be two or more different whole numbers from 1, such as (1, 2, 4), got {self.paces}")
        if not 0 < self.areas[0] <= self.areas[1] <= 1:
            raise ValueError(f"areas must be a range within 0 to 1, such as (0.2, 1.0), got {self.areas}")
        if self.sampler == "clean" and self.sizes == "alike" and self.areas[0] > 0.4:
            raise ValueError(f"crops of {self.areas[0]} of the frame leave no room to overlap by a fifth; begin at 0.4 or less")
        if self.projection <= 0:
            raise ValueError(f"projection is {self.projection}; it must be above 0, such as 2")

    def frames_needed(self, clip: ClipShape) -> int:
        return frames_for_all_labels(clip.num_frames, max(self.paces))

    def make_example(self, source: FrameSource, clip: ClipShape, rng: np.random.Generator) -> Example:
        times, crops = self._draw(len(source), source.size_px, clip.num_frames, rng)
        quarters = [int(number) for number in rng.integers(4, size=2)]
        mirrored = [bool(draw < self.flip) for draw in rng.random(2)]
        clips_KTHWC = np.stack(
            [
                cut_clip(
                    frames,
                    crops,
                    number,
                    size_px=clip.size_px,
                    quarters=quarters[number],
                    mirrored=mirrored[number],
                    turn_first=self.sampler == "released",
                )
                for number, frames in enumerate(np.split(source.take(times.places_2T.ravel()), 2))
            ]
        )
        target = [crops.label, times.label, times.pace, *quarters, not times.fits]
        return Example(clips_KTHWC, np.array(target, dtype=np.int64))

    def augment(self, clips_BKTHWC: Tensor, clip: ClipShape, generator: torch.Generator) -> Tensor:
        grey = self.grey if self.grey_kind == "brightness" else OneChannel(share=self.grey.share)
        changes = (*([Tilt(degrees=self.tilt_degrees)] if self.tilt_degrees else []), self.jitter, grey, self.blur)
        return change_share(clips_BKTHWC.flatten(0, 1), self.looks, changes, generator).view(clips_BKTHWC.shape)

    def slow_momentum(self) -> float | None:
        return self.momentum if self._contrast == "byol" else None

    def build_head(self, features: FeatureShape, clip: ClipShape) -> nn.Module:
        projected = None if self._contrast == "none" else max(1, round(self.projection * features.dim))
        return OverlapHeads(
            features.dim,
            overlaps=len(OVERLAPS),
            paces=len(self.paces),
            differences=self.compare == "difference",
            projected=projected,
            predicts=self._contrast == "byol",
        )

    def loss(self, head: nn.Module, features: Tensor, target: Tensor, slow: SlowView | None = None) -> dict[str, Tensor]:
        heads = cast(OverlapHeads, head)
        pair_B, single_N = heads.pair(features), features.flatten(0, 1)
        answers = {
            "spatial": (heads.spatial(pair_B), target[:, _SPATIAL]),
            "temporal": (heads.temporal(pair_B), target[:, _TEMPORAL]),
            "pace": (heads.pace(single_N), target[:, _PACE].repeat_interleave(2)),
            "rotation": (heads.rotation(single_N), target[:, _ROTATION].flatten()),
        }
        scalars = contrast_scalars(heads, self._contrast, self.temperature, features, slow)
        total = self.weights.contrast * scalars["contrast_loss"]
        for name, (logits, labels) in answers.items():
            scalars |= answer_scalars(logits, labels, name)
            scalars[f"{name}_loss"] = functional.cross_entropy(logits, labels)
            times = 2 if name in ("pace", "rotation") else 1
            total = total + times * self._weight(name) * scalars[f"{name}_loss"]
        return {"loss": total, "share_too_short": target[:, _TOO_SHORT].float().mean(), **scalars}

    def judge(self, averages: Mapping[str, float]) -> Judgement:
        labels = {"spatial": len(OVERLAPS), "temporal": len(OVERLAPS), "pace": len(self.paces), "rotation": 4}
        asked = [name for name in labels if self._weight(name) > 0]
        judged = [judge_answers(averages, labels[name], name, name) for name in asked]
        words = [judgement.words for judgement in judged]
        if self._contrast == "info_nce":
            words.append(f"other clip found {averages['contrast_accuracy']:.2f} (chance {averages['contrast_chance']:.2f})")
        if self._contrast == "byol":
            cosine, others = averages["contrast_cosine"], averages["contrast_cosine_others"]
            words.append(f"other clip predicted to a cosine of {cosine:.2f} (with other videos' clips {others:.2f})")
        if (short := averages["share_too_short"]) > 0.005:
            words.append(f"{100 * short:.0f} % of the videos are too short")
        scores = [judgement.score for judgement in judged] or [self._contrast_score(averages)]
        return Judgement(score=sum(scores) / len(scores), words="overlap: " + ", ".join(words))

    def describe(self, target: NDArray[np.generic]) -> str:
        spatial, temporal, pace, first, second = (int(value) for value in target[:5])
        return (
            f"overlap {OVERLAPS[spatial]:g} in space and {OVERLAPS[temporal]:g} in time, pace {self.paces[pace]}, "
            f"turned by {90 * first} and {90 * second} degrees"
        )

    def _draw(self, num_source: int, size_px: int, num_frames: int, rng: np.random.Generator) -> tuple[TimePair, CropPair]:
        if self.sampler == "clean":
            times = draw_times(num_source, num_frames, self.paces, rng)
            return times, draw_crops(size_px, self.areas, self.sizes, rng)
        times = draw_times_as_released(num_source, num_frames, self.paces, rng)
        return times, draw_crops_as_released(size_px, self.areas, rng)

    def _contrast_score(self, averages: Mapping[str, float]) -> float:
        """For a run of the contrast alone. A collapsed network predicts well, but all videos alike: that is worth nothing."""
        if self._contrast == "info_nce":
            return (averages["contrast_accuracy"] - averages["contrast_chance"]) / (1 - averages["contrast_chance"])
        return averages.get("contrast_cosine", 0.0) - averages.get("contrast_cosine_others", 0.0)

    @property
    def _contrast(self) -> Contrast:
        return "none" if self.weights.contrast == 0 else self.contrast

    def _weight(self, name: str) -> float:
        weight: float = getattr(self.weights, name)
        return weight


__all__ = ["Overlap", "OverlapWeights"]
