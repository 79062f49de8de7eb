"""A row of fine-tuning, by hand: its shares, their mean over splits, its intervals."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.evaluation.beside_floor import with_floors
from app.evaluation.finetune_rows import FinetuneRow, mean_row
from app.evaluation.metrics.bootstrap import Interval
from pretrain.downstream.finetune import VideoAnswer


def answer(label: str, answered: str, scene: str = "", rank: int | None = None) -> VideoAnswer:
    rank = (0 if label == answered else 1) if rank is None else rank
    return VideoAnswer(path=Path(label), scene=scene, label=label, answer=answered, rank=rank)


def finetuned(fold: int, answers: list[VideoAnswer], *, is_floor: bool = False, network: str = "r3d") -> FinetuneRow:
    return FinetuneRow(
        encoder="floor" if is_floor else "own",
        network=network,
        fold=fold,
        is_floor=is_floor,
        answers={fold: answers},
        num_labels=2,
        num_train=10,
        num_held_out=1,
        epoch=3,
        held_out_loss=0.5,
        top_1_interval=Interval(0.0, 1.0),
        class_mean_interval=Interval(0.0, 1.0),
    )


def test_shares_by_hand() -> None:
    one = finetuned(1, [answer("a", "a"), answer("a", "a"), answer("a", "b", rank=7), answer("b", "a")])
    other = finetuned(2, [answer("a", "a"), answer("b", "b")])
    assert (one.top_1, one.top_5) == (0.5, 0.75)
    assert one.class_mean_top_1 == pytest.approx(1 / 3)
    assert one.per_label_top_1 == {"a": pytest.approx(2 / 3), "b": 0.0}
    mean = mean_row([one, other])
    assert mean.top_1 == 0.75
    assert mean.class_mean_top_1 == pytest.approx(2 / 3)
    assert mean.top_1_interval.low <= 0.75 <= mean.top_1_interval.high
    wrong = [answer("a", "b"), answer("a", "b"), answer("a", "b"), answer("b", "b")]
    right = [replace(own, answer=own.label) for own in wrong]
    floor, better = finetuned(1, wrong, is_floor=True), finetuned(1, right, is_floor=True, network="r2plus1d")
    assert better.class_mean_top_1 == 1.0
    assert [row.floor for row in with_floors([one, other, floor, better])] == [0.5, None, None, None]


def test_intervals_are_by_groups_where_there_are_ten() -> None:
    """Four videos of a group that are answered alike tell no more than one of them."""
    single = [answer("ab"[place % 2], "ab"[place // 3 % 2], scene=f"s{place}") for place in range(10)]
    one, four = (mean_row([finetuned(1, single * copies)]) for copies in (1, 4))
    assert (four.top_1_interval, four.class_mean_interval) == (one.top_1_interval, one.class_mean_interval)
    alone = mean_row([finetuned(1, [replace(own, scene="") for own in single * 4])])
    for narrow, wide in (
        (alone.top_1_interval, four.top_1_interval),
        (alone.class_mean_interval, four.class_mean_interval),
    ):
        assert narrow.high - narrow.low < 0.7 * (wide.high - wide.low)
