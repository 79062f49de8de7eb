"""Random changes of the looks of clips, in batches, on whatever device they lie.

Each takes `clips_NTHWC`, float32 in [0, 1], and a generator that lives on the CPU, and gives a new tensor of the same layout. It
draws once for every entry of the first axis, whether it then needs the draws or not, and does the same to all frames of
that entry: what stands still goes on standing still (but for `OneChannel`). To change every frame on its own, give frames as
clips of one frame.

Draws are made on the CPU and moved, so that every device draws the same.
"""

from pretrain.augment.blur import GaussianBlur
from pretrain.augment.colours import MILD_JITTER, STRONG_JITTER, ColourJitter, Greyscale, OneChannel, Solarise
from pretrain.augment.geometry import HorizontalFlip, RandomResizedCrop, Tilt
from pretrain.augment.noise import PixelNoise

__all__ = [
    "MILD_JITTER",
    "STRONG_JITTER",
    "ColourJitter",
    "GaussianBlur",
    "Greyscale",
    "HorizontalFlip",
    "OneChannel",
    "PixelNoise",
    "RandomResizedCrop",
    "Solarise",
    "Tilt",
]
