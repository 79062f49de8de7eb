"""Contrast between clips that play at known paces (Wang, Jiao, Liu, ECCV 2020): which clips should be alike?

Which clips attract and repel one another is the paper's; the formula is recalled, not checked, and was never released.

Shapes: B examples here, N on all processes, A = 2B clips here, X = 2N clips on all processes, D channels.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from pretrain.gather import gather, gather_with_grad, rank, world_size

Contrast = Literal["same_context", "same_pace"]
Similarity = Literal["cosine", "dot"]


def pace_contrast(
    views_B2D: Tensor, labels_B2: Tensor, contrast: Contrast, *, similarity: Similarity, temperature: float
) -> dict[str, Tensor]:
    """`loss`: mean over clips, and over each one's positives, of -log(e^p / (e^p + sum of e^n over its negatives)), where p and n
    are similarities / temperature; a clip without positives does not count.

    `same_context`: a clip's positive is the other clip of its example, its negatives all clips of other examples. `same_pace`:
    its positives are all other clips of its pace, its negatives all clips of other paces. `accuracy`: share of clips most
    similar to a positive, and `chance`, of a guess among positives and negatives. Both come from all processes. Computed in float32
    even under autocast.

    views_B2D: projections of two clips of each example. labels_B2: their paces, int64.
    """
    with torch.autocast(views_B2D.device.type, enabled=False):
        own_AD = views_B2D.float().flatten(0, 1)
        if similarity == "cosine":
            own_AD = functional.normalize(own_AD, dim=1)
        similar_AX = own_AD @ gather_with_grad(own_AD).T / temperature
        positives_XX, negatives_XX = _pairs(gather(labels_B2).flatten(), contrast)
        here = slice(rank() * len(own_AD), (rank() + 1) * len(own_AD))
        positive_AX, negative_AX = positives_XX[here], negatives_XX[here]
        # -log(e^p / (e^p + e^n)) = softplus(n - p), with all negatives as one n.
        all_negatives_A1 = similar_AX.masked_fill(~negative_AX, _NEVER).logsumexp(dim=1, keepdim=True)
        losses_AX = functional.softplus(all_negatives_A1 - similar_AX) * positive_AX
        losses_A = losses_AX.sum(dim=1) / positive_AX.sum(dim=1).clamp(min=1)
        # So that the mean over processes is the mean over all clips that count.
        num_counting = positives_XX.any(dim=1).sum().clamp(min=1)
        asked_AX = positive_AX | negative_AX
        nearest_A = similar_AX.masked_fill(~asked_AX, _NEVER).argmax(dim=1, keepdim=True)
        hits_A = positive_AX.gather(1, nearest_A)[:, 0]
        chance_A = positive_AX.sum(dim=1) / asked_AX.sum(dim=1).clamp(min=1)
    whole = world_size() / num_counting
    return {"loss": losses_A.sum() * whole, "accuracy": hits_A.sum() * whole, "chance": chance_A.sum() * whole}


_NEVER = -1e9  # a similarity that adds nothing to a sum of exponentials, and has a gradient of 0 where minus infinity has none


def _pairs(labels_X: Tensor, contrast: Contrast) -> tuple[Tensor, Tensor]:
    """Whom each clip is to be like and unlike, bool (X, X) each. Clips of an example are neighbours."""
    places_X = torch.arange(len(labels_X), device=labels_X.device)
    kind_X = places_X // 2 if contrast == "same_context" else labels_X
    same_XX = kind_X[:, None] == kind_X
    return same_XX & (places_X[:, None] != places_X), ~same_XX
