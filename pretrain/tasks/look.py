"""Look: of all other clips in the batch, which one is of the same drawn picture? Our own use of SimCLR (Chen et al., ICML 2020).

Why it helps search: two clips of one place have the place in common whatever moves in it. A network that knows a picture again
from another part of it, in other light, has in its features what things look like, where `trajectory` teaches how they move.
The pictures are drawn (Baradad et al., "Learning to See by Looking at Noise", NeurIPS 2021), so nobody's footage is needed.

Shapes: B examples, 2 clips each, T frames, H x W pixels, D features, P channels of a projection.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pretrain.augment import ColourJitter, GaussianBlur, Greyscale, HorizontalFlip, PixelNoise, RandomResizedCrop
from pretrain.contrastive import info_nce
from pretrain.drawn_pictures import draw_picture
from pretrain.frame_source import Frames
from pretrain.tasks.base import TASKS, ClipShape, DrawnTask, Example, FeatureShape, Judgement, SlowView

PART_CROP = RandomResizedCrop(areas=(0.25, 1.0), aspects=(0.75, 1.33))
LIGHT_JITTER = ColourJitter(brightness=0.4, contrast=0.4, saturation=0.6, hue=0.02, share=0.9)
SOFT_BLUR = GaussianBlur(share=0.4, sigmas=(0.2 / 64, 1.5 / 64))
SENSOR_NOISE = PixelNoise(share=0.7, sigmas=(0.0, 0.05))


@TASKS.register("look")
@dataclass(frozen=True, kw_only=True)
class Look(DrawnTask):
    """Two clips of one drawn picture, each a part of it with looks of its own, shall be each other's nearest.

    margin: pictures are drawn so many times as large as a clip, so that a part of one is no blur. shake: the picture stands
    still but for a hand that holds the camera, which wanders by at most this share of the picture's side; a clip of one frame,
    which is enough for the backbone `look`, shows nothing of it.

    crop, flip, jitter, grey, blur, noise: done in this order to each clip on its own, and to all of its frames alike. Hue hardly
    changes: colours are much of what two places differ by.

    hidden, out: widths of the projector: one hidden layer, then one of `out` channels. temperature: of the contrastive loss.

    Known ways to answer without seeing shapes: colours, which the jitter and grey clips make less sure.
    """

    draws: ClassVar[str] = "drawn pictures"

    margin: float = 1.5
    shake: float = 0.03
    crop: RandomResizedCrop = PART_CROP
    flip: float = 0.5
    jitter: ColourJitter = LIGHT_JITTER
    grey: float = 0.2
    blur: GaussianBlur = SOFT_BLUR
    noise: PixelNoise = SENSOR_NOISE
    hidden: int = 256
    out: int = 128
    temperature: float = 0.15

    def __post_init__(self) -> None:
        for name in ("hidden", "out"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        if not self.temperature > 0:
            raise ValueError(f"temperature is {self.temperature:g}; it must be above 0, such as 0.15")
        if not self.margin >= 1:
            raise ValueError(f"margin is {self.margin:g}; a picture must be at least as large as a clip: 1 or more, such as 1.5")
        if not 0 <= self.shake < 0.5:
            raise ValueError(f"shake is {self.shake:g}; it is a share of the picture's side, from 0 to below 0.5, such as 0.03")

    def make_example(self, clip: ClipShape, rng: np.random.Generator) -> Example:
        """Two clips of the whole picture, which `augment` crops. Target: how many shapes lie in it, which the loss does not ask."""
        size_px = max(8, round(self.margin * clip.size_px))
        reach_px = round(self.shake * size_px) if clip.num_frames > 1 else 0
        picture, num_shapes = draw_picture(rng, size_px + 2 * reach_px)
        clips = [held_by_hand(picture, clip.num_frames, reach_px, rng) for _ in range(2)]
        return Example(np.stack(clips), np.asarray(num_shapes))

    def augment(self, clips_BKTHWC: Tensor, clip: ClipShape, generator: torch.Generator) -> Tensor:
        looks_NTHWC = self.crop(clips_BKTHWC.flatten(0, 1), clip.size_px, generator)
        for change in self.changes():
            looks_NTHWC = change(looks_NTHWC, generator)
        return (looks_NTHWC * 255).view(*clips_BKTHWC.shape[:2], *looks_NTHWC.shape[1:])

    def changes(self) -> tuple[Callable[[Tensor, torch.Generator], Tensor], ...]:
        """What happens to a cropped clip, one after the other."""
        return (HorizontalFlip(share=self.flip), self.jitter, Greyscale(share=self.grey), self.blur, self.noise)

    def build_head(self, features: FeatureShape, clip: ClipShape) -> nn.Module:
        return nn.Sequential(nn.Linear(features.dim, self.hidden), nn.ReLU(inplace=True), nn.Linear(self.hidden, self.out))

    def loss(self, head: nn.Module, features: Tensor, target: Tensor, slow: SlowView | None = None) -> dict[str, Tensor]:
        return info_nce(head(features), self.temperature)

    def judge(self, averages: Mapping[str, float]) -> Judgement:
        accuracy, chance = averages["accuracy"], averages["chance"]
        words = f"same-picture accuracy {accuracy:.2f} (chance {chance:.3f}; no answer is commonest)"
        return Judgement(score=(accuracy - chance) / (1 - chance), words=words)

    def describe(self, target: NDArray[np.generic]) -> str:
        num_shapes = int(target)
        shapes = "a texture alone" if not num_shapes else f"one with {num_shapes} shape{'s' if num_shapes > 1 else ''}"
        return f"which other clip of the batch is of the same picture (here {shapes})"


def held_by_hand(picture_HWC: Frames, num_frames: int, reach_px: int, rng: np.random.Generator) -> Frames:
    """The picture seen by a camera that wanders: uint8 (T, H - 2 reach, W - 2 reach, C). It goes from one random place to another
    in a straight line, whole pixels at a time.
    """
    height, width = (side - 2 * reach_px for side in picture_HWC.shape[:2])
    from_2, to_2 = rng.integers(0, 2 * reach_px + 1, (2, 2))
    frames = [
        picture_HWC[top : top + height, left : left + width]
        for top, left in np.rint(np.linspace(from_2, to_2, num_frames)).astype(int).tolist()
    ]
    return np.stack(frames)
