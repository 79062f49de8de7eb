"""Where the three clips of a cloze lie in a video, and the remote one that may replace the middle.

All lengths are in source frames. N: frames of the video.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class TupleLayout:
    """num_frames: of a clip. stride: from one frame of a clip to the next. spacing: from one clip's start to the next one's.
    away: frames left out between the three clips and a remote one, at least.
    """

    num_frames: int
    stride: int
    spacing: int
    away: int

    @property
    def last(self) -> int:
        """From the first frame of a clip to its last."""
        return self.stride * (self.num_frames - 1)

    @property
    def remote_distance(self) -> int:
        """From the start of the middle clip to that of a remote one, at least."""
        return self.spacing + self.stride * self.num_frames + self.away

    @property
    def needed(self) -> int:
        """Frames of the shortest video in which the three clips and a remote one have room."""
        return self.spacing + self.remote_distance + self.last + 1

    def frames_of(self, start: int, num_source: int, length: int) -> NDArray[np.int64]:
        """Frame numbers of the clip that starts there, int64 (T,), in a video of `num_source` frames that counts as one of
        `length`: all its clips are slowed down alike, so that where they lie stays true.
        """
        return (start + self.stride * np.arange(self.num_frames, dtype=np.int64)) * num_source // length


@dataclass(frozen=True, kw_only=True)
class TuplePlaces:
    """starts: of the three clips. remote: start of the clip that can replace the middle one. length: of the video, or more: then
    it is to be slowed down to that. fits: whether it is long enough for all of it, at the distances asked for.
    """

    starts: tuple[int, int, int]
    remote: int
    length: int
    fits: bool


def draw_places(num_source: int, layout: TupleLayout, rng: np.random.Generator) -> TuplePlaces:
    """Places in a video of `num_source` frames. They are drawn whether the remote clip is wanted or not: else where the three
    clips lie would tell.

    In a long video (two middles fit at the remote distance) the middle and the remote clip are a pair that could as well be
    exchanged, so the remote one is no nearer to the video's ends than the middle is. In a shorter one, the middle is where a
    remote clip fits on one side at least. One too short for that counts as one that is just long enough.
    """
    length = max(num_source, layout.needed)
    latest = length - 1 - layout.last  # start of the last clip that fits
    middles = range(layout.spacing, latest - layout.spacing + 1)
    away = layout.remote_distance
    if len(middles) > away:
        middle, remote = _exchangeable(middles, away, rng)
        return _around(middle, remote, layout, length, fits=True)
    with_remote = [middle for middle in middles if middle >= away or middle + away <= latest]
    middle = with_remote[int(rng.integers(len(with_remote)))]
    return _around(middle, _draw_remote(middle, away, latest, rng), layout, length, fits=length == num_source)


def draw_places_anywhere(num_source: int, layout: TupleLayout, rng: np.random.Generator) -> TuplePlaces:
    """As the unofficial code: the three clips anywhere; `fits` only with room for a remote clip on both sides. Videos too short
    for three clips as in `draw_places`.
    """
    latest = num_source - 1 - layout.last
    middles = range(layout.spacing, latest - layout.spacing + 1)
    if not middles:
        return draw_places(num_source, layout, rng)
    middle = middles[int(rng.integers(len(middles)))]
    away = layout.remote_distance
    both = middle >= away and middle + away <= latest
    remote = _draw_remote(middle, away, latest, rng) if both else middle
    return _around(middle, remote, layout, num_source, fits=both)


def _exchangeable(middles: range, away: int, rng: np.random.Generator) -> tuple[int, int]:
    """One of all pairs of middles that are far enough apart, each as likely."""
    distances = np.arange(away, len(middles))
    pairs = len(middles) - distances
    distance = int(rng.choice(distances, p=pairs / pairs.sum()))
    earlier = middles[int(rng.integers(len(middles) - distance))]
    return (earlier, earlier + distance) if rng.random() < 0.5 else (earlier + distance, earlier)


def _draw_remote(middle: int, away: int, latest: int, rng: np.random.Generator) -> int:
    before = max(0, middle - away + 1)
    after = max(0, latest - (middle + away) + 1)
    drawn = int(rng.integers(before + after))
    return drawn if drawn < before else middle + away + drawn - before


def _around(middle: int, remote: int, layout: TupleLayout, length: int, *, fits: bool) -> TuplePlaces:
    starts = (middle - layout.spacing, middle, middle + layout.spacing)
    return TuplePlaces(starts=starts, remote=remote, length=length, fits=fits)
