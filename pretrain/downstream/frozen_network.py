"""A backbone as it is: no gradient, and no batch norm that learns from what it sees.

Shapes: M clips, T frames, H x W pixels, F features.
"""

from contextlib import nullcontext

import numpy as np
import torch
from numpy.typing import NDArray

from pretrain.backbones import Backbone
from pretrain.config import Precision
from pretrain.errors import TrainingStopped
from pretrain.frame_source import Frames
from pretrain.keep_memory import keep_memory
from pretrain.pretrain_model import quicker_in_bf16

_ON_GPU, _ON_CPU = 64, 8
"""Clips at once. A CPU is quicker the less it must keep at hand."""


class FrozenNetwork:
    """Pooled features of clips. The backbone is put in eval mode and on the device, and stays as it is otherwise."""

    def __init__(self, backbone: Backbone, device: torch.device, precision: Precision) -> None:
        """precision: `auto` computes the backbone in bfloat16 where that is quicker, as training does."""
        self._backbone = backbone.to(device).eval()
        self._device, self._at_once = device, _ON_CPU if device.type == "cpu" else _ON_GPU
        if device.type == "cpu":
            keep_memory()
        self._bf16 = precision == "bf16" or (precision == "auto" and quicker_in_bf16(device.type))

    def features(self, clips_MTHWC: Frames, words: str) -> NDArray[np.float32]:
        """uint8 (M, T, H, W, 3) -> float32 (M, F). words: what the clips are of, for the error.

        Raises TrainingStopped where a feature is not finite.
        """
        parts = [self._some(clips_MTHWC[first : first + self._at_once]) for first in range(0, len(clips_MTHWC), self._at_once)]
        features_MF = np.concatenate(parts)
        if not np.isfinite(features_MF).all():
            raise TrainingStopped(f"the network's features of {words} are not finite; its weights are broken, train it anew")
        return features_MF

    def _some(self, clips_MTHWC: Frames) -> NDArray[np.float32]:
        clips = torch.from_numpy(np.ascontiguousarray(clips_MTHWC)).to(self._device)
        with torch.no_grad(), torch.autocast(self._device.type, torch.bfloat16) if self._bf16 else nullcontext():
            map_MFTHW = self._backbone.forward_map(self._backbone.prepare(clips))
        features_MF: NDArray[np.float32] = map_MFTHW.float().mean(dim=(2, 3, 4)).cpu().numpy()
        return features_MF
