"""Checks that hold for any retrieval whose figures can be believed; they cost nothing beside the retrieval itself.

Shapes: Q queries, G gallery videos, D dimensions.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.evaluation.metrics.retrieval import RetrievalScores, cosines, scores_from_matrix

_SAME = 1e-3  # of numbers of a unit vector
_SHUFFLES = 40


@dataclass(frozen=True, kw_only=True)
class SanityCheck:
    """finds_itself: share of the queries whose nearest video, with the queries as the gallery, is itself or one with the same
    vector. shuffled: class-mean top-1 with the gallery's labels dealt out anew, over forty dealings. chance: what guessing gets.
    tolerance: how far from chance luck may bring it (four standard errors of the dealings). rises: whether top-k never falls as k
    grows.
    """

    finds_itself: float
    shuffled: float
    chance: float
    tolerance: float
    rises: bool

    @property
    def faults(self) -> list[str]:
        """What does not hold, in sentences; none where all is well."""
        said = []
        if self.finds_itself < 1:
            said.append(f"only {self.finds_itself:.1%} of the queries find themselves in a gallery of queries, not 100 %")
        if abs(self.shuffled - self.chance) > self.tolerance:
            said.append(f"with shuffled labels {self.shuffled:.3f} are right, and chance is {self.chance:.3f}")
        if not self.rises:
            said.append("top-k falls as k grows")
        return said


def check_retrieval(queries_QD: NDArray[np.float32], scores: RetrievalScores, gallery_labels: Sequence[str]) -> SanityCheck:
    """queries_QD: unit vectors. scores: as they were measured, of one unit vector a video."""
    nearest = [query.nearest[0][0] for query in scores.queries]
    labels = [query.label for query in scores.queries]
    shares = list(scores.top_k.values())
    return SanityCheck(
        finds_itself=_finds_itself(queries_QD),
        shuffled=_shuffled_class_mean(nearest, labels, gallery_labels),
        chance=scores.chance_class_mean_top_1,
        tolerance=4 * _standard_error(nearest, labels, gallery_labels) + 1e-6,
        rises=shares == sorted(shares),
    )


def _finds_itself(queries_QD: NDArray[np.float32]) -> float:
    """By what makes the figures: every query asked for with a label of its own."""
    own = [str(place) for place in range(len(queries_QD))]
    found = scores_from_matrix(cosines(queries_QD, queries_QD), own, own).queries
    nearest_QD = queries_QD[[query.nearest[0][0] for query in found]]
    # Another file with the same content is as near; float32 sums differ in the last digits.
    twins_Q = np.abs(nearest_QD - queries_QD).max(axis=1) < _SAME
    return float(np.mean([query.first_hit < 1 or twin for query, twin in zip(found, twins_Q, strict=True)]))


def _standard_error(nearest: Sequence[int], query_labels: Sequence[str], gallery_labels: Sequence[str]) -> float:
    """Of the mean over all dealings: a label of few queries, or of queries with one nearest video in common, varies most. Queries
    with the same nearest video are right or wrong together.
    """
    in_gallery = Counter(gallery_labels)
    own: dict[str, Counter[int]] = defaultdict(Counter)
    for label, place in zip(query_labels, nearest, strict=True):
        own[label][place] += 1
    variance = 0.0
    for label, times in own.items():
        share = in_gallery[label] / len(gallery_labels)
        variance += share * (1 - share) * sum(count**2 for count in times.values()) / times.total() ** 2
    return float(np.sqrt(variance / len(own) ** 2 / _SHUFFLES))


def _shuffled_class_mean(nearest: Sequence[int], query_labels: Sequence[str], gallery_labels: Sequence[str]) -> float:
    """Class-mean top-1 with the gallery's labels dealt out anew, the mean of all dealings."""
    names = sorted({*query_labels, *gallery_labels})
    number_of = {name: number for number, name in enumerate(names)}
    wanted_Q = np.array([number_of[name] for name in query_labels])
    gallery_G = np.array([number_of[name] for name in gallery_labels])
    weights_Q = 1.0 / np.bincount(wanted_Q, minlength=len(names))[wanted_Q]
    generator = np.random.default_rng(0)
    means = []
    for _ in range(_SHUFFLES):
        right_Q = generator.permutation(gallery_G)[nearest] == wanted_Q
        means.append(float((weights_Q * right_Q).sum() / weights_Q.sum()))
    return float(np.mean(means))
