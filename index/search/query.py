"""What search takes and gives: an embedded query, filters, moments.

Shapes: M query clips, D dimensions. Times are seconds; a query's count from its own start.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.vectors.vector_index import unit_vectors

SAME_LENGTH = 0.05
"""Clips whose lengths differ by no more than this share are of one level (a pyramid's levels lie much further apart)."""

_TIE_S = 1e-3  # windows whose distances differ by no more are equally near


class PartWeight(NamedTuple):
    """How many numbers of a vector are one part of it, and how much the cosine of this part counts in a score, at least 0."""

    dim: int
    weight: float


@dataclass(frozen=True)
class QueryLevel:
    """A query's dense windows of one length: centres_s float64 (m,) ascending, vectors float32 (m, D)."""

    length_s: float
    centres_s: NDArray[np.float64]
    vectors: NDArray[np.float32]

    @property
    def hop_s(self) -> float:
        """Seconds from one window to the next; a quarter of the length where there is only one."""
        gaps = np.diff(self.centres_s)
        return float(np.median(gaps)) if len(gaps) else self.length_s / 4


@dataclass(frozen=True)
class QueryClips:
    """An embedded query.

    spans_s float64 (M, 2) within [0, duration_s]; vectors float32 (M, D), unit length; whole: row of the clip over the whole
    query, if there is one. dense: rows of the windows that lie close together, by which places are set right; None for all but
    `whole`. parts: rows of the clips that an index would hold of a video that is this query, `whole` among them; None where
    that is not known. scale: float32 (D,), at least 0, by which every vector is multiplied after it has its unit length: it weighs
    the parts of a vector, such as motion and look, so that a clip's score with itself stays 1; None weighs all numbers alike.
    part_weights: what the scale makes of each part, in their order; None for a vector that is taken as one part.
    is_blank: nothing moves in any of its clips (frozen), or they are plain (black, one colour). is_plain: all are of one colour.
    sees_look: look counts, so that clips in which nothing moves can be like it. by_look_alone: nothing else counts, so that whole
    videos of any length can be like a query short enough to be one clip. is_whole_video: it is all of its video, so that
    what it shows begins and ends with it. is_still: it is a picture, which has no place between two clips: a moment is the clip
    most like it, not drawn towards the clips beside that.
    Raises ValueError for arrays that contradict each other.
    """

    duration_s: float
    spans_s: NDArray[np.float64]
    vectors: NDArray[np.float32]
    whole: int | None
    dense: NDArray[np.int64] | None = None
    parts: NDArray[np.int64] | None = None
    scale: NDArray[np.float32] | None = None
    part_weights: tuple[PartWeight, ...] | None = None
    is_blank: bool = False
    is_plain: bool = False
    sees_look: bool = False
    by_look_alone: bool = False
    is_whole_video: bool = False
    is_still: bool = False

    def __post_init__(self) -> None:
        count = len(self.vectors)
        if not self.duration_s > 0 or count == 0 or self.vectors.ndim != 2 or self.spans_s.shape != (count, 2):
            raise ValueError(
                f"A query needs a duration above 0 s, at least one vector (M, D) and as many spans (M, 2); got "
                f"{self.duration_s} s, vectors {self.vectors.shape}, spans {self.spans_s.shape}."
            )
        if self.whole is not None and not 0 <= self.whole < count:
            raise ValueError(f"whole must be a row of the {count} query clips or None, got {self.whole}.")
        if self.scale is not None and (self.scale.shape != self.vectors.shape[1:] or not self.scale.min() >= 0):
            raise ValueError(f"scale must be {self.vectors.shape[1:]} numbers of at least 0, got {self.scale.shape}.")
        if self.part_weights is not None and sum(part.dim for part in self.part_weights) != self.vectors.shape[1]:
            raise ValueError(f"part_weights must be of {self.vectors.shape[1]} numbers together, got {self.part_weights}.")

    @property
    def stands_still(self) -> bool:
        """Whether there is something to see in it, but nothing moves: a picture, or a frozen clip."""
        return not self.is_plain and (self.is_still or self.is_blank)

    @property
    def has_nothing(self) -> bool:
        """Whether there is nothing in it to search for: no look, or where look does not count, no movement."""
        return self.is_plain if self.sees_look else self.is_blank

    def whole_vector(self) -> NDArray[np.float32] | None:
        """Unit vector (D,) of the clip over the whole query, if there is one; times the scale."""
        return None if self.whole is None else self._scaled(self.unit_vectors())[self.whole]

    def parts_vector(self) -> NDArray[np.float32] | None:
        """The mean (D,) of all parts, if they are known and more than the whole clip; times the scale, and of length one by
        `scaled_length`, which weighs the numbers of both sides of an inner product alike."""
        if self.parts is None or len(self.parts) < 2:
            return None
        mean: NDArray[np.float32] = self.unit_vectors()[self.parts].mean(axis=0)
        return self._scaled(mean) / np.float32(max(scaled_length(mean, self.scale), 1e-6))

    def unit_vectors(self) -> NDArray[np.float32]:
        """The vectors (M, D), each of length one, without the scale."""
        return unit_vectors(self.vectors, self.vectors.shape[1])

    def _scaled(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        return vectors if self.scale is None else vectors * self.scale

    def windows_of(
        self,
        clips: NDArray[np.float32],
        lengths_s: NDArray[np.float64],
        earliest_s: NDArray[np.float64],
        latest_s: NDArray[np.float64],
    ) -> NDArray[np.int64]:
        """Rows (S,) of the windows that clips (S, D) of these lengths (S,) are compared with: of those of the nearest length, that
        whose middle lies between earliest_s and latest_s (S,), seconds of the query, or nearest to them; of several, the one that
        scores highest."""
        factor = np.abs(np.log((self.spans_s[:, 1] - self.spans_s[:, 0]) / lengths_s[:, None]))
        middles_s = self.spans_s.mean(axis=1)
        apart_s = np.maximum(0.0, np.maximum(earliest_s[:, None] - middles_s, middles_s - latest_s[:, None]))
        apart_s[factor > factor.min(axis=1, keepdims=True) + SAME_LENGTH] = np.inf
        nearest = apart_s <= apart_s.min(axis=1, keepdims=True) + _TIE_S
        rows: NDArray[np.int64] = np.where(nearest, clips @ self._scaled(self.unit_vectors()).T, -np.inf).argmax(axis=1)
        return rows

    def levels(self) -> list[QueryLevel]:
        """The dense windows by length, longest first."""
        dense = self.dense
        if dense is None:
            dense = np.flatnonzero(np.arange(len(self.vectors)) != (-1 if self.whole is None else self.whole))
        spans, vectors = self.spans_s[dense], self._scaled(self.unit_vectors())[dense]
        return list(_levels(spans, vectors))


def scaled_length(vector: NDArray[np.float32], scale: NDArray[np.float32] | None) -> float:
    """`scaled_lengths` of one vector (D,)."""
    return float(scaled_lengths(vector[None], scale)[0])


def scaled_lengths(vectors: NDArray[np.float32], scale: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Lengths (N,) of vectors (N, D) whose numbers count as much as a query's scale says: that of a stored clip is 1 under any
    scale, that of a mean of clips, whose parts are of any length, is what its inner product with a scaled query is divided by for a
    cosine.
    """
    lengths: NDArray[np.float32] = np.linalg.norm(vectors if scale is None else vectors * np.sqrt(scale), axis=1)
    return lengths


def _levels(spans: NDArray[np.float64], vectors: NDArray[np.float32]) -> Iterator[QueryLevel]:
    lengths = spans[:, 1] - spans[:, 0]
    while len(lengths):
        longest = float(lengths.max())
        own = lengths >= longest * (1 - SAME_LENGTH)
        centres = spans[own].mean(axis=1)
        order = np.argsort(centres, kind="stable")
        yield QueryLevel(longest, centres[order], vectors[own][order])
        spans, vectors, lengths = spans[~own], vectors[~own], lengths[~own]


@dataclass(frozen=True)
class Filters:
    """Where to search. All given conditions must hold.

    library: name. folder: only videos below it. between_s: only moments inside these seconds of their video.
    include_flagged: also clips with nothing in them (black; where look does not count, also frozen ones).
    """

    library: str | None = None
    folder: str | os.PathLike[str] | None = None
    video_ids: tuple[int, ...] | None = None
    exclude_video_ids: tuple[int, ...] | None = None
    between_s: tuple[float, float] | None = None
    include_flagged: bool = False


@dataclass(frozen=True)
class Moment:
    """A span of one video that answers a query.

    score: cosine, -1 to 1, 1 is the same. clip_ordinal: nearest clip, for its thumbnail. flagged: there is little to see.
    missing: the file is not at its path now; False where nobody looked. false_alarm_rate: how likely it is that the best match
    among as many unrelated videos is at least this similar, 0 to 1; None with too little footage to tell.
    """

    video_id: int
    path: Path
    library: str
    start_s: float
    end_s: float
    score: float
    clip_ordinal: int
    flagged: bool
    missing: bool = False
    false_alarm_rate: float | None = None
