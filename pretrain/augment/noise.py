"""Noise of every pixel on its own.

Shapes: N clips, T frames, H x W pixels, C colours.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from pretrain.augment.apply import change_some, chosen, uniform


@dataclass(frozen=True, kw_only=True)
class PixelNoise:
    """Gaussian noise, the same in all frames of a clip, kept within [0, 1].

    share: how often. sigmas: range of its standard deviation, as shares of the brightness from black to white.
    """

    share: float
    sigmas: tuple[float, float] = (0.0, 0.05)

    def __post_init__(self) -> None:
        if not 0 <= self.sigmas[0] <= self.sigmas[1]:
            raise ValueError(f"sigmas must be a range from 0 up, such as (0, 0.05), got {self.sigmas}")

    def __call__(self, clips_NTHWC: Tensor, generator: torch.Generator) -> Tensor:
        num, _, height, width, colours = clips_NTHWC.shape
        applies_N = chosen(num, self.share, generator)
        sigma_N = uniform(num, *self.sigmas, generator)
        noise_NCHW = torch.randn(num, colours, height, width, generator=generator) * sigma_N[:, None, None, None]
        return change_some(clips_NTHWC, applies_N, _add, noise_NCHW)


def _add(planes_NTCHW: Tensor, noise_NCHW: Tensor) -> Tensor:
    return (planes_NTCHW + noise_NCHW[:, None]).clamp_(0, 1)
