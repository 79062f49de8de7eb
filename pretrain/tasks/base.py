"""What a pretext task is: a frozen dataclass whose fields are its knobs, and which says what an example, a head and a loss are.

The training loop knows tasks only through this file. A task either cuts its examples from frames of any footage
(`FrameTask`) or draws them itself, because it needs a truth that only drawn footage has (`DrawnTask`).

An example is made by a worker process in NumPy (`make_example`), changed in its looks in a batch on the training device
(`augment`), seen by the network, and judged (`loss`).

Shapes: B examples, K clips of each, T frames, H x W pixels, C = 3 colours, D channels, T' x H' x W' places of a feature map.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pretrain.frame_source import Frames, FrameSource
from pretrain.judgement import Judgement
from pretrain.registry import Registry


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
    """One training example. clips: uint8 (K, T, H, W, 3) RGB; H and W are the clip's, or larger where `augment` crops.

    target: what `loss` compares with, any shape and dtype.
    """

    clips_KTHWC: Frames
    target: NDArray[np.generic]


@dataclass(frozen=True, kw_only=True)
class SlowView:
    """What the slowly moving average of the network (also called momentum, target or teacher network) makes of the same clips,
    without gradients.

    head: the average of the task's head. features: as `loss` gets them of the network itself.
    """

    head: nn.Module
    features: Tensor


class PretextTask(ABC):
    """Base of all tasks."""

    features: ClassVar[Literal["pooled", "map"]] = "pooled"
    """What `loss` is given: `pooled`, averaged over the map, (B, K, D); `map`, all of it, (B, K, D, T', H', W')."""

    def augment(self, clips_BKTHWC: Tensor, clip: ClipShape, generator: torch.Generator) -> Tensor:
        """Change the looks of a batch on the device where it lies: uint8 (B, K, T, H0, W0, 3) -> uint8, or float32 in
        0..255, (B, K, T, H, W, 3) of the size `clip` says. By default nothing changes.

        generator: lives on the CPU; draw parameters with it there and move them, so that every device draws the same.
        """
        return clips_BKTHWC

    def slow_momentum(self) -> float | None:
        """How slowly a second, averaged network follows the trained one (share kept at each step, such as 0.996); it is
        kept only where a task asks for it. None, the default: not needed.
        """
        return None

    @abstractmethod
    def build_head(self, features: FeatureShape, clip: ClipShape) -> nn.Module:
        """The layers above the backbone, thrown away after training."""

    @abstractmethod
    def loss(self, head: nn.Module, features: Tensor, target: Tensor, slow: SlowView | None = None) -> dict[str, Tensor]:
        """Scalars of one batch: `loss`, to be minimised, and whatever else deserves a curve.

        features: float32, see `features`. slow: given when `slow_momentum` is not None. With several processes, each sees
        its share of the batch; what compares examples with one another goes through `pretrain.gather`.
        """

    @abstractmethod
    def judge(self, averages: Mapping[str, float]) -> Judgement:
        """What the averages of `loss`'s scalars over many batches say, beside what chance would get."""

    @abstractmethod
    def describe(self, target: NDArray[np.generic]) -> str:
        """What the network must answer for one example, in a few words, for pictures of examples."""


class FrameTask(PretextTask):
    """A task whose examples are cut from any footage."""

    margin: ClassVar[float] = 1.0
    """Source frames are to be at least this many times as large as a clip; `FootageConfig.margin` may ask for more. For tasks
    that cut small parts out of a frame, which would have to be enlarged."""

    @abstractmethod
    def frames_needed(self, clip: ClipShape) -> int:
        """How many consecutive source frames an example can use. Shorter videos come too: `make_example` decides what to do."""

    @abstractmethod
    def make_example(self, source: FrameSource, clip: ClipShape, rng: np.random.Generator) -> Example:
        """An example from a stretch of at least one frame, of at least `clip.size_px` pixels a side. Same source, same
        generator state, same example.
        """


class DrawnTask(PretextTask):
    """A task that draws its examples, and so knows the truth about them. draws: what a card calls them."""

    draws: ClassVar[str] = "drawn clips"

    @abstractmethod
    def make_example(self, clip: ClipShape, rng: np.random.Generator) -> Example:
        """A new example. Same generator state, same example."""


TASKS: Registry[type[PretextTask]] = Registry("task")

__all__ = [
    "TASKS",
    "ClipShape",
    "DrawnTask",
    "Example",
    "FeatureShape",
    "FrameSource",
    "FrameTask",
    "Frames",
    "Judgement",
    "PretextTask",
    "SlowView",
]
