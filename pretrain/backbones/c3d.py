"""C3D as the pretext-task papers use it, at three widths.

After Tran et al., "Learning Spatiotemporal Features with 3D Convolutional Networks" (ICCV 2015), in the variant of Xu et al.,
"Self-supervised Spatiotemporal Learning via Video Clip Order Prediction" (CVPR 2019): batch norm after every convolution (which
keeps its bias), and a global average instead of the two layers of 4096 units. 27.66 M parameters at full width.

Shapes: B clips, C channels, T x H x W places.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from pretrain.backbones.base import BACKBONES, Backbone
from pretrain.backbones.conv import ONE, THREE, TWO, Conv


class C3D(Backbone):
    """(B, 3, T, H, W) -> map (B, 8 * width, T/8, H/16, W/16), each size rounded down."""

    def __init__(self, width: int = 64) -> None:
        """width: channels of the first convolution."""
        super().__init__()
        self.feature_dim = 8 * width
        self.stages = nn.Sequential(
            nn.Sequential(*_convs(3, width), nn.MaxPool3d((1, 2, 2))),
            nn.Sequential(*_convs(width, 2 * width), nn.MaxPool3d(TWO)),
            nn.Sequential(*_convs(2 * width, 4 * width, 4 * width), nn.MaxPool3d(TWO)),
            nn.Sequential(*_convs(4 * width, 8 * width, 8 * width), nn.MaxPool3d(TWO)),
            nn.Sequential(*_convs(8 * width, 8 * width, 8 * width)),
        )

    def forward_map(self, clips_B3THW: Tensor) -> Tensor:
        self.check_size(clips_B3THW, frames=8, px=16)
        map_BDTHW: Tensor = self.stages(clips_B3THW)
        return map_BDTHW


def _convs(c_in: int, *c_outs: int) -> Iterator[nn.Module]:
    for c_out in c_outs:
        yield from (Conv(c_in, c_out, THREE, ONE, bias=True), nn.BatchNorm3d(c_out), nn.ReLU(inplace=True))
        c_in = c_out


@BACKBONES.register("c3d")
def c3d() -> Backbone:
    """Full width: 512 features."""
    return C3D()


@BACKBONES.register("c3d_half")
def c3d_half() -> Backbone:
    """Half width: 256 features."""
    return C3D(32)


@BACKBONES.register("c3d_quarter")
def c3d_quarter() -> Backbone:
    """Quarter width: 128 features."""
    return C3D(16)
