"""How well the tasks are solved on videos that were not trained on. With few videos a network learns them by heart, and is
always right about those that it was trained on.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from pretrain.clip_dataset import Batch, ExampleDataset, batches
from pretrain.config import LabelledVideo, TrainConfig
from pretrain.judgement import Judgement
from pretrain.pretrain_model import PretrainModel
from pretrain.run_files import Rejected
from pretrain.run_footage import choose_footage

_EXAMPLES = 128


class HeldOutExamples:
    """Examples of every task out of the held-out videos, the same at every save; made once, in memory (of one 16 x 64 x 64 clip
    each: 25 MB). Tasks that draw their examples are judged on new drawings.
    """

    def __init__(self, config: TrainConfig, videos: Sequence[LabelledVideo], cache_dir: Path) -> None:
        """videos: one or more, of which one must be readable: TrainingDataError. In a process that trains alone."""
        # Batches as large as in training: what is compared with the rest of the batch is the harder, the larger it is.
        wanted = replace(config, accumulate=1, steps=-(-_EXAMPLES // config.batch_size), seed=config.seed + 1)
        paths = [Path(path) for path in dict.fromkeys(video.path for video in videos)]
        dataset = ExampleDataset(wanted, cache_dir, choose_footage(wanted, paths))
        self._tasks = config.tasks
        self._batches = list(batches(dataset, wanted, first_step=0))
        self.rejected: tuple[Rejected, ...] = tuple({bad.path: bad for batch in self._batches for bad in batch.rejected}.values())

    def judge(self, model: PretrainModel) -> dict[str, Judgement]:
        """By name of the task. The model is left in the mode in which it was."""
        was_training = model.training
        model.eval()
        every = [_scalars(model, batch, number) for number, batch in enumerate(self._batches)]
        model.train(was_training)
        averages = {name: sum(scalars[name] for scalars in every) / len(every) for name in every[0]}
        return {
            part.name: part.task.judge(
                {name.removeprefix(f"{part.name}/"): value for name, value in averages.items() if name.startswith(f"{part.name}/")}
            )
            for part in self._tasks.parts
        }


@torch.no_grad()
def _scalars(model: PretrainModel, batch: Batch, number: int) -> dict[str, float]:
    device = next(model.parameters()).device
    clips = model.augment([clips.to(device) for clips in batch.clips], torch.Generator().manual_seed(number))
    losses = model(clips, [targets.to(device) for targets in batch.targets])
    return {name: float(value) for name, value in losses.scalars.items()}
