"""R3D with one block per stage, the small network of the pretext-task papers' tables, at three widths.

After Tran et al., "A Closer Look at Spatiotemporal Convolutions" (CVPR 2018), built as `single_block.py` says: whole 3x3x3
convolutions without bias. 14.36 M parameters at full width. Not torchvision's `r3d_18`, which has two blocks per stage.
"""

from pretrain.backbones.base import BACKBONES, Backbone
from pretrain.backbones.conv import Conv
from pretrain.backbones.single_block import FULL, HALF, QUARTER, SingleBlockNet


@BACKBONES.register("r3d")
def r3d() -> Backbone:
    """Full width: 512 features."""
    return SingleBlockNet(Conv, FULL)


@BACKBONES.register("r3d_half")
def r3d_half() -> Backbone:
    """Half width: 256 features."""
    return SingleBlockNet(Conv, HALF)


@BACKBONES.register("r3d_quarter")
def r3d_quarter() -> Backbone:
    """Quarter width: 128 features."""
    return SingleBlockNet(Conv, QUARTER)
