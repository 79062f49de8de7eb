"""The heads of the overlap task: each answers one question about two clips of a video, and one draws the clips together.

Shapes: B examples, 2 clips of each, D features.
"""

from typing import TYPE_CHECKING, Literal, cast

import torch
from torch import Tensor, nn

from pretrain.byol import byol_loss, cosine_with_others
from pretrain.contrastive import info_nce

if TYPE_CHECKING:  # importing any task imports all of them, and one of them this file
    from pretrain.tasks.base import SlowView

Contrast = Literal["byol", "info_nce", "none"]


class OverlapHeads(nn.Module):
    """spatial, temporal: (B, 2 D) -> labels of the overlap, or (B, 3 D) with how far the clips differ. pace, rotation: (B, D) ->
    labels of one clip.

    projector, predictor: (B, D) -> (B, D), only for those contrastive losses that need them.
    """

    def __init__(self, dim: int, *, overlaps: int, paces: int, differences: bool, projected: int | None, predicts: bool) -> None:
        """differences: whether the heads of two clips get what they differ by, beside both. projected: width of the hidden layer
        of projector and predictor, None for neither.
        """
        super().__init__()
        self.differences = differences
        pair = (3 if differences else 2) * dim
        self.spatial = mlp(pair, 2 * dim, overlaps)
        self.temporal = mlp(pair, 2 * dim, overlaps)
        self.pace = mlp(dim, dim, paces)
        self.rotation = mlp(dim, dim, 4)
        if projected is not None:
            self.projector = mlp(dim, projected, dim)
            if predicts:
                self.predictor = mlp(dim, projected, dim)

    def pair(self, features_B2D: Tensor) -> Tensor:
        """What the heads of two clips get."""
        if not self.differences:
            return features_B2D.flatten(1)
        difference_BD = (features_B2D[:, 0] - features_B2D[:, 1]).abs()
        return torch.cat([features_B2D.flatten(1), difference_BD], dim=1)


def contrast_scalars(
    heads: OverlapHeads, contrast: Contrast, temperature: float, features_B2D: Tensor, slow: "SlowView | None"
) -> dict[str, Tensor]:
    """`contrast_loss` and its curves. Raises ValueError where BYOL gets no slow network's view."""
    if contrast == "none":
        return {"contrast_loss": features_B2D.new_zeros(())}
    projected_B2D = heads.projector(features_B2D.flatten(0, 1)).unflatten(0, (-1, 2))
    if contrast == "info_nce":
        return {f"contrast_{name}": value for name, value in info_nce(projected_B2D, temperature).items()}
    if slow is None:
        raise ValueError("contrast is byol, which needs the slow network's view of the clips, but there is none")
    with torch.no_grad():
        slow_N = cast(OverlapHeads, slow.head).projector(slow.features.flatten(0, 1))
    predicted_B2D = heads.predictor(projected_B2D.flatten(0, 1)).unflatten(0, (-1, 2))
    slow_B2D = slow_N.unflatten(0, (-1, 2))
    loss = byol_loss(predicted_B2D, slow_B2D)
    return {
        "contrast_loss": loss,
        "contrast_cosine": 1 - loss.detach() / 4,
        "contrast_cosine_others": cosine_with_others(predicted_B2D, slow_B2D),
    }


def mlp(dim_in: int, hidden: int, dim_out: int) -> nn.Sequential:
    """One hidden layer with batch norm."""
    return nn.Sequential(nn.Linear(dim_in, hidden), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True), nn.Linear(hidden, dim_out))
