"""The task: what it labels, what it compares, and what it says of it."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pretrain.frame_source import StoredFrames
from pretrain.motion_statistics import motion_values
from pretrain.optical_flow import flow_of_clip
from pretrain.tasks.base import ClipShape, FeatureShape
from pretrain.tasks.statistics import Statistics
from tests.helpers.counting_video import number_in, number_picture

CLIP = ClipShape(num_frames=8, size_px=48)
FEATURES = FeatureShape(dim=5, places=(2, 3, 3))
TOPS = [16, 8, 16, 8, 4, 8, 4, 8, 8, 8, 8, 8, 7, 7, 16, 8, 16, 8, 4, 8, 4, 8, 8, 8, 8, 8, 8]


def moving_footage(num_frames: int = 12, size: int = 56) -> NDArray[np.uint8]:
    """A bright textured patch that crosses a dark ground, up and to the right."""
    rng = np.random.default_rng(0)
    frames = np.full((num_frames, size, size, 3), 40, np.uint8)
    patch = rng.integers(60, 256, (16, 16, 3), dtype=np.uint8)
    for t in range(num_frames):
        frames[t, 34 - t : 50 - t, 6 + 2 * t : 22 + 2 * t] = patch
    return frames


def numbers_of(task: Statistics, num_source: int, seed: int) -> list[int]:
    source = StoredFrames(np.stack([number_picture(number, 48, 48) for number in range(num_source)]))
    return [number_in(frame) for frame in task.make_example(source, CLIP, np.random.default_rng(seed)).clips_KTHWC[0]]


def test_example__takes_consecutive_frames_from_anywhere() -> None:
    clips = [numbers_of(Statistics(flip=0, strides=(1,)), 11, seed) for seed in range(30)]
    assert all(np.diff(numbers).tolist() == [1] * 7 for numbers in clips)
    assert {numbers[0] for numbers in clips} == {0, 1, 2, 3}


def test_example__with_a_stride_skips_and_a_short_video_stays_on_its_last_frame() -> None:
    task = Statistics(flip=0, strides=(2,))
    assert task.frames_needed(CLIP) == 15
    assert numbers_of(task, 15, 0) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert numbers_of(task, 10, 0) == [0, 2, 4, 6, 8, 9, 9, 9]


def test_example__takes_every_stride_that_fits() -> None:
    task = Statistics(flip=0, strides=(2, 3, 5))
    assert task.frames_needed(CLIP) == 36
    seen = [[int(np.diff(numbers_of(task, length, seed)).max()) for seed in range(20)] for length in (36, 35, 10)]
    assert [set(strides) for strides in seen] == [{2, 3, 5}, {2, 3}, {2}]


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_example__labels_are_those_of_the_clip_that_is_seen(flip: float) -> None:
    source = StoredFrames(moving_footage())
    made = Statistics(flip=flip, strides=(1,)).make_example(source, CLIP, np.random.default_rng(1))
    flow = flow_of_clip(made.clips_KTHWC[0], "dis_medium")
    strongest = flow[np.hypot(flow[..., 0], flow[..., 1]) > 1]
    assert np.sign(np.median(strongest, axis=0)).tolist() == [-1 if flip else 1, -1]
    assert made.target.shape == (27,)
    np.testing.assert_array_equal(made.target[:14], motion_values(flow))
    assert (made.target >= 1).all() and (made.target <= TOPS).all()


def test_example__released_mirrors_turn_the_directions_of_u_round() -> None:
    source = StoredFrames(moving_footage())
    right, wrong, plain = (
        Statistics(flip=flip, strides=(1,), mirrored_u=u).make_example(source, CLIP, np.random.default_rng(1)).target
        for flip, u in ((1, "negated"), (1, "released"), (0, "released"))
    )
    of_u = [1, 5, 9]
    assert ((wrong[of_u] - right[of_u]) % 8 == 4).all()
    np.testing.assert_array_equal(np.delete(wrong, of_u), np.delete(right, of_u))
    unmirrored = Statistics(flip=0, strides=(1,)).make_example(source, CLIP, np.random.default_rng(1)).target
    np.testing.assert_array_equal(plain, unmirrored)


def test_example__with_the_released_map_looks_one_frame_past_the_clip() -> None:
    """What jumps after the clip's end counts for where, not for when, and is not seen."""
    frames = np.full((9, 48, 48, 3), 40, np.uint8)
    patch = np.random.default_rng(0).integers(60, 256, (16, 16, 3), dtype=np.uint8)
    for t, (left, top) in enumerate([(2 + t // 7, 2 + t // 7) for t in range(8)] + [(7, 7)]):
        frames[t, top : top + 16, left : left + 16] = patch
    frames[:8, 30:46, 30:46], frames[8, 26:42, 24:40] = patch, patch
    made = [
        Statistics(flip=0, strides=(1,), maps=maps).make_example(StoredFrames(frames[:needed]), CLIP, np.random.default_rng(0))
        for maps, needed in (("released", 9), ("between", 8))
    ]
    for example in made:
        np.testing.assert_array_equal(example.clips_KTHWC[0], frames[:8])
        assert example.target[12:14].tolist() == [7, 7]
    assert made[1].target[0] < 9 <= made[0].target[0]  # of the grid: a square of the upper half, and of the lower


def test_example__of_a_single_frame_has_no_places() -> None:
    made = Statistics().make_example(StoredFrames(moving_footage(1)), CLIP, np.random.default_rng(0))
    assert made.target[:26].tolist() == [0] * 26
    assert made.target[26] > 0


def head_that_says(task: Statistics, answers: list[float]) -> torch.nn.Module:
    head = task.build_head(FEATURES, CLIP)
    with torch.no_grad():
        for name, parameter in head.named_parameters():
            parameter.copy_(torch.tensor(answers) if name.endswith("bias") else torch.zeros_like(parameter))
    return head


def scalars_of(task: Statistics, answers: list[float], *rows: list[int]) -> dict[str, float]:
    target = torch.tensor(rows, dtype=torch.int64)
    scalars = task.loss(head_that_says(task, answers), torch.zeros(len(rows), 1, 5), target)
    return {name: float(value.detach()) for name, value in scalars.items()}


def test_loss__published_is_the_squared_error_of_the_whole_numbers() -> None:
    low, high = [1] * 14 + [4] * 13, [4] * 14 + [2] * 13
    scalars = scalars_of(Statistics(targets="published"), [1.0] * 14 + [2.0] * 13, low, high)
    assert scalars["motion_error"] == pytest.approx((0 + 9) / 2)
    assert scalars["appearance_error"] == pytest.approx((4 + 0) / 2)
    assert scalars["loss"] == pytest.approx(4.5 + 0.1 * 2)
    assert scalars["motion_error_of_mean"] == pytest.approx(1.5**2)
    assert scalars["loss_of_mean"] == pytest.approx(1.5**2 + 0.1 * 1)


def test_loss__scaled_gives_every_value_the_same_range() -> None:
    lowest = [-1.0] * 27
    assert scalars_of(Statistics(), lowest, [1] * 27, [1] * 27)["loss"] == 0
    worst = scalars_of(Statistics(), lowest, TOPS, TOPS)
    assert worst["motion_error"] == worst["appearance_error"] == pytest.approx(4)


def test_loss__leaves_out_what_stands_still_unless_as_published() -> None:
    rows = [0] * 14 + [1] * 13, [3] * 14 + [1] * 13
    left_out = scalars_of(Statistics(targets="published"), [5.0] * 27, *rows)
    assert left_out["motion_error"] == pytest.approx(4)
    assert left_out["motion_error_of_mean"] == 0
    published = scalars_of(Statistics(targets="published", still="published"), [5.0] * 27, *rows)
    assert published["motion_error"] == pytest.approx((25 + 4) / 2)
    assert published["motion_error_of_mean"] == pytest.approx(1.5**2)


def test_judge__tells_motion_and_appearance_apart_beside_the_mean() -> None:
    averages = {"loss": 0.6, "loss_of_mean": 0.8, "motion_error": 0.5, "motion_error_of_mean": 0.5}
    averages |= {"appearance_error": 0.1, "appearance_error_of_mean": 0.4}
    judgement = Statistics().judge(averages)
    assert (
        judgement.words
        == "statistics error motion 1.00, appearance 0.25 of what always saying the mean gets (1.00 = learnt nothing)"
    )
    assert judgement.score == pytest.approx(0.25)


def test_judge__footage_on_which_nothing_differs_teaches_nothing() -> None:
    names = ("loss", "motion_error", "appearance_error")
    averages = dict.fromkeys((*names, "loss_of_mean", "motion_error_of_mean", "appearance_error_of_mean"), 0.0)
    assert Statistics().judge(averages).score == 0


def test_describe__names_places_and_directions_or_their_absence() -> None:
    row = np.array([6, 3, 0, 0] + [1] * 10 + [2, 1, 15, 1] + [1] * 9)
    words = "horizontal motion changes most in square 6, towards 90 degrees; vertical motion nowhere; "
    assert Statistics().describe(row) == words + "colours change most in square 2, least in 15"
    assert Statistics().describe(np.zeros(27, np.int64)).endswith("colours change nowhere")


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"strides": (1, 0)}, r"strides is \(1, 0\)"),
        ({"motion_weight": -1.0}, "neither may be below 0"),
        ({"motion_weight": 0.0, "appearance_weight": 0.0}, "one must be above"),
    ],
)
def test_knobs__that_make_no_sense_are_refused(knobs: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Statistics(**knobs)  # type: ignore[arg-type]


def test_clip__that_cannot_be_labelled_is_refused_before_training() -> None:
    with pytest.raises(ValueError, match="50 pixels wide"):
        Statistics().frames_needed(ClipShape(num_frames=16, size_px=50))
    with pytest.raises(ValueError, match="motion needs 2 or more"):
        Statistics().frames_needed(ClipShape(num_frames=1, size_px=64))
