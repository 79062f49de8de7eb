"""InfoNCE against two plain loops."""

import math

import pytest
import torch
from torch import Tensor

from pretrain.contrastive import info_nce


def projections(num: int = 5, dim: int = 7) -> Tensor:
    return torch.randn(num, 2, dim, generator=torch.Generator().manual_seed(1)) * 3


def slow_info_nce(views_B2D: Tensor, temperature: float) -> Tensor:
    clips = [(example, clip) for example in range(len(views_B2D)) for clip in range(2)]

    def similarity(one: tuple[int, int], other: tuple[int, int]) -> Tensor:
        a, b = views_B2D[one], views_B2D[other]
        return torch.exp(a @ b / (a.norm() * b.norm()) / temperature)

    losses = []
    for anchor in clips:
        positive = (anchor[0], 1 - anchor[1])
        denominator = torch.stack([similarity(anchor, other) for other in clips if other != anchor]).sum()
        losses.append(-torch.log(similarity(anchor, positive) / denominator))
    return torch.stack(losses).mean()


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_loss_and_gradient__equal_the_plain_formula(temperature: float) -> None:
    quick, slow = projections().requires_grad_(), projections().requires_grad_()
    loss, expected = info_nce(quick, temperature)["loss"], slow_info_nce(slow, temperature)
    loss.backward()  # type: ignore[no-untyped-call]
    expected.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(quick.grad, slow.grad)
    assert slow.grad is not None and slow.grad.abs().max() > 1e-3


def test_loss__before_anything_is_learnt_is_that_of_a_guess_among_all_other_clips() -> None:
    unrelated = projections(num=64, dim=4096)
    scalars = info_nce(unrelated, temperature=0.1)
    assert float(scalars["loss"]) == pytest.approx(math.log(127), abs=0.05)
    assert float(scalars["chance"]) == pytest.approx(1 / 127)
    assert float(scalars["accuracy"]) < 0.05


def test_scalars__of_a_perfect_and_of_a_collapsed_network() -> None:
    axes = torch.eye(4)[:, None].expand(4, 2, 4)
    perfect = {name: float(value) for name, value in info_nce(axes, 0.1).items()}
    assert perfect["accuracy"] == 1
    assert perfect["alignment"] == pytest.approx(0, abs=1e-6)
    assert perfect["uniformity"] == pytest.approx(-4, abs=1e-5)  # other axes: squared distance 2
    collapsed = {name: float(value) for name, value in info_nce(torch.ones(4, 2, 4), 0.1).items()}
    assert collapsed["loss"] == pytest.approx(math.log(7), abs=1e-4)
    assert collapsed["uniformity"] == pytest.approx(0, abs=1e-5)


def test_accuracy__counts_clips_whose_nearest_is_their_partner() -> None:
    views = torch.tensor([[[1.0, 0.0], [1.0, 0.1]], [[0.0, 1.0], [1.0, 0.3]]])
    # First example: both find each other. Second: its upright clip has the slanted one nearest, which is right; that one is not.
    assert float(info_nce(views, 0.1)["accuracy"]) == pytest.approx(3 / 4)


def test_loss__is_computed_in_float32_under_autocast() -> None:
    views = projections()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scalars = info_nce(views.bfloat16().float(), 0.1)
    assert scalars["loss"].dtype == torch.float32
    torch.testing.assert_close(scalars["loss"], info_nce(views.bfloat16().float(), 0.1)["loss"])


def test_errors__name_the_shape_and_the_want_of_negatives() -> None:
    with pytest.raises(ValueError, match=r"\(examples, 2 clips, channels\), got \(5, 3, 7\)"):
        info_nce(torch.zeros(5, 3, 7), 0.1)
    with pytest.raises(ValueError, match="one example has no negatives"):
        info_nce(torch.zeros(1, 2, 7), 0.1)
