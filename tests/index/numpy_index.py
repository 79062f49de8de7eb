"""The plain index: every clip a Python object, every score computed, every time. What the others are measured against."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.catalog.records import LOW_INFORMATION, ORDINAL_BITS, WHOLE_VIDEO
from index.vectors.vector_index import ClipSelector, best_k, check_search, unit_vectors

_EDGE_S = 0.01


@dataclass(frozen=True)
class _Clip:
    vector: NDArray[np.float32]
    start_s: float
    end_s: float
    flags: int


class NumpyIndex:
    """Brute force over a dictionary of clips; simple, not fast."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._clips: dict[int, _Clip] = {}

    def __len__(self) -> int:
        return len(self._clips)

    def add(
        self,
        ids: NDArray[np.int64],
        vectors: NDArray[np.floating],
        spans_s: NDArray[np.float64],
        flags: NDArray[np.uint8],
    ) -> None:
        for clip_id, vector, span, flag in zip(ids.tolist(), unit_vectors(vectors, self.dim), spans_s, flags, strict=True):
            self._clips[clip_id] = _Clip(vector, float(span[0]), float(span[1]), int(flag))

    def remove(self, ids: NDArray[np.int64]) -> int:
        return sum(self._clips.pop(clip_id, None) is not None for clip_id in ids.tolist())

    def remove_videos(self, video_ids: NDArray[np.int64]) -> int:
        wanted = set(video_ids.tolist())
        return self.remove(np.array([clip_id for clip_id in self._clips if clip_id >> ORDINAL_BITS in wanted], np.int64))

    def search(
        self, queries: NDArray[np.float32], k: int, selector: ClipSelector | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        check_search(queries, k, self.dim)
        found = [
            (clip_id, clip) for clip_id, clip in self._clips.items() if selector is None or _may_answer(clip_id, clip, selector)
        ]
        vectors = np.stack([clip.vector for _, clip in found]) if found else np.zeros((0, self.dim), np.float32)
        scores = np.asarray(queries, np.float32) @ vectors.T
        ids = np.array([clip_id for clip_id, _ in found], np.int64)
        return best_k(scores, np.broadcast_to(ids, scores.shape), k)


def _may_answer(clip_id: int, clip: _Clip, selector: ClipSelector) -> bool:
    video_id, whole, length_s = clip_id >> ORDINAL_BITS, bool(clip.flags & WHOLE_VIDEO), clip.end_s - clip.start_s
    if selector.video_ids is not None and video_id not in selector.video_ids:
        return False
    if selector.exclude_video_ids is not None and video_id in selector.exclude_video_ids:
        return False
    if clip.flags & LOW_INFORMATION and not selector.include_flagged:
        return False
    if selector.whole_video is not None and whole != selector.whole_video:
        return False
    if selector.between_s is not None and not (
        clip.start_s >= selector.between_s[0] - _EDGE_S and clip.end_s <= selector.between_s[1] + _EDGE_S
    ):
        return False
    return (
        selector.lengths_s is None
        or _within(length_s, selector.lengths_s)
        or (whole and selector.whole_lengths_s is not None and _within(length_s, selector.whole_lengths_s))
    )


def _within(length_s: float, wanted: tuple[float, float]) -> bool:
    return wanted[0] - _EDGE_S <= length_s <= wanted[1] + _EDGE_S
