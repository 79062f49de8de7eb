"""Rules about a training's health, on features and curves made by hand."""

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from pretrain.config import OptimiserConfig
from pretrain.feature_measures import dead_share, effective_rank, measure, spread
from pretrain.health import NeighbourScore, examine
from pretrain.task_sum import parse_task_sum
from pretrain.trouble import PATIENCE_STEPS, Signs, find_trouble

GOOD = torch.randn(64, 1, 8, generator=torch.Generator().manual_seed(0))


def test_effective_rank__counts_directions() -> None:
    axes = torch.cat([torch.eye(6), -torch.eye(6)])
    assert effective_rank(axes) == pytest.approx(6)
    assert effective_rank(axes * torch.tensor([1.0, 1, 1, 0, 0, 0])) == pytest.approx(3)
    assert effective_rank(torch.linspace(0, 1, 9)[:, None] * torch.tensor([[1.0, 2.0, 3.0]])) == pytest.approx(1)
    assert effective_rank(torch.ones(5, 4)) == 1
    assert effective_rank(torch.ones(1, 4)) == 1


@pytest.mark.parametrize("shape", [(5, 40), (40, 5)])
def test_effective_rank__of_few_clips_or_many_is_that_of_the_singular_values(shape: tuple[int, int]) -> None:
    features = torch.randn(*shape, generator=torch.Generator().manual_seed(3))
    lengths = torch.linalg.svdvals(features - features.mean(dim=0))
    shares = lengths[lengths > 1e-4] / lengths[lengths > 1e-4].sum()
    assert effective_rank(features) == pytest.approx(float((-(shares * shares.log()).sum()).exp()), rel=1e-4)


def test_spread__is_the_share_of_the_length_that_differs() -> None:
    two = torch.tensor([[3.0, 4.0], [3.0, -4.0]])
    assert spread(two) == pytest.approx(4 / 5)
    assert spread(torch.ones(5, 3)) == 0
    assert spread(torch.zeros(5, 3)) == 0


def test_dead_share__counts_dimensions_that_hardly_vary() -> None:
    features = GOOD[:, 0].clone()
    assert dead_share(features) == 0
    features[:, :2] *= 1e-4
    assert dead_share(features) == pytest.approx(2 / 8)
    assert dead_share(torch.ones(4, 5)) == 1


def test_measure__alignment_and_uniformity_are_those_of_the_paper() -> None:
    views = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(1))
    found = measure([views, GOOD.expand(-1, -1, 8)[:, :, :4]])
    unit = [[(row / row.norm()).tolist() for row in example[:2]] for example in views]
    same = [sum((a - b) ** 2 for a, b in zip(*example, strict=True)) for example in unit]
    others = [sum((a - b) ** 2 for a, b in zip(unit[i][0], unit[j][0], strict=True)) for i in range(5) for j in range(5) if i < j]
    assert found.alignment == pytest.approx(sum(same) / 5, rel=1e-5)
    kernel = torch.tensor([-2 * distance for distance in others]).exp().mean()
    assert found.uniformity == pytest.approx(float(kernel.log()), rel=1e-5)
    assert found.nearness == pytest.approx(sum(others) / len(others) / (sum(same) / 5), rel=1e-5)


def test_measure__nearness_tells_whether_clips_of_a_video_are_known_again() -> None:
    made = torch.Generator().manual_seed(2)
    videos = torch.randn(40, 1, 16, generator=made)
    known = measure([videos + 0.1 * torch.randn(40, 2, 16, generator=made)])
    unknown = measure([torch.randn(40, 2, 16, generator=made)])
    assert known.nearness is not None and known.nearness > 20
    assert unknown.nearness == pytest.approx(1, abs=0.1)
    assert measure([GOOD]).alignment is None


def trajectory_errors(error: float, *, of_mean: float) -> dict[str, float]:
    truths = ("path", "second", "camera", "turn", "flip")
    return {f"trajectory/{name}": error for name in truths} | {f"trajectory/{name}_of_mean": of_mean for name in truths}


def examined(averages: dict[str, float], features: Tensor, **more: Any) -> Any:
    facts = {"step": 20, "optimiser": OptimiserConfig(), **more}
    return examine(parse_task_sum("trajectory"), averages, {"trajectory": features}, **facts)


def test_examine__says_what_is_learnt_and_what_is_not() -> None:
    health = examined(trajectory_errors(0.05, of_mean=0.2), GOOD)
    assert health.scores == {"trajectory": pytest.approx(0.75)}
    assert health.words.startswith("path error 0.25 of what always saying the mean path gets (1.00 = learnt nothing); ")
    assert "nothing learnt yet" not in health.words
    assert health.trouble == ()


def test_examine__says_collapsed_and_learns_nothing() -> None:
    health = examined(trajectory_errors(0.2, of_mean=0.2), torch.ones(64, 1, 8))
    assert "nothing learnt yet" in health.words
    assert "COLLAPSED" in health.words
    assert health.curves()["trouble"] == list(health.trouble)


def test_examine__held_out_neighbours_stand_beside_chance_and_the_untrained_network() -> None:
    score = NeighbourScore(accuracy=0.41, majority=0.12, at_start=0.22, queries=60)
    health = examined(trajectory_errors(0.05, of_mean=0.2), GOOD, neighbours=score, step=400)
    assert "right for 0.41 of 60 held-out videos (untrained network 0.22, always the commonest 0.12)" in health.words
    assert health.trouble == ()
    assert health.curves()["neighbours/accuracy"] == 0.41
    worse = examined(trajectory_errors(0.05, of_mean=0.2), GOOD, neighbours=dataclasses.replace(score, accuracy=0.2), step=400)
    assert "no better than before" in worse.words


def test_examine__what_the_network_began_as_is_called_what_it_was() -> None:
    score = NeighbourScore(accuracy=0.41, majority=0.12, at_start=0.22, queries=60, began_trained=True)
    health = examined(trajectory_errors(0.05, of_mean=0.2), GOOD, neighbours=score, step=400)
    assert "right for 0.41 of 60 held-out videos (at the start 0.22, always the commonest 0.12)" in health.words
    assert "untrained" not in health.words


def test_examine__no_video_to_compare_is_no_bad_result() -> None:
    score = NeighbourScore(accuracy=0.0, majority=0.0, at_start=None, queries=0)
    health = examined(trajectory_errors(0.05, of_mean=0.2), GOOD, neighbours=score, step=400)
    assert "no held-out video could be compared: none of them" in health.words
    assert health.trouble == ()
    assert not any(name.startswith("neighbours/") for name in health.curves())


# --- rules ----------------------------------------------------------------------------------------------------------------------


def signs(**changes: Any) -> Signs:
    """A run in its 400th step that learns nothing, without any known reason."""
    usual = Signs(
        step=400,
        scores={"pace": 0.0},
        measures=measure([GOOD]),
        averages={"loss": 1.0, "gradient_norm": 1.0, "clipped": 0.0},
        optimiser=OptimiserConfig(),
        history=[{"step": step, "loss": 2.0 - step / 400, "gradient_norm": 1.0, "pace/score": 0.0} for step in range(20, 400, 20)],
    )
    return dataclasses.replace(usual, **changes)


def test_trouble__nothing_learnt_is_normal_in_the_beginning_only() -> None:
    assert find_trouble(signs(step=PATIENCE_STEPS - 1)) == ()
    (sentence,) = find_trouble(signs())
    assert sentence == "LEARNS NOTHING: no task is above guessing after 400 steps"
    assert find_trouble(signs(scores={"pace": 0.0, "cvrl": 0.2})) == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"optimiser": OptimiserConfig(learning_rate=100.0)},
            "learning rate 100 is outside what usually works with adamw, 1e-05 to 0.02",
        ),
        ({"optimiser": OptimiserConfig(warmup_steps=500)}, "the learning rate is still rising, until step 500"),
        ({"averages": {"loss": 1.0, "gradient_norm": 1e-4}}, "hardly any gradient arrives any more (length 0.0001, once 1)"),
        ({"averages": {"loss": 1.0, "gradient_norm": 80.0, "clipped": 0.95}}, "nearly every gradient is cut (length 80, limit 5)"),
        ({"history": [{"step": s, "loss": 1.01} for s in range(20, 400, 20)]}, "the loss has not moved since step 20 (1)"),
    ],
)
def test_trouble__says_why_that_is_thought(changes: dict[str, Any], reason: str) -> None:
    (sentence,) = find_trouble(signs(**changes))
    assert sentence.startswith("LEARNS NOTHING") and reason in sentence


@pytest.mark.parametrize(
    ("features", "how"),
    [
        (torch.ones(64, 1, 8), "all clips look nearly the same to the network (features vary by 0.0% of their length)"),
        (torch.zeros(64, 1, 8), "all clips look nearly the same to the network (features vary by 0.0% of their length)"),
        (1 + 0.005 * GOOD, "all clips look nearly the same to the network (features vary by 0."),
        (5 + 5 * GOOD[:, :, :1] * torch.ones(8), "the network tells clips apart in a single way (features vary in 1.0 of 8 dir"),
    ],
    ids=["one point", "dead", "a small cloud far out", "a line"],
)
def test_trouble__collapse_is_said_at_any_step(features: Tensor, how: str) -> None:
    (sentence,) = find_trouble(signs(step=20, scores={"pace": 0.9}, measures=measure([features])))
    assert sentence.startswith(f"COLLAPSED: {how}")
    assert "the loss can fall without telling clips apart" in sentence


def test_trouble__one_large_direction_among_many_is_no_collapse() -> None:
    """As of networks that find well: their features' length varies most, but what tells clips apart is in the other directions."""
    uneven = 20 + 5 * GOOD * torch.tensor([20.0, 1, 1, 1, 1, 1, 1, 1])
    assert find_trouble(signs(scores={"pace": 0.9}, measures=measure([uneven]))) == ()


def test_trouble__what_was_learnt_and_lost_is_said() -> None:
    history = [{"step": 100, "pace/score": 0.7}, {"step": 200, "pace/score": 0.5}]
    (sentence,) = find_trouble(signs(scores={"pace": 0.2}, history=history))
    assert sentence.startswith("pace was better: 0.70 of the way to perfect at step 100, 0.20 now")
    assert find_trouble(signs(scores={"pace": 0.6}, history=history)) == ()


def test_trouble__what_never_was_learnt_cannot_be_lost() -> None:
    history = [{"step": 8, "pace/score": -0.02}, {"step": 10, "pace/score": 0.2}]
    assert find_trouble(signs(step=12, scores={"pace": -0.9}, history=history)) == ()
