"""Trajectory asks for every truth of a drawn clip at its weight; the errors are recomputed here number by number."""

import numpy as np
import pytest
import torch
from torch import nn

from pretrain.drawn_videos import draw_clip
from pretrain.tasks.base import ClipShape, FeatureShape
from pretrain.tasks.trajectory import Trajectory, truth_TU

CLIP = ClipShape(num_frames=4, size_px=16)
FEATURES = FeatureShape(dim=6, places=(2, 3, 3))


class Says(nn.Module):
    """A head that gives the same answer whatever it sees."""

    def __init__(self, answer_BN: torch.Tensor) -> None:
        super().__init__()
        self.answer_BN = answer_BN

    def forward(self, steps_BF: torch.Tensor) -> torch.Tensor:
        return self.answer_BN


def targets(num_seconds: list[int]) -> torch.Tensor:
    """Random truths (B, 4, 13) with or without a second mover."""
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(len(num_seconds), 4, 13, generator=generator)
    target[:, :, 12] = torch.tensor(num_seconds, dtype=torch.float32)[:, None]
    return target


def slow_error(said: torch.Tensor, truth: torch.Tensor) -> float:
    each = []
    for a, b in zip(said.flatten().tolist(), truth.flatten().tolist(), strict=True):
        off = abs(a - b)
        each.append(off * off / 0.6 if off < 0.3 else off - 0.15)
    return sum(each) / len(each)


def test_loss__is_the_path_and_the_others_at_their_weight() -> None:
    target = targets([1, 0, 1])
    answer = torch.randn(3, 4, 12, generator=torch.Generator().manual_seed(1))
    scalars = Trajectory(others=0.4).loss(Says(answer.flatten(1)), torch.zeros(3, 1, 6, 2, 3, 3), target)
    path = slow_error(answer[..., :2], target[..., :2])
    second = slow_error(answer[[0, 2]][..., 2:4], target[[0, 2]][..., 2:4])
    rest = [slow_error(answer[..., a:b], target[..., a:b]) for a, b in ((4, 8), (8, 10), (10, 12))]
    assert float(scalars["path"]) == pytest.approx(path, rel=1e-5)
    assert [float(scalars[name]) for name in ("second", "camera", "turn", "flip")] == pytest.approx([second, *rest], rel=1e-5)
    assert float(scalars["loss"]) == pytest.approx(path + 0.4 * (second + sum(rest)) / 4, rel=1e-5)
    mean_of_seconds = target[[0, 2]][..., 2:4].mean(dim=0).expand(2, 4, 2)
    assert float(scalars["second_of_mean"]) == pytest.approx(slow_error(mean_of_seconds, target[[0, 2]][..., 2:4]), rel=1e-5)


def test_loss__a_batch_without_second_movers_is_finite() -> None:
    target = targets([0, 0])
    answer = torch.zeros(2, 48, requires_grad=True)
    scalars = Trajectory().loss(Says(answer), torch.zeros(2, 1, 6, 2, 3, 3), target)
    assert float(scalars["second"]) == 0
    scalars["loss"].backward()  # type: ignore[no-untyped-call]
    assert answer.grad is not None
    assert torch.isfinite(answer.grad).all()
    assert (answer.grad.unflatten(1, (4, 12))[..., 2:4] == 0).all()


def test_others_0__asks_for_the_path_alone() -> None:
    task = Trajectory(others=0)
    target = targets([1, 0, 1])
    head = task.build_head(FEATURES, CLIP)
    features = torch.randn(3, 1, 6, 2, 3, 3, generator=torch.Generator().manual_seed(2))
    assert head(torch.zeros(3, 12)).shape == (3, 8)
    scalars = task.loss(head, features, target)
    assert set(scalars) == {"loss", "path", "path_of_mean"}
    said = head(features[:, 0].mean(dim=(3, 4)).flatten(1)).unflatten(1, (4, 2))
    assert float(scalars["loss"].detach()) == pytest.approx(slow_error(said, target[..., :2]), rel=1e-5)
    with pytest.raises(ValueError, match=r"others is -1; .* 0 or more, such as 0\.3"):
        Trajectory(others=-1)


def test_judge__scores_the_path_and_names_the_others() -> None:
    averages = dict.fromkeys(("loss", "path", "second", "camera", "turn", "flip"), 0.1)
    averages |= {f"{name}_of_mean": 0.4 for name in ("path", "second", "camera", "turn")} | {"flip_of_mean": 0.2}
    judgement = Trajectory().judge(averages)
    assert judgement.score == pytest.approx(0.75)
    assert "path error 0.25" in judgement.words
    assert judgement.words.endswith("likewise second 0.25, camera 0.25, turn 0.25, flip 0.50")
    nothing_flips = averages | {"flip": 0.3, "flip_of_mean": 1e-15}
    assert Trajectory().judge(nothing_flips).words.endswith("flip 1.00")


def test_truth__is_the_clips_own() -> None:
    drawn = draw_clip(np.random.default_rng(4), kind="encounter", num_frames=5, size_px=16)
    truth = truth_TU(drawn)
    assert truth.shape == (5, 13) and truth.dtype == np.float32
    assert np.array_equal(truth[:, :2], drawn.path_xy) and np.array_equal(truth[:, 2:4], drawn.second_xy)
    assert np.array_equal(truth[:, 8:10], drawn.turn) and np.array_equal(truth[:, 10:12], drawn.flip)
    assert (truth[0, 4:8] == 0).all() and (truth[:, 12] == 1).all()


def test_truth__the_camera_moves_by_about_one() -> None:
    clips = [draw_clip(np.random.default_rng(seed), num_frames=8, size_px=8) for seed in range(150)]
    spread = np.concatenate([truth_TU(clip)[:, 4:8] for clip in clips]).std(axis=0)
    assert (spread > 0.5).all() and (spread < 2).all()


def test_describe__says_where_it_goes_and_how_far_it_turns() -> None:
    angle = np.linspace(0, 2 * np.pi, 16)
    truth = np.zeros((16, 13), np.float32)
    truth[:, 0] = np.linspace(-0.5, 0.5, 16)
    truth[:, 8] = 1
    truth[:, 10], truth[:, 11] = np.cos(angle), np.sin(angle)
    words = Trajectory().describe(truth)
    assert words == "it goes from (-0.5, +0.0) to (+0.5, +0.0), flips by +360°"
