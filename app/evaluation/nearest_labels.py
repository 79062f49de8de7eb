"""k nearest neighbours: what the training videos most like a video are called. Likeness is the cosine of features.

Shapes: N training videos, M others, L labels, k neighbours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.evaluation.held_out_folds import FittedProbe, Folds, Rows, TrainSide, choose
from app.evaluation.linear_probe import unit_rows

K_GRID = (1, 5, 10, 20)
_TEMPERATURE = 0.07
"""Of the votes by nearness: exp(cosine / 0.07), as Wu et al., CVPR 2018, have it."""
_AT_ONCE = 512


@dataclass(frozen=True)
class Voting:
    """k: how many neighbours have a vote. by_nearness: nearer ones have more of it; else all have the same."""

    k: int
    by_nearness: bool

    @property
    def words(self) -> str:
        return "by nearness" if self.by_nearness else "alike"


VOTINGS = (Voting(1, False), *(Voting(k, by_nearness) for k in K_GRID[1:] for by_nearness in (False, True)))
"""One neighbour is the same by either. Of equally good ones the first is chosen."""


def fit_nearest(train: TrainSide, folds: Folds) -> FittedProbe:
    """Chooses k and how votes count on the held-out parts; then all training videos are neighbours.

    Neighbours of the same cosine rank in the order of the training videos. Of labels with as many votes, that of the nearest
    neighbour among them wins. A k above the number of training videos means all of them.
    """
    unit_ND = unit_rows(train.features_ND)

    def guess(fit: Rows, held: Rows) -> list[NDArray[np.int64]]:
        return vote(unit_ND[held], unit_ND[fit], train.numbers_N[fit], VOTINGS)

    choice = choose(train, folds, len(VOTINGS), 0, guess)
    voting = VOTINGS[choice.setting]
    return FittedProbe(
        names=train.names,
        predict_numbers=lambda features_MD: vote(unit_rows(features_MD), unit_ND, train.numbers_N, (voting,))[0],
        chosen={"k": min(voting.k, len(unit_ND)), "votes": voting.words},
        held_out_class_mean=choice.class_mean,
    )


def vote(
    asked_MD: NDArray[np.float64], unit_ND: NDArray[np.float64], numbers_N: NDArray[np.int64], votings: tuple[Voting, ...]
) -> list[NDArray[np.int64]]:
    """Of each voting the numbers (M,) of the labels that win; the neighbours are sought once. asked_MD, unit_ND: unit vectors.
    numbers_N: the neighbours' labels.
    """
    most = min(max(voting.k for voting in votings), len(unit_ND))
    pages: list[list[NDArray[np.int64]]] = [[np.empty(0, np.int64)] for _ in votings]
    for start in range(0, len(asked_MD), _AT_ONCE):
        # Copies of a video are as near as each other; sums in another order differ in the last digits.
        cosine_MN = np.round(asked_MD[start : start + _AT_ONCE] @ unit_ND.T, 9)
        nearest_Mk = np.argsort(-cosine_MN, axis=1, kind="stable")[:, :most]
        near_Mk = np.take_along_axis(cosine_MN, nearest_Mk, axis=1)
        for page, voting in zip(pages, votings, strict=True):
            page.append(_winners(numbers_N[nearest_Mk[:, : voting.k]], near_Mk[:, : voting.k], voting))
    return [np.concatenate(page) for page in pages]


def _winners(labels_Mk: NDArray[np.int64], cosine_Mk: NDArray[np.float64], voting: Voting) -> NDArray[np.int64]:
    """labels_Mk, cosine_Mk: of the neighbours that vote, nearest first."""
    # Less the nearest's: no query's winner changes by it, and no exponent is too large.
    votes_Mk = np.exp((cosine_Mk - cosine_Mk[:, :1]) / _TEMPERATURE) if voting.by_nearness else np.ones(cosine_Mk.shape)
    same_Mkk = labels_Mk[:, :, None] == labels_Mk[:, None, :]
    own_Mk = (same_Mkk * votes_Mk[:, None, :]).sum(axis=2)
    first_M = np.argmax(own_Mk >= own_Mk.max(axis=1, keepdims=True) - 1e-9, axis=1)
    winners: NDArray[np.int64] = np.take_along_axis(labels_Mk, first_M[:, None], axis=1)[:, 0]
    return winners
