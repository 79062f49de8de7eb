"""Which frames a pace takes, read off frames that spell their own number; how they are changed; what is learnt from them."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pretrain.augment import ColourJitter
from pretrain.frame_source import StoredFrames
from pretrain.tasks.base import ClipShape, FeatureShape
from pretrain.tasks.pace import Pace
from tests.helpers.counting_video import number_in, number_picture

CLIP = ClipShape(num_frames=8, size_px=48)
PLAIN = ColourJitter(brightness=0, contrast=0, saturation=0, hue=0, share=0)


def numbered(num_frames: int) -> NDArray[np.uint8]:
    return np.stack([number_picture(number, 48, 48) for number in range(num_frames)])


def all_numbers(task: Pace, num_source: int, seed: int) -> tuple[list[int], list[list[int]]]:
    """Labels, and frame numbers of every clip."""
    made = task.make_example(StoredFrames(numbered(num_source)), CLIP, np.random.default_rng(seed))
    return made.target.tolist(), [[number_in(picture) for picture in clip] for clip in made.clips_KTHWC]


def clip_numbers(task: Pace, num_source: int, seed: int) -> tuple[int, list[int]]:
    (label,), (numbers,) = all_numbers(task, num_source, seed)
    return label, numbers


def test_clip__frames_are_as_far_apart_as_the_label_says() -> None:
    task = Pace(flip=0)
    for seed in range(30):
        label, numbers = clip_numbers(task, 40, seed)
        assert set(np.diff(numbers)) == {task.paces[label]}


def test_clip__labels_and_starts_cover_their_range_evenly() -> None:
    task = Pace(flip=0)
    drawn = [clip_numbers(task, 31, seed) for seed in range(400)]
    counts = Counter(label for label, _ in drawn)
    assert sorted(counts) == [0, 1, 2, 3]
    assert min(counts.values()) > 70
    assert {numbers[0] for label, numbers in drawn if label == 3} == {0, 1, 2}  # 1 + 7 * 4 of 31 frames: three starts


def test_clip__only_paces_that_fit_are_drawn_and_only_a_video_too_short_for_all_loops() -> None:
    task = Pace(paces=(4, 1, 2), flip=0)
    assert {clip_numbers(task, 29, seed)[0] for seed in range(40)} == {0, 1, 2}  # 1 + 7 * 4
    assert {clip_numbers(task, 28, seed)[0] for seed in range(40)} == {1, 2}
    assert {clip_numbers(task, 14, seed)[0] for seed in range(20)} == {1}
    label, numbers = clip_numbers(task, 5, 0)
    assert label == 1
    assert sum(b < a for a, b in pairwise(numbers)) == 1


def test_clip__when_short_all_paces_are_drawn_and_what_does_not_fit_loops() -> None:
    task = Pace(paces=(1, 4), loop="when_short", flip=0)
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


def test_clip__slow_motion_can_blend_neighbours() -> None:
    ramp = np.repeat(np.arange(0, 200, 20, dtype=np.uint8), 48 * 48 * 3).reshape(10, 48, 48, 3)
    task = Pace(paces=(0.25, 1), between="blend", flip=0)
    clips = {
        int(made.target[0]): made.clips_KTHWC[0, :, 0, 0, 0].astype(int)
        for made in (task.make_example(StoredFrames(ramp), CLIP, np.random.default_rng(seed)) for seed in range(10))
    }
    np.testing.assert_array_equal(np.diff(clips[0]), [5] * 7)
    np.testing.assert_array_equal(np.diff(clips[1]), [20] * 7)
    repeated = Pace(paces=(0.25, 0.5), flip=0).make_example(StoredFrames(ramp), CLIP, np.random.default_rng(0))
    assert not np.setdiff1d(repeated.clips_KTHWC, ramp).size


@pytest.mark.parametrize("contrast", ["same_context", "same_pace"])
def test_contrast__every_example_is_two_clips_of_the_video_at_different_paces(contrast: str) -> None:
    task = Pace(flip=0, contrast=contrast)  # type: ignore[arg-type]
    seen: Counter[tuple[int, ...]] = Counter()
    for seed in range(40):
        labels, clips = all_numbers(task, 40, seed)
        assert [set(np.diff(numbers)) for numbers in clips] == [{task.paces[label]} for label in labels]
        seen[tuple(labels)] += 1
    assert len(seen) >= 10  # of 4 * 3 pairs; so few draws may miss some
    assert all(first != second for first, second in seen)


def jittered(task: Pace, clips_BKTHWC: NDArray[np.uint8]) -> torch.Tensor:
    return task.augment(torch.from_numpy(clips_BKTHWC), CLIP, torch.Generator().manual_seed(3))


def test_jitter__changes_every_frame_on_its_own() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (1, 1, 1, 12, 12, 3), dtype=np.uint8)
    still = np.tile(picture, (2, 2, 8, 1, 1, 1))
    looks = jittered(Pace(contrast="same_pace"), still)
    assert looks.shape == still.shape
    frames = looks.flatten(0, 2)
    different = {tuple(frame.flatten().tolist()) for frame in frames}
    unchanged = sum(bool(torch.allclose(frame, torch.from_numpy(picture[0, 0, 0]).float(), atol=1e-3)) for frame in frames)
    assert 1 <= unchanged <= 14  # 32 frames, each changed 8 times in 10
    assert len(different) >= 32 - unchanged


def test_jitter__keeps_pixels_and_their_range_and_none_changes_nothing() -> None:
    clips = np.random.default_rng(1).integers(0, 256, (1, 1, 8, 12, 12, 3), dtype=np.uint8)
    looks = jittered(Pace(), clips)
    assert float(looks.min()) >= 0 and 200 < float(looks.max()) <= 255
    assert torch.equal(jittered(Pace(jitter=PLAIN), clips), torch.from_numpy(clips))
    without_strength = ColourJitter(brightness=0, contrast=0, saturation=0, hue=0, share=1)
    np.testing.assert_allclose(jittered(Pace(jitter=without_strength), clips), clips, atol=0.01)


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"paces": (1, 1)}, r"two or more different numbers above 0.*got \(1, 1\)"),
        ({"temperature": 0.0}, "temperature is 0.0; it must be above 0"),
        ({"projection": 0}, "projection is 0; it must be above 0"),
    ],
)
def test_knobs__that_make_no_sense_are_refused(knobs: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Pace(**knobs)  # type: ignore[arg-type]


def head_that_repeats(task: Pace) -> torch.nn.Module:
    """Logits are the first four features."""
    head = task.build_head(FeatureShape(dim=6, places=(1, 1, 1)), CLIP)
    with torch.no_grad():
        for name, parameter in head.named_parameters():
            if name.startswith("pace"):
                parameter.copy_(torch.eye(4, 6) if name.endswith("weight") else torch.zeros(4))
    return head


def scalars_of(task: Pace, features: torch.Tensor, target: torch.Tensor) -> dict[str, float]:
    scalars = task.loss(head_that_repeats(task), features, target)
    return {name: float(value.detach()) for name, value in scalars.items()}


def test_judge__tells_accuracy_beside_chance_and_majority() -> None:
    features = torch.eye(4, 6)[[0, 0, 1, 1, 2]][:, None]
    judgement = Pace().judge(scalars_of(Pace(), features, torch.tensor([0, 0, 0, 1, 2])[:, None]))
    assert judgement.words == "pace accuracy 0.80 (chance 0.25, always the commonest 0.60)"
    assert judgement.score == pytest.approx(0.5)


def test_loss__with_contrast_is_of_both_clips_and_weighs_both_parts() -> None:
    features = torch.eye(4, 6)[torch.tensor([[0, 1], [2, 3], [1, 0]])]
    target = torch.tensor([[0, 1], [2, 0], [0, 1]])
    task = Pace(contrast="same_pace", pace_weight=0.5, contrast_weight=0.3)
    scalars = scalars_of(task, features, target)
    assert scalars["accuracy"] == pytest.approx(3 / 6)
    right, wrong = math.log(math.e + 3) - 1, math.log(math.e + 3)
    assert scalars["pace_loss"] == pytest.approx((right + wrong) / 2, abs=1e-6)
    assert scalars["loss"] == pytest.approx(0.5 * scalars["pace_loss"] + 0.3 * scalars["contrast_loss"], abs=1e-6)
    words = task.judge(scalars).words
    assert words.startswith("pace accuracy 0.50 (chance 0.25, always the commonest 0.50), same-pace accuracy ")


def test_describe__names_the_pace_of_every_clip() -> None:
    assert Pace(paces=(0.5, 1, 2)).describe(np.array([0])) == "pace 0.5"
    assert Pace().describe(np.array([3, 1])) == "pace 4 and 2"
