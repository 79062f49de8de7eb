"""A network as a training run has it before its first step: the floor that a training has to beat."""

from typing import get_args

import torch

from pretrain.backbones import Backbone, build_backbone
from pretrain.config import Start
from pretrain.motion_start import start_with_motion


def untrained_backbone(name: str, seed: int, *, start: Start = "motion") -> Backbone:
    """The network of that registry name, in training mode. start: how its weights are drawn, as in `TrainConfig`.

    torch's global generator is left as it was. Raises ValueError for another start, UnknownName.
    """
    if start not in get_args(Start):
        raise ValueError(f"start is {start!r}; it must be one of {', '.join(get_args(Start))}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        backbone = build_backbone(name)
        if start == "motion":
            start_with_motion(backbone)
    return backbone
