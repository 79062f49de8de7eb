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
