"""What is done to the middle clip, read off frames that spell their own number."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch

from pretrain.clip_operations import TILE_ORDERS, draw_tile_order, exchange_stretches, reorder_tiles, turn
from pretrain.cloze_places import TupleLayout, draw_places, draw_places_anywhere
from pretrain.frame_source import Frames, StoredFrames
from pretrain.tasks.base import ClipShape, FeatureShape
from pretrain.tasks.cloze import OPERATIONS, Cloze, Operation, recalls_of
from tests.helpers.counting_video import number_in, number_picture

CLIP = ClipShape(num_frames=8, size_px=48)
PUBLISHED = TupleLayout(num_frames=16, stride=1, spacing=24, away=16)


def numbered(num_frames: int) -> StoredFrames:
    return StoredFrames(np.stack([number_picture(number, 48, 48) for number in range(num_frames)]))


def noise(num_frames: int) -> StoredFrames:
    return StoredFrames(np.random.default_rng(3).integers(0, 256, (num_frames, 56, 56, 3), dtype=np.uint8))


def numbers(task: Cloze, num_source: int, operation: Operation, seed: int) -> list[list[int]]:
    clips = task.make_tuple(numbered(num_source), CLIP, operation, np.random.default_rng(seed))
    return [[number_in(frame) for frame in clip] for clip in clips]


def test_clips__are_consecutive_frames_a_clip_and_a_gap_apart() -> None:
    for seed in range(20):
        first, middle, last = numbers(Cloze(), 70, "original", seed)
        assert all(set(np.diff(clip)) == {1} for clip in (first, middle, last))
        assert [middle[0] - first[0], last[0] - middle[0]] == [12, 12]


def test_clips__published_distances_for_sixteen_frames() -> None:
    assert Cloze().layout(ClipShape(num_frames=16)) == PUBLISHED
    assert Cloze(spacing="unofficial").layout(ClipShape(num_frames=16)).spacing == 11


def test_clips__stride_stretches_all_distances() -> None:
    first, middle, last = numbers(Cloze(stride=2), 2 * 70, "original", 0)
    assert set(np.diff(first)) == set(np.diff(middle)) == {2}
    assert [middle[0] - first[0], last[0] - middle[0]] == [24, 24]
    remote = numbers(Cloze(stride=2), Cloze(stride=2).frames_needed(CLIP), "remote", 0)
    assert remote[1][0] > remote[2][-1] + 16 or remote[1][-1] < remote[0][0] - 16


def test_remote__lies_a_clip_or_more_outside_the_three_on_either_side() -> None:
    after = []
    for seed in range(30):
        first, middle, last = numbers(Cloze(), Cloze().frames_needed(CLIP), "remote", seed)
        assert set(np.diff(middle)) == {1}
        after.append(middle[0] > last[-1])
        assert middle[0] - last[-1] > 8 if after[-1] else first[0] - middle[-1] > 8
    assert 5 < sum(after) < 25


@pytest.mark.parametrize("num_source", [128, 150, 256])
def test_remote__comes_from_where_middles_come_from(num_source: int) -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_places(num_source, PUBLISHED, rng) for _ in range(4000)]
    middles, remotes = (np.sort([of(places) for places in drawn]) for of in (lambda p: p.starts[1], lambda p: p.remote))
    assert all(places.fits for places in drawn)
    np.testing.assert_allclose(np.quantile(middles, [0.1, 0.3, 0.7, 0.9]), np.quantile(remotes, [0.1, 0.3, 0.7, 0.9]), atol=5)


def test_places__make_room_for_a_remote_clip_on_one_side_at_least() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_places(100, PUBLISHED, rng) for _ in range(200)]
    assert all(places.fits and abs(places.remote - places.starts[1]) >= 56 for places in drawn)
    assert {places.starts[0] for places in drawn} == {*range(5), *range(32, 37)}  # 100 frames, of which 64 + 16 + 16 are needed
    assert not draw_places(95, PUBLISHED, rng).fits
    assert draw_places(96, PUBLISHED, rng).fits


def test_places__in_a_short_video_lie_as_in_one_that_is_just_long_enough() -> None:
    rng = np.random.default_rng(0)
    for num_source in range(1, 96):
        places = draw_places(num_source, PUBLISHED, rng)
        assert not places.fits
        assert places.length == 96
        frames = np.concatenate([PUBLISHED.frames_of(start, num_source, 96) for start in (*places.starts, places.remote)])
        assert frames.min() >= 0 and frames.max() < num_source


def test_frames__of_a_short_video_are_repeated_and_the_remote_clip_stays_remote() -> None:
    for seed in range(20):
        first, middle, last = numbers(Cloze(), 24, "original", seed)  # half of the 48 that are needed
        assert all(len(set(clip)) in (4, 5) and max(np.diff(clip)) == 1 for clip in (first, middle, last))
        assert last[0] - first[0] == 12
        first, remote, last = numbers(Cloze(), 24, "remote", seed)
        assert remote[0] > last[-1] + 3 or remote[-1] < first[0] - 3


@pytest.mark.parametrize("num_source", [1, 20, 40, 48, 70])
def test_labels__are_drawn_evenly_from_videos_of_any_length(num_source: int) -> None:
    task, source = Cloze(), noise(num_source)
    clip = ClipShape(num_frames=8, size_px=16)
    rng = np.random.default_rng(num_source)
    targets = np.stack([task.make_example(source, clip, rng).target for _ in range(400)])
    assert np.bincount(targets[:, 0], minlength=5).min() > 55
    assert set(targets[:, 1]) == {int(num_source < 48)} == {int(not task.remote_fits(num_source, clip))}


def test_unofficial__remote_clips_are_rare() -> None:
    task, source = Cloze(places="unofficial"), noise(60)
    rng = np.random.default_rng(0)
    labels = Counter(int(task.make_example(source, ClipShape(num_frames=8, size_px=16), rng).target[0]) for _ in range(400))
    assert labels[4] < 40 < 70 < min(labels[i] for i in range(4))
    both_sides = [draw_places_anywhere(168, PUBLISHED, rng) for _ in range(500)]
    assert 0.3 < np.mean([places.fits for places in both_sides]) < 0.46  # 41 of 105 starts
    assert all(abs(places.remote - places.starts[1]) >= 56 for places in both_sides if places.fits)


def test_make_tuple__changes_only_the_middle_clip_and_only_as_asked() -> None:
    def made(operation: Operation, quarters: int | None = None) -> Frames:
        return Cloze().make_tuple(noise(70), CLIP, operation, np.random.default_rng(4), quarters=quarters)

    original = made("original")
    for operation in OPERATIONS:
        np.testing.assert_array_equal(made(operation)[[0, 2]], original[[0, 2]])
    for quarters in (1, 2, 3):
        np.testing.assert_array_equal(made("rotation", quarters)[1], np.rot90(original[1], quarters, axes=(1, 2)))
    adjacent = made("adjacent")[1]
    assert sorted(frame.tobytes() for frame in adjacent) == sorted(frame.tobytes() for frame in original[1])
    with pytest.raises(ValueError, match="1, 2 or 3 quarters, not 4"):
        made("rotation", 4)


def test_make_tuple__every_clip_has_its_own_crop_for_all_its_frames() -> None:
    places = np.arange(60, dtype=np.uint8)
    frame = np.stack([*np.meshgrid(places, places), np.zeros((60, 60), np.uint8)], axis=-1)
    still = StoredFrames(np.repeat(frame[None], 70, axis=0))
    corners = set()
    for seed in range(5):
        for clip in Cloze().make_tuple(still, CLIP, "original", np.random.default_rng(seed)):
            assert len({picture.tobytes() for picture in clip}) == 1
            corners.add(tuple(clip[0, 0, 0]))
    assert len(corners) > 10


def test_rotation__all_angles_are_one_label_and_as_likely() -> None:
    still = StoredFrames(np.repeat(np.arange(48 * 48, dtype=np.uint8).reshape(1, 48, 48, 1), 3, axis=3))
    angles = Counter()
    for seed in range(150):
        _, middle, last = Cloze().make_tuple(still, CLIP, "rotation", np.random.default_rng(seed))
        angles[next(q for q in range(4) if np.array_equal(middle[0], np.rot90(last[0], q)))] += 1
    assert set(angles) == {1, 2, 3} and min(angles.values()) > 30


def test_adjacent__two_of_four_stretches_change_places() -> None:
    seen = set()
    for seed in range(60):
        _, middle, last = numbers(Cloze(), 70, "adjacent", seed)
        stretches = [(number - (last[0] - 12)) // 2 for number in middle[::2]]
        assert all(b - a == 1 for a, b in zip(middle[::2], middle[1::2], strict=True))
        moved = [i for i, stretch in enumerate(stretches) if stretch != i]
        assert sorted(stretches) == [0, 1, 2, 3] and len(moved) == 2
        seen.add(tuple(moved))
    assert len(seen) == 6


def test_turn__needs_squares_and_turns_anticlockwise() -> None:
    clip = np.zeros((2, 4, 4, 3), np.uint8)
    clip[:, 0, 3] = 9  # top right
    assert turn(clip, 1)[0, 0, 0, 0] == 9
    with pytest.raises(ValueError, match=r"squares.*6x4"):
        turn(np.zeros((2, 4, 6, 3), np.uint8), 1)


def test_tiles__are_put_where_the_order_says() -> None:
    tiles = np.repeat(np.repeat(np.array([[0, 1], [2, 3]], np.uint8), 2, axis=0), 2, axis=1)
    clip = np.repeat(tiles[None, :, :, None], 3, axis=3)
    out = reorder_tiles(clip, (2, 0, 3, 1))
    assert out[0, ::2, ::2, 0].tolist() == [[2, 0], [3, 1]]
    with pytest.raises(ValueError, match=r"even sides.*5x4"):
        reorder_tiles(np.zeros((1, 4, 5, 3), np.uint8), (1, 0, 2, 3))
    with pytest.raises(ValueError, match=r"once each, got \(0, 0, 1, 2\)"):
        reorder_tiles(clip, (0, 0, 1, 2))


def test_tile_orders__differ_from_the_natural_one() -> None:
    rng = np.random.default_rng(0)
    assert {draw_tile_order(rng, "any") for _ in range(600)} == set(TILE_ORDERS)
    assert (0, 1, 2, 3) not in TILE_ORDERS and len(TILE_ORDERS) == 23
    swaps = {draw_tile_order(rng, "swap") for _ in range(200)}
    assert len(swaps) == 6 and all(sum(tile != place for place, tile in enumerate(order)) == 2 for order in swaps)
    assert draw_tile_order(rng, "reversal") == (3, 2, 1, 0)


def test_exchange_stretches__needs_as_many_frames() -> None:
    with pytest.raises(ValueError, match="3 frames has no 4 stretches"):
        exchange_stretches(np.zeros((3, 4, 4, 3), np.uint8), 0, 1)


def test_recalls__of_several_batches_are_those_of_all_their_examples() -> None:
    task, head = Cloze(hidden=0), torch.nn.Identity()

    def scalars(answers: list[int], labels: list[int]) -> dict[str, float]:
        features = torch.eye(5)[answers][:, None]  # one clip: the head gives it back as the logits
        target = torch.tensor([[label, 0] for label in labels])
        return {name: float(value) for name, value in task.loss(head, features, target).items()}

    batches = [scalars([0, 0, 0, 1], [0, 0, 0, 0]), scalars([1, 1, 0, 2], [0, 1, 1, 2])]
    averages = {name: sum(batch[name] for batch in batches) / 2 for name in batches[0]}
    assert recalls_of(averages) == {"original": 0.6, "rotation": 0.5, "permutation": 1.0}
    judgement = task.judge(averages)
    assert judgement.words == (
        "cloze accuracy 0.62 (chance 0.20, always the commonest 0.62), found of original 0.60, rotation 0.50, permutation 1.00"
    )
    assert judgement.score == pytest.approx(0)
    assert "25 % were slowed down to have room for a remote clip" in task.judge(averages | {"share_without_room": 0.25}).words


def test_head__is_one_linear_layer_unless_a_hidden_one_is_asked_for() -> None:
    shape = FeatureShape(dim=512, places=(2, 7, 7))
    layers = [module for module in Cloze(hidden=0).build_head(shape, CLIP).modules() if isinstance(module, torch.nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in layers] == [(1536, 5)]
    deeper = [module for module in Cloze(hidden=64).build_head(shape, CLIP).modules() if isinstance(module, torch.nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in deeper] == [(1536, 64), (64, 5)]


@pytest.mark.parametrize(("hidden", "finds"), [(32, True), (0, False)])
def test_head__compares_clips_only_with_a_hidden_layer(hidden: int, finds: bool) -> None:
    torch.manual_seed(0)
    task = Cloze(hidden=hidden)
    head = task.build_head(FeatureShape(dim=1, places=(1, 1, 1)), CLIP)
    sides, remote = torch.tensor([1.0, 1, -1, -1]), torch.tensor([False, True, False, True])
    features = torch.stack([sides, torch.where(remote, -sides, sides), sides], dim=1)[..., None]
    target = torch.stack([torch.where(remote, 4, 0), torch.zeros(4, dtype=torch.long)], dim=1)
    optimiser = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(100):
        scalars = task.loss(head, features, target)
        optimiser.zero_grad()
        scalars["loss"].backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert (float(scalars["loss"].detach()) < 0.1) == finds


def test_knobs__must_make_sense() -> None:
    with pytest.raises(ValueError, match="stride is 0"):
        Cloze(stride=0)
    with pytest.raises(ValueError, match=r"gap is -0\.5"):
        Cloze(gap=-0.5)


def test_published_order__is_that_of_the_labels() -> None:
    assert all(a != b for a, b in pairwise(OPERATIONS))
    assert Cloze().describe(np.array([4, 0])) == "the middle clip: remote"
