"""What a frozen network makes of the cloze tuples of videos: three clips' features side by side for each tuple.

Shapes: N tuples, F features of a clip.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pretrain.downstream.cloze_tuples import VideoTuples, has_room, tuples_to_answer, tuples_to_learn
from pretrain.downstream.frozen_network import FrozenNetwork
from pretrain.downstream.labelled_footage import LabelledFile, LabelledFootage
from pretrain.frame_source import Frames
from pretrain.tasks.base import ClipShape
from pretrain.tasks.cloze import OPERATIONS, Cloze

OnPhase = Callable[[str, int, int], None]
"""Told what is done now, how much of it is done, and of how much."""


@dataclass(frozen=True, kw_only=True)
class TupleFeatures:
    """Of one video. features: float32 (N, 3F). operations, quarters: int64 (N,), as in `VideoTuples`. room: whether it has a clip
    remote enough, so that there are remote tuples.
    """

    file: LabelledFile
    features_NG: NDArray[np.float32]
    operations_N: NDArray[np.int64]
    quarters_N: NDArray[np.int64]
    room: bool


def without_remote(one: TupleFeatures) -> TupleFeatures:
    """The same video as if it had no room for a remote clip."""
    kept_N = one.operations_N != OPERATIONS.index("remote")
    return replace(
        one,
        features_NG=one.features_NG[kept_N],
        operations_N=one.operations_N[kept_N],
        quarters_N=one.quarters_N[kept_N],
        room=False,
    )


@dataclass(frozen=True, kw_only=True)
class TupleReader:
    """Videos in, features out; bad videos are left out, and named by `footage`. A video's frames and clips are given up as soon as
    it has its features. All methods raise TrainingStopped for features that are not finite.
    """

    task: Cloze
    clip: ClipShape
    network: FrozenNetwork
    footage: LabelledFootage
    seed: int
    tell: OnPhase

    def train(self, files: Sequence[LabelledFile], *, count: int) -> Iterator[TupleFeatures]:
        """`count` tuples of each operation from each video."""

        def cut(file: LabelledFile, stretches: Sequence[Frames]) -> VideoTuples:
            return tuples_to_learn(self.task, file.path, stretches, self.clip, count=count, seed=self.seed)

        return self._each("train videos", files, cut)

    def test(self, files: Sequence[LabelledFile]) -> Iterator[TupleFeatures]:
        """Every operation once, and rotations by the two other angles after them."""

        def cut(file: LabelledFile, stretches: Sequence[Frames]) -> VideoTuples:
            return tuples_to_answer(self.task, file.path, stretches, self.clip, seed=self.seed)

        return self._each("test videos", files, cut)

    def _each(
        self, phase: str, files: Sequence[LabelledFile], cut: Callable[[LabelledFile, Sequence[Frames]], VideoTuples]
    ) -> Iterator[TupleFeatures]:
        for done, (file, frames) in enumerate(self.footage.each(files), start=1):
            if frames is not None:
                stretches = self.footage.stretches(frames)
                tuples = cut(file, stretches)
                features_MF = self.network.features(tuples.clips_MTSSC, str(file.path))
                yield TupleFeatures(
                    file=file,
                    features_NG=features_MF[tuples.places_N3].reshape(len(tuples.places_N3), -1),
                    operations_N=tuples.operations_N,
                    quarters_N=tuples.quarters_N,
                    room=has_room(self.task, stretches, self.clip),
                )
            self.tell(phase, done, len(files))
