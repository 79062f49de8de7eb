"""A row of cloze as a target task, by hand: which floors it may stand on, and its interval."""

from collections.abc import Collection
from pathlib import Path

import pytest

from app.evaluation.beside_floor import with_floors
from app.evaluation.cloze_rows import ClozeRow, cloze_row
from app.evaluation.metrics.bootstrap import Interval
from pretrain.tasks.cloze import OPERATIONS
from tests.helpers.cloze_results import cloze_result


def one_cloze_row(
    *,
    low: float = 0.4,
    remote: float | None = None,
    floor: float | None = None,
    is_floor: bool = False,
    clips: str = "8 frames",
    paths: Collection[str] = ("a",),
    num_train: int = 1,
) -> ClozeRow:
    operations = ["original"] if remote is None else ["original", "remote"]
    return ClozeRow(
        encoder="e",
        is_floor=is_floor,
        clips=clips,
        num_train=num_train,
        num_tuples=2 * num_train,
        num_train_with_room=0,
        asked=frozenset((Path(path), operation) for path in paths for operation in operations),
        recalls={"original": 0.5, "remote": remote},
        mean_recall=0.5,
        interval=Interval(low, 0.7),
        counts=((1, 1), (0, 0)),
        rotation={90: 1.0},
        chosen="",
        num_held_out=1,
        floor=floor,
    )


@pytest.mark.parametrize(("low", "above"), [(0.31, True), (0.3, False), (0.2, False)])
def test_above_the_floor_means_that_the_interval_is(low: float, above: bool) -> None:
    row = one_cloze_row(low=low, floor=0.3)
    assert row.above_floor is row.to_dict()["above_floor"] is above
    assert row.chance == 1.0
    assert row.to_dict()["recall_remote"] is None


def test_a_floor_was_asked_the_same_operations() -> None:
    five, four, floor = one_cloze_row(remote=0.2), one_cloze_row(), one_cloze_row(remote=0.1, is_floor=True)
    assert [row.floor for row in with_floors([five, four, floor])] == [0.5, None, None]
    assert (five.num_test, five.num_remote, four.num_remote) == (1, 1, 0)


def test_a_floor_was_asked_of_the_same_videos_by_the_same_clips() -> None:
    same, own = one_cloze_row(is_floor=True, paths=("a", "b")), one_cloze_row(paths=("b", "a"))
    others = one_cloze_row(paths=("a", "c")), one_cloze_row(clips="16 frames", paths=("a", "b"))
    fewer = one_cloze_row(num_train=2, paths=("a", "b"))
    assert [row.floor for row in with_floors([own, *others, fewer, same])] == [0.5, None, None, None, None]


def cloze_interval(*videos: tuple[str, str, Collection[str]]) -> Interval:
    return cloze_row("e", "8 frames", cloze_result(*videos), is_floor=False).interval


def test_intervals_are_by_groups_where_there_are_ten() -> None:
    """Four videos of a group that say the same tell no more than one of them."""
    right = [OPERATIONS[: 1 + place % 4] for place in range(10)]
    single = cloze_interval(*((f"{place}", f"s{place}", own) for place, own in enumerate(right)))
    fourfold = [(f"{place}-{copy}", f"s{place}", own) for place, own in enumerate(right) for copy in range(4)]
    grouped = cloze_interval(*fourfold)
    assert (grouped.low, grouped.high) == pytest.approx((single.low, single.high))
    alone = cloze_interval(*((path, path, own) for path, _, own in fourfold))
    assert alone.high - alone.low < 0.7 * (single.high - single.low)


def test_intervals_are_by_videos_where_there_are_few_groups() -> None:
    """All that a video was asked is drawn together, of three videos as of thirty."""
    few = [("a", "s", OPERATIONS), ("b", "s", ()), ("c", "s", ())]
    assert cloze_interval(*few) == Interval(0.0, 1.0)
    many = [(f"{path}{copy}", "s", right) for path, _, right in few for copy in range(10)]
    found = cloze_interval(*many)
    assert found.high - found.low > 0.3  # 0.24 where 150 tuples are drawn singly
    one = cloze_interval(("a", "s", OPERATIONS[:3]))
    assert one.low < 0.6 < one.high
