"""Which frames a pace takes, read off frames that spell their own number."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pretrain.colour_jitter import ColourJitter
from pretrain.frame_source import StoredFrames
from pretrain.tasks.base import ClipShape
from pretrain.tasks.pace import Pace
from tests.helpers.counting_video import number_in, number_picture

CLIP = ClipShape(num_frames=8, size_px=48)
PLAIN = ColourJitter(brightness=0, contrast=0, saturation=0, hue=0, share=0)


def numbered(num_frames: int) -> NDArray[np.uint8]:
    return np.stack([number_picture(number, 48, 48) for number in range(num_frames)])


def clip_numbers(task: Pace, num_source: int, seed: int) -> tuple[int, list[int]]:
    made = task.make_example(StoredFrames(numbered(num_source)), CLIP, np.random.default_rng(seed))
    return int(made.target), [number_in(picture) for picture in made.clips_KTHWC[0]]


def test_clip__frames_are_as_far_apart_as_the_label_says() -> None:
    task = Pace(jitter=PLAIN, flip=0)
    for seed in range(30):
        label, numbers = clip_numbers(task, 40, seed)
        assert set(np.diff(numbers)) == {task.paces[label]}


def test_clip__labels_and_starts_cover_their_range_evenly() -> None:
    task = Pace(jitter=PLAIN, flip=0)
    drawn = [clip_numbers(task, 31, seed) for seed in range(400)]
    counts = Counter(label for label, _ in drawn)
    assert sorted(counts) == [0, 1, 2, 3]
    assert min(counts.values()) > 70
    assert {numbers[0] for label, numbers in drawn if label == 3} == {0, 1, 2}  # 1 + 7 * 4 of 31 frames: three starts


def test_clip__loops_only_when_the_video_is_too_short() -> None:
    task = Pace(paces=(1, 4), jitter=PLAIN, flip=0)
    for seed in range(20):
        label, numbers = clip_numbers(task, 20, seed)
        wraps = sum(b < a for a, b in pairwise(numbers))
        assert wraps == (0 if label == 0 else 1)


def test_clip__published_looping_restarts_at_the_first_frame() -> None:
    task = Pace(loop="published")
    rng = np.random.default_rng(0)
    starts = set()
    for _ in range(200):
        numbers = task.frame_numbers(20, 3, 8, rng).tolist()
        starts.add(numbers[0])
        for before, after in pairwise(numbers):
            assert after == (before + 3 if before + 3 < 20 else 0)
    assert starts == set(range(20))


def test_clip__slow_motion_repeats_frames() -> None:
    task = Pace(paces=(0.5, 1))
    numbers = task.frame_numbers(8, 0.5, 8, np.random.default_rng(0))
    np.testing.assert_array_equal(numbers - numbers[0], [0, 0, 1, 1, 2, 2, 3, 3])


def test_jitter__changes_every_frame_on_its_own_and_crop_and_flip_none() -> None:
    still = np.repeat(np.random.default_rng(1).integers(0, 256, (1, 60, 60, 3), dtype=np.uint8), 40, axis=0)
    jittered = Pace().make_example(StoredFrames(still), CLIP, np.random.default_rng(3)).clips_KTHWC[0]
    plain = Pace(jitter=PLAIN).make_example(StoredFrames(still), CLIP, np.random.default_rng(3)).clips_KTHWC[0]
    assert all(np.array_equal(frame, plain[0]) for frame in plain)
    assert len({frame.tobytes() for frame in jittered}) >= 5  # 8 frames, each changed 8 times in 10


def test_paces__must_differ() -> None:
    with pytest.raises(ValueError, match=r"two or more different numbers above 0.*got \(1, 1\)"):
        Pace(paces=(1, 1))


def test_judge__tells_accuracy_beside_chance_and_majority() -> None:
    task = Pace()
    head = torch.nn.Identity()
    logits = torch.eye(4)[[0, 0, 1, 1, 2]][:, None]
    scalars = task.loss(head, logits, torch.tensor([0, 0, 0, 1, 2]))
    judgement = task.judge({name: float(value) for name, value in scalars.items()})
    assert judgement.words == "pace accuracy 0.80 (chance 0.25, always the commonest 0.60)"
    assert judgement.score == pytest.approx(0.5)
