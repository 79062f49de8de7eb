"""The one contract of all backbones: clips in, a feature map or a pooled vector out, and how wide it is.

Shapes: B clips, 3 colours, T x H x W pixels in; D channels, T' x H' x W' places out.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from pretrain.registry import Registry

# Mid grey becomes 0 and the usual spread of natural pictures about 1; the same for all colours, so that hue survives.
PIXEL_MEAN = 0.45
PIXEL_STD = 0.225


class Backbone(nn.Module, ABC):
    """A network over clips. `feature_dim` (D) is the only fact about it that a head may ask."""

    feature_dim: int

    @abstractmethod
    def forward_map(self, clips_B3THW: Tensor) -> Tensor:
        """Last feature map: float32 (B, 3, T, H, W) from `to_network_input` -> float32 (B, D, T', H', W')."""

    def forward(self, clips_B3THW: Tensor) -> Tensor:
        """Features averaged over time and space: float32 (B, 3, T, H, W) -> float32 (B, D)."""
        return self.forward_map(clips_B3THW).mean(dim=(2, 3, 4))


BACKBONES: Registry[Callable[[], Backbone]] = Registry("backbone")


def to_network_input(clips_BTHW3: Tensor) -> Tensor:
    """uint8 RGB clips (B, T, H, W, 3) -> float32 (B, 3, T, H, W), scaled.

    Training and export both go through here, so that they cannot differ. The result is a view in channels-last order: no
    copy is made beyond the conversion to float.
    """
    return ((clips_BTHW3.to(torch.float32) - 255 * PIXEL_MEAN) * (1 / (255 * PIXEL_STD))).permute(0, 4, 1, 2, 3)
