"""Pace: tell how many times faster than normal a clip plays (Wang, Jiao, Liu, ECCV 2020), without the contrastive terms.

Shapes: B examples, T frames, H x W pixels, C colours, D features, P paces.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pretrain.classification import answer_scalars, judge_answers
from pretrain.colour_jitter import ColourJitter
from pretrain.crops import random_crop
from pretrain.tasks.base import TASKS, ClipShape, Example, FeatureShape, FrameSource, FrameTask, Judgement, SlowView

PUBLISHED_JITTER = ColourJitter(brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, share=0.8)


@TASKS.register("pace")
@dataclass(frozen=True, kw_only=True)
class Pace(FrameTask):
    """Classify the pace among a few.

    paces: source frames from one clip frame to the next; a pace below 1 is slow motion, which repeats frames. Published: 1, 2, 3, 4
    (the paper also tried 1/3 and 1/2, without clear gain).

    loop: `when_short`: the start is chosen so that the clip fits into the video, and only a video shorter than the clip
    starts again from its first frame. `published`: any frame may be the start, and a clip that runs over the end goes on at
    the first frame; the faster the pace, the more clips show such a jump, so the jump gives the label away.

    jitter: colours changed for every frame on its own, so that the pace cannot be read off the colour noise between frames.
    Published so, with these strengths; on BGR frames there, on RGB here.

    flip: share of clips mirrored. Published: 0.5.
    """

    paces: tuple[float, ...] = (1, 2, 3, 4)
    loop: Literal["when_short", "published"] = "when_short"
    jitter: ColourJitter = PUBLISHED_JITTER
    flip: float = 0.5

    def __post_init__(self) -> None:
        if len(self.paces) < 2 or len(set(self.paces)) < len(self.paces) or min(self.paces) <= 0:
            raise ValueError(f"paces must be two or more different numbers above 0, such as (1, 2, 3, 4), got {self.paces}")

    def frames_needed(self, clip: ClipShape) -> int:
        return math.floor((clip.num_frames - 1) * max(self.paces)) + 1

    def make_example(self, source: FrameSource, clip: ClipShape, rng: np.random.Generator) -> Example:
        label = int(rng.integers(len(self.paces)))
        places_T = self.frame_numbers(len(source), self.paces[label], clip.num_frames, rng)
        clip_THWC = random_crop(source.take(places_T), clip.size_px, rng)
        if rng.random() < self.flip:
            clip_THWC = clip_THWC[:, :, ::-1]
        clip_THWC = self.jitter.each_frame(clip_THWC, rng)
        return Example(clip_THWC[None], np.asarray(label, dtype=np.int64))

    def frame_numbers(self, num_source: int, pace: float, num_frames: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Which source frames make a clip, int64 (T,), each in [0, num_source)."""
        steps_T = np.floor(np.arange(num_frames) * pace + 1e-9).astype(np.int64)
        if self.loop == "when_short":
            start = int(rng.integers(max(1, num_source - int(steps_T[-1]))))
            wrapped_T: NDArray[np.int64] = (start + steps_T) % num_source
            return wrapped_T
        start = int(rng.integers(num_source))
        return _restart_at_first(start + steps_T, num_source)

    def build_head(self, features: FeatureShape, clip: ClipShape) -> nn.Module:
        return nn.Linear(features.dim, len(self.paces))

    def loss(self, head: nn.Module, features: Tensor, target: Tensor, slow: SlowView | None = None) -> dict[str, Tensor]:
        logits_BP = head(features[:, 0])
        return {"loss": functional.cross_entropy(logits_BP, target), **answer_scalars(logits_BP, target)}

    def judge(self, averages: Mapping[str, float]) -> Judgement:
        return judge_answers(averages, len(self.paces), "pace")

    def describe(self, target: NDArray[np.generic]) -> str:
        return f"pace {self.paces[int(target)]:g}"


def _restart_at_first(places_T: NDArray[np.int64], num_source: int) -> NDArray[np.int64]:
    """The published loop: whenever the next frame lies past the end, go on from frame 0 at the same stride."""
    out = np.empty_like(places_T)
    offset = 0
    for i, place in enumerate(places_T):
        if place - offset >= num_source:
            offset = int(place)
        out[i] = place - offset
    return out
