"""Do held-out videos find their like? The one measure of a training that looks at what the features are for.

Shapes: N videos, T frames, H x W pixels, D features.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from embedder.errors import VideoRejected
from embedder.worker_messages import StretchPlan
from pretrain.config import LabelledVideo, ProbeConfig, TrainConfig
from pretrain.example_workers import make_loader
from pretrain.frame_cache import FrameCache
from pretrain.frame_store import Frames
from pretrain.health import NeighbourScore
from pretrain.pretrain_model import PretrainModel
from pretrain.run_files import Rejected

_CLIPS_AT_ONCE = 32


class NeighbourProbe:
    """Labelled videos, each as one clip over its whole length; read once, in memory (300 of 16 x 64 x 64: 60 MB).

    at_start: the accuracy before the first step, where it is known.
    """

    def __init__(self, config: TrainConfig, probe: ProbeConfig, cache_dir: Path) -> None:
        self.rejected: list[Rejected] = []
        self.at_start: float | None = None
        self._began_trained = config.init_from is not None
        self._queries = self._read(config, probe.queries, cache_dir)
        self._gallery = self._read(config, probe.gallery, cache_dir)

    def score(self, model: PretrainModel) -> NeighbourScore:
        """With the model as it is; it is left in the mode in which it was."""
        was_training = model.training
        model.eval()
        accuracy, majority, asked = nearest_accuracy(
            _embedded(model, self._queries),
            [video for video, _ in self._queries],
            _embedded(model, self._gallery),
            [video for video, _ in self._gallery],
        )
        model.train(was_training)
        return NeighbourScore(
            accuracy=accuracy,
            majority=majority,
            at_start=self.at_start,
            queries=asked,
            began_trained=self._began_trained,
        )

    def _read(self, config: TrainConfig, videos: Sequence[LabelledVideo], cache_dir: Path) -> list[tuple[LabelledVideo, Frames]]:
        dataset = _WholeVideos(config, [Path(video.path) for video in videos], cache_dir)
        # As arrays, which go through a pipe: torch's own way makes tensors of them, in shared memory, of which there may be little.
        loader = make_loader(dataset, min(config.workers, len(videos)), batch_size=None, collate_fn=_as_it_is)
        read = []
        for video, clip in zip(videos, loader, strict=True):
            if isinstance(clip, Rejected):
                self.rejected.append(clip)
            else:
                read.append((video, np.asarray(clip).copy()))
        return read


def _as_it_is(item: Frames | Rejected) -> Frames | Rejected:
    return item


class _WholeVideos(Dataset["Frames | Rejected"]):
    """Video number -> uint8 (T, H, W, 3), spread over all of it."""

    def __init__(self, config: TrainConfig, paths: Sequence[Path], cache_dir: Path) -> None:
        self._num_frames = config.clip.num_frames
        self._paths = paths
        # Single frames, evenly spread: at least twice as many as a clip takes, so that the nearest ones are near enough.
        plan = StretchPlan(
            size_px=config.clip.size_px,
            max_frame_rate_hz=config.footage.max_frame_rate_hz,
            stretch_frames=1,
            max_stretches=4 * self._num_frames,
        )
        self._cache = FrameCache(cache_dir, plan, int(config.footage.cache_gb * 1e9), paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Frames | Rejected:
        try:
            frames = self._cache.frames(self._paths[index])
        except VideoRejected as error:
            return Rejected(str(error.path), error.reason)
        places_T = (np.arange(self._num_frames) + 0.5) * len(frames) / self._num_frames
        return np.array(frames[places_T.astype(np.int64)])


def nearest_accuracy(
    queries_ND: Tensor, queries: Sequence[LabelledVideo], gallery_MD: Tensor, gallery: Sequence[LabelledVideo]
) -> tuple[float, float, int]:
    """Share of queries whose nearest neighbour (cosine, within the source) has their label; the same for always answering
    with the source's commonest label; and the number of queries, those alone whose source has a gallery. (0, 0, 0) for none.
    """
    cosines_NM = functional.normalize(queries_ND.double(), dim=1) @ functional.normalize(gallery_MD.double(), dim=1).T
    right = right_by_majority = asked = 0
    for source in sorted({video.source for video in gallery}):
        own = [column for column, video in enumerate(gallery) if video.source == source]
        commonest = Counter(sorted(gallery[column].label for column in own)).most_common(1)[0][0]
        for row, query in enumerate(queries):
            if query.source == source:
                nearest = own[int(cosines_NM[row, own].argmax())]
                right += gallery[nearest].label == query.label
                right_by_majority += commonest == query.label
                asked += 1
    return right / max(1, asked), right_by_majority / max(1, asked), asked


def _embedded(model: PretrainModel, videos: Sequence[tuple[LabelledVideo, Frames]]) -> Tensor:
    """float32 (N, D), on the CPU."""
    device = next(model.parameters()).device
    parts = [torch.zeros(0, model.backbone.feature_dim)]
    for first in range(0, len(videos), _CLIPS_AT_ONCE):
        clips = np.stack([clip for _, clip in videos[first : first + _CLIPS_AT_ONCE]])
        parts.append(model.embed(torch.from_numpy(clips).to(device)).cpu())
    return torch.cat(parts)
