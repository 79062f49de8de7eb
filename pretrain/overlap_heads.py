"""The heads of the overlap task: each answers one question about two clips of a video.

Shapes: B examples, 2 clips of each, D features.
"""

from torch import nn


class OverlapHeads(nn.Module):
    """spatial, temporal: (B, 2 D) -> labels of the overlap. pace, rotation: (B, D) -> labels of one clip.

    projector, predictor: (B, D) -> (B, D), only for those contrastive losses that need them.
    """

    def __init__(self, dim: int, *, overlaps: int, paces: int, projected: int | None, predicts: bool) -> None:
        """projected: width of the hidden layer of projector and predictor, None for neither."""
        super().__init__()
        self.spatial = mlp(2 * dim, 2 * dim, overlaps)
        self.temporal = mlp(2 * dim, 2 * dim, overlaps)
        self.pace = mlp(dim, dim, paces)
        self.rotation = mlp(dim, dim, 4)
        if projected is not None:
            self.projector = mlp(dim, projected, dim)
            if predicts:
                self.predictor = mlp(dim, projected, dim)


def mlp(dim_in: int, hidden: int, dim_out: int) -> nn.Sequential:
    """One hidden layer with batch norm."""
    return nn.Sequential(nn.Linear(dim_in, hidden), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True), nn.Linear(hidden, dim_out))
