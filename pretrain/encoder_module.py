"""The network as it is shipped: clips straight from the decoder in, unit vectors out, with everything in between in one module.

Shapes: N clips, T frames, H x W pixels, D map channels, T' x H' x W' map places, G cells of the pooling grid, F = D * G
pooled features, E numbers of an embedding.
"""

import re
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pretrain.backbones.base import Backbone


@dataclass(frozen=True)
class Pooling:
    """Into how many cells (time, height, width) a feature map is averaged; (1, 1, 1) is the plain global average."""

    cells: tuple[int, int, int] = (1, 1, 1)

    @classmethod
    def parse(cls, text: str) -> "Pooling":
        """From `avg` or `grid:TxHxW`, such as `grid:2x2x2`. Raises ValueError."""
        if text == "avg":
            return cls()
        match = re.fullmatch(r"grid:([1-9]\d?)x([1-9]\d?)x([1-9]\d?)", text)
        if match is None:
            raise ValueError(f"pooling is {text!r}, should be avg or grid:TxHxW, such as grid:2x2x2")
        t, h, w = (int(number) for number in match.groups())
        return cls((t, h, w))

    def __str__(self) -> str:
        return "avg" if self.cells == (1, 1, 1) else "grid:" + "x".join(map(str, self.cells))


class ClipEncoder(nn.Module):
    """Scaling, backbone, pooling, optional linear projection, unit length."""

    pool_MG: Tensor

    def __init__(
        self, backbone: Backbone, *, pooling: Pooling, num_frames: int, size_px: int, projection: nn.Linear | None = None
    ) -> None:
        """Raises ValueError when the pooling grid is finer than the backbone's map."""
        super().__init__()
        self.backbone = backbone.eval()
        with torch.no_grad():
            blank = torch.zeros(1, num_frames, size_px, size_px, 3, dtype=torch.uint8)
            _, channels, *places = backbone.forward_map(backbone.prepare(blank)).shape
        self.pooled_dim = channels * int(np.prod(pooling.cells))
        # One constant matrix pools any map into any grid, also where the grid does not divide the map (7 places into 2 cells).
        self.register_buffer("pool_MG", torch.from_numpy(_pooling_matrix(tuple(places), pooling.cells)))
        self.projection = projection

    def pooled(self, clips_NTHW3: Tensor) -> Tensor:
        """uint8 (N, T, H, W, 3) -> float32 (N, F), before projection; channel is the slow index, cell the quick one."""
        map_NDTHW = self.backbone.forward_map(self.backbone.prepare(clips_NTHW3))
        return (map_NDTHW.flatten(2) @ self.pool_MG).flatten(1)

    def forward(self, clips_NTHW3: Tensor) -> Tensor:
        """uint8 (N, T, H, W, 3) RGB -> float32 (N, E) of unit length."""
        features_NE = self.pooled(clips_NTHW3)
        if self.projection is not None:
            features_NE = self.projection(features_NE)
        return nn.functional.normalize(features_NE, dim=1)


def _pooling_matrix(places: tuple[int, ...], cells: tuple[int, int, int]) -> NDArray[np.float32]:
    """float32 (T' * H' * W', G): each column averages one cell; a place that two cells share counts by its overlap."""
    weights = np.ones((1, 1))
    for num_places, num_cells in zip(places, cells, strict=True):
        if num_cells > num_places:
            raise ValueError(
                f"the pooling grid {cells} is finer than the backbone's map {places}; use a coarser grid or larger clips"
            )
        edges = np.linspace(0, num_places, num_cells + 1)
        place = np.arange(num_places)[:, None]
        overlap = np.minimum(edges[1:], place + 1) - np.maximum(edges[:-1], place)
        axis = np.clip(overlap, 0, None) * (num_cells / num_places)
        weights = np.einsum("mg,pc->mpgc", weights, axis).reshape(len(weights) * num_places, -1)
    return weights.astype(np.float32)


def fit_whitening(features_NF: NDArray[np.float32], dim: int, *, strength: float = 1.0, floor: float = 1e-3) -> nn.Linear:
    """PCA-whitening to `dim` numbers as a linear layer: centred and uncorrelated on the features it is fitted on.

    `strength` 1 gives every direction the same spread, 0 leaves their spreads as they are; in between, spread s becomes
    s ** (1 - strength). `floor`, a share of the largest variance, is added to every variance, so that directions of pure
    noise are not blown up to the size of real ones. Raises ValueError when there are too few features for `dim` directions.
    """
    num_rows, num_features = features_NF.shape
    if not 0 < dim <= min(num_features, num_rows - 1):
        raise ValueError(
            f"cannot whiten {num_features} features of {num_rows} clips to {dim} numbers: "
            f"at most {min(num_features, num_rows - 1)} are there. Ask for fewer, or give more clips."
        )
    rows = features_NF.astype(np.float64)
    mean = rows.mean(axis=0)
    covariance = np.cov(rows - mean, rowvar=False).reshape(num_features, num_features)
    variances, directions = np.linalg.eigh(covariance)
    variances, directions = variances[::-1][:dim], directions[:, ::-1][:, :dim]
    # The sign of an eigenvector is free; fix it, so that the same features give the same encoder everywhere.
    directions = directions * np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(dim)])
    matrix = (directions / (variances.clip(0) + floor * variances[0]) ** (strength / 2)).T
    layer = nn.Linear(num_features, dim)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(matrix))
        layer.bias.copy_(torch.from_numpy(-matrix @ mean))
    return layer
