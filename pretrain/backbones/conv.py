"""The convolutions that every backbone is made of.

Shapes: B clips, C channels, T x H x W places. Kernels and strides are (time, height, width).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

Triple = tuple[int, int, int]
ONE: Triple = (1, 1, 1)
TWO: Triple = (2, 2, 2)
THREE: Triple = (3, 3, 3)

ConvMaker = Callable[[int, int, Triple, Triple], nn.Module]  # channels in, channels out, kernel, stride


class Conv(nn.Conv3d):
    """`nn.Conv3d` with the padding that keeps the size of a map under an odd kernel, and right in bfloat16 on a CPU too.

    Where no position of a kernel lies wholly inside the map, a CPU's bfloat16 convolution (PyTorch 2.13 with oneDNN) reads memory
    that nobody wrote, or writes past its own: outputs or weight gradients are infinite or wrong by their whole length, or the
    process dies. Which of these, and where, depends on the processor: a 3x1x1 kernel over two time steps without AMX, a strided 3x3
    kernel over a single row with it, a 7x1x1 kernel with stride 2 over three to seven time steps either way. Such maps are computed
    in float32; they are small.
    """

    def __init__(self, c_in: int, c_out: int, kernel: Triple, stride: Triple = ONE, *, bias: bool = False) -> None:
        t, h, w = (side // 2 for side in kernel)
        super().__init__(c_in, c_out, kernel, stride=stride, padding=(t, h, w), bias=bias)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        may_be_wrong = x_BCTHW.device.type == "cpu" and torch.is_autocast_enabled("cpu")
        if may_be_wrong and not fits_into(x_BCTHW.shape[2:], self.kernel_size, self.stride):
            with torch.autocast("cpu", enabled=False):
                return super().forward(x_BCTHW.float())
        return super().forward(x_BCTHW)


def fits_into(places: Sequence[int], kernel: Sequence[int], stride: Sequence[int]) -> bool:
    """Whether, along each axis of a map of this size, some position of a kernel padded by half its side is free of padding."""
    for side, step, extent in zip(kernel, stride, places, strict=True):
        first = -(side // 2) % step  # where the first position starts that does not begin in the padding
        if first + side > extent:
            return False
    return True


def put_channels_last(network: nn.Module, device: torch.device) -> None:
    """Move it, in place, with the weights of its convolutions in channels-last order: 1.6 times as fast on a CPU, and what clips
    come as anyway. Of 2-D and 3-D convolutions alike, which torch's own `to` refuses where both are there, or 2-D ones alone.
    """
    network.to(device)
    for weight in network.parameters():
        if weight.ndim in _CHANNELS_LAST:
            weight.data = weight.data.contiguous(memory_format=_CHANNELS_LAST[weight.ndim])


_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


class FactorisedConv(nn.Module):
    """A t x k x k convolution as 1 x k x k, batch norm, ReLU, t x 1 x 1, with about as many parameters as the whole one."""

    def __init__(self, c_in: int, c_out: int, kernel: Triple, stride: Triple = ONE) -> None:
        super().__init__()
        t, h, w = kernel
        c_mid = (t * h * w * c_in * c_out) // (h * w * c_in + t * c_out)
        self.spatial = Conv(c_in, c_mid, (1, h, w), (1, *stride[1:]))
        self.norm = nn.BatchNorm3d(c_mid)
        self.relu = nn.ReLU(inplace=True)
        self.temporal = Conv(c_mid, c_out, (t, 1, 1), (stride[0], 1, 1))

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        mixed: Tensor = self.temporal(self.relu(self.norm(self.spatial(x_BCTHW))))
        return mixed
