"""Gaussian blur of every frame on its own.

Shapes: N clips, T frames, H x W pixels, C colours.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pretrain.augment.apply import change_some, chosen, uniform


@dataclass(frozen=True, kw_only=True)
class GaussianBlur:
    """Blur within frames, never across them.

    share: how often. sigmas: range of the standard deviation, as shares of the frame's side: 2 pixels of 224 are as much to
    see as half a pixel of 64. The kernel is a tenth of the side long, made odd. border: `cut`: pixels beyond the frame do
    not count; `dark`: they count as black, which darkens the border of blurred clips (so the released code of CVRL).
    """

    share: float
    sigmas: tuple[float, float] = (0.1 / 224, 2 / 224)
    border: Literal["cut", "dark"] = "cut"

    def __post_init__(self) -> None:
        if not 0 < self.sigmas[0] <= self.sigmas[1]:
            raise ValueError(f"sigmas must be a range above 0, such as (0.0005, 0.009), got {self.sigmas}")

    def __call__(self, clips_NTHWC: Tensor, generator: torch.Generator) -> Tensor:
        height, width = clips_NTHWC.shape[2:4]
        applies_N = chosen(len(clips_NTHWC), self.share, generator)
        sigma_N = uniform(len(clips_NTHWC), *self.sigmas, generator) * min(height, width)
        radius = min(height, width) // 20
        rows_NHH, columns_NWW = (self._matrices(sigma_N, radius, size_px) for size_px in (height, width))
        return change_some(clips_NTHWC, applies_N, _blur, rows_NHH, columns_NWW)

    def _matrices(self, sigma_N: Tensor, radius: int, size_px: int) -> Tensor:
        """(N, size_px, size_px), symmetric but for the border; row i holds the weights of the pixels that make pixel i."""
        kernel_NK = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma_N[:, None]) ** 2)
        kernel_NK = kernel_NK / kernel_NK.sum(dim=1, keepdim=True)
        away_PP = torch.arange(size_px) - torch.arange(size_px)[:, None]
        within_PP = away_PP.abs() <= radius
        weights_NPP = kernel_NK[:, away_PP.clamp(-radius, radius) + radius] * within_PP
        return weights_NPP if self.border == "dark" else weights_NPP / weights_NPP.sum(dim=2, keepdim=True)


def _blur(planes_NTCHW: Tensor, rows_NHH: Tensor, columns_NWW: Tensor) -> Tensor:
    return rows_NHH[:, None, None] @ planes_NTCHW @ columns_NWW.mT[:, None, None]
