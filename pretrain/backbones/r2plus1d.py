"""R(2+1)D with one block per stage, the small network of the pretext-task papers' tables, at three widths.

After Tran et al., "A Closer Look at Spatiotemporal Convolutions" (CVPR 2018), built as `single_block.py` says. The middle width
of a factorised convolution is worked out for each convolution; the 1x1x1 shortcut is factorised too. 14.37 M parameters at full
width. Not torchvision's `r2plus1d_18`, which has two blocks per stage and other middle widths.
"""

from pretrain.backbones.base import BACKBONES, Backbone
from pretrain.backbones.conv import FactorisedConv
from pretrain.backbones.single_block import FULL, HALF, QUARTER, SingleBlockNet


@BACKBONES.register("r2plus1d")
def r2plus1d() -> Backbone:
    """Full width: 512 features."""
    return SingleBlockNet(FactorisedConv, FULL)


@BACKBONES.register("r2plus1d_half")
def r2plus1d_half() -> Backbone:
    """Half width: 256 features."""
    return SingleBlockNet(FactorisedConv, HALF)


@BACKBONES.register("r2plus1d_quarter")
def r2plus1d_quarter() -> Backbone:
    """Quarter width: 128 features."""
    return SingleBlockNet(FactorisedConv, QUARTER)
