"""Clips made ahead of whoever looks at them: the same ones, and their errors."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from pretrain.errors import TrainingDataError
from pretrain.export_spec import ExportSpec
from pretrain.export_work import ahead, batches_of
from tests.helpers.given_clips import GivenClips, moving_squares
from tests.helpers.patience import PATIENCE_S


def test_ahead__the_next_item_is_made_while_the_caller_has_the_one_before() -> None:
    made = threading.Event()

    def two() -> Iterator[int]:
        yield 1
        made.set()
        yield 2

    items = ahead(two())
    assert next(items) == 1
    assert made.wait(timeout=PATIENCE_S), "nobody asked for it"
    assert list(items) == [2]


def test_ahead__what_goes_wrong_comes_in_its_place() -> None:
    def broken() -> Iterator[int]:
        yield from range(10)
        raise TrainingDataError("no more")

    items = ahead(broken())
    assert [next(items) for _ in range(10)] == list(range(10))
    with pytest.raises(TrainingDataError, match="no more"):
        next(items)


def test_ahead__given_up_it_makes_no_more() -> None:
    asked: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            asked.append(1)
            yield 1

    before = threading.active_count()
    items = ahead(endless())
    next(items)
    items.close()
    for thread in threading.enumerate():
        if thread.name == "clips ahead":
            thread.join(timeout=PATIENCE_S)
    assert threading.active_count() == before
    assert len(asked) < 10


def test_batches__are_told_of_when_they_have_been_looked_at() -> None:
    batches = [moving_squares(3), moving_squares(2)]
    told: list[tuple[str, int, int]] = []
    source, spec = GivenClips(tuple(batches)), ExportSpec(name="x").clips
    seen = []
    for batch in batches_of(source, 8, spec, seed=1, phase="looking", on_work=lambda *news: told.append(news)):
        seen.append((batch, len(told)))
    assert all(np.array_equal(batch, given) for (batch, _), given in zip(seen, batches, strict=True))
    assert [count for _, count in seen] == [1, 2]
    assert told == [("looking", 0, 8), ("looking", 3, 8), ("looking", 5, 8)]
