"""Residual networks of one block per stage, the small ones of the pretext-task papers' tables.

In the variant of Xu et al., "Self-supervised Spatiotemporal Learning via Video Clip Order Prediction" (CVPR 2019): four stages of
a single basic block, the shortcut made of the same kind of convolution as the block. Tables often call them R3D-18 or R(2+1)D-18,
which have two blocks per stage and twice the parameters (`resnet_18.py`).

Shapes: B clips, C channels, T x H x W places.
"""

from torch import Tensor, nn

from pretrain.backbones.base import Backbone
from pretrain.backbones.conv import ONE, THREE, TWO, ConvMaker

Widths = tuple[int, int, int, int]
FULL: Widths = (64, 128, 256, 512)
HALF: Widths = (32, 64, 128, 256)
QUARTER: Widths = (16, 32, 64, 128)


class Block(nn.Module):
    """Two 3x3x3 convolutions and a shortcut; with `halve`, time and space are halved by the first."""

    def __init__(self, conv: ConvMaker, c_in: int, c_out: int, *, halve: bool) -> None:
        super().__init__()
        stride = TWO if halve else ONE
        self.conv1 = conv(c_in, c_out, THREE, stride)
        self.norm1 = nn.BatchNorm3d(c_out)
        self.conv2 = conv(c_out, c_out, THREE, ONE)
        self.norm2 = nn.BatchNorm3d(c_out)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut: nn.Module = nn.Identity()
        if halve:
            self.shortcut = nn.Sequential(conv(c_in, c_out, ONE, stride), nn.BatchNorm3d(c_out))

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        residual = self.relu(self.norm1(self.conv1(x_BCTHW)))
        residual = self.norm2(self.conv2(residual))
        summed: Tensor = self.relu(self.shortcut(x_BCTHW) + residual)
        return summed


class SingleBlockNet(Backbone):
    """(B, 3, T, H, W) -> map (B, widths[3], T/8, H/16, W/16), each size rounded up."""

    def __init__(self, conv: ConvMaker, widths: Widths) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.feature_dim = fourth
        self.stem = nn.Sequential(conv(3, first, (3, 7, 7), (1, 2, 2)), nn.BatchNorm3d(first), nn.ReLU(inplace=True))
        self.stages = nn.Sequential(
            Block(conv, first, first, halve=False),
            Block(conv, first, second, halve=True),
            Block(conv, second, third, halve=True),
            Block(conv, third, fourth, halve=True),
        )

    def forward_map(self, clips_B3THW: Tensor) -> Tensor:
        map_BDTHW: Tensor = self.stages(self.stem(clips_B3THW))
        return map_BDTHW
