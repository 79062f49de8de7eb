import pytest
import torch

from pretrain.health import effective_rank, examine
from pretrain.task_sum import parse_task_sum


def test_effective_rank__counts_directions() -> None:
    axes = torch.cat([torch.eye(6), -torch.eye(6)])
    assert effective_rank(axes) == pytest.approx(6)
    assert effective_rank(axes * torch.tensor([1.0, 1, 1, 0, 0, 0])) == pytest.approx(3)
    assert effective_rank(torch.linspace(0, 1, 9)[:, None] * torch.tensor([[1.0, 2.0, 3.0]])) == pytest.approx(1)
    assert effective_rank(torch.ones(5, 4)) == 1
    assert effective_rank(torch.ones(1, 4)) == 1


def trajectory_errors(error: float, *, of_mean: float) -> dict[str, float]:
    truths = ("path", "second", "camera", "turn", "flip")
    return {f"trajectory/{name}": error for name in truths} | {f"trajectory/{name}_of_mean": of_mean for name in truths}


def test_examine__says_what_is_learnt_and_what_is_not() -> None:
    averages = trajectory_errors(0.05, of_mean=0.2)
    health = examine(parse_task_sum("trajectory"), averages, torch.randn(64, 8, generator=torch.Generator().manual_seed(0)))
    assert health.scores == {"trajectory": pytest.approx(0.75)}
    assert health.words.startswith("path error 0.25 of what always saying the mean path gets (1.00 = learnt nothing); ")
    assert "nothing learnt yet" not in health.words
    assert "COLLAPSED" not in health.words


def test_examine__says_collapsed_and_learns_nothing() -> None:
    averages = trajectory_errors(0.2, of_mean=0.2)
    health = examine(parse_task_sum("trajectory"), averages, torch.ones(64, 8))
    assert "nothing learnt yet" in health.words
    assert "COLLAPSED" in health.words
