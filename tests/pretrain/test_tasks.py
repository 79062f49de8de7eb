"""What every task must do, over all there are."""

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from pretrain.frame_source import StoredFrames
from pretrain.tasks import TASKS, PretextTask
from pretrain.tasks.base import ClipShape, DrawnTask, Example, FeatureShape, FrameTask, SlowView
from pretrain.tasks.pace import Pace

CLIP = ClipShape(num_frames=8, size_px=32)
FEATURES = FeatureShape(dim=24, places=(2, 3, 3))


def footage(num_frames: int) -> StoredFrames:
    return StoredFrames(np.random.default_rng(5).integers(0, 256, (num_frames, 37, 37, 3), dtype=np.uint8))


def example(task: PretextTask, seed: int) -> Example:
    rng = np.random.default_rng(seed)
    if isinstance(task, DrawnTask):
        return task.make_example(CLIP, rng)
    assert isinstance(task, FrameTask)
    return task.make_example(footage(task.frames_needed(CLIP) + 3), CLIP, rng)


def augmented(task: PretextTask, made: Example) -> torch.Tensor:
    return task.augment(torch.from_numpy(made.clips_KTHWC)[None], CLIP, torch.Generator().manual_seed(0))


@pytest.fixture(params=TASKS.names())
def task(request: pytest.FixtureRequest) -> PretextTask:
    return TASKS[request.param]()


def test_example__is_clips_of_the_asked_shape_once_augmented(task: PretextTask) -> None:
    made = example(task, 1)
    assert made.clips_KTHWC.dtype == np.uint8
    num_clips, num_frames, height, width, colours = made.clips_KTHWC.shape
    assert (num_frames, colours) == (8, 3) and min(height, width) >= 32
    seen = augmented(task, made)
    assert seen.shape == (1, num_clips, 8, 32, 32, 3)
    assert float(seen.min()) >= 0 and float(seen.max()) <= 255


def test_augment__same_generator_state_same_looks(task: PretextTask) -> None:
    made = example(task, 1)
    assert torch.equal(augmented(task, made), augmented(task, made))


def test_describe__has_words_for_every_target(task: PretextTask) -> None:
    assert all(task.describe(example(task, seed).target) for seed in range(20))


def test_example__same_generator_state_same_example(task: PretextTask) -> None:
    one, same, other = example(task, 1), example(task, 1), example(task, 2)
    np.testing.assert_array_equal(one.clips_KTHWC, same.clips_KTHWC)
    np.testing.assert_array_equal(one.target, same.target)
    assert not np.array_equal(one.clips_KTHWC, other.clips_KTHWC)


def test_frame_task__takes_a_video_of_one_frame(task: PretextTask) -> None:
    if isinstance(task, FrameTask):
        made = task.make_example(footage(1), CLIP, np.random.default_rng(0))
        assert augmented(task, made).shape[2:] == (8, 32, 32, 3)


def test_frame_task__what_stands_still_goes_on_standing_still(task: PretextTask) -> None:
    """Changes of looks and place are drawn once for a clip; pace's jitter alone is for every frame on its own, on purpose."""
    if isinstance(task, Pace):
        task = replace(task, jitter=replace(task.jitter, share=0.0))
    if not isinstance(task, FrameTask):
        return
    picture = np.random.default_rng(6).integers(0, 256, (1, 37, 37, 3), dtype=np.uint8)
    source = StoredFrames(picture.repeat(task.frames_needed(CLIP) + 3, axis=0))
    for seed in range(25):  # all of cloze's operations, looks that are changed and such that are not
        made = task.make_example(source, CLIP, np.random.default_rng(seed))
        seen = task.augment(torch.from_numpy(made.clips_KTHWC)[None], CLIP, torch.Generator().manual_seed(seed))
        assert float((seen.float() - seen[:, :, :1].float()).abs().max()) < 1e-3


def test_loss__a_few_steps_on_one_batch_bring_it_down_and_the_score_up(task: PretextTask) -> None:
    torch.manual_seed(0)
    examples = [example(task, seed) for seed in range(8)]
    target = torch.from_numpy(np.stack([made.target for made in examples]))
    places = FEATURES.places if task.features == "map" else ()
    features = torch.randn(8, len(examples[0].clips_KTHWC), FEATURES.dim, *places)
    head = task.build_head(FEATURES, CLIP)
    slow = None if task.slow_momentum() is None else SlowView(head=copy.deepcopy(head), features=features)
    optimiser = torch.optim.Adam(head.parameters(), lr=0.02)
    scores, losses = [], []
    for _ in range(60):
        scalars = task.loss(head, features, target, slow)
        optimiser.zero_grad()
        scalars["loss"].backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        judgement = task.judge({name: float(value.detach()) for name, value in scalars.items()})
        scores.append(judgement.score)
        losses.append(float(scalars["loss"].detach()))
        assert judgement.words
        assert math.isfinite(judgement.score)
    assert losses[-1] < 0.5 * losses[0]
    assert scores[-1] > max(0.3, scores[0])
