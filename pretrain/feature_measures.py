"""What features look like as a cloud of points: is it flat, has it shrunk, are clips of one video near one another?

Shapes: N clips or examples, K clips of one example, D features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_DEAD_SHARE_OF_MEDIAN = 0.01
_ROUNDING = 1e-6
"""Of float32 features, as a share of their length."""


@dataclass(frozen=True, kw_only=True)
class FeatureMeasures:
    """effective_rank: in how many directions features vary, 1 to `dim` (Roy & Vetterli 2007). spread: how far they vary, as a
    share of their length, 0 to 1. dead: share of dimensions that hardly vary. Over examples with two or more clips of one video,
    else None: alignment, mean squared distance of two clips of one video; uniformity, log of the mean of exp(-2 squared
    distance) of clips of different videos (Wang & Isola 2020, both of unit vectors, lower is better); nearness, how many times as
    near clips of one video are as others, 1 where they cannot be told apart.
    """

    effective_rank: float
    dim: int
    spread: float
    dead: float
    alignment: float | None = None
    uniformity: float | None = None
    nearness: float | None = None


def measure(features: Sequence[Tensor]) -> FeatureMeasures:
    """features: of every task, pooled, float32 (N, K, D), on the CPU."""
    all_ND = torch.cat([own_NKD.flatten(0, 1) for own_NKD in features])
    pairs = [functional.normalize(own_NKD[:, :2].double(), dim=2) for own_NKD in features if own_NKD.shape[1] > 1]
    plain = FeatureMeasures(
        effective_rank=effective_rank(all_ND), dim=all_ND.shape[1], spread=spread(all_ND), dead=dead_share(all_ND)
    )
    if not pairs or sum(map(len, pairs)) < 2:
        return plain
    views_N2D = torch.cat(pairs)
    same = float(squared_distances(views_N2D[:, 0], views_N2D[:, 1]).mean())
    others = torch.pdist(views_N2D[:, 0]).square()
    return FeatureMeasures(
        **{name: getattr(plain, name) for name in ("effective_rank", "dim", "spread", "dead")},
        alignment=same,
        uniformity=float(torch.logsumexp(-2 * others, dim=0) - torch.tensor(float(len(others))).log()),
        nearness=float(others.mean()) / max(same, 1e-12) if float(others.mean()) > 0 else 1.0,
    )


def effective_rank(features_ND: Tensor) -> float:
    """exp of the entropy of the centred features' singular values, as shares of their sum (Roy & Vetterli 2007; RankMe, Garrido
    et al. 2023, does not centre): D when features spread evenly, 1 along a single line.

    1 as well for features that do not vary at all, or fewer than two of them.
    """
    if len(features_ND) < 2:
        return 1.0
    centred = features_ND.double() - features_ND.double().mean(dim=0)
    # Both products have the same eigenvalues but zeros; the smaller one is the quicker, with few clips by far.
    gram = centred.T @ centred if len(centred) > centred.shape[1] else centred @ centred.T
    lengths = torch.linalg.eigvalsh(gram).clamp(min=0).sqrt()
    # What rounding leaves in directions in which nothing varies is no direction.
    lengths = lengths[lengths > _ROUNDING * features_ND.double().norm()]
    if not len(lengths):
        return 1.0
    shares = lengths / lengths.sum()
    return float(torch.exp(-(shares * shares.log()).sum()))


def spread(features_ND: Tensor) -> float:
    """Root mean square distance from the mean, divided by the root mean square length: 0 all alike, 1 around the origin."""
    wide = features_ND.double()
    length = wide.square().sum(dim=1).mean()
    if not float(length) > 0:
        return 0.0
    return float(((wide - wide.mean(dim=0)).square().sum(dim=1).mean() / length).sqrt())


def dead_share(features_ND: Tensor) -> float:
    """Share of dimensions whose standard deviation is below 1 % of the median one's, 0 to 1."""
    deviations_D = features_ND.double().std(dim=0, correction=0)
    median = float(deviations_D.median())
    if not median > 0:
        return float((deviations_D == 0).double().mean())
    return float((deviations_D < _DEAD_SHARE_OF_MEDIAN * median).double().mean())


def squared_distances(a_ND: Tensor, b_ND: Tensor) -> Tensor:
    """(N,): of each row of one from the same row of the other."""
    return (a_ND - b_ND).square().sum(dim=1)
