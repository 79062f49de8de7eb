"""Pace: tell how many times faster than normal a clip plays (Wang, Jiao, Liu, ECCV 2020), alone or with one of its two contrasts.

Shapes: B examples, K clips of each, T frames, H x W pixels, C colours, D features, P paces.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pretrain.augment import MILD_JITTER, ColourJitter
from pretrain.classification import answer_scalars, judge_answers
from pretrain.crops import random_crop
from pretrain.frame_source import Frames
from pretrain.pace_contrast import Similarity, pace_contrast
from pretrain.tasks.base import TASKS, ClipShape, Example, FeatureShape, FrameSource, FrameTask, Judgement, SlowView


@TASKS.register("pace")
@dataclass(frozen=True, kw_only=True)
class Pace(FrameTask):
    """Classify the pace among a few.

    paces: source frames from one clip frame to the next; a pace below 1 is slow motion. Published: 1, 2, 3, 4 (recalled,
    not checked: the paper also tried 1/3 and 1/2, without clear gain).

    between: what a slow clip shows between two frames: `repeat`, the first of them again; `blend`, a mixture of both. The
    released code has no slow clips.

    loop: what happens where a video is too short for the fastest clips. `none_fits`: only paces at which a clip fits are drawn, and
    only a video too short for all of them starts again from its first frame. `when_short`: all paces are drawn alike, and
    whenever the clip does not fit, the video starts again; on short footage that gives the label away (of 270 videos of 1
    to 7 s, 60 % of the clips at pace 4 looped, and none at pace 1). `published`: any frame may be the start, and a clip that runs
    over the end goes on at the first frame; the faster the pace, the more clips show such a jump.

    jitter: colours changed for every frame on its own, so that the pace cannot be read off the colour noise between frames.
    Published: brightness, contrast and saturation 0.8, hue 0.2, on BGR frames (here on RGB). A small network with few steps learns
    nothing under so much flicker: a quarter-width R(2+1)D on drawn clips of 64 pixels answered 0.25 rightly after 80 steps of
    64; with the default, 0.36, and 0.41 after 150.

    flip: share of clips mirrored. Published: 0.5.

    contrast: `none`; or every example is two clips of a video, at different paces, and besides telling the pace of each, the
    network learns to make alike `same_context`, the clips of one video, or `same_pace`, clips of one pace (see
    `pace_contrast`). Not in the released code; recalled, not checked: same_context was the better. It costs twice the clips for
    each example, so not the default.

    pace_weight, contrast_weight: factors of the two losses. Recalled, not checked: 1 and 0.1.

    projection: channels of what is compared, made by two layers. similarity, temperature: recalled, not checked: `dot` and
    1, with which lengths grow instead of angles.

    What cannot be known: things move at different speeds by themselves, and a slow one played fast looks like a fast one; a right
    answer every time is not to be had. Known ways to answer without watching the movement: how much of it a clip shows, such
    as the rest before it and after it.
    """

    paces: tuple[float, ...] = (1, 2, 3, 4)
    between: Literal["repeat", "blend"] = "repeat"
    loop: Literal["none_fits", "when_short", "published"] = "none_fits"
    jitter: ColourJitter = MILD_JITTER
    flip: float = 0.5
    contrast: Literal["none", "same_context", "same_pace"] = "none"
    pace_weight: float = 1.0
    contrast_weight: float = 0.1
    projection: int = 128
    similarity: Similarity = "cosine"
    temperature: float = 0.1

    def __post_init__(self) -> None:
        if len(self.paces) < 2 or len(set(self.paces)) < len(self.paces) or min(self.paces) <= 0:
            raise ValueError(f"paces must be two or more different numbers above 0, such as (1, 2, 3, 4), got {self.paces}")
        for name in ("projection", "temperature"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")

    def frames_needed(self, clip: ClipShape) -> int:
        return math.floor((clip.num_frames - 1) * max(self.paces)) + 1

    def make_example(self, source: FrameSource, clip: ClipShape, rng: np.random.Generator) -> Example:
        """Target: number of each clip's pace, int64 (K,)."""
        labels_K = rng.choice(self._labels(len(source), clip.num_frames), size=self._num_clips, replace=False)
        clips = [self._clip(source, self.paces[label], clip, rng) for label in labels_K]
        return Example(np.stack(clips), labels_K.astype(np.int64))

    def _labels(self, num_source: int, num_frames: int) -> list[int]:
        """Those that may be drawn, at least as many as an example has clips."""
        slowest_first = sorted(range(len(self.paces)), key=lambda label: self.paces[label])
        if self.loop != "none_fits":
            return slowest_first
        fitting = [label for label in slowest_first if _steps(num_frames, self.paces[label])[-1] < num_source]
        return slowest_first[: max(len(fitting), self._num_clips)]

    @property
    def _num_clips(self) -> int:
        return 1 if self.contrast == "none" else 2

    def frame_numbers(self, num_source: int, pace: float, num_frames: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Which source frames make a clip, int64 (T,), each in [0, num_source)."""
        steps_T = np.floor(_steps(num_frames, pace)).astype(np.int64)
        if self.loop != "published":
            start = int(rng.integers(max(1, num_source - int(steps_T[-1]))))
            wrapped_T: NDArray[np.int64] = (start + steps_T) % num_source
            return wrapped_T
        start = int(rng.integers(num_source))
        return _restart_at_first(start + steps_T, num_source)

    def augment(self, clips_BKTHWC: Tensor, clip: ClipShape, generator: torch.Generator) -> Tensor:
        if self.jitter.share == 0:
            return clips_BKTHWC
        frames = clips_BKTHWC.flatten(0, 2)[:, None].float() / 255
        jittered: Tensor = self.jitter(frames, generator) * 255
        return jittered.reshape(clips_BKTHWC.shape)

    def build_head(self, features: FeatureShape, clip: ClipShape) -> nn.Module:
        return PaceHead(features.dim, len(self.paces), None if self.contrast == "none" else self.projection)

    def loss(self, head: nn.Module, features: Tensor, target: Tensor, slow: SlowView | None = None) -> dict[str, Tensor]:
        logits_BKP, projections_BK = head(features)
        logits, labels = logits_BKP.flatten(0, 1), target.flatten()
        pace_loss = functional.cross_entropy(logits, labels)
        scalars = {"loss": self.pace_weight * pace_loss, **answer_scalars(logits, labels)}
        if self.contrast == "none":
            return scalars
        contrast = pace_contrast(projections_BK, target, self.contrast, similarity=self.similarity, temperature=self.temperature)
        scalars["loss"] = scalars["loss"] + self.contrast_weight * contrast["loss"]
        return {**scalars, "pace_loss": pace_loss, **{f"contrast_{name}": value for name, value in contrast.items()}}

    def judge(self, averages: Mapping[str, float]) -> Judgement:
        judgement = judge_answers(averages, len(self.paces), "pace")
        if self.contrast == "none":
            return judgement
        kind = self.contrast.replace("_", "-")
        accuracy, chance = averages["contrast_accuracy"], averages["contrast_chance"]
        return Judgement(score=judgement.score, words=f"{judgement.words}, {kind} accuracy {accuracy:.2f} (chance {chance:.3f})")

    def describe(self, target: NDArray[np.generic]) -> str:
        return "pace " + " and ".join(f"{self.paces[label]:g}" for label in np.asarray(target, np.int64))

    def _clip(self, source: FrameSource, pace: float, clip: ClipShape, rng: np.random.Generator) -> Frames:
        places_T = self.frame_numbers(len(source), pace, clip.num_frames, rng)
        frames_THWC = source.take(places_T)
        share_T = _steps(clip.num_frames, pace) % 1
        if self.between == "blend" and (share_T > 1e-6).any():
            next_THWC = source.take(np.minimum(places_T + 1, len(source) - 1))
            share_T111 = share_T.astype(np.float32)[:, None, None, None]
            frames_THWC = (frames_THWC * (1 - share_T111) + next_THWC * share_T111 + 0.5).astype(np.uint8)
        clip_THWC = random_crop(frames_THWC, clip.size_px, rng)
        return clip_THWC[:, :, ::-1] if rng.random() < self.flip else clip_THWC


class PaceHead(nn.Module):
    """(B, K, D) -> logits (B, K, P), and projections (B, K, projection) or None."""

    def __init__(self, dim: int, num_paces: int, projection: int | None) -> None:
        super().__init__()
        self.pace = nn.Linear(dim, num_paces)
        self.projection = (
            None if projection is None else nn.Sequential(nn.Linear(dim, dim), nn.ReLU(inplace=True), nn.Linear(dim, projection))
        )

    def forward(self, features_BKD: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.pace(features_BKD), None if self.projection is None else self.projection(features_BKD)


def _steps(num_frames: int, pace: float) -> NDArray[np.float64]:
    """How far from its first each frame of a clip lies, in source frames."""
    steps_T: NDArray[np.float64] = np.arange(num_frames, dtype=np.float64) * pace + 1e-9
    return steps_T


def _restart_at_first(places_T: NDArray[np.int64], num_source: int) -> NDArray[np.int64]:
    """The published loop: whenever the next frame lies past the end, go on from frame 0 at the same stride."""
    out = np.empty_like(places_T)
    offset = 0
    for i, place in enumerate(places_T):
        if place - offset >= num_source:
            offset = int(place)
        out[i] = place - offset
    return out
