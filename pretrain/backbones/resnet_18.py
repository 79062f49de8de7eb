"""R3D-18 and R(2+1)D-18 with the state-dict keys that torchvision's published weights have.

Tran et al., "A Closer Look at Spatiotemporal Convolutions" (CVPR 2018): two basic blocks per stage, a plain 1x1x1 shortcut. The
middle width of R(2+1)D is worked out once per block and used for both of its convolutions, and is 45 in the stem. The classifier
(`fc`) is not part of a backbone; `pretrain/weights_file.py` reads published files.

Shapes: B clips, C channels, T x H x W places.
"""

from collections.abc import Callable
from itertools import pairwise

from torch import Tensor, nn

from pretrain.backbones.base import BACKBONES, KINETICS_MEAN, KINETICS_STD, Backbone
from pretrain.backbones.conv import ONE, THREE, TWO, Conv, Triple

BlockConv = Callable[[int, int, int, Triple], nn.Module]  # channels in, in the middle, out, stride


def whole_conv(c_in: int, c_mid: int, c_out: int, stride: Triple) -> nn.Module:
    """3x3x3; it has no middle."""
    return Conv(c_in, c_out, THREE, stride)


def factorised_conv(c_in: int, c_mid: int, c_out: int, stride: Triple) -> nn.Module:
    """1x3x3, batch norm, ReLU, 3x1x1."""
    stride_t, *stride_hw = stride
    return nn.Sequential(
        Conv(c_in, c_mid, (1, 3, 3), (1, stride_hw[0], stride_hw[1])),
        nn.BatchNorm3d(c_mid),
        nn.ReLU(inplace=True),
        Conv(c_mid, c_out, (3, 1, 1), (stride_t, 1, 1)),
    )


class BasicBlock(nn.Module):
    """Two convolutions and a shortcut; `stride` is the first one's."""

    def __init__(self, conv: BlockConv, c_in: int, c_out: int, stride: Triple) -> None:
        super().__init__()
        c_mid = (c_in * c_out * 27) // (c_in * 9 + 3 * c_out)
        self.conv1 = nn.Sequential(conv(c_in, c_mid, c_out, stride), nn.BatchNorm3d(c_out), nn.ReLU(inplace=True))
        self.conv2 = nn.Sequential(conv(c_out, c_mid, c_out, ONE), nn.BatchNorm3d(c_out))
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != ONE:
            self.downsample = nn.Sequential(Conv(c_in, c_out, ONE, stride), nn.BatchNorm3d(c_out))

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        residual = self.conv2(self.conv1(x_BCTHW))
        shortcut = x_BCTHW if self.downsample is None else self.downsample(x_BCTHW)
        summed: Tensor = self.relu(shortcut + residual)
        return summed


class ResNet18(Backbone):
    """(B, 3, T, H, W) -> map (B, 512, T/8, H/16, W/16), each size rounded up."""

    pixel_mean = KINETICS_MEAN
    pixel_std = KINETICS_STD
    feature_dim = 512

    def __init__(self, stem: nn.Sequential, conv: BlockConv) -> None:
        super().__init__()
        self.stem = stem
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.Sequential(BasicBlock(conv, c_in, c_out, stride), BasicBlock(conv, c_out, c_out, ONE))
            for (c_in, c_out), stride in zip(pairwise((64, 64, 128, 256, 512)), (ONE, TWO, TWO, TWO), strict=True)
        )
        for module in self.modules():
            if isinstance(module, Conv):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward_map(self, clips_B3THW: Tensor) -> Tensor:
        map_BDTHW: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(self.stem(clips_B3THW)))))
        return map_BDTHW


@BACKBONES.register("r3d_18")
def r3d_18() -> Backbone:
    """33.17 M parameters; 33,371,472 with torchvision's classifier of 400 classes."""
    return ResNet18(nn.Sequential(Conv(3, 64, (3, 7, 7), (1, 2, 2)), nn.BatchNorm3d(64), nn.ReLU(inplace=True)), whole_conv)


@BACKBONES.register("r2plus1d_18")
def r2plus1d_18() -> Backbone:
    """31.30 M parameters; 31,505,325 with torchvision's classifier of 400 classes."""
    stem = nn.Sequential(
        Conv(3, 45, (1, 7, 7), (1, 2, 2)),
        nn.BatchNorm3d(45),
        nn.ReLU(inplace=True),
        Conv(45, 64, (3, 1, 1)),
        nn.BatchNorm3d(64),
        nn.ReLU(inplace=True),
    )
    return ResNet18(stem, factorised_conv)
