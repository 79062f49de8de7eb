"""Examples by number: example i of a run is the same in every worker, after every resume, whatever came before it.

So a run's place in its data is one number, and resuming needs no worker's state.

Shapes: B examples, K clips, T frames, H x W pixels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from embedder.errors import VideoRejected
from embedder.worker_messages import StretchPlan
from pretrain.config import TrainConfig
from pretrain.drawn_footage import DrawnFootage
from pretrain.errors import TrainingDataError
from pretrain.frame_cache import FrameCache
from pretrain.frame_source import FrameSource, StoredFrames
from pretrain.run_files import Rejected
from pretrain.shares import ALONE, Share, Turns
from pretrain.tasks.base import DrawnTask, Example, FrameTask
from pretrain.video_list import training_videos


@dataclass(frozen=True)
class Item:
    """Example i of every task of the sum, in its order, and the videos that turned out bad on the way."""

    examples: list[Example]
    rejected: list[Rejected]


@dataclass(frozen=True)
class Batch:
    """clips: for every task uint8 (B, K, T, H, W, 3); targets: for every task (B, ...)."""

    clips: list[Tensor]
    targets: list[Tensor]
    rejected: list[Rejected]

    def pin_memory(self) -> "Batch":
        """Where a GPU can fetch it while the CPU goes on; the loader calls this."""
        return Batch([clips.pin_memory() for clips in self.clips], [target.pin_memory() for target in self.targets], self.rejected)


class FilmedFootage:
    """Stretches out of video files: every video once in each round, each round in another order."""

    def __init__(self, videos: Sequence[Path], cache: FrameCache, seed: int) -> None:
        self._videos = list(videos)
        self._cache = cache
        self._seed = seed
        self._bad: dict[int, Rejected] = {}

    def stretch(self, index: int, rng: np.random.Generator) -> tuple[FrameSource, list[Rejected]]:
        """A stretch of the video whose turn it is; when that is bad, of the next good one, and the bad ones by name.

        Raises TrainingDataError when no video is good.
        """
        met: list[Rejected] = []
        round_number, place = divmod(index, len(self._videos))
        order = np.random.default_rng([self._seed, round_number]).permutation(len(self._videos))
        for turn in range(len(order)):
            video = int(order[(place + turn) % len(order)])
            if video not in self._bad:
                try:
                    return StoredFrames(self._cache.stretch(self._videos[video], rng)), met
                except VideoRejected as error:
                    self._bad[video] = Rejected(str(error.path), error.reason)
            met.append(self._bad[video])
        raise TrainingDataError(
            f"none of the {len(order)} videos can be used; the first: {met[0].path}: {met[0].reason}. Give other videos."
        )


class ExampleDataset(Dataset[Item]):
    """Example number -> Item. Pure, except for what the frame cache keeps."""

    def __init__(self, config: TrainConfig, cache_dir: Path) -> None:
        self._config = config
        needed = [part.task.frames_needed(config.clip) for part in config.tasks.parts if isinstance(part.task, FrameTask)]
        self._filmed = _filmed(config, cache_dir, max(needed)) if needed and config.footage.paths else None

    def __len__(self) -> int:
        return self._config.steps * self._config.batch_size

    def __getitem__(self, index: int) -> Item:
        examples, rejected = [], []
        for number, part in enumerate(self._config.tasks.parts):
            rng = np.random.default_rng([self._config.seed, number, index])
            if isinstance(part.task, DrawnTask):
                examples.append(part.task.make_example(self._config.clip, rng))
            elif isinstance(part.task, FrameTask):
                source, bad = self._stretch(part.task, index, rng)
                rejected.extend(bad)
                examples.append(part.task.make_example(source, self._config.clip, rng))
            else:
                raise TypeError(f"task {part.name} is neither a FrameTask nor a DrawnTask")
        return Item(examples, rejected)

    def _stretch(self, task: FrameTask, index: int, rng: np.random.Generator) -> tuple[FrameSource, list[Rejected]]:
        if self._filmed is not None:
            return self._filmed.stretch(index, rng)
        return drawn_footage(self._config, task).video(index, rng), []


def drawn_footage(config: TrainConfig, task: FrameTask) -> DrawnFootage:
    """What a task sees where there are no videos. It does not depend on what other tasks the sum has: the same movement in more
    frames would be a slower one.
    """
    wanted, needed = config.footage, task.frames_needed(config.clip)
    return DrawnFootage(
        size_px=round(config.clip.size_px * wanted.margin),
        # A clip that had to begin at the first frame would always show the movement's beginning and its end.
        num_frames=max(wanted.drawn_frames, needed + config.clip.num_frames),
        alike=wanted.drawn_alike,
        seed=config.seed,
    )


def batches(dataset: ExampleDataset, config: TrainConfig, *, first_step: int, share: Share = ALONE) -> Iterator[Batch]:
    """Batches of the steps from `first_step` on, made ahead by worker processes: `config.accumulate` for each step, and of each
    the examples that fall to this process.
    """
    yield from make_loader(
        dataset,
        config.workers,
        batch_sampler=Turns(config, share, first_step=first_step),
        collate_fn=collate,
        pin_memory=torch.cuda.is_available() and config.device != "cpu",
    )


def make_loader(dataset: Dataset[Any], workers: int, **options: Any) -> DataLoader[Any]:
    """torch's loader with everything that makes it safe here. What the workers make, they hand over in shared memory."""
    return _Loader(
        dataset,
        num_workers=workers,
        worker_init_fn=_one_thread if workers else None,
        # A fork of a process whose torch has started threads can hang. And workers of a fork server outlive a killed training:
        # they watch their parent, which is then the server, which in turn waits for them.
        multiprocessing_context="spawn" if workers else None,
        # Else it takes a number from the global generator, and a resumed run no longer has the same.
        generator=torch.Generator(),
        **options,
    )


class _Loader(DataLoader[Any]):
    def check_worker_number_rationality(self) -> None:
        """No warning: two workers on one core are fine, while one waits for a disk the other works."""


def collate(items: Sequence[Item]) -> Batch:
    """Examples of one batch stacked, task by task."""
    by_task = list(zip(*(item.examples for item in items), strict=True))
    return Batch(
        clips=[torch.from_numpy(np.stack([example.clips_KTHWC for example in examples])) for examples in by_task],
        targets=[torch.from_numpy(np.stack([example.target for example in examples])) for examples in by_task],
        rejected=[bad for item in items for bad in item.rejected],
    )


def _filmed(config: TrainConfig, cache_dir: Path, frames_needed: int) -> FilmedFootage:
    wanted = config.footage
    size_px = round(config.clip.size_px * wanted.margin)
    plan = StretchPlan(
        size_px=size_px,
        max_frame_rate_hz=wanted.max_frame_rate_hz,
        stretch_frames=max(wanted.stretch_frames, frames_needed),
        max_stretches=wanted.max_stretches,
    )
    return FilmedFootage(training_videos(wanted), FrameCache(cache_dir, plan, int(wanted.cache_gb * 1e9)), config.seed)


def _one_thread(worker: int) -> None:
    """Workers share the cores with the training; threads of their own would only get in its way."""
    import cv2

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
