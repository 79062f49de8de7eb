"""Every task through the model and the optimiser's step, as a run does it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pretrain.clip_dataset import Item, collate
from pretrain.config import OptimiserConfig, TrainConfig
from pretrain.frame_source import StoredFrames
from pretrain.optimiser import build_optimiser
from pretrain.pretrain_model import PretrainModel
from pretrain.processes import make_accelerator
from pretrain.task_sum import parse_task_sum
from pretrain.tasks import TASKS, PretextTask
from pretrain.tasks.base import ClipShape, DrawnTask, Example, FrameTask
from pretrain.train_step import TrainStep
from tests.helpers.given_clips import moving_squares

CLIP = ClipShape(num_frames=8, size_px=16)


def example(task: PretextTask, seed: int) -> Example:
    rng = np.random.default_rng(seed)
    if isinstance(task, DrawnTask):
        return task.make_example(CLIP, rng)
    assert isinstance(task, FrameTask)
    (video,) = moving_squares(1, seed=seed, num_frames=task.frames_needed(CLIP) + 4, size_px=24)
    return task.make_example(StoredFrames(video), CLIP, rng)


@pytest.mark.parametrize("name", [*TASKS.names(), "pace(contrast=same_context)", "overlap(contrast=info_nce)"])
def test_task__two_steps_are_finite_and_change_every_weight(name: str) -> None:
    config = TrainConfig(
        tasks=parse_task_sum(name),
        backbone="c3d_quarter",
        clip=CLIP,
        optimiser=OptimiserConfig(name="sgd", learning_rate=0.01),
        batch_size=4,
        device="cpu",
        threads=1,
        workers=0,
    )
    torch.manual_seed(0)
    model = PretrainModel(config)
    take = TrainStep(make_accelerator(config), model, build_optimiser(model, config.optimiser), clip_norm=5.0)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    task = config.tasks.parts[0].task
    for step in (1, 2):
        batch = collate([Item([example(task, 4 * step + i)], []) for i in range(4)])
        clips = model.augment(batch.clips, torch.Generator().manual_seed(step))
        stepped = take([replace(batch, clips=clips)], step)
        assert np.isfinite(stepped.loss) and all(torch.isfinite(value).all() for value in stepped.scalars.values())
        assert task.judge({key.partition("/")[2]: float(value) for key, value in stepped.scalars.items()}).words
    after = model.state_dict()
    learnt = [key for key, value in model.named_parameters() if value.ndim > 1]
    assert [key for key in learnt if torch.equal(after[key], before[key])] == []
    assert any(key.startswith("slow.") for key in learnt) == (task.slow_momentum() is not None)
