"""BYOL: foresee what the slow network makes of the other clip (Grill et al., NeurIPS 2020). No negatives, so no other examples.

Shapes: B examples, 2 clips of each, P channels.
"""

from torch import Tensor
from torch.nn import functional


def byol_loss(foreseen_B2P: Tensor, slow_B2P: Tensor) -> Tensor:
    """Mean over the examples of 2 - 2 cosine (eq. 2) of each clip's prediction with the slow projection of the other clip, the two
    summed: 0 (as foreseen) to 8; 4 when they have nothing in common. The slow side gets no gradient.
    """
    foreseen = functional.normalize(foreseen_B2P.float(), dim=2)
    other = functional.normalize(slow_B2P.detach().float(), dim=2).flip(1)
    return (2 - 2 * (foreseen * other).sum(dim=2)).sum(dim=1).mean()
