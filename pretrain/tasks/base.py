"""What a pretext task is: a frozen dataclass whose fields are its knobs, and which says what an example, a head and a loss are.

The training loop knows tasks only through this file. A task either cuts its examples from frames of any footage
(`FrameTask`) or draws them itself, because it needs a truth that only drawn footage has (`DrawnTask`).

Shapes: B examples, K clips of each, T frames, H x W pixels, C = 3 colours, D channels, T' x H' x W' places of a feature map.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from pretrain.registry import Registry

Frames = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class ClipShape:
    """Size of every clip that the network sees: frames, and pixels of a side."""

    num_frames: int = 16
    size_px: int = 64


@dataclass(frozen=True, kw_only=True)
class FeatureShape:
    """What a backbone gives for one clip: D channels and the (T', H', W') places of its map."""

    dim: int
    places: tuple[int, int, int]


@dataclass(frozen=True)
class Example:
    """One training example. clips: uint8 (K, T, H, W, 3) RGB. target: what `loss` compares with, any shape and dtype."""

    clips_KTHWC: Frames
    target: NDArray[np.generic]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """How well a task is being solved. score: 0 is what blind guessing gets, 1 is perfect. words: the same for people."""

    score: float
    words: str


class PretextTask(ABC):
    """Base of all tasks."""

    features: ClassVar[Literal["pooled", "map"]] = "pooled"
    """What `loss` is given: `pooled`, averaged over the map, (B, K, D); `map`, all of it, (B, K, D, T', H', W')."""

    @abstractmethod
    def build_head(self, features: FeatureShape, clip: ClipShape) -> nn.Module:
        """The layers above the backbone, thrown away after training."""

    @abstractmethod
    def loss(self, head: nn.Module, features: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Scalars of one batch: `loss`, to be minimised, and whatever else deserves a curve. features: float32, see `features`."""

    @abstractmethod
    def judge(self, averages: Mapping[str, float]) -> Judgement:
        """What the averages of `loss`'s scalars over many batches say, beside what chance would get."""


class FrameTask(PretextTask):
    """A task whose examples are cut from any footage."""

    @abstractmethod
    def frames_needed(self, clip: ClipShape) -> int:
        """How many consecutive source frames an example can use. Shorter videos come too: `make_example` decides what to do."""

    @abstractmethod
    def make_example(self, frames_NHWC: Frames, clip: ClipShape, rng: np.random.Generator) -> Example:
        """An example from uint8 (N, H, W, 3), N >= 1, H and W at least `clip.size_px`. Same frames, same generator
        state, same example.
        """


class DrawnTask(PretextTask):
    """A task that draws its examples, and so knows the truth about them."""

    @abstractmethod
    def make_example(self, clip: ClipShape, rng: np.random.Generator) -> Example:
        """A new example. Same generator state, same example."""


TASKS: Registry[type[PretextTask]] = Registry("task")
