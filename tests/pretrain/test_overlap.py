"""By how much two clips overlap, measured on frames whose pixels say where and when they are."""

from collections import Counter
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pretrain.augment import Greyscale
from pretrain.byol import byol_loss, cosine_with_others
from pretrain.config import TrainConfig
from pretrain.frame_source import StoredFrames
from pretrain.overlap_heads import OverlapHeads
from pretrain.overlap_sampler import OVERLAPS, CropPair, TimePair, draw_crops, draw_times, shifts
from pretrain.released_overlap import draw_crops_as_released, draw_times_as_released
from pretrain.task_sum import TaskSum, WeightedTask
from pretrain.tasks.base import ClipShape, FeatureShape, SlowView
from pretrain.tasks.overlap import Overlap, OverlapWeights

SIZE = 96
CLIP = ClipShape(num_frames=16, size_px=48)
PLAIN = Overlap(flip=0, looks=0)


def map_of_places(num_frames: int) -> StoredFrames:
    """Red: x, doubled. Green: y, doubled. Blue: the frame's number. A resized crop shows smooth ramps of the first two."""
    across = np.repeat(2 * np.arange(SIZE, dtype=np.uint8)[None], SIZE, axis=0)
    frames = np.stack([np.stack([across, across.T, np.full_like(across, number)], axis=-1) for number in range(num_frames)])
    return StoredFrames(frames)


def box_of(picture_HWC: NDArray[np.uint8]) -> tuple[float, float, float, float]:
    """Left, top, width and height of an upright crop of the map, from its middle and its slope, in source pixels."""
    red, green = (picture_HWC[..., i].astype(float) / 2 for i in (0, 1))
    size = len(picture_HWC)
    inner = slice(size // 4, 3 * size // 4)
    width = np.polyfit(np.arange(size)[inner], red[:, inner].mean(axis=0), 1)[0] * size
    height = np.polyfit(np.arange(size)[inner], green[inner].mean(axis=1), 1)[0] * size
    return red.mean() + 0.5 - width / 2, green.mean() + 0.5 - height / 2, width, height


def shared(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    sides = [min(first[i] + first[i + 2], second[i] + second[i + 2]) - max(first[i], second[i]) for i in (0, 1)]
    return max(0, sides[0]) * max(0, sides[1]) / (first[2] * first[3])


def measured(task: Overlap, seed: int, num_source: int = 120) -> tuple[NDArray[np.int64], list[NDArray[np.uint8]]]:
    """The target, and both clips turned back to upright."""
    made = task.make_example(map_of_places(num_source), CLIP, np.random.default_rng(seed))
    clips = [np.rot90(clip, -int(made.target[3 + i]), axes=(1, 2)) for i, clip in enumerate(made.clips_KTHWC)]
    return made.target, clips


def test_pictures__overlap_in_space_as_the_label_says() -> None:
    for seed in range(60):
        target, (one, other) = measured(PLAIN, seed)
        assert shared(box_of(one[0]), box_of(other[0])) == pytest.approx(OVERLAPS[target[0]], abs=0.05)


def test_pictures__frames_overlap_in_time_as_the_label_says() -> None:
    labels = set()
    for seed in range(60):
        target, clips = measured(PLAIN, seed)
        first, second = ([int(frame[..., 2].mean()) for frame in clip] for clip in clips)
        pace = PLAIN.paces[target[2]]
        assert set(np.diff(first)) == set(np.diff(second)) == {pace}
        assert abs(second[0] - first[0]) == 3 * pace * target[1]  # the second clip's frames are its own
        assert len(set(first) & set(second)) == 16 - 3 * target[1]
        labels.add((int(target[1]), bool(second[0] > first[0])))
    assert len(labels) == 9  # both ways, but for the label that moves nothing


def test_pictures__one_crop_for_all_frames_of_a_clip() -> None:
    for seed in range(10):
        for clip in measured(PLAIN, seed)[1]:
            assert len({frame[..., :2].tobytes() for frame in clip}) == 1


def test_pictures__show_nothing_but_the_frame() -> None:
    lit = StoredFrames(np.full((120, SIZE, SIZE, 3), 200, np.uint8))
    for seed in range(20):
        assert set(np.unique(PLAIN.make_example(lit, CLIP, np.random.default_rng(seed)).clips_KTHWC)) == {200}


def test_flip__mirrors_each_clip_on_its_own() -> None:
    mirrored = Counter()
    for seed in range(60):
        target, clips = measured(Overlap(looks=0), seed)
        # A mirror after the turn; told by which way round the two ramps lie.
        handed = []
        for number, clip in enumerate(clips):
            turned = np.rot90(clip[0], int(target[3 + number])).astype(float)
            down, right = (np.diff(turned[..., :2], axis=axis).mean(axis=(0, 1)) for axis in (0, 1))
            handed.append(bool(right[0] * down[1] - right[1] * down[0] < 0))
        mirrored[tuple(handed)] += 1
    assert len(mirrored) == 4 and min(mirrored.values()) > 5


@pytest.mark.parametrize("size_px", [36, 73, 128])
@pytest.mark.parametrize("sizes", ["alike", "largest"])
def test_crops__lie_inside_the_frame_and_overlap_to_the_pixel(size_px: int, sizes: str) -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_crops(size_px, (0.2, 1.0), sizes, rng) for _ in range(1000)]  # type: ignore[arg-type]
    labels = np.bincount([pair.label for pair in drawn], minlength=5)
    assert labels.min() > 150
    for pair in drawn:
        assert all(0 <= top <= size_px - pair.height and 0 <= left <= size_px - pair.width for top, left in pair.corners)
        assert overlap_of(pair) == pytest.approx(OVERLAPS[pair.label], abs=0.5 / min(pair.height, pair.width) + 1e-9)


def overlap_of(pair: CropPair) -> float:
    boxes = [(left, top, pair.width, pair.height) for top, left in pair.corners]
    return shared(*boxes)


def readable_from_size(drawn: list[CropPair]) -> float:
    """How often the label is right that is commonest among crops of about the same area."""
    bins = Counter((pair.height * pair.width // 400, pair.label) for pair in drawn)
    return sum(max(bins[area, label] for label in range(5)) for area in {area for area, _ in bins}) / len(drawn)


def test_crops__their_size_does_not_tell_the_label_unless_the_largest_are_wanted() -> None:
    rng = np.random.default_rng(1)
    alike = [draw_crops(96, (0.2, 1.0), "alike", rng) for _ in range(2000)]
    largest = [draw_crops(96, (0.2, 1.0), "largest", rng) for _ in range(2000)]
    assert readable_from_size(alike) < 0.27
    assert readable_from_size(largest) > 0.4
    areas = [pair.height * pair.width / 96**2 for pair in alike]
    assert 0.19 < min(areas) < 0.22 and 0.38 < max(areas) < 0.46


def test_crops__go_to_all_four_corners() -> None:
    rng = np.random.default_rng(2)
    ways = Counter()
    for _ in range(300):
        pair = draw_crops(96, (0.2, 1.0), "alike", rng)
        if pair.label == 4:
            ways[tuple(np.sign(np.subtract(*pair.corners)).tolist())] += 1
    assert {(1, 1), (1, -1), (-1, 1), (-1, -1)} <= set(ways)


def test_times__shifts_are_whole_clip_frames() -> None:
    assert shifts(16) == (0, 3, 6, 9, 12)


def drawn_times(num_source: int, count: int = 1500) -> list[TimePair]:
    rng = np.random.default_rng(num_source)
    return [draw_times(num_source, 16, (1, 2, 4, 8), rng) for _ in range(count)]


@pytest.mark.parametrize("num_source", [1, 20, 28, 70, 120, 217])
def test_times__labels_are_even_whatever_the_length_and_the_pace(num_source: int) -> None:
    drawn = drawn_times(num_source)
    paces = {pair.pace for pair in drawn}
    assert len(paces) == {1: 1, 20: 1, 28: 1, 70: 2, 120: 3, 217: 4}[num_source]
    for pace in paces:
        labels = np.bincount([pair.label for pair in drawn if pair.pace == pace], minlength=5)
        assert labels.min() > 0.14 * labels.sum()
    assert all(pair.places_2T.min() >= 0 and pair.places_2T.max() < num_source for pair in drawn)
    assert {pair.fits for pair in drawn} == {num_source >= 28}


def test_times__too_short_a_video_is_slowed_down_for_every_label_alike() -> None:
    steps = {pair.label: set(np.diff(pair.places_2T, axis=1).ravel().tolist()) for pair in drawn_times(20)}
    assert all(own == {0, 1} for own in steps.values())


def test_times__starts_cover_all_there_is() -> None:
    starts = {(pair.label, pair.pace, int(pair.places_2T.min())) for pair in drawn_times(60, 4000)}
    assert {start for label, pace, start in starts if (label, pace) == (0, 0)} == set(range(45))
    assert {start for label, pace, start in starts if (label, pace) == (4, 1)} == set(range(6))


def test_released__wide_overlaps_are_commoner_and_one_is_cut_short() -> None:
    rng = np.random.default_rng(0)
    crops = [draw_crops_as_released(128, (0.2, 1.0), rng) for _ in range(1500)]
    shares = np.bincount([pair.label for pair in crops], minlength=5) / 1500
    assert 0.5 < shares[0] < 0.7 and shares[4] < 0.05 and list(shares) == sorted(shares, reverse=True)
    assert all(0 <= top <= 128 - pair.height and 0 <= left <= 128 - pair.width for pair in crops for top, left in pair.corners)
    assert all(abs(overlap_of(pair) - OVERLAPS[pair.label]) < 0.06 for pair in crops)
    times = [draw_times_as_released(180, 16, (1, 2, 4, 8), rng) for _ in range(3000)]
    eights = np.bincount([pair.label for pair in times if pair.pace == 3], minlength=5)
    np.testing.assert_allclose(eights / eights.sum(), [0.56, 0.34, 0.10, 0, 0], atol=0.06)
    moved = {(pair.label, pair.pace): abs(int(pair.places_2T[1, 0] - pair.places_2T[0, 0])) for pair in times}
    assert [moved[1, pace] for pace in range(4)] == [2, 5, 11, 23]
    assert [moved[3, pace] for pace in range(3)] == [9, 18, 36]


def test_released__turns_before_it_crops() -> None:
    task = replace(PLAIN, sampler="released")
    errors: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(80):
        target, (one, other) = measured(task, seed)
        error = abs(shared(box_of(one[0]), box_of(other[0])) - OVERLAPS[target[0]])
        errors[bool(target[3] == target[4])].append(error)
    assert max(errors[True]) < 0.08
    assert np.mean(np.array(errors[False]) > 0.1) > 0.5


def test_looks__change_a_share_of_the_clips_and_all_their_frames_alike() -> None:
    still = np.repeat(np.random.default_rng(0).integers(0, 256, (40, 2, 1, 24, 24, 3), dtype=np.uint8), 4, axis=2)
    clips = torch.from_numpy(still)
    seen = Overlap(looks=0.5).augment(clips, CLIP, torch.Generator().manual_seed(0))
    assert float(seen.diff(dim=2).abs().max()) < 1e-3
    changed = (seen - clips.float()).abs().amax(dim=(2, 3, 4, 5)) > 1
    assert 0.3 < float(changed.float().mean()) < 0.6
    assert bool((changed[:, 0] != changed[:, 1]).any())
    assert torch.equal(Overlap(looks=0).augment(clips, CLIP, torch.Generator()), clips.float())


def test_looks__as_published_flicker_and_have_black_corners() -> None:
    still = torch.from_numpy(np.random.default_rng(0).integers(60, 256, (40, 2, 1, 24, 24, 3), dtype=np.uint8)).expand(
        -1, -1, 4, -1, -1, -1
    )
    plain = Overlap(looks=1, jitter=replace(PLAIN.jitter, share=0), blur=replace(PLAIN.blur, share=0), grey=Greyscale(share=0.5))
    flickers = replace(plain, grey_kind="one_channel").augment(still, CLIP, torch.Generator().manual_seed(0))
    moves = flickers.diff(dim=2).abs().amax(dim=(2, 3, 4, 5)) > 1
    assert 0.3 < float(moves.float().mean()) < 0.7
    tilted = replace(plain, tilt_degrees=10).augment(still, CLIP, torch.Generator().manual_seed(0))
    assert float(tilted.diff(dim=2).abs().max()) < 1e-3
    assert float((tilted[..., 0, 0, :] < 50).float().mean()) > 0.5
    assert float(plain.augment(still, CLIP, torch.Generator().manual_seed(0)).min()) > 50


def test_byol_loss__is_the_formula() -> None:
    torch.manual_seed(0)
    predicted, slow = torch.randn(3, 2, 5, requires_grad=True), torch.randn(3, 2, 5, requires_grad=True)

    def far(one: Tensor, other: Tensor) -> float:
        return 2 - 2 * float((one @ other / (one.norm() * other.norm())).detach())

    expected = sum(far(predicted[i, 0], slow[i, 1]) + far(predicted[i, 1], slow[i, 0]) for i in range(3)) / 3
    loss = byol_loss(predicted, slow)
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-5)
    loss.backward()  # type: ignore[no-untyped-call]
    assert slow.grad is None and predicted.grad is not None


def test_cosine_with_others__is_the_mean_over_all_pairs_of_different_videos() -> None:
    torch.manual_seed(1)
    predicted, slow = torch.randn(3, 2, 5), torch.randn(3, 2, 5)
    pairs = [
        float(functional.cosine_similarity(predicted[i, a], slow[j, b], dim=0))
        for i in range(3)
        for j in range(3)
        for a in range(2)
        for b in range(2)
        if i != j
    ]
    assert float(cosine_with_others(predicted, slow)) == pytest.approx(sum(pairs) / len(pairs), rel=1e-5)
    assert float(cosine_with_others(predicted[:1], slow[:1])) == pytest.approx(0, abs=1e-6)


ALONE = OverlapWeights(spatial=0, temporal=0, pace=0, rotation=0)


def test_judge__a_collapsed_projection_is_worth_nothing() -> None:
    task = Overlap(weights=ALONE)
    head, features, target, slow = prepared(task)
    for layers in (head.projector, head.predictor):
        layers[-1].weight.data.zero_()
        layers[-1].bias.data.fill_(1)
    scalars = task.loss(head, features, target, slow)
    judgement = task.judge({name: float(value.detach()) for name, value in scalars.items()})
    assert judgement.score == pytest.approx(0, abs=1e-5)
    assert "cosine of 1.00 (with other videos' clips 1.00)" in judgement.words


def test_weight_0__of_the_contrast_keeps_no_slow_network() -> None:
    task = Overlap(weights=OverlapWeights(contrast=0))
    assert task.slow_momentum() is None
    head, features, target, _ = prepared(task)
    assert not hasattr(head, "projector")
    scalars = task.loss(head, features, target, None)
    assert "clip" not in task.judge({name: float(value.detach()) for name, value in scalars.items()}).words


def prepared(task: Overlap) -> tuple[OverlapHeads, Tensor, Tensor, SlowView | None]:
    torch.manual_seed(0)
    head = task.build_head(FeatureShape(dim=12, places=(2, 3, 3)), CLIP)
    assert isinstance(head, OverlapHeads)
    target = torch.tensor([[0, 1, 2, 3, 1, 0], [4, 4, 0, 2, 2, 1], [1, 0, 0, 0, 3, 0], [2, 3, 1, 1, 0, 0]])
    slow = None if task.slow_momentum() is None else SlowView(head=head, features=torch.randn(4, 2, 12))
    return head, torch.randn(4, 2, 12), target, slow


@pytest.mark.parametrize("compare", ["pair", "difference"])
def test_loss__is_the_weighted_sum_of_the_five(compare: Literal["pair", "difference"]) -> None:
    weights = OverlapWeights(contrast=0.1, spatial=2.0, temporal=3.0, pace=5.0, rotation=7.0)
    task = Overlap(compare=compare, weights=weights)
    head, features, target, slow = prepared(task)
    assert slow is not None
    scalars = task.loss(head, features, target, slow)
    first, second = features[:, 0], features[:, 1]
    pair = torch.cat([first, second] if compare == "pair" else [first, second, (first - second).abs()], dim=1)
    single = torch.stack([features[:, 0], features[:, 1]], dim=1).reshape(8, 12)
    both = torch.tensor([2, 2, 0, 0, 0, 0, 1, 1])
    turns = torch.tensor([3, 1, 2, 2, 0, 3, 1, 0])
    predicted = head.predictor(head.projector(single)).reshape(4, 2, 12)
    expected = (
        0.1 * byol_loss(predicted, head.projector(slow.features.reshape(8, 12)).reshape(4, 2, 12))
        + 2 * functional.cross_entropy(head.spatial(pair), target[:, 0])
        + 3 * functional.cross_entropy(head.temporal(pair), target[:, 1])
        + 5 * 2 * functional.cross_entropy(head.pace(single), both)
        + 7 * 2 * functional.cross_entropy(head.rotation(single), turns)
    )
    torch.testing.assert_close(scalars["loss"], expected)
    assert float(scalars["share_too_short"]) == 0.25


@pytest.mark.parametrize(("contrast", "words"), [("info_nce", "other clip found 0."), ("none", None), ("byol", "predicted to")])
def test_contrast__is_exchangeable(contrast: str, words: str | None) -> None:
    task = Overlap(contrast=contrast)  # type: ignore[arg-type]
    assert (task.slow_momentum() is None) == (contrast != "byol")
    head, features, target, slow = prepared(task)
    scalars = task.loss(head, features, target, slow)
    scalars["loss"].backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is not None for parameter in head.parameters())  # nothing is built that is not trained
    judgement = task.judge({name: float(value.detach()) for name, value in scalars.items()})
    assert (words or "spatial accuracy") in judgement.words
    assert ("clip" in judgement.words) == (words is not None)


def test_byol__without_a_slow_network_says_what_is_missing() -> None:
    head, features, target, _ = prepared(Overlap())
    with pytest.raises(ValueError, match="byol, which needs the slow network"):
        Overlap().loss(head, features, target, None)


def test_judge__is_the_mean_over_the_heads_that_are_trained() -> None:
    def answers(name: str, accuracy: float, labels: int) -> dict[str, float]:
        return {f"{name}_accuracy": accuracy} | {f"{name}_share_of_label_{i}": 1 / labels for i in range(labels)}

    averages = answers("spatial", 0.6, 5) | answers("temporal", 0.2, 5) | answers("pace", 1.0, 3) | answers("rotation", 0.25, 4)
    averages |= {"share_too_short": 0.5, "contrast_cosine": 0.9, "contrast_cosine_others": 0.2}
    judgement = Overlap().judge(averages)
    assert judgement.score == pytest.approx((0.5 + 0 + 1 + 0) / 4)
    assert "spatial accuracy 0.60 (chance 0.20, always the commonest 0.20)" in judgement.words
    assert "50 % of the videos are too short" in judgement.words
    without_turns = Overlap(weights=OverlapWeights(rotation=0)).judge(averages)
    assert without_turns.score == pytest.approx(0.5) and "rotation" not in without_turns.words
    assert Overlap(weights=ALONE).judge(averages).score == pytest.approx(0.7)


def test_config__keeps_all_knobs() -> None:
    task = Overlap(paces=(1, 3), weights=OverlapWeights(pace=0.5), contrast="info_nce", areas=(0.25, 0.5))
    config = TrainConfig(tasks=TaskSum((WeightedTask("overlap", task),)))
    assert TrainConfig.from_json(config.to_json()) == config


def test_knobs__must_make_sense() -> None:
    with pytest.raises(ValueError, match=r"two or more different whole numbers from 1.*got \(1,\)"):
        Overlap(paces=(1,))
    with pytest.raises(ValueError, match=r"within 0 to 1.*got \(0\.5, 2\)"):
        Overlap(areas=(0.5, 2))
    with pytest.raises(ValueError, match=r"0\.6 of the frame leave no room"):
        Overlap(areas=(0.6, 1.0))


def test_describe__says_all_answers() -> None:
    words = Overlap().describe(np.array([2, 4, 1, 0, 3, 0]))
    assert words == "overlap 0.6 in space and 0.2 in time, pace 2, turned by 0 and 270 degrees"
