"""InfoNCE: of all other clips in the batch, on all processes, which one shows the same video?

Shapes: B examples here, N on all processes, D channels.
"""

import torch
from torch import Tensor
from torch.nn import functional

from pretrain.gather import gather_with_grad, rank


def info_nce(views_B2D: Tensor, temperature: float) -> dict[str, Tensor]:
    """Cross-entropy of cosine / temperature over the 2N - 1 other clips, mean over the 2B clips here (Chen et al. 2020, eq. 1).

    views_B2D: projections of two clips of each example, of any length. Computed in float32 even under autocast. Besides `loss`:
    `accuracy`, share of clips whose nearest is the positive; `chance`, 1 / (2N - 1); `alignment`, mean squared distance of
    positives on the sphere, and `uniformity`, log mean exp(-2 squared distance) of the others (Wang & Isola 2020; lower is
    better in both, and uniformity 0 is collapse). Raises ValueError for other shapes and for a single example, which has no
    negatives.
    """
    if views_B2D.ndim != 3 or views_B2D.shape[1] != 2:
        raise ValueError(f"projections must be (examples, 2 clips, channels), got {tuple(views_B2D.shape)}")
    with torch.autocast(views_B2D.device.type, enabled=False):
        own_AD = functional.normalize(views_B2D.float(), dim=2).flatten(0, 1)
        all_XD = gather_with_grad(own_AD)
        if len(all_XD) < 4:
            raise ValueError("one example has no negatives; give 2 or more examples in a batch")
        cosines_AX = own_AD @ all_XD.T
        places_A = torch.arange(len(own_AD), device=own_AD.device)
        self_A = rank() * len(own_AD) + places_A
        positive_A = self_A ^ 1  # clips of an example are neighbours
        others_AX = cosines_AX.scatter(1, self_A[:, None], -torch.inf)
        loss = functional.cross_entropy(others_AX / temperature, positive_A)
    return {"loss": loss, **_curves(others_AX.detach(), positive_A)}


def _curves(others_AX: Tensor, positive_A: Tensor) -> dict[str, Tensor]:
    """others_AX: cosines, minus infinity for a clip with itself."""
    num_others = others_AX.shape[1] - 1
    positive_cosine_A = others_AX.gather(1, positive_A[:, None])
    # The squared distance of unit vectors is 2 - 2 cosine.
    negatives_AX = others_AX.scatter(1, positive_A[:, None], -torch.inf)
    sum_of_exp = torch.logsumexp(4 * negatives_AX - 4, dim=(0, 1))
    pairs = torch.tensor(float(len(others_AX) * (num_others - 1)), device=others_AX.device)
    return {
        "accuracy": (others_AX.argmax(dim=1) == positive_A).float().mean(),
        "chance": torch.tensor(1 / num_others, device=others_AX.device),
        "alignment": (2 - 2 * positive_cosine_A).mean(),
        "uniformity": sum_of_exp - pairs.log(),
    }
