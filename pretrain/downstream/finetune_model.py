"""A backbone with a linear layer over its pooled features, all of which learns.

Shapes: B clips, T frames, S x S pixels, C labels.
"""

from contextlib import nullcontext

import torch
from torch import Tensor, nn

from pretrain.backbones import Backbone
from pretrain.config import Precision
from pretrain.pretrain_model import quicker_in_bf16


class FinetuneModel(nn.Module):
    """The head's weights are drawn from torch's global generator. precision: of the backbone alone; the head is float32."""

    def __init__(self, backbone: Backbone, num_labels: int, precision: Precision) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(backbone.feature_dim, num_labels)
        self._precision = precision

    def forward(self, clips_BTSS3: Tensor) -> Tensor:
        """uint8 (B, T, S, S, 3) -> logits float32 (B, C)."""
        device = clips_BTSS3.device.type
        bf16 = self._precision == "bf16" or (self._precision == "auto" and quicker_in_bf16(device))
        with torch.autocast(device, dtype=torch.bfloat16) if bf16 else nullcontext():
            map_BDTHW = self.backbone.forward_map(self.backbone.prepare(clips_BTSS3))
        logits_BC: Tensor = self.head(map_BDTHW.float().mean(dim=(2, 3, 4)))
        return logits_BC

    def video_logits(self, clips_KTSS3: Tensor) -> Tensor:
        """The mean over a video's clips of their logits (not of their probabilities), float32 (C,), in eval mode, without
        gradients; the model is left in the mode in which it was.
        """
        was_training = self.training
        self.eval()
        with torch.no_grad():
            logits_C: Tensor = self(clips_KTSS3).mean(dim=0)
        self.train(was_training)
        return logits_C
