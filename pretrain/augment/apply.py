"""What all changes of looks share: draws, and doing something to those clips that it befalls.

Pictures are worked on as planes, one per colour: then every change is a product with a small matrix or an operation pixel by
pixel, many times as fast on a CPU as on interleaved colours. Every frame is multiplied on its own, by the same matrix as the
other frames of its clip, so equal frames stay equal to the last bit.

Shapes: N clips, T frames, C = 3 colours, H x W pixels.
"""

from collections.abc import Callable

import torch
from torch import Tensor

_CACHE_FLOATS = 2**18  # what a CPU core's cache holds beside the intermediate results


def uniform(num: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """float32 (num,) between low and high, on the CPU."""
    return torch.rand(num, generator=generator) * (high - low) + low


def chosen(num: int, share: float, generator: torch.Generator) -> Tensor:
    """bool (num,): true for this share of them on average, on the CPU."""
    return torch.rand(num, generator=generator) < share


def to_planes(clips_NTHWC: Tensor) -> Tensor:
    """(N, T, C, H, W), contiguous; a view if the clips came out of another change of looks."""
    return clips_NTHWC.movedim(-1, 2).contiguous()


def from_planes(planes_NTCHW: Tensor) -> Tensor:
    """(N, T, H, W, C), a view."""
    return planes_NTCHW.movedim(2, -1)


def change_some(clips_NTHWC: Tensor, applies_N: Tensor, change: Callable[..., Tensor], *draws_N: Tensor) -> Tensor:
    """A copy of the clips in which `change(planes_NTCHW, *draws)` has been done to those where `applies_N` is true.

    applies_N, draws_N: on the CPU. `change` gets its arguments on the device of the clips, some clips at a time.
    """
    planes_NTCHW = to_planes(clips_NTHWC).clone()
    device = planes_NTCHW.device
    for some in pieces(applies_N.nonzero().flatten(), planes_NTCHW):
        there = some.to(device)
        planes_NTCHW[there] = change(planes_NTCHW[there], *(draws[some].to(device) for draws in draws_N))
    return from_planes(planes_NTCHW)


def pieces(numbers: Tensor, clips: Tensor) -> tuple[Tensor, ...]:
    """Numbers of clips, a few at a time: on a CPU as many clips as its cache holds, on a GPU all at once."""
    if not len(numbers):
        return ()
    at_once = len(numbers) if clips.device.type != "cpu" else max(1, _CACHE_FLOATS // max(1, clips[0].numel()))
    return torch.split(numbers, at_once)
