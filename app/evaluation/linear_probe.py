"""Linear probe: what a linear classifier can tell from frozen features.

Papers mean several things by it. Here there are two, which are never mixed: on the features as they are, and on features of unit
length that go through batch norm without scale and shift (CoCLR: Han et al., NeurIPS 2020), at test time with the training videos'
mean and variance. Both are logistic regression, solved to the end, so that no learning rate or epoch has to be chosen.

Shapes: N training videos, M others, D dimensions.
"""

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.evaluation.held_out_folds import FittedProbe, Folds, Rows, TrainSide, choose

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

Input = Literal["raw", "L2+BN"]
C_GRID = tuple(10.0**power for power in range(-4, 5))
"""How little weights are held back (the inverse of the weight of their squares); the strongest hold first, which wins a draw."""
_DEFAULT_C = C_GRID.index(1.0)
_MAX_ITERATIONS = 5_000
_TOLERANCE = 1e-5
_CONSTANT = 1e-6
"""Dimensions of unit vectors that vary less hold float32 rounding alone."""


@dataclass(frozen=True)
class Standardised:
    """Unit length, then each dimension less its mean and over its standard deviation, both of the training videos; a dimension
    that does not vary there is 0.
    """

    mean_D: NDArray[np.float64]
    scale_D: NDArray[np.float64]

    @classmethod
    def of(cls, features_ND: NDArray[np.floating]) -> "Standardised":
        """Measures the training videos."""
        unit_ND = unit_rows(features_ND)
        std_D = unit_ND.std(axis=0)
        varies_D = std_D > _CONSTANT
        return cls(unit_ND.mean(axis=0), np.where(varies_D, 1 / np.where(varies_D, std_D, 1), 0.0))

    def __call__(self, features_MD: NDArray[np.floating]) -> NDArray[np.float64]:
        standardised: NDArray[np.float64] = (unit_rows(features_MD) - self.mean_D) * self.scale_D
        return standardised


def unit_rows(features_MD: NDArray[np.floating]) -> NDArray[np.float64]:
    """Float64, each row of length 1; rows of zeros stay zeros."""
    wide_MD = features_MD.astype(np.float64)
    unit: NDArray[np.float64] = wide_MD / np.maximum(np.linalg.norm(wide_MD, axis=1, keepdims=True), 1e-12)
    return unit


def fit_linear(train: TrainSide, folds: Folds, kind: Input, *, max_iterations: int = _MAX_ITERATIONS) -> FittedProbe:
    """Chooses C on the held-out parts, then fits on all training videos. The same videos give the same probe.

    In every fold mean and variance are of what is fitted on alone. A regression that has not converged is told in the notes.
    """
    unfinished: list[bool] = []

    def guess(fit: Rows, held: Rows) -> list[NDArray[np.int64]]:
        prepare = _preparation(train.features_ND[fit], kind)
        fit_ND, held_HD = prepare(train.features_ND[fit]), prepare(train.features_ND[held])
        guesses = []
        model = _regression(max_iterations)
        for strength in C_GRID:
            unfinished.append(_fit(model, strength, fit_ND, train.numbers_N[fit]))
            guesses.append(np.asarray(model.predict(held_HD), np.int64))
        return guesses

    choice = choose(train, folds, len(C_GRID), _DEFAULT_C, guess)
    prepare = _preparation(train.features_ND, kind)
    model, strength = _regression(max_iterations), C_GRID[choice.setting]
    unfinished.append(_fit(model, strength, prepare(train.features_ND), train.numbers_N))
    return FittedProbe(
        names=train.names,
        predict_numbers=lambda features_MD: np.asarray(model.predict(prepare(features_MD)), np.int64),
        chosen={"C": strength},
        held_out_class_mean=choice.class_mean,
        notes=_told(unfinished, max_iterations),
    )


def _preparation(features_ND: NDArray[np.floating], kind: Input) -> Any:
    """What is done to features before the regression, as these training videos have it."""
    return Standardised.of(features_ND) if kind == "L2+BN" else _as_they_are


def _as_they_are(features_MD: NDArray[np.floating]) -> NDArray[np.float64]:
    return features_MD.astype(np.float64)


def _regression(max_iterations: int) -> "LogisticRegression":
    """Multinomial, with an intercept that is not held back. Going on from the last strength is quick and ends at the same place."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(solver="lbfgs", max_iter=max_iterations, tol=_TOLERANCE, warm_start=True)


def _fit(model: "LogisticRegression", strength: float, features_ND: NDArray[np.float64], numbers_N: NDArray[np.int64]) -> bool:
    """Returns whether it stopped before it had converged."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.set_params(C=strength).fit(features_ND, numbers_N)
    unfinished = [one for one in caught if issubclass(one.category, ConvergenceWarning)]
    for other in caught:
        if other not in unfinished:
            warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
    return bool(unfinished)


def _told(unfinished: list[bool], max_iterations: int) -> tuple[str, ...]:
    if not any(unfinished):
        return ()
    last = "; the last one, which is measured, is among them" if unfinished[-1] else "; the one that is measured did converge"
    return (
        f"{sum(unfinished)} of {len(unfinished)} logistic regressions had not converged after {max_iterations} iterations or "
        f"could not go on{last}",
    )
