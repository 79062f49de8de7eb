"""Changes of colours.

Shapes: N clips, T frames, H x W pixels, C = 3 colours (RGB), P = H * W pixels.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pretrain.augment.apply import change_some, chosen, uniform

_GREY_C = torch.tensor([0.299, 0.587, 0.114])
# Brightness and two axes of colour (YIQ): turning the plane of the two turns the hue and leaves the brightness alone.
_YIQ_CC = torch.tensor([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
_RGB_CC = torch.linalg.inv(_YIQ_CC)
_CONTRAST = 1  # its place among the four changes


@dataclass(frozen=True, kw_only=True)
class ColourJitter:
    """Brightness, contrast, saturation and hue, in random order, kept within [0, 1] after each.

    brightness, contrast, saturation: strength s of a factor drawn from max(0, 1 - s) to 1 + s; contrast is stretched about the mean
    grey of the whole clip. hue: turned by at most this share of the full circle either way, in the colour plane of
    YIQ (not of HSV: quicker, and grey levels stay what they are). share: how often anything happens to a clip.
    """

    brightness: float
    contrast: float
    saturation: float
    hue: float
    share: float

    def __call__(self, clips_NTHWC: Tensor, generator: torch.Generator) -> Tensor:
        num = len(clips_NTHWC)
        applies_N = chosen(num, self.share, generator)
        order_N4 = torch.rand(num, 4, generator=generator).argsort(dim=1)
        brightness_N, contrast_N, saturation_N = (
            uniform(num, max(0.0, 1 - strength), 1 + strength, generator)
            for strength in (self.brightness, self.contrast, self.saturation)
        )
        turn_N = uniform(num, -self.hue, self.hue, generator)
        matrices_N4CC = torch.stack([_scale(brightness_N), _scale(contrast_N), _saturate(saturation_N), _turn_hue(turn_N)], dim=1)
        matrices_N4CC = matrices_N4CC[torch.arange(num)[:, None], order_N4]
        grey_share_N4 = torch.where(order_N4 == _CONTRAST, 1 - contrast_N[:, None], 0.0)
        return change_some(clips_NTHWC, applies_N, _four_changes, matrices_N4CC, grey_share_N4)


STRONG_JITTER = ColourJitter(brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, share=0.8)
MILD_JITTER = ColourJitter(brightness=0.1, contrast=0.1, saturation=0.1, hue=0.02, share=0.8)
"""As in the released code of both pace and CVRL."""


@dataclass(frozen=True, kw_only=True)
class Greyscale:
    """Three equal channels of the brightness. share: how often."""

    share: float

    def __call__(self, clips_NTHWC: Tensor, generator: torch.Generator) -> Tensor:
        return change_some(clips_NTHWC, chosen(len(clips_NTHWC), self.share, generator), _grey)


@dataclass(frozen=True, kw_only=True)
class OneChannel:
    """Three times the red, the green or the blue, drawn anew for every frame: what stands still does not. share: how often."""

    share: float

    def __call__(self, clips_NTHWC: Tensor, generator: torch.Generator) -> Tensor:
        applies_N = chosen(len(clips_NTHWC), self.share, generator)
        channel_NT = torch.randint(3, clips_NTHWC.shape[:2], generator=generator)
        return change_some(clips_NTHWC, applies_N, _one_channel, channel_NT)


@dataclass(frozen=True, kw_only=True)
class Solarise:
    """Values from the threshold up are turned upside down (x becomes 1 - x). share: how often."""

    share: float
    threshold: float = 0.5

    def __call__(self, clips_NTHWC: Tensor, generator: torch.Generator) -> Tensor:
        return change_some(clips_NTHWC, chosen(len(clips_NTHWC), self.share, generator), self._solarise)

    def _solarise(self, planes_NTCHW: Tensor) -> Tensor:
        return torch.where(planes_NTCHW >= self.threshold, 1 - planes_NTCHW, planes_NTCHW)


def _four_changes(planes_NTCHW: Tensor, matrices_N4CC: Tensor, grey_share_N4: Tensor) -> Tensor:
    """Four times: colours times a matrix, plus a share of the clip's mean grey, kept within [0, 1]."""
    pixels_NTCP = planes_NTCHW.flatten(3)
    grey_C = _GREY_C.to(planes_NTCHW.device)
    for turn in range(4):
        mean_grey_N = pixels_NTCP.mean(dim=(1, 3)) @ grey_C
        offset_N = grey_share_N4[:, turn] * mean_grey_N
        pixels_NTCP = matrices_N4CC[:, turn, None] @ pixels_NTCP
        pixels_NTCP.add_(offset_N[:, None, None, None]).clamp_(0, 1)
    return pixels_NTCP.view_as(planes_NTCHW)


def _grey(planes_NTCHW: Tensor) -> Tensor:
    red, green, blue = torch.unbind(planes_NTCHW, dim=2)
    weights = _GREY_C.tolist()
    grey_NTHW: Tensor = weights[0] * red + weights[1] * green + weights[2] * blue
    return grey_NTHW[:, :, None].expand_as(planes_NTCHW)


def _one_channel(planes_NTCHW: Tensor, channel_NT: Tensor) -> Tensor:
    places = channel_NT[:, :, None, None, None].expand(-1, -1, 1, *planes_NTCHW.shape[3:])
    return planes_NTCHW.gather(2, places).expand_as(planes_NTCHW)


def _scale(factor_N: Tensor) -> Tensor:
    return torch.eye(3) * factor_N[:, None, None]


def _saturate(factor_N: Tensor) -> Tensor:
    """From grey towards and past the colours."""
    return _scale(factor_N) + (1 - factor_N)[:, None, None] * _GREY_C


def _turn_hue(turn_N: Tensor) -> Tensor:
    """turn_N: share of the circle."""
    cosine_N, sine_N = torch.cos(2 * math.pi * turn_N), torch.sin(2 * math.pi * turn_N)
    rotation_NCC = torch.eye(3).repeat(len(turn_N), 1, 1)
    rotation_NCC[:, 1, 1] = rotation_NCC[:, 2, 2] = cosine_N
    rotation_NCC[:, 1, 2], rotation_NCC[:, 2, 1] = -sine_N, sine_N
    turned_NCC: Tensor = _RGB_CC @ rotation_NCC @ _YIQ_CC
    return turned_NCC
