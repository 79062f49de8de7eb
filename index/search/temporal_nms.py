"""Segments: spans of videos with a score, as arrays. Overlapping ones collapse into the best (temporal non-maximum suppression)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice

import numpy as np
from numpy.typing import NDArray

_OVERLAP = 0.1  # share of the shorter of two segments; up to this, neighbours are two moments


@dataclass(frozen=True)
class Segments:
    """S spans [start_s, end_s] of videos. score: cosine. row: the nearest clip's row in the vector index. flagged: there is
    little to see. fixed: the span is a whole video, or was set by finer windows already, and is not to be refined. All (S,)."""

    video: NDArray[np.int64]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    score: NDArray[np.float64]
    row: NDArray[np.int64]
    flagged: NDArray[np.bool_]
    fixed: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.video)

    def __getitem__(self, which: NDArray[np.int64] | NDArray[np.bool_] | slice) -> "Segments":
        return Segments(*(getattr(self, field.name)[which] for field in fields(self)))

    @classmethod
    def none(cls) -> "Segments":
        """No segments."""
        whole, real, bits = np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.bool_)
        return cls(whole, real, real, real, whole, bits, bits)

    @classmethod
    def joined(cls, parts: Sequence["Segments"]) -> "Segments":
        """All of them, one after the other."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def best_first(self) -> NDArray[np.int64]:
        """By score, then by video and start, so that equal scores do not dance. Segments without a score are left out."""
        order = np.lexsort((self.start_s, self.video, -self.score))
        return order[np.isfinite(self.score[order])]


def temporal_nms(segments: Segments, *, per_video: int, most: int | None = None) -> Segments:
    """The best of every heap of overlapping segments, best first, no more than `per_video` of a video and `most` in all."""
    return segments[np.fromiter(islice(surviving(segments, per_video=per_video), most), np.int64)]


def surviving(segments: Segments, *, per_video: int) -> Iterator[int]:
    """Which segments `temporal_nms` keeps, one after the other, best first: who needs few does not pay for all."""
    spans: dict[int, list[tuple[float, float]]] = {}
    starts, ends, videos = segments.start_s.tolist(), segments.end_s.tolist(), segments.video.tolist()
    for at in segments.best_first().tolist():
        own = spans.setdefault(videos[at], [])
        start_s, end_s = starts[at], ends[at]
        if end_s > start_s and len(own) < per_video and not any(_overlap(start_s, end_s, *other) for other in own):
            own.append((start_s, end_s))
            yield at


def _overlap(start_s: float, end_s: float, other_start_s: float, other_end_s: float) -> bool:
    shared = min(end_s, other_end_s) - max(start_s, other_start_s)
    return shared > _OVERLAP * min(end_s - start_s, other_end_s - other_start_s)
