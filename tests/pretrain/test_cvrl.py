"""CVRL: where its clips start, what they look like, and what its loss is."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from pretrain.augment import ColourJitter, RandomResizedCrop
from pretrain.config import TrainConfig
from pretrain.contrastive import info_nce
from pretrain.frame_source import StoredFrames
from pretrain.task_sum import TaskSum, WeightedTask
from pretrain.tasks.base import ClipShape, FeatureShape
from pretrain.tasks.cvrl import Cvrl
from tests.helpers.counting_video import number_in, number_picture

CLIP = ClipShape(num_frames=16, size_px=32)
PLAIN = Cvrl(
    crop=RandomResizedCrop(areas=(1, 1), aspects=(1, 1)),
    flip=0,
    jitter=ColourJitter(brightness=0, contrast=0, saturation=0, hue=0, share=0),
    grey=0,
)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def starts(task: Cvrl, num_source: int, num_draws: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.stack([task.clip_starts(num_source, 16, rng) for _ in range(num_draws)])


def test_distances__follow_the_published_distribution() -> None:
    """250 frames, 16 at stride 2: M = 220 starts; mean distance M / 3, median (1 - sqrt(1/2)) M, a quarter within a clip's span."""
    drawn = starts(Cvrl(), 250, 6000)
    distances = np.abs(drawn[:, 1] - drawn[:, 0])
    assert drawn.min() == 0 and drawn.max() > 215 and drawn.max() < 220
    assert distances.mean() == pytest.approx(220 / 3, abs=2)
    assert np.median(distances) == pytest.approx(0.293 * 220, abs=3)
    assert (distances <= 30).mean() == pytest.approx(0.25, abs=0.03)
    assert (drawn[:, 1] > drawn[:, 0]).mean() == pytest.approx(0.5, abs=0.03)  # the coin


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0, 5.0])
def test_distances__have_the_density_of_any_exponent(exponent: float) -> None:
    task = Cvrl(exponent=exponent)
    quantiles = (np.arange(5_000) + 0.5) / 5_000
    distances = np.array([task.distance(100, float(quantile)) for quantile in quantiles])
    density = 1 - ((np.arange(100) + 0.5) / 100) ** exponent
    counts = np.bincount(distances, minlength=100) / 5_000
    np.testing.assert_allclose(counts, density / density.sum(), atol=6e-4)


def test_distance__is_the_closed_form_of_exponent_one() -> None:
    task = Cvrl()
    for quantile in (0.0, 0.1, 0.25, 0.77, 0.9999):
        assert task.distance(220, quantile) == int(220 * (1 - math.sqrt(1 - quantile)))


def test_clip_starts__of_a_short_video_are_any_two_frames() -> None:
    drawn = starts(Cvrl(), 30, 4000)
    assert set(drawn.flatten()) == set(range(30))
    assert np.corrcoef(drawn.T)[0, 1] == pytest.approx(0, abs=0.05)
    assert len(set(map(tuple, starts(Cvrl(), 31, 50)))) == 1  # one clip just fits: both start with the video


def test_example__takes_every_second_frame_of_both_clips() -> None:
    """At whole frame size, larger than the clip's: cropping is the device's."""
    pictures = np.stack([number_picture(number, 48, 48) for number in range(60)])
    for seed in range(10):
        made = Cvrl().make_example(StoredFrames(pictures), CLIP, np.random.default_rng(seed))
        assert made.clips_KTHWC.shape == (2, 16, 48, 48, 3)
        first, second = ([number_in(picture) for picture in frames] for frames in made.clips_KTHWC)
        assert set(np.diff(first)) == set(np.diff(second)) == {2}
        assert second[0] - first[0] == int(made.target)


def test_example__of_a_short_video_starts_again() -> None:
    pictures = np.stack([number_picture(number, 48, 48) for number in range(20)])
    made = Cvrl().make_example(StoredFrames(pictures), CLIP, np.random.default_rng(0))
    for frames in made.clips_KTHWC:
        numbers = np.array([number_in(picture) for picture in frames])
        np.testing.assert_array_equal(numbers, (numbers[0] + 2 * np.arange(16)) % 20)


def still_clips(num: int = 12) -> Tensor:
    picture = np.random.default_rng(2).integers(0, 256, (num, 1, 1, 37, 37, 3), dtype=np.uint8)
    return torch.from_numpy(picture).expand(num, 2, 16, 37, 37, 3).contiguous()


@pytest.mark.parametrize("views", ["asymmetric", "symmetric"])
def test_augment__static_clip_stays_static(views: str) -> None:
    seen = Cvrl(views=views).augment(still_clips(), CLIP, seeded(3))  # type: ignore[arg-type]
    assert seen.shape == (12, 2, 16, 32, 32, 3)
    assert torch.equal(seen, seen[:, :, :1].expand_as(seen))
    assert seen.min() >= 0 and 100 < seen.max() <= 255


def test_augment__every_clip_has_looks_of_its_own() -> None:
    same = still_clips(1).expand(6, 2, 16, 37, 37, 3)
    seen = Cvrl().augment(same, CLIP, seeded(3))[:, :, 0].flatten(0, 1)
    for one in range(12):
        for other in range(one):
            assert (seen[one] - seen[other]).abs().mean() > 2


def test_augment__without_any_change_gives_the_clips_back() -> None:
    clips = still_clips()
    seen = replace(PLAIN, views="symmetric", blur_sigmas=(1e-6, 1e-6)).augment(clips, ClipShape(size_px=37), seeded(1))
    torch.testing.assert_close(seen, clips.float(), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("views", "blurred", "solarised"), [("asymmetric", (1.0, 0.1), (0.0, 0.2)), ("symmetric", (0.5, 0.5), (0.0, 0.0))]
)
def test_augment__blurs_and_solarises_each_view_as_often_as_it_says(
    views: str, blurred: tuple[float, float], solarised: tuple[float, float]
) -> None:
    """A bright frame with a dark dot: blur spreads the dot, solarising turns the bright rest dark."""
    clips = torch.full((300, 2, 1, 24, 24, 3), 204, dtype=torch.uint8)
    clips[..., 12, 12, :] = 0
    task = replace(PLAIN, views=views, blur_sigmas=(0.05, 0.05))  # type: ignore[arg-type]
    seen = task.augment(clips, ClipShape(num_frames=1, size_px=24), seeded(4))[:, :, 0]
    turned = seen[:, :, 2, 2, 0] < 100
    spread = (seen[:, :, 12, 13, 0] - seen[:, :, 2, 2, 0]).abs() > 5
    for view in range(2):
        assert float(spread[:, view].float().mean()) == pytest.approx(blurred[view], abs=0.08)
        assert float(turned[:, view].float().mean()) == pytest.approx(solarised[view], abs=0.08)


def test_augment__comes_in_the_published_order() -> None:
    names = [type(change).__name__ for change in Cvrl().changes(0)]
    assert names == ["HorizontalFlip", "ColourJitter", "Greyscale", "GaussianBlur", "Solarise"]


def test_head__has_three_hidden_layers_with_batch_norm_and_biases() -> None:
    head = Cvrl(hidden=20, out=7).build_head(FeatureShape(dim=9, places=(1, 1, 1)), CLIP)
    kinds = Counter(type(layer).__name__ for layer in head.children())
    assert kinds == {"Linear": 4, "BatchNorm1d": 3, "ReLU": 3}
    assert sum(parameter.numel() for parameter in head.parameters()) == (10 * 20 + 2 * 21 * 20) + 21 * 7 + 3 * 2 * 20
    assert head(torch.randn(4, 9)).min() < 0  # no ReLU behind the last


def test_loss__is_info_nce_of_the_projections_and_may_be_doubled() -> None:
    torch.manual_seed(0)
    task = Cvrl(hidden=16, out=8, temperature=0.2)
    head = task.build_head(FeatureShape(dim=9, places=(1, 1, 1)), CLIP)
    features, target = torch.randn(5, 2, 9), torch.zeros(5, dtype=torch.int64)
    projected = head(features.reshape(10, 9)).reshape(5, 2, 8)
    once = task.loss(head, features, target)
    torch.testing.assert_close(once["loss"], info_nce(projected, 0.2)["loss"])
    twice = replace(task, doubled=True).loss(head, features, target)
    torch.testing.assert_close(twice["loss"], 2 * once["loss"])
    torch.testing.assert_close(twice["accuracy"], once["accuracy"])


def test_judge__tells_accuracy_beside_chance() -> None:
    judgement = Cvrl().judge({"accuracy": 0.5, "chance": 0.01})
    assert judgement.words.startswith("same-video accuracy 0.50 (chance 0.010;")
    assert judgement.score == pytest.approx(0.49 / 0.99)


def test_describe__tells_how_far_apart_the_clips_are() -> None:
    words = [Cvrl().describe(np.asarray(later)) for later in (7, -3, 0)]
    assert ["7 frames later" in words[0], "3 frames earlier" in words[1], "same frame" in words[2]] == [True] * 3


def test_config__goes_to_json_and_back() -> None:
    task = Cvrl(views="symmetric", crop=RandomResizedCrop(areas=(0.2, 0.8)), blur_sigmas=(0.01, 0.02))
    config = TrainConfig(tasks=TaskSum((WeightedTask("cvrl", task, 1.0),)))
    assert TrainConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(("knob", "value"), [("stride", 0), ("exponent", 0), ("temperature", -1), ("hidden", 0)])
def test_knobs__out_of_range_are_named(knob: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{knob} is {value}; it must be"):
        Cvrl(**{knob: value})  # type: ignore[arg-type]
