"""S3D with the state-dict keys that torchvision's published weights have, and S3D-G with self-gating.

Xie et al., "Rethinking Spatiotemporal Feature Learning" (ECCV 2018): Inception with 3-D convolutions split into
1 x k x k and k x 1 x 1, batch norm and ReLU after each. S3D-G is the variant of Wang et al., "Self-supervised Video Representation
Learning by Pace Prediction" (ECCV 2020): a whole 3x7x7 stem, every branch gated, pools that round up.

Shapes: B clips, C channels, T x H x W places.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.backbones.base import BACKBONES, KINETICS_MEAN, KINETICS_STD, Backbone
from pretrain.backbones.conv import ONE, THREE, TWO, Conv, Triple

# Channels of each Inception block: branch 0; branches 1 and 2, each (reduced to, out); branch 3.
Branches = tuple[int, tuple[int, int], tuple[int, int], int]
BLOCKS_3: tuple[Branches, ...] = ((64, (96, 128), (16, 32), 32), (128, (128, 192), (32, 96), 64))
BLOCKS_4: tuple[Branches, ...] = (
    (192, (96, 208), (16, 48), 64),
    (160, (112, 224), (24, 64), 64),
    (128, (128, 256), (24, 64), 64),
    (112, (144, 288), (32, 64), 64),
    (256, (160, 320), (32, 128), 128),
)
BLOCKS_5: tuple[Branches, ...] = ((256, (160, 320), (32, 128), 128), (384, (192, 384), (48, 128), 128))

# Published weights were trained with this epsilon. Their batch-norm momentum of 0.001 is not taken over: from scratch, running
# statistics would still be near their start when a short training ends, and the network in eval mode another than the trained.
S3D_EPS = 1e-3


def conv_norm_relu(c_in: int, c_out: int, kernel: Triple = ONE, stride: Triple = ONE, *, eps: float) -> nn.Sequential:
    """A convolution, batch norm, ReLU."""
    return nn.Sequential(Conv(c_in, c_out, kernel, stride), nn.BatchNorm3d(c_out, eps=eps), nn.ReLU(inplace=True))


def separable(c_in: int, c_out: int, side: int, stride: int = 1, *, eps: float) -> nn.Sequential:
    """1 x side x side, then side x 1 x 1."""
    return nn.Sequential(
        conv_norm_relu(c_in, c_out, (1, side, side), (1, stride, stride), eps=eps),
        conv_norm_relu(c_out, c_out, (side, 1, 1), (stride, 1, 1), eps=eps),
    )


class SelfGate(nn.Module):
    """Each channel times a number from 0 to 1 that the mean of all channels over the clip decides."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weigh = nn.Linear(channels, channels)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        gates_BC = torch.sigmoid(self.weigh(x_BCTHW.mean(dim=(2, 3, 4))))
        return x_BCTHW * gates_BC[:, :, None, None, None]


class InceptionBlock(nn.Module):
    """Four branches side by side, their channels one after the other; `gated` puts a gate behind each."""

    def __init__(self, c_in: int, branches: Branches, *, gated: bool, eps: float) -> None:
        super().__init__()
        out0, (mid1, out1), (mid2, out2), out3 = branches
        self.branch0 = conv_norm_relu(c_in, out0, eps=eps)
        self.branch1 = nn.Sequential(conv_norm_relu(c_in, mid1, eps=eps), separable(mid1, out1, 3, eps=eps))
        self.branch2 = nn.Sequential(conv_norm_relu(c_in, mid2, eps=eps), separable(mid2, out2, 3, eps=eps))
        self.branch3 = nn.Sequential(nn.MaxPool3d(THREE, stride=1, padding=1), conv_norm_relu(c_in, out3, eps=eps))
        if gated:
            branches_and_channels = ((self.branch0, out0), (self.branch1, out1), (self.branch2, out2), (self.branch3, out3))
            for branch, channels in branches_and_channels:
                branch.append(SelfGate(channels))

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        return torch.cat([self.branch0(x_BCTHW), self.branch1(x_BCTHW), self.branch2(x_BCTHW), self.branch3(x_BCTHW)], dim=1)


class RoundUpMaxPool(nn.Module):
    """Max pool whose map is the input over the stride, rounded up, whatever the kernel: TensorFlow's "SAME", for maps >= 0."""

    def __init__(self, kernel: Triple, stride: Triple) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        sides: list[int] = []
        for kernel, stride, extent in reversed(list(zip(self.kernel, self.stride, x_BCTHW.shape[2:], strict=True))):
            missing = max(0, (-(-extent // stride) - 1) * stride + kernel - extent)
            sides += [missing // 2, missing - missing // 2]
        return functional.max_pool3d(functional.pad(x_BCTHW, sides), self.kernel, self.stride)


def inception_blocks(c_in: int, rows: tuple[Branches, ...], *, gated: bool, eps: float) -> Iterator[nn.Module]:
    """One block after the other."""
    for row in rows:
        yield InceptionBlock(c_in, row, gated=gated, eps=eps)
        out0, (_, out1), (_, out2), out3 = row
        c_in = out0 + out1 + out2 + out3


class S3D(Backbone):
    """(B, 3, T, H, W) -> map (B, 1024, T/8, H/32, W/32) for sizes that 8 and 32 divide.

    Its classifier averages windows of 2x7x7 places, which is our mean over all of them at the published 16 frames of 224 pixels.
    """

    pixel_mean = KINETICS_MEAN
    pixel_std = KINETICS_STD
    published_px = 224
    feature_dim = 1024

    def __init__(self) -> None:
        super().__init__()
        eps = S3D_EPS
        self.features = nn.Sequential(
            separable(3, 64, 7, 2, eps=eps),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), padding=(0, 1, 1)),
            conv_norm_relu(64, 64, eps=eps),
            separable(64, 192, 3, eps=eps),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), padding=(0, 1, 1)),
            *inception_blocks(192, BLOCKS_3, gated=False, eps=eps),
            nn.MaxPool3d(THREE, TWO, padding=1),
            *inception_blocks(480, BLOCKS_4, gated=False, eps=eps),
            nn.MaxPool3d(TWO, TWO),
            *inception_blocks(832, BLOCKS_5, gated=False, eps=eps),
        )

    def forward_map(self, clips_B3THW: Tensor) -> Tensor:
        # Pools could do with fewer frames, but not the stem: a CPU's gradients of its 7x1x1 kernel, see `Conv`.
        self.check_size(clips_B3THW, frames=8, px=17)
        map_BDTHW: Tensor = self.features(clips_B3THW)
        return map_BDTHW


class S3DG(Backbone):
    """(B, 3, T, H, W) -> map (B, 1024, T/8, H/32, W/32), each size rounded up. Published for 64 frames of 224 pixels."""

    feature_dim = 1024

    def __init__(self) -> None:
        super().__init__()
        eps = 1e-5
        self.features = nn.Sequential(
            conv_norm_relu(3, 64, (3, 7, 7), TWO, eps=eps),
            RoundUpMaxPool((1, 3, 3), (1, 2, 2)),
            conv_norm_relu(64, 64, eps=eps),
            separable(64, 192, 3, eps=eps),
            SelfGate(192),
            RoundUpMaxPool((1, 3, 3), (1, 2, 2)),
            *inception_blocks(192, BLOCKS_3, gated=True, eps=eps),
            RoundUpMaxPool(THREE, TWO),
            *inception_blocks(480, BLOCKS_4, gated=True, eps=eps),
            RoundUpMaxPool(TWO, TWO),
            *inception_blocks(832, BLOCKS_5, gated=True, eps=eps),
        )

    def forward_map(self, clips_B3THW: Tensor) -> Tensor:
        map_BDTHW: Tensor = self.features(clips_B3THW)
        return map_BDTHW


@BACKBONES.register("s3d")
def s3d() -> Backbone:
    """7.91 M parameters; 8,320,048 with torchvision's classifier of 400 classes."""
    return S3D()


@BACKBONES.register("s3d_g")
def s3d_g() -> Backbone:
    """9.13 M parameters, a good million of them in its gates."""
    return S3DG()
