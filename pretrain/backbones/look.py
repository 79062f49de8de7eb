"""Look: a small network over single pictures, for what a clip looks like and not for how it moves. Our own.

A residual network after He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016), with one block per stage. A few
frames of the clip, evenly spread, go through it one by one; a place changes little within seconds, so more of them cost time and
add nothing. 1.23 M parameters.

Shapes: B clips, C channels, T frames, F of them looked at, H x W pixels.
"""

import torch
from torch import Tensor, nn

from pretrain.backbones.base import BACKBONES, Backbone
from pretrain.backbones.conv import fits_into

FRAMES_SEEN = 4
MOST_PX = 64


class FrameConv(nn.Conv2d):
    """`nn.Conv2d` without bias that keeps the size of a map, and right in bfloat16 on a CPU, as `conv.Conv` is over clips."""

    def __init__(self, c_in: int, c_out: int, side: int, stride: int = 1) -> None:
        super().__init__(c_in, c_out, side, stride=stride, padding=side // 2, bias=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        may_be_wrong = x_BCHW.device.type == "cpu" and torch.is_autocast_enabled("cpu")
        if may_be_wrong and not fits_into(x_BCHW.shape[2:], self.kernel_size, self.stride):
            with torch.autocast("cpu", enabled=False):
                return super().forward(x_BCHW.float())
        return super().forward(x_BCHW)


class FrameBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut; `stride` is the first one's."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            FrameConv(c_in, c_out, 3, stride),
            nn.BatchNorm2d(c_out),
            nn.ReLU(inplace=True),
            FrameConv(c_out, c_out, 3),
            nn.BatchNorm2d(c_out),
        )
        self.shortcut: nn.Module = nn.Identity()
        if c_in != c_out or stride != 1:
            self.shortcut = nn.Sequential(FrameConv(c_in, c_out, 1, stride), nn.BatchNorm2d(c_out))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        summed: Tensor = self.relu(self.residual(x_BCHW) + self.shortcut(x_BCHW))
        return summed


class LookNet(Backbone):
    """(B, 3, T, H, W) -> map (B, 256, min(T, 4), H/16, W/16), each side rounded up, of pictures brought down to 64 pixels.

    Sides of more than 64 pixels are averaged down to 64; smaller ones stay as they are.
    """

    published_px = MOST_PX
    encoder_frames = 16
    feature_dim = 256

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(FrameConv(3, 32, 5, 2), nn.BatchNorm2d(32), nn.ReLU(inplace=True))
        self.stages = nn.Sequential(FrameBlock(32, 32, 1), FrameBlock(32, 64, 2), FrameBlock(64, 128, 2), FrameBlock(128, 256, 2))

    def prepare(self, clips_BTHW3: Tensor) -> Tensor:
        """As every backbone does, of those frames alone that are looked at: float32 (B, 3, F, H, W)."""
        return super().prepare(_seen(clips_BTHW3, axis=1))

    def forward_map(self, clips_B3THW: Tensor) -> Tensor:
        frames_B3FHW = _seen(clips_B3THW, axis=2)
        num_clips, _, num_frames, _, _ = frames_B3FHW.shape
        pictures_P3HW = _brought_down(frames_B3FHW.transpose(1, 2).flatten(0, 1))
        maps_PDHW: Tensor = self.stages(self.stem(pictures_P3HW))
        return maps_PDHW.view(num_clips, num_frames, *maps_PDHW.shape[1:]).transpose(1, 2)


def places_seen(num_frames: int) -> list[int]:
    """Which frames of a clip are looked at: the middles of four equal parts, or all of fewer than four."""
    seen = min(num_frames, FRAMES_SEEN)
    return [(2 * part + 1) * num_frames // (2 * seen) for part in range(seen)]


def _seen(clips: Tensor, *, axis: int) -> Tensor:
    num_frames = clips.shape[axis]
    if num_frames <= FRAMES_SEEN:
        return clips
    return clips.index_select(axis, torch.tensor(places_seen(num_frames), device=clips.device))


def _brought_down(pictures_P3HW: Tensor) -> Tensor:
    """Sides of at most 64 pixels; each new pixel is the mean of those that it covers, by their share in it."""
    height, width = pictures_P3HW.shape[2:]
    if height > MOST_PX:
        pictures_P3HW = _shares(height, MOST_PX).to(pictures_P3HW) @ pictures_P3HW
    if width > MOST_PX:
        pictures_P3HW = pictures_P3HW @ _shares(width, MOST_PX).to(pictures_P3HW).mT
    return pictures_P3HW


def _shares(size_in: int, size_out: int) -> Tensor:
    """float32 (size_out, size_in): how much each pixel counts in each new one. As matrices, for ONNX has no adaptive pooling."""
    edges = torch.linspace(0, size_in, size_out + 1)
    pixels = torch.arange(size_in)
    overlap = torch.minimum(edges[1:, None], pixels + 1) - torch.maximum(edges[:-1, None], pixels)
    return overlap.clamp(min=0) * (size_out / size_in)


@BACKBONES.register("look")
def look() -> Backbone:
    """256 features of what a clip looks like."""
    return LookNet()
