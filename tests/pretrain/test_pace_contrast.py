"""Both contrasts against plain loops over clips."""

import math

import pytest
import torch
from torch import Tensor

import pretrain.pace_contrast
from pretrain.contrastive import info_nce
from pretrain.pace_contrast import Contrast, Similarity, pace_contrast

LABELS = torch.tensor([[0, 1], [2, 0], [1, 3], [0, 2], [1, 2]])  # pace 3 occurs once


def projections(num: int = 5) -> Tensor:
    return torch.randn(num, 2, 6, generator=torch.Generator().manual_seed(2))


def slow_contrast(views_B2D: Tensor, labels_B2: Tensor, contrast: Contrast, similarity: Similarity, temperature: float) -> Tensor:
    clips = [(example, clip) for example in range(len(views_B2D)) for clip in range(2)]

    def exp(one: tuple[int, int], other: tuple[int, int]) -> Tensor:
        a, b = views_B2D[one], views_B2D[other]
        value = a @ b if similarity == "dot" else a @ b / (a.norm() * b.norm())
        return torch.exp(value / temperature)

    def alike(one: tuple[int, int], other: tuple[int, int]) -> bool:
        return one[0] == other[0] if contrast == "same_context" else bool(labels_B2[one] == labels_B2[other])

    losses = []
    for anchor in clips:
        positives = [other for other in clips if other != anchor and alike(anchor, other)]
        negatives = [other for other in clips if not alike(anchor, other)]
        if positives:
            against = torch.stack([exp(anchor, other) for other in negatives]).sum()
            terms = [-torch.log(exp(anchor, other) / (exp(anchor, other) + against)) for other in positives]
            losses.append(torch.stack(terms).mean())
    return torch.stack(losses).mean()


@pytest.mark.parametrize(("similarity", "temperature"), [("cosine", 0.1), ("cosine", 1.0), ("dot", 1.0)])
@pytest.mark.parametrize("contrast", ["same_context", "same_pace"])
def test_loss_and_gradient__equal_the_plain_formula(contrast: Contrast, similarity: Similarity, temperature: float) -> None:
    quick, slow = projections().requires_grad_(), projections().requires_grad_()
    loss = pace_contrast(quick, LABELS, contrast, similarity=similarity, temperature=temperature)["loss"]
    expected = slow_contrast(slow, LABELS, contrast, similarity, temperature)
    loss.backward()  # type: ignore[no-untyped-call]
    expected.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(quick.grad, slow.grad)
    assert slow.grad is not None and slow.grad.abs().max() > 1e-3


def test_same_context__of_two_clips_is_info_nce_over_all_other_clips() -> None:
    views = projections()
    ours = pace_contrast(views, LABELS, "same_context", similarity="cosine", temperature=0.2)
    expected = info_nce(views, 0.2)
    for name in ("loss", "accuracy", "chance"):
        torch.testing.assert_close(ours[name], expected[name])


def test_same_context__does_not_look_at_paces() -> None:
    views = projections()
    one, other = (
        pace_contrast(views, labels, "same_context", similarity="cosine", temperature=0.1) for labels in (LABELS, LABELS % 2)
    )
    torch.testing.assert_close(one["loss"], other["loss"])


def test_same_pace__scalars_of_perfect_and_of_collapsed_projections() -> None:
    by_pace = torch.eye(4)[LABELS]
    perfect = pace_contrast(by_pace, LABELS, "same_pace", similarity="cosine", temperature=0.1)
    assert float(perfect["accuracy"]) == 1
    assert float(perfect["loss"]) < 0.001
    # Of 9 other clips, 2 are alike for paces 0, 1 and 2, of which there are 3 clips each; the clip of pace 3 is not asked.
    assert float(perfect["chance"]) == pytest.approx(2 / 9)
    collapsed = pace_contrast(torch.ones(5, 2, 4), LABELS, "same_pace", similarity="cosine", temperature=0.1)
    assert float(collapsed["loss"]) == pytest.approx(math.log(1 + 7), abs=1e-5)


def test_same_pace__of_clips_that_are_all_of_different_paces_teaches_nothing() -> None:
    views = projections(2).requires_grad_()
    loss = pace_contrast(views, torch.tensor([[0, 1], [2, 3]]), "same_pace", similarity="dot", temperature=1)["loss"]
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0
    assert views.grad is not None and not views.grad.any()


@pytest.mark.parametrize("contrast", ["same_context", "same_pace"])
def test_loss__averaged_over_two_processes_is_that_of_the_whole_batch(contrast: Contrast, monkeypatch: pytest.MonkeyPatch) -> None:
    views, labels = projections(6), torch.cat([LABELS, torch.tensor([[3, 1]])])

    def scalars_of(views: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return pace_contrast(views, labels, contrast, similarity="dot", temperature=1.0)

    whole = scalars_of(views, labels)
    monkeypatch.setattr(pretrain.pace_contrast, "world_size", lambda: 2)
    monkeypatch.setattr(pretrain.pace_contrast, "gather_with_grad", lambda own: views.flatten(0, 1))
    monkeypatch.setattr(pretrain.pace_contrast, "gather", lambda own: labels)
    parts = []
    for number in range(2):
        monkeypatch.setattr(pretrain.pace_contrast, "rank", lambda number=number: number)
        here = slice(3 * number, 3 * number + 3)
        parts.append(scalars_of(views[here], labels[here]))
    for name, value in whole.items():
        torch.testing.assert_close((parts[0][name] + parts[1][name]) / 2, value)
    assert abs(float(parts[0]["loss"] - parts[1]["loss"])) > 1e-3


def test_loss__is_computed_in_float32_under_autocast() -> None:
    views = projections().bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = pace_contrast(views, LABELS, "same_context", similarity="cosine", temperature=0.1)["loss"]
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, slow_contrast(views.float(), LABELS, "same_context", "cosine", 0.1))
