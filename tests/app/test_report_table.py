"""Rows of any kind of run as one table, the same for the page and the report."""

from typing import Any

import pytest

from app.evaluation.report_table import Cell, table_of
from app.evaluation.run_view import Encoder


def cells(*rows: dict[str, Any], floors: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> list[dict[str, Cell]]:
    table = table_of(rows, [Encoder(name=name, floor=True) for name in floors], without=without)
    return [dict(zip(table.heads, line, strict=True)) for line in table.lines]


def test_intervals_stand_below_their_values_and_empty_columns_are_left_out() -> None:
    first, second = cells(
        {"group": "", "way": "mean", "top_1": 0.5, "top_1_low": 0.25, "top_1_high": 1.0, "sure": True, "odd_low": -0.5},
        {"group": "", "way": "gap", "top_1": 0.75, "top_1_low": None, "top_1_high": None, "queries": 1200},
    )
    assert list(first) == ["compared", "top-1", "sure", "odd low", "queries"]
    assert first["compared"] == Cell(text="by mean vector")
    assert first["top-1"] == Cell(text="0.500", below="0.25\N{EN DASH}1.00", number=True)
    assert (first["sure"], first["queries"]) == (Cell(text="yes"), Cell(text=""))
    assert second["top-1"] == Cell(text="0.750", number=True)
    assert second["queries"] == Cell(text="1,200", number=True)


def test_columns_have_names_that_can_be_read() -> None:
    names = ["class_mean_top_1", "a_class_mean_top_1", "mean_average_precision", "top_10", "recall_rotation_90", "colour", "floor"]
    (row,) = cells(dict.fromkeys(names, 0.5))
    assert list(row) == [
        *("class-mean top-1", "a class-mean top-1", "mAP", "top-10", "recall rotation 90", "raw colour", "untrained"),
    ]


def test_what_is_said_elsewhere_is_left_out() -> None:
    (row,) = cells({"group": "x", "encoder": "one", "top_1": 0.5}, without=("group",))
    assert list(row) == ["encoder", "top-1"]


def test_untrained_networks_are_marked() -> None:
    rows = cells({"encoder": "one"}, {"encoder": "u1"}, {"encoder": "u2", "is_floor": True}, floors=("u1",))
    assert [row["encoder"].below for row in rows] == ["", "untrained", "untrained"]


@pytest.mark.parametrize("held", ["class_mean_top_1", "mean_recall", "top_1"])
@pytest.mark.parametrize(
    ("low", "high", "below"),
    [(0.41, 0.9, ""), (0.4, 0.9, "covered"), (0.1, 0.4, "covered"), (0.1, 0.39, "not reached"), (None, None, "")],
)
def test_doubtful_results_are_marked_beside_the_floor(held: str, low: float | None, high: float | None, below: str) -> None:
    (row,) = cells({held: 0.5, f"{held}_low": low, f"{held}_high": high, "floor": 0.4, "above_floor": None})
    assert list(row)[-1] == "untrained"
    assert row["untrained"] == Cell(text="0.400", below=below, number=True, doubtful=bool(below))


def test_the_class_mean_is_what_is_held_against_the_floor_where_there_is_one() -> None:
    top_1 = {"top_1": 0.2, "top_1_low": 0.1, "top_1_high": 0.3}
    (row,) = cells(top_1 | {"class_mean_top_1": 0.5, "class_mean_top_1_low": 0.45, "class_mean_top_1_high": 0.6, "floor": 0.4})
    assert not row["untrained"].doubtful


def test_no_verdict_is_said_too() -> None:
    (row,) = cells({"a": "one", "b": "two", "verdict": ""})
    assert row["verdict"].text == "cannot be told"
