"""CVRL: of all other clips in the batch, which one is of the same video (Qian, Meng, Gong, Yang, Wang, Belongie, Cui, CVPR 2021)?

Shapes: B examples, 2 clips each, T frames, H x W pixels, D features, P channels of a projection.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pretrain.augment import STRONG_JITTER, ColourJitter, GaussianBlur, Greyscale, HorizontalFlip, RandomResizedCrop, Solarise
from pretrain.contrastive import info_nce
from pretrain.tasks.base import TASKS, ClipShape, Example, FeatureShape, FrameSource, FrameTask, Judgement, SlowView

PUBLISHED_CROP = RandomResizedCrop(areas=(0.3, 1.0), aspects=(0.5, 2.0))


@TASKS.register("cvrl")
@dataclass(frozen=True, kw_only=True)
class Cvrl(FrameTask):
    """Two clips of one video, rather near than far apart, each with looks of its own, shall be each other's nearest.

    stride: source frames from one clip frame to the next; published: 2.

    exponent: distances k between the starts of the two clips, of M there are, are drawn in proportion to 1 - (k / M) ** exponent.
    Published: 1; below, nearer ones; far above, all alike.

    stretch_frames: how many frames of a drawn video the two clips are drawn from; of filmed ones, all that are kept together
    (`FootageConfig.stretch_frames`). Published: the whole video, about 250.

    crop, flip, jitter, grey: done in this order, as published, to each clip on its own and to all of its frames alike.

    views: what follows. `asymmetric`: the first clip always blurred, the second one time in ten and solarised two times in ten,
    as in the released code; `symmetric`: each clip blurred every other time and none solarised, the paper's way as recalled,
    not checked. blur_sigmas: see `GaussianBlur`; published: 0.1 to 2 pixels of 224. border: of the blur; published: `dark`.

    hidden, out: widths of the projector: three hidden layers, then one of `out` channels. Published: 2048, as wide as its
    network's features, and 128.

    temperature: published: 0.1. doubled: the released code adds the mean losses of first and of second clips where a
    mean over all clips is half of that; it matters when learning rates are compared.

    Known ways to answer without watching the movement: place, colours and noise of a video, in any one of its frames. Drawn
    videos share them in groups (`FootageConfig.drawn_alike`), and only what moves tells those of a group apart; of filmed ones,
    many from one place do.
    """

    stride: int = 2
    exponent: float = 1.0
    stretch_frames: int = 128
    crop: RandomResizedCrop = PUBLISHED_CROP
    flip: float = 0.5
    jitter: ColourJitter = STRONG_JITTER
    grey: float = 0.2
    views: Literal["asymmetric", "symmetric"] = "asymmetric"
    blur_sigmas: tuple[float, float] = (0.1 / 224, 2 / 224)
    border: Literal["cut", "dark"] = "cut"
    hidden: int = 512
    out: int = 128
    temperature: float = 0.1
    doubled: bool = False

    def __post_init__(self) -> None:
        for name in ("stride", "stretch_frames", "hidden", "out"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        for name in ("exponent", "temperature"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")

    def frames_needed(self, clip: ClipShape) -> int:
        return max(self.stretch_frames, (clip.num_frames - 1) * self.stride + 1)

    def make_example(self, source: FrameSource, clip: ClipShape, rng: np.random.Generator) -> Example:
        """Two clips of the source's frame size, which `augment` crops. Target: source frames by which the second is later."""
        starts_2 = self.clip_starts(len(source), clip.num_frames, rng)
        places_2T = (starts_2[:, None] + self.stride * np.arange(clip.num_frames)) % len(source)
        frames = source.take(places_2T.reshape(-1))
        return Example(frames.reshape(2, clip.num_frames, *frames.shape[1:]), starts_2[1] - starts_2[0])

    def clip_starts(self, num_source: int, num_frames: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """First source frames of the two clips, int64 (2,); either may be the earlier. A video shorter than a clip starts again
        from its first frame, and its two clips are drawn without regard to each other.
        """
        span = (num_frames - 1) * self.stride
        if num_source <= span:
            return rng.integers(num_source, size=2)
        num_starts = num_source - span
        distance = self.distance(num_starts, float(rng.random()))
        first = int(rng.integers(num_starts - distance))
        starts_2 = np.array([first, first + distance], dtype=np.int64)
        return starts_2[::-1] if rng.random() < 0.5 else starts_2

    def distance(self, num_starts: int, quantile: float) -> int:
        """The distance, in [0, num_starts), below which this share of all distances lies; quantile: in [0, 1)."""
        low, high = 0.0, 1.0
        for _ in range(50):  # halving: the share of distances below x grows with x
            middle = (low + high) / 2
            below = ((self.exponent + 1) * middle - middle ** (self.exponent + 1)) / self.exponent
            low, high = (middle, high) if below <= quantile else (low, middle)
        return min(int(num_starts * low), num_starts - 1)

    def augment(self, clips_BKTHWC: Tensor, clip: ClipShape, generator: torch.Generator) -> Tensor:
        views = []
        for view in range(2):
            looks_BTHWC = self.crop(clips_BKTHWC[:, view], clip.size_px, generator)
            for change in self.changes(view):
                looks_BTHWC = change(looks_BTHWC, generator)
            views.append(looks_BTHWC * 255)
        return torch.stack(views, dim=1)

    def changes(self, view: int) -> tuple[Callable[[Tensor, torch.Generator], Tensor], ...]:
        """What happens to the cropped clips of this view, 0 or 1, one after the other."""
        blurred, solarised = _BLURRED_AND_SOLARISED[self.views][view]
        return (
            HorizontalFlip(share=self.flip),
            self.jitter,
            Greyscale(share=self.grey),
            GaussianBlur(share=blurred, sigmas=self.blur_sigmas, border=self.border),
            Solarise(share=solarised),
        )

    def build_head(self, features: FeatureShape, clip: ClipShape) -> nn.Module:
        widths = (features.dim, self.hidden, self.hidden, self.hidden)
        layers: list[nn.Module] = []
        for width_in, width_out in pairwise(widths):
            layers += [nn.Linear(width_in, width_out), nn.BatchNorm1d(width_out), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(self.hidden, self.out))

    def loss(self, head: nn.Module, features: Tensor, target: Tensor, slow: SlowView | None = None) -> dict[str, Tensor]:
        # Both views through the head at once: the batch norms see all clips.
        views_B2P = head(features.flatten(0, 1)).unflatten(0, (len(features), 2))
        scalars = info_nce(views_B2P, self.temperature)
        return {**scalars, "loss": scalars["loss"] * (2 if self.doubled else 1)}

    def judge(self, averages: Mapping[str, float]) -> Judgement:
        accuracy, chance = averages["accuracy"], averages["chance"]
        words = f"same-video accuracy {accuracy:.2f} (chance {chance:.3f}; no answer is commonest)"
        return Judgement(score=(accuracy - chance) / (1 - chance), words=words)

    def describe(self, target: NDArray[np.generic]) -> str:
        later = int(target)
        apart = f"{abs(later)} frames {'later' if later > 0 else 'earlier'}" if later else "from the same frame on"
        return f"which other clip of the batch is of the same video (here {apart})"


# How often each of the two clips is blurred, and solarised.
_BLURRED_AND_SOLARISED = {"asymmetric": ((1.0, 0.0), (0.1, 0.2)), "symmetric": ((0.5, 0.0), (0.5, 0.0))}
