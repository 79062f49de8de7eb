"""Examples by number: example i of a run is the same in every worker, after every resume, whatever came before it.

So a run's place in its data is one number, and resuming needs no worker's state.

Shapes: B examples, K clips, T frames, H x W pixels.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from pretrain import pulse
from pretrain.cache_remarks import Remark
from pretrain.config import TrainConfig
from pretrain.drawn_footage import DrawnFootage
from pretrain.errors import TrainingDataError
from pretrain.example_workers import make_loader
from pretrain.filmed_footage import FilmedFootage
from pretrain.frame_cache import FrameCache
from pretrain.frame_source import FrameSource, SmallerFrames
from pretrain.hand_over import hand_over, taken_over
from pretrain.run_files import Rejected
from pretrain.run_footage import RunFootage, choose_footage, frame_size_px
from pretrain.shares import ALONE, Share, Turns
from pretrain.tasks.base import DrawnTask, Example, FrameTask


@dataclass(frozen=True)
class Item:
    """Example i of every task of the sum, in its order, and what was met on the way: bad videos, and what else to tell."""

    examples: list[Example]
    rejected: list[Rejected]
    remarks: list[Remark] = field(default_factory=list)


@dataclass(frozen=True)
class NoExample:
    """There can be none. A value, since an error would arrive from a worker with that worker's traceback as its message."""

    reason: str


@dataclass(frozen=True)
class Batch:
    """clips: for every task uint8 (B, K, T, H, W, 3); targets: for every task (B, ...). remarks: what the user should be told."""

    clips: list[Tensor]
    targets: list[Tensor]
    rejected: list[Rejected]
    remarks: list[Remark] = field(default_factory=list)

    def __getstate__(self) -> dict[str, Any]:
        """How a worker hands it over: the tensors where there is room for them."""
        numbers, remark = hand_over([*self.clips, *self.targets])
        remarks = self.remarks if remark is None else [*self.remarks, remark]
        return {"numbers": numbers, "tasks": len(self.clips), "rejected": self.rejected, "remarks": remarks}

    def __setstate__(self, state: dict[str, Any]) -> None:
        tensors, tasks = taken_over(state["numbers"]), state["tasks"]
        values = {"clips": tensors[:tasks], "targets": tensors[tasks:], "rejected": state["rejected"], "remarks": state["remarks"]}
        for name, value in values.items():
            object.__setattr__(self, name, value)  # as a frozen dataclass does it

    def pin_memory(self) -> "Batch":
        """Where a GPU can fetch it while the CPU goes on; the loader calls this."""
        pinned = [clips.pin_memory() for clips in self.clips], [target.pin_memory() for target in self.targets]
        return Batch(*pinned, self.rejected, self.remarks)


class ExampleDataset(Dataset[Item | NoExample]):
    """Example number -> Item. Pure, except for what the frame cache keeps."""

    def __init__(self, config: TrainConfig, cache_dir: Path, footage: RunFootage | None = None) -> None:
        """footage: the run's; None chooses it anew, if the tasks need any. Raises TrainingDataError when there is none."""
        self._config = config
        self._filmed: FilmedFootage | None = None
        footage = choose_footage(config) if footage is None else footage
        if footage is not None:
            cache = FrameCache(cache_dir, footage.plan, int(config.footage.cache_gb * 1e9), footage.videos)
            self._filmed = FilmedFootage(footage.videos, cache, config.seed)

    def __len__(self) -> int:
        return self._config.steps * self._config.batch_size

    def __getitem__(self, index: int) -> Item | NoExample:
        pulse.beat()
        try:
            return self._item(index)
        except TrainingDataError as error:
            return NoExample(str(error))

    def _item(self, index: int) -> Item:
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
        return Item(examples, rejected, self._filmed.take_remarks() if self._filmed is not None else [])

    def _stretch(self, task: FrameTask, index: int, rng: np.random.Generator) -> tuple[FrameSource, list[Rejected]]:
        if self._filmed is None:
            return drawn_footage(self._config, task).video(index, rng), []
        source, bad = self._filmed.stretch(index, rng)
        size_px = frame_size_px(self._config, task)  # another task of the sum may have asked for larger ones
        return (SmallerFrames(source=source, size_px=size_px) if source.size_px > size_px else source), bad


def drawn_footage(config: TrainConfig, task: FrameTask) -> DrawnFootage:
    """What a task sees where there are no videos. It does not depend on what other tasks the sum has: the same movement in more
    frames would be a slower one.
    """
    wanted, needed = config.footage, task.frames_needed(config.clip)
    return DrawnFootage(
        size_px=frame_size_px(config, task),
        # A clip that had to begin at the first frame would always show the movement's beginning and its end.
        num_frames=max(wanted.drawn_frames, needed + config.clip.num_frames),
        alike=wanted.drawn_alike,
        seed=config.seed,
    )


def batches(dataset: ExampleDataset, config: TrainConfig, *, first_step: int, share: Share = ALONE) -> Generator[Batch]:
    """Batches of the steps from `first_step` on, made ahead by worker processes: `config.accumulate` for each step, and of each
    the examples that fall to this process. Of each kind the first remark alone comes through.

    Raises TrainingDataError when no video can be used.
    """
    told: set[str] = set()
    loader = make_loader(
        dataset,
        config.workers,
        batch_sampler=Turns(config, share, first_step=first_step),
        collate_fn=collate,
        pin_memory=torch.cuda.is_available() and config.device != "cpu",
    )
    for batch in loader:
        if isinstance(batch, NoExample):
            raise TrainingDataError(batch.reason)
        remarks = [*loader.remarks, *batch.remarks]
        first = {remark.kind: remark for remark in reversed(remarks) if remark.kind not in told}
        told |= first.keys()
        yield replace(batch, remarks=list(first.values()))


def collate(items: Sequence[Item | NoExample]) -> Batch | NoExample:
    """Examples of one batch stacked, task by task; no batch where one is missing."""
    good = []
    for item in items:
        if isinstance(item, NoExample):
            return item
        good.append(item)
    by_task = list(zip(*(item.examples for item in good), strict=True))
    return Batch(
        clips=[torch.from_numpy(np.stack([example.clips_KTHWC for example in examples])) for examples in by_task],
        targets=[torch.from_numpy(np.stack([example.target for example in examples])) for examples in by_task],
        rejected=[bad for item in good for bad in item.rejected],
        remarks=[remark for item in good for remark in item.remarks],
    )
