"""Changes of place: crops, mirror images and tilts.

Shapes: N clips, T frames, H x W pixels, C colours, A attempts.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pretrain.augment.apply import change_some, chosen, from_planes, pieces, uniform

_ATTEMPTS = 100


@dataclass(frozen=True, kw_only=True)
class HorizontalFlip:
    """Left and right exchanged. share: how often."""

    share: float

    def __call__(self, clips_NTHWC: Tensor, generator: torch.Generator) -> Tensor:
        return change_some(clips_NTHWC, chosen(len(clips_NTHWC), self.share, generator), lambda planes: planes.flip(-1))


@dataclass(frozen=True, kw_only=True)
class Tilt:
    """Turned about the middle by up to `degrees` either way, with linear interpolation; what comes in from outside is black."""

    degrees: float

    def __call__(self, clips_NTHWC: Tensor, generator: torch.Generator) -> Tensor:
        num = len(clips_NTHWC)
        angles_N = uniform(num, -self.degrees, self.degrees, generator) * (math.pi / 180)
        return change_some(clips_NTHWC, torch.full((num,), self.degrees > 0), _tilted, angles_N)


@dataclass(frozen=True, kw_only=True)
class RandomResizedCrop:
    """One box for all frames of a clip, resized to a square.

    areas: range of the box's share of the frame; aspects: of its width over its height, drawn evenly on a logarithmic
    scale. Both are drawn until the box fits into the frame, so large and long boxes are rarer than small ones. Boxes may end
    between pixels; interpolation is linear, and where it shrinks, over as many pixels as go into one (no aliasing).
    """

    areas: tuple[float, float] = (0.3, 1.0)
    aspects: tuple[float, float] = (0.5, 2.0)

    def __post_init__(self) -> None:
        if not 0 < self.areas[0] <= self.areas[1] <= 1:
            raise ValueError(f"areas must be a range within 0 to 1, such as (0.3, 1.0), got {self.areas}")
        if not 0 < self.aspects[0] <= self.aspects[1]:
            raise ValueError(f"aspects must be a range above 0, such as (0.5, 2.0), got {self.aspects}")

    def __call__(self, clips_NTHWC: Tensor, size_px: int, generator: torch.Generator) -> Tensor:
        """(N, T, size_px, size_px, C) float32 in [0, 1]. clips_NTHWC may also be uint8, in 0..255."""
        height, width = clips_NTHWC.shape[2:4]
        top_N, left_N, tall_N, wide_N = self.boxes(len(clips_NTHWC), height, width, generator)
        rows = _resampling(top_N, tall_N, height, size_px)
        columns = _resampling(left_N, wide_N, width, size_px)
        if clips_NTHWC.dtype == torch.uint8:
            rows = rows / 255
        return _resample(clips_NTHWC, rows, columns)

    def boxes(self, num: int, height: int, width: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Top, left, height and width of a box in each of `num` frames, float32 (num,) in pixels."""
        areas_NA = uniform(num * _ATTEMPTS, *self.areas, generator).view(num, _ATTEMPTS) * (height * width)
        low, high = torch.tensor(self.aspects).log().tolist()
        aspects_NA = uniform(num * _ATTEMPTS, low, high, generator).view(num, _ATTEMPTS).exp()
        tall_NA, wide_NA = (areas_NA / aspects_NA).sqrt(), (areas_NA * aspects_NA).sqrt()
        fits_NA = (tall_NA <= height) & (wide_NA <= width)
        first_N1 = fits_NA.int().argmax(dim=1, keepdim=True)
        # Where nothing fitted, the first attempt, cut to the frame.
        tall_N = tall_NA.gather(1, first_N1).flatten().clamp(max=height)
        wide_N = wide_NA.gather(1, first_N1).flatten().clamp(max=width)
        top_N = torch.rand(num, generator=generator) * (height - tall_N)
        left_N = torch.rand(num, generator=generator) * (width - wide_N)
        return top_N, left_N, tall_N, wide_N


def _tilted(planes_NTCHW: Tensor, angle_N: Tensor) -> Tensor:
    """Anticlockwise; angle_N in radians."""
    num, _, colours, height, width = planes_NTCHW.shape
    cosine_N, sine_N, zero_N = angle_N.cos(), angle_N.sin(), torch.zeros_like(angle_N)
    # Where each pixel comes from, in halves of the sides.
    rows = [cosine_N, -sine_N * height / width, zero_N, sine_N * width / height, cosine_N, zero_N]
    grid_NHW2 = functional.affine_grid(torch.stack(rows, dim=1).view(num, 2, 3), [num, colours, height, width], align_corners=False)
    # The frames of a clip as channels: all are turned alike, to the last bit.
    turned = functional.grid_sample(planes_NTCHW.flatten(1, 2), grid_NHW2, align_corners=False)
    return turned.clamp(0, 1).view_as(planes_NTCHW)


def _resampling(start_N: Tensor, length_N: Tensor, size_in: int, size_out: int) -> Tensor:
    """Matrices (N, size_out, size_in) that resize the span from `start` over `length` to size_out."""
    step_N = length_N / size_out
    centres_NO = start_N[:, None] + (torch.arange(size_out) + 0.5) * step_N[:, None]
    away_NOI = (torch.arange(size_in) + 0.5 - centres_NO[..., None]).abs()
    weights_NOI = (1 - away_NOI / step_N.clamp(min=1)[:, None, None]).clamp(min=0)
    return weights_NOI / weights_NOI.sum(dim=2, keepdim=True)


def _resample(clips_NTHWC: Tensor, rows_NOH: Tensor, columns_NOW: Tensor) -> Tensor:
    """Every frame of clip n, as planes: rows[n] @ frame @ columns[n] transposed."""
    num, num_frames, _, width, colours = clips_NTHWC.shape
    size_px = rows_NOH.shape[1]
    device = clips_NTHWC.device
    planes_NTCOO = torch.empty(num, num_frames, colours, size_px, size_px, device=device)
    rows_N1OH, columns_N11WO = rows_NOH[:, None].to(device), columns_NOW.mT[:, None, None].to(device)
    for some in pieces(torch.arange(num), clips_NTHWC):
        part = slice(int(some[0]), int(some[-1]) + 1)
        # Rows first: colours are still interleaved then, and need not be taken apart at the larger size.
        shrunk = rows_N1OH[part] @ clips_NTHWC[part].flatten(3).float()
        planes = shrunk.view(*shrunk.shape[:3], width, colours).movedim(-1, 2).contiguous()
        planes_NTCOO[part] = (planes @ columns_N11WO[part]).clamp_(0, 1)
    return from_planes(planes_NTCOO)
