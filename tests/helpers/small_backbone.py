"""A network that is exported in a second, with everything that a file must carry: convolutions with batch norm, one of them with
a bias, a shortcut, and a weight that its map does not need.
"""

from torch import Tensor, nn

from pretrain.backbones.base import Backbone

NUM_CONVS = 4


class SmallBackbone(Backbone):
    """(B, 3, T, H, W) -> map (B, 32, T/2, H/4, W/4)."""

    feature_dim = 32

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv3d(3, 16, (1, 5, 5), (1, 2, 2), (0, 2, 2), bias=False), nn.BatchNorm3d(16), nn.ReLU())
        self.first = nn.Sequential(nn.Conv3d(16, 16, 3, padding=1, bias=False), nn.BatchNorm3d(16), nn.ReLU())
        self.second = nn.Sequential(nn.Conv3d(16, 32, 3, 2, 1), nn.BatchNorm3d(32))
        self.shortcut = nn.Sequential(nn.Conv3d(16, 32, 1, 2, bias=False), nn.BatchNorm3d(32))
        self.idle = nn.Linear(2, 2)

    def forward_map(self, clips_B3THW: Tensor) -> Tensor:
        early = self.stem(clips_B3THW)
        summed: Tensor = self.shortcut(early) + self.second(self.first(early))
        return summed
