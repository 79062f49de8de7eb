"""BYOL: predict what the slow network makes of the other clip (Grill et al., NeurIPS 2020). No negatives, so no other examples.

Shapes: B examples here, 2 clips of each, P channels.
"""

import torch
from torch import Tensor
from torch.nn import functional

from pretrain.gather import total


def byol_loss(predicted_B2P: Tensor, slow_B2P: Tensor) -> Tensor:
    """Mean over the examples of 2 - 2 cosine (eq. 2) of each clip's prediction with the slow projection of the other clip, the two
    summed: 0 (as predicted) to 8; 4 when they have nothing in common. The slow side gets no gradient.
    """
    predicted = functional.normalize(predicted_B2P.float(), dim=2)
    other = functional.normalize(slow_B2P.detach().float(), dim=2).flip(1)
    return (2 - 2 * (predicted * other).sum(dim=2)).sum(dim=1).mean()


@torch.no_grad()
def cosine_with_others(predicted_B2P: Tensor, slow_B2P: Tensor) -> Tensor:
    """Mean cosine of the predictions with the slow projections of all other videos' clips, on all processes: 1 when all clips have
    become one, however well they are predicted. 0 where there is no other video.
    """
    predicted = functional.normalize(predicted_B2P.float(), dim=2)
    slow = functional.normalize(slow_B2P.float(), dim=2)
    sum_P, num = total(slow.sum(dim=(0, 1))), total(torch.tensor(slow.shape[0] * 2.0, device=slow.device))
    others_B1P = sum_P - slow.sum(dim=1, keepdim=True)
    return (predicted * others_B1P).sum(dim=2).mean() / (num - 2).clamp(min=1)
