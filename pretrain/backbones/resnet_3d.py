"""R3D-50, R3D-101 and R3D-152, the bottleneck networks of CVRL.

Qian et al., "Spatiotemporal Contrastive Video Representation Learning" (CVPR 2021): a 5x7x7 stem that halves time and space, after
that no stage touches time; the first convolution of a block is 1x1x1 in the first two stages and 3x1x1, in every block, in the last
two. Padding is symmetric, where TensorFlow's is not; that matters only to weights trained there, which are not read here. Nor are
those of SlowFast's "Slow", whose stem is another one.

Shapes: B clips, C channels, T x H x W places.
"""

from itertools import pairwise

from torch import Tensor, nn

from pretrain.backbones.base import BACKBONES, Backbone
from pretrain.backbones.conv import ONE, Conv, Triple

_HALVE_SPACE: Triple = (1, 2, 2)


class Bottleneck(nn.Module):
    """Narrow, 1x3x3, widen, and a shortcut; the 1x3x3 convolution has the stride."""

    def __init__(self, c_in: int, c_out: int, frames: int, stride: Triple) -> None:
        """frames: how many the first kernel spans."""
        super().__init__()
        c_mid = c_out // 4
        self.residual = nn.Sequential(
            Conv(c_in, c_mid, (frames, 1, 1)),
            nn.BatchNorm3d(c_mid),
            nn.ReLU(inplace=True),
            Conv(c_mid, c_mid, (1, 3, 3), stride),
            nn.BatchNorm3d(c_mid),
            nn.ReLU(inplace=True),
            Conv(c_mid, c_out, ONE),
            nn.BatchNorm3d(c_out),
        )
        self.shortcut: nn.Module = nn.Identity()
        if c_in != c_out:
            self.shortcut = nn.Sequential(Conv(c_in, c_out, ONE, stride), nn.BatchNorm3d(c_out))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        summed: Tensor = self.relu(self.shortcut(x_BCTHW) + self.residual(x_BCTHW))
        return summed


class ResNet3D(Backbone):
    """(B, 3, T, H, W) -> map (B, 2048, T/2, H/32, W/32), each size rounded up."""

    feature_dim = 2048

    def __init__(self, blocks: tuple[int, int, int, int]) -> None:
        """blocks: how many each stage has."""
        super().__init__()
        self.stem = nn.Sequential(
            Conv(3, 64, (5, 7, 7), (2, 2, 2)),
            nn.BatchNorm3d(64),
            nn.ReLU(inplace=True),
            nn.MaxPool3d((1, 3, 3), _HALVE_SPACE, padding=(0, 1, 1)),
        )
        strides = (ONE, _HALVE_SPACE, _HALVE_SPACE, _HALVE_SPACE)
        stages = zip(blocks, pairwise((64, 256, 512, 1024, 2048)), (1, 1, 3, 3), strides, strict=True)
        self.stages = nn.Sequential(
            *(_stage(count, c_in, c_out, frames, stride) for count, (c_in, c_out), frames, stride in stages)
        )
        for module in self.modules():
            if isinstance(module, Conv):  # the published initialisation: a variance of one over the fan-in
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="linear")

    def forward_map(self, clips_B3THW: Tensor) -> Tensor:
        map_BDTHW: Tensor = self.stages(self.stem(clips_B3THW))
        return map_BDTHW


def _stage(count: int, c_in: int, c_out: int, frames: int, stride: Triple) -> nn.Sequential:
    first = Bottleneck(c_in, c_out, frames, stride)
    return nn.Sequential(first, *(Bottleneck(c_out, c_out, frames, ONE) for _ in range(count - 1)))


@BACKBONES.register("r3d_50")
def r3d_50() -> Backbone:
    """31.67 M parameters, 2048 features."""
    return ResNet3D((3, 4, 6, 3))


@BACKBONES.register("r3d_101")
def r3d_101() -> Backbone:
    """59.58 M parameters, 2048 features."""
    return ResNet3D((3, 4, 23, 3))


@BACKBONES.register("r3d_152")
def r3d_152() -> Backbone:
    """82.04 M parameters, 2048 features."""
    return ResNet3D((3, 8, 36, 3))
