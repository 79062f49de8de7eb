"""Cloze tuples out of one video: every operation on the same three clips, so that nothing but the operation tells them apart.

Shapes: M clips, N tuples, T frames, S x S pixels.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pretrain.frame_source import Frames, StoredFrames
from pretrain.tasks.base import ClipShape
from pretrain.tasks.cloze import OPERATIONS, Cloze

QUARTERS = (1, 2, 3)
"""By which a clip is rotated: 90, 180 and 270 degrees."""


@dataclass(frozen=True, kw_only=True)
class VideoTuples:
    """clips: every different one once, uint8 (M, T, S, S, 3). places: of each tuple's three clips among them, int64 (N, 3).
    operations: numbers in OPERATIONS, int64 (N,). quarters: of a rotation, 0 for other operations, int64 (N,).
    """

    clips_MTSSC: Frames
    places_N3: NDArray[np.int64]
    operations_N: NDArray[np.int64]
    quarters_N: NDArray[np.int64]


def has_room(task: Cloze, stretches: Sequence[Frames], clip: ClipShape) -> bool:
    """Whether the video has a clip as remote as the task asks for. Where it has not, none can be made without slowing it down."""
    return any(task.remote_fits(len(stretch), clip) for stretch in stretches)


def tuples_to_learn(task: Cloze, path: Path, stretches: Sequence[Frames], clip: ClipShape, *, count: int, seed: int) -> VideoTuples:
    """`count` of each operation, each at places of its own, which the operations share; rotations by any angle. Without room no
    remote ones. The same file name and seed give the same.
    """
    drawn = []
    for number in range(count):
        seeds = [seed, 0, _number_of(path), number]
        drawn.append(_draw(task, stretches, clip, seeds, every_angle=False))
    return _joined(drawn)


def tuples_to_answer(task: Cloze, path: Path, stretches: Sequence[Frames], clip: ClipShape, *, seed: int) -> VideoTuples:
    """One of each operation, the rotation by a drawn angle, and after them rotations by the two other angles. Without room no
    remote one. The same file name and seed give the same.
    """
    return _draw(task, stretches, clip, [seed, 1, _number_of(path)], every_angle=True)


def _number_of(path: Path) -> int:
    """Of the name alone, so that the folder in which a collection lies changes nothing."""
    return zlib.crc32(path.name.encode("utf-8", "surrogateescape"))


def _draw(task: Cloze, stretches: Sequence[Frames], clip: ClipShape, seeds: list[int], *, every_angle: bool) -> VideoTuples:
    rng = np.random.default_rng(seeds)
    room = has_room(task, stretches, clip)
    fitting = [stretch for stretch in stretches if task.remote_fits(len(stretch), clip)] or [max(stretches, key=len)]
    source = StoredFrames(fitting[int(rng.integers(len(fitting)))])
    angle = int(rng.integers(1, 4))
    kinds = [(name, angle if name == "rotation" else 0) for name in OPERATIONS if room or name != "remote"]
    if every_angle:
        kinds += [("rotation", other) for other in QUARTERS if other != angle]
    state = int(rng.integers(2**63))
    tuples = [
        task.make_tuple(source, clip, name, np.random.default_rng(state), quarters=quarters or None) for name, quarters in kinds
    ]
    # The outer clips are the same in all of them, so they need to go through the network only once.
    clips = [tuples[0][0], tuples[0][2], *(made[1] for made in tuples)]
    return VideoTuples(
        clips_MTSSC=np.stack(clips),
        places_N3=np.array([(0, number + 2, 1) for number in range(len(tuples))], np.int64),
        operations_N=np.array([OPERATIONS.index(name) for name, _ in kinds], np.int64),
        quarters_N=np.array([quarters for _, quarters in kinds], np.int64),
    )


def _joined(parts: Sequence[VideoTuples]) -> VideoTuples:
    offsets = np.cumsum([0, *(len(part.clips_MTSSC) for part in parts[:-1])])
    return VideoTuples(
        clips_MTSSC=np.concatenate([part.clips_MTSSC for part in parts]),
        places_N3=np.concatenate([part.places_N3 + offset for part, offset in zip(parts, offsets, strict=True)]),
        operations_N=np.concatenate([part.operations_N for part in parts]),
        quarters_N=np.concatenate([part.quarters_N for part in parts]),
    )
