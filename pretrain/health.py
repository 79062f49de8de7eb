"""How a training is doing, in words that need no research background.

Shapes: N clips, D features.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pretrain.task_sum import TaskSum

COLLAPSED_RANK = 2.0
_LEARNT_SCORE = 0.05  # a share of the way from guessing to perfect that chance does not reach over a log window


@dataclass(frozen=True, kw_only=True)
class Health:
    """scores: per task, 0 = blind guessing, 1 = perfect. effective_rank: in how many directions features really vary, 1 to D.
    words: one line.
    """

    scores: dict[str, float]
    effective_rank: float
    words: str


def examine(tasks: TaskSum, averages: Mapping[str, float], pooled_ND: Tensor) -> Health:
    """averages: of the scalars named `task/name`; pooled_ND: some hundred pooled features of the same window."""
    scores, sentences = {}, []
    for part in tasks.parts:
        own = {name.removeprefix(f"{part.name}/"): value for name, value in averages.items() if name.startswith(f"{part.name}/")}
        judgement = part.task.judge(own)
        scores[part.name] = judgement.score
        remark = "" if judgement.score > _LEARNT_SCORE else ": nothing learnt yet"
        sentences.append(judgement.words + remark)
    rank = effective_rank(pooled_ND)
    sentences.append(f"features vary in {rank:.0f} of {pooled_ND.shape[1]} directions")
    if rank < COLLAPSED_RANK:
        sentences.append("COLLAPSED: all clips look nearly the same to the network; try a lower learning rate")
    return Health(scores=scores, effective_rank=rank, words="; ".join(sentences))


def effective_rank(features_ND: Tensor) -> float:
    """exp of the entropy of the covariance's normalised eigenvalues: D when features spread evenly, 1 along a single line.

    1 as well for features that do not vary at all, or fewer than two of them.
    """
    if len(features_ND) < 2:
        return 1.0
    centred = features_ND.double() - features_ND.double().mean(dim=0)
    variances = torch.linalg.eigvalsh(centred.T @ centred).clamp(min=0)
    if not float(variances.sum()) > 0:
        return 1.0
    shares = variances / variances.sum()
    shares = shares[shares > 0]
    return float(torch.exp(-(shares * shares.log()).sum()))
