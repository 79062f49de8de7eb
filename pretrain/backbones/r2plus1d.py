"""R(2+1)D with one block per stage, the small network of the pretext-task papers' tables, at three widths.

After Tran et al., "A Closer Look at Spatiotemporal Convolutions" (CVPR 2018), in the variant of Xu et al., "Self-supervised
Spatiotemporal Learning via Video Clip Order Prediction" (CVPR 2019): four stages of a single basic block; the middle width of a
factorised convolution is worked out for each convolution; the 1x1x1 shortcut is factorised too. 14.37 M parameters at full width.
Not torchvision's `r2plus1d_18`, which has two blocks per stage and other middle widths.

Shapes: B clips, C channels, T x H x W pixels.
"""

import torch
from torch import Tensor, nn

from pretrain.backbones.base import BACKBONES, Backbone

SAFE_BF16_FRAMES = 4  # blocks that see this many time steps or fewer compute in fp32 on a CPU


class FactorisedConv(nn.Module):
    """A k_t x k x k convolution as 1 x k x k, batch norm, ReLU, k_t x 1 x 1, with about as many parameters as the whole one."""

    def __init__(self, c_in: int, c_out: int, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1)) -> None:
        """kernel, stride: (in time, in space)."""
        super().__init__()
        (k_t, k_s), (stride_t, stride_s) = kernel, stride
        c_mid = (k_t * k_s * k_s * c_in * c_out) // (k_s * k_s * c_in + k_t * c_out)
        self.spatial = nn.Conv3d(
            c_in, c_mid, (1, k_s, k_s), stride=(1, stride_s, stride_s), padding=(0, k_s // 2, k_s // 2), bias=False
        )
        self.norm = nn.BatchNorm3d(c_mid)
        self.relu = nn.ReLU(inplace=True)
        self.temporal = nn.Conv3d(c_mid, c_out, (k_t, 1, 1), stride=(stride_t, 1, 1), padding=(k_t // 2, 0, 0), bias=False)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        mixed: Tensor = self.temporal(self.relu(self.norm(self.spatial(x_BCTHW))))
        return mixed


class Block(nn.Module):
    """Two factorised 3x3x3 convolutions and a shortcut; with `halve`, time and space are halved by the first."""

    def __init__(self, c_in: int, c_out: int, *, halve: bool) -> None:
        super().__init__()
        stride = (2, 2) if halve else (1, 1)
        self.conv1 = FactorisedConv(c_in, c_out, (3, 3), stride)
        self.norm1 = nn.BatchNorm3d(c_out)
        self.conv2 = FactorisedConv(c_out, c_out, (3, 3))
        self.norm2 = nn.BatchNorm3d(c_out)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut: nn.Module = nn.Identity()
        if halve:
            self.shortcut = nn.Sequential(FactorisedConv(c_in, c_out, (1, 1), stride), nn.BatchNorm3d(c_out))

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        # A CPU's bfloat16 gradients of a 3x1x1 kernel are wrong, often infinite, where there are two time steps (PyTorch 2.13).
        if x_BCTHW.device.type == "cpu" and x_BCTHW.shape[2] <= SAFE_BF16_FRAMES and torch.is_autocast_enabled("cpu"):
            with torch.autocast("cpu", enabled=False):
                return self._forward(x_BCTHW.float())
        return self._forward(x_BCTHW)

    def _forward(self, x_BCTHW: Tensor) -> Tensor:
        residual = self.relu(self.norm1(self.conv1(x_BCTHW)))
        residual = self.norm2(self.conv2(residual))
        summed: Tensor = self.relu(self.shortcut(x_BCTHW) + residual)
        return summed


class R2Plus1D(Backbone):
    """(B, 3, T, H, W) -> map (B, widths[3], T/8, H/16, W/16), each size rounded up."""

    def __init__(self, widths: tuple[int, int, int, int] = (64, 128, 256, 512)) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.feature_dim = fourth
        self.stem = nn.Sequential(FactorisedConv(3, first, (3, 7), (1, 2)), nn.BatchNorm3d(first), nn.ReLU(inplace=True))
        self.stages = nn.Sequential(
            Block(first, first, halve=False),
            Block(first, second, halve=True),
            Block(second, third, halve=True),
            Block(third, fourth, halve=True),
        )

    def forward_map(self, clips_B3THW: Tensor) -> Tensor:
        map_BDTHW: Tensor = self.stages(self.stem(clips_B3THW))
        return map_BDTHW


@BACKBONES.register("r2plus1d")
def r2plus1d() -> Backbone:
    """Full width: 512 features."""
    return R2Plus1D()


@BACKBONES.register("r2plus1d_half")
def r2plus1d_half() -> Backbone:
    """Half width: 256 features."""
    return R2Plus1D((32, 64, 128, 256))


@BACKBONES.register("r2plus1d_quarter")
def r2plus1d_quarter() -> Backbone:
    """Quarter width: 128 features."""
    return R2Plus1D((16, 32, 64, 128))
