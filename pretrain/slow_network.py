"""A second network that slowly follows the trained one: the momentum target of BYOL and its kin.

After Grill et al., "Bootstrap Your Own Latent" (NeurIPS 2020): its weights are an exponential moving average of the trained
ones and get no gradients. It starts as an exact copy.
"""

import copy

import torch
from torch import nn

from pretrain.backbones.base import Backbone


class SlowNetwork(nn.Module):
    """Averages of a backbone and of some heads, by name."""

    backbone: Backbone
    heads: nn.ModuleDict

    def __init__(self, backbone: Backbone, heads: dict[str, nn.Module], momentum: float) -> None:
        """momentum: share of the old average that a step keeps, in [0, 1)."""
        super().__init__()
        if not 0 <= momentum < 1:
            raise ValueError(f"the momentum of the slow network is {momentum}; it must be at least 0 and below 1, such as 0.996")
        self.backbone = copy.deepcopy(backbone)
        self.heads = nn.ModuleDict({name: copy.deepcopy(head) for name, head in heads.items()})
        self._momentum = momentum
        self.requires_grad_(False)

    @torch.no_grad()
    def follow(self, backbone: Backbone, heads: nn.ModuleDict) -> None:
        """One step towards the trained weights. Its batch-norm statistics are its own: it sees the batches itself."""
        pairs = [(self.backbone, backbone), *((self.heads[name], heads[name]) for name in self.heads)]
        for slow, quick in pairs:
            for old, new in zip(slow.parameters(), quick.parameters(), strict=True):
                old.lerp_(new.detach(), 1 - self._momentum)
