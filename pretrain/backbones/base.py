"""The one contract of all backbones: clips in, a feature map or a pooled vector out, and how wide it is.

Shapes: B clips, 3 colours, T x H x W pixels in; D channels, T' x H' x W' places out.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from pretrain.registry import Registry

Colour = tuple[float, float, float]

# What torchvision's weights for Kinetics-400 were trained with.
KINETICS_MEAN: Colour = (0.43216, 0.394666, 0.37645)
KINETICS_STD: Colour = (0.22803, 0.22145, 0.216989)


class Backbone(nn.Module, ABC):
    """A network over clips. `feature_dim` (D) is the only fact about it that a head may ask.

    pixel_mean, pixel_std: what `prepare` subtracts and divides by, of red, green and blue in [0, 1]. By default mid grey
    becomes 0 and the usual spread of natural pictures about 1, the same for all colours, so that hue survives; networks
    for which weights are published take the numbers these were trained with.
    published_px: side of the square pictures in its publication; what imported weights are made an encoder for.
    encoder_frames: frames of the clips that an encoder of a run takes at least, for networks that can be trained on shorter ones.
    """

    pixel_mean: ClassVar[Colour] = (0.45, 0.45, 0.45)
    pixel_std: ClassVar[Colour] = (0.225, 0.225, 0.225)
    published_px: ClassVar[int] = 112
    encoder_frames: ClassVar[int] = 1
    pixel_shift: Tensor
    pixel_scale: Tensor
    feature_dim: int

    def __init__(self) -> None:
        super().__init__()
        # Not persistent: they are constants of the class, and state dicts shall have the published keys.
        self.register_buffer("pixel_shift", 255 * torch.tensor(self.pixel_mean), persistent=False)
        self.register_buffer("pixel_scale", 1 / (255 * torch.tensor(self.pixel_std)), persistent=False)

    def prepare(self, clips_BTHW3: Tensor) -> Tensor:
        """RGB clips (B, T, H, W, 3), uint8 or float in 0..255 -> float32 (B, 3, T, H, W), scaled for this network.

        Training and export both go through here, so that they cannot differ. The result is a view in channels-last order: no
        copy is made beyond the conversion to float.
        """
        return ((clips_BTHW3.to(torch.float32) - self.pixel_shift) * self.pixel_scale).permute(0, 4, 1, 2, 3)

    @abstractmethod
    def forward_map(self, clips_B3THW: Tensor) -> Tensor:
        """Last feature map: float32 (B, 3, T, H, W) from `prepare` -> float32 (B, D, T', H', W')."""

    def check_size(self, clips_B3THW: Tensor, *, frames: int, px: int) -> None:
        """For networks whose pools leave nothing of smaller clips. Raises ValueError below that many frames, or pixels a side."""
        _, _, t, *sides = clips_B3THW.shape
        if t < frames or min(sides) < px:
            size = "x".join(map(str, clips_B3THW.shape[2:]))
            raise ValueError(f"{type(self).__name__} needs clips of {frames} frames and {px} pixels a side at least, got {size}")

    def forward(self, clips_B3THW: Tensor) -> Tensor:
        """Features averaged over time and space: float32 (B, 3, T, H, W) -> float32 (B, D)."""
        return self.forward_map(clips_B3THW).mean(dim=(2, 3, 4))


BACKBONES: Registry[Callable[[], Backbone]] = Registry("backbone")
