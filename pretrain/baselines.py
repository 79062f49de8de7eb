"""Encoders that learnt nothing, to compare with: what raw colours alone find."""

from torch import Tensor
from torch.nn import functional

from pretrain.backbones.base import Backbone


class RawColour(Backbone):
    """The clip itself, made smaller: (B, 3, T, H, W) -> map (B, 3, 1, 8, 8) of mean colours over all time."""

    feature_dim = 3

    def forward_map(self, clips_B3THW: Tensor) -> Tensor:
        height, width = clips_B3THW.shape[3:]
        return functional.avg_pool3d(clips_B3THW.mean(dim=2, keepdim=True), (1, height // 8, width // 8))


class ColourGrid(RawColour):
    """The same as features without places, for what averages a network's map: (B, 3, T, H, W) -> map (B, 48, 1, 1, 1), the mean
    colours of a grid of 4 x 4, as the packaged encoder `colour` gives them.
    """

    feature_dim = 48

    def forward_map(self, clips_B3THW: Tensor) -> Tensor:
        grid_B3144 = functional.adaptive_avg_pool3d(super().forward_map(clips_B3THW), (1, 4, 4))
        return grid_B3144.flatten(1)[:, :, None, None, None]
