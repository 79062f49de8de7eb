"""Cloze: tell what was done to the middle one of three clips (Video Cloze Procedure, Luo et al., AAAI 2020).

The paper's code was never published; "unofficial" means the re-implementation that others took up.

Shapes: B examples, K = 3 clips, T frames, H x W pixels, C colours, D features, O = 5 operations.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pretrain.classification import answer_scalars, judge_answers
from pretrain.clip_operations import TileOrders, draw_tile_order, draw_two, exchange_stretches, reorder_tiles, turn
from pretrain.cloze_places import TupleLayout, TuplePlaces, draw_places, draw_places_anywhere
from pretrain.crops import random_crop
from pretrain.frame_source import Frames
from pretrain.tasks.base import TASKS, ClipShape, Example, FeatureShape, FrameSource, FrameTask, Judgement, SlowView

Operation = Literal["original", "rotation", "permutation", "adjacent", "remote"]
OPERATIONS: tuple[Operation, ...] = ("original", "rotation", "permutation", "adjacent", "remote")
"""In the order of the labels. rotation: by 90, 180 or 270 degrees. permutation: of 2 x 2 tiles. adjacent: two of four stretches
in time exchanged. remote: replaced by another clip of the same video.
"""


@TASKS.register("cloze")
@dataclass(frozen=True, kw_only=True)
class Cloze(FrameTask):
    """Classify the operation, all five equally likely. Every clip has a crop of its own, so that standing things do not lie in
    the same place where two clips belong together. Target: int64 (2,), the label, and 1 where there was no room for a remote clip.

    gap, away: frames left out between the clips, and at least between the three and a remote clip, as shares of a clip's
    frames. Unofficial: 8 and 16 of 16.

    spacing: `clip_and_gap` from one clip's start to the next one's, 24 frames for clips of 16. `unofficial`: the number of
    clips and the gap, 11 frames, so that neighbours overlap.

    places: `fit` chooses them so that a remote clip fits. `unofficial`: anywhere; without room for a remote clip on both
    sides another operation is taken, so that the remote one is rare (7 % on UCF101). A video too short for `fit` is
    slowed down until it is long enough, by repeating frames in all clips alike. How many are so short is counted.

    tiles: `any` order, two of them `swap`ped (the paper's way as recalled, not checked), or their `reversal` (unofficial).

    stride: source frames from one frame of a clip to the next. Unofficial: 1.

    hidden: width of a hidden layer of the head. Unofficial: 0, a single linear layer. Such a layer adds up what it sees in each
    clip and cannot compare them, and that a clip is from elsewhere shows in comparison alone: of features in which it is plain,
    a linear layer finds it as often as by chance, a hidden layer always.

    Known ways to answer without watching the movement: the seams of tiles; the jumps between exchanged stretches; what is always
    upright or wide, such as squashed frames, subtitles or black borders, for rotation. A still video has no answer where time
    is shuffled.
    """

    gap: float = 0.5
    away: float = 1.0
    spacing: Literal["clip_and_gap", "unofficial"] = "clip_and_gap"
    places: Literal["fit", "unofficial"] = "fit"
    tiles: TileOrders = "any"
    stride: int = 1
    hidden: int = 256

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise ValueError(f"stride is {self.stride}; it must be 1 (every frame) or more")
        for name in ("gap", "away", "hidden"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")

    def frames_needed(self, clip: ClipShape) -> int:
        layout = self.layout(clip)
        slack = self.stride * round(self.gap * clip.num_frames)  # so that places are not always the same
        return layout.needed + layout.spacing + slack

    def layout(self, clip: ClipShape) -> TupleLayout:
        """Distances in source frames."""
        gap = round(self.gap * clip.num_frames)
        spacing = clip.num_frames + gap if self.spacing == "clip_and_gap" else 3 + gap
        away = round(self.away * clip.num_frames)
        return TupleLayout(num_frames=clip.num_frames, stride=self.stride, spacing=self.stride * spacing, away=self.stride * away)

    def make_example(self, source: FrameSource, clip: ClipShape, rng: np.random.Generator) -> Example:
        label = int(rng.integers(len(OPERATIONS)))
        places = self._draw_places(len(source), clip, rng)
        if self.places == "unofficial" and OPERATIONS[label] == "remote" and not places.fits:
            label = int(rng.integers(len(OPERATIONS) - 1))
        clips_KTHWC = self._clips(source, clip, OPERATIONS[label], places, rng, quarters=None)
        return Example(clips_KTHWC, np.array([label, not places.fits], dtype=np.int64))

    def make_tuple(
        self, source: FrameSource, clip: ClipShape, operation: Operation, rng: np.random.Generator, *, quarters: int | None = None
    ) -> Frames:
        """Three clips of which the middle one has undergone a given operation, uint8 (3, T, H, W, 3).

        The same generator state gives the same places and crops for every operation. quarters: a rotation's angle as 1, 2 or
        3 quarters; None draws it.
        """
        if quarters not in (None, 1, 2, 3):
            raise ValueError(f"a rotation is by 1, 2 or 3 quarters, not {quarters}")
        return self._clips(source, clip, operation, self._draw_places(len(source), clip, rng), rng, quarters=quarters)

    def remote_fits(self, num_source: int, clip: ClipShape) -> bool:
        """Whether a video of so many frames has a clip as remote as asked for."""
        return draw_places(num_source, self.layout(clip), np.random.default_rng(0)).fits

    def build_head(self, features: FeatureShape, clip: ClipShape) -> nn.Module:
        if self.hidden == 0:
            return nn.Linear(3 * features.dim, len(OPERATIONS))
        return nn.Sequential(
            nn.Linear(3 * features.dim, self.hidden), nn.ReLU(inplace=True), nn.Linear(self.hidden, len(OPERATIONS))
        )

    def loss(self, head: nn.Module, features: Tensor, target: Tensor, slow: SlowView | None = None) -> dict[str, Tensor]:
        logits_BO, labels_B = head(features.flatten(1)), target[:, 0]
        right_B = logits_BO.argmax(dim=1) == labels_B
        # Shares of the whole batch, not of the operation's examples: there may be none, and averages of these are exact.
        hits = {f"hits_of_{name}": (right_B & (labels_B == i)).float().mean() for i, name in enumerate(OPERATIONS)}
        short = {"share_without_room": target[:, 1].float().mean()}
        return {"loss": functional.cross_entropy(logits_BO, labels_B), **answer_scalars(logits_BO, labels_B), **hits, **short}

    def judge(self, averages: Mapping[str, float]) -> Judgement:
        judgement = judge_answers(averages, len(OPERATIONS), "cloze")
        recalls = ", ".join(f"{name} {recall:.2f}" for name, recall in recalls_of(averages).items())
        short = averages["share_without_room"]
        remark = f"; {100 * short:.0f} % were slowed down to have room for a remote clip" if short > 0.005 else ""
        return Judgement(score=judgement.score, words=f"{judgement.words}, found of {recalls}{remark}")

    def describe(self, target: NDArray[np.generic]) -> str:
        return f"the middle clip: {OPERATIONS[int(target[0])]}"

    def _draw_places(self, num_source: int, clip: ClipShape, rng: np.random.Generator) -> TuplePlaces:
        draw = draw_places if self.places == "fit" else draw_places_anywhere
        return draw(num_source, self.layout(clip), rng)

    def _clips(
        self,
        source: FrameSource,
        clip: ClipShape,
        operation: Operation,
        places: TuplePlaces,
        rng: np.random.Generator,
        *,
        quarters: int | None,
    ) -> Frames:
        layout = self.layout(clip)
        first, middle, last = places.starts
        starts = (first, places.remote if operation == "remote" else middle, last)
        frames = source.take(np.concatenate([layout.frames_of(start, len(source), places.length) for start in starts]))
        clips = [random_crop(own, clip.size_px, rng) for own in np.split(frames, 3)]
        clips[1] = self._operate(clips[1], operation, rng, quarters)
        return np.stack(clips)

    def _operate(self, clip_THWC: Frames, operation: Operation, rng: np.random.Generator, quarters: int | None) -> Frames:
        if operation == "rotation":
            return turn(clip_THWC, int(rng.integers(1, 4)) if quarters is None else quarters)
        if operation == "permutation":
            return reorder_tiles(clip_THWC, draw_tile_order(rng, self.tiles))
        if operation == "adjacent":
            return exchange_stretches(clip_THWC, *draw_two(rng, 4))
        return clip_THWC


def recalls_of(averages: Mapping[str, float]) -> dict[Operation, float]:
    """Share of the examples of each operation that were answered rightly; operations that did not come are left out."""
    shares = {name: averages[f"share_of_label_{i}"] for i, name in enumerate(OPERATIONS)}
    return {name: averages[f"hits_of_{name}"] / share for name, share in shares.items() if share > 0}


__all__ = ["OPERATIONS", "Cloze", "Operation", "recalls_of"]
