"""The rows of any stored run as a table to be read, in the page and in the report: intervals below their values, nothing that says
nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.evaluation.beside_floor import Standing, standing
from app.evaluation.run_view import Encoder, Share
from app.ui.run_words import figure, interval, way_words

_NOTE = "Shares are 0 to 1; below them, where there is one, the 95 % interval (bootstrap)."
_DOUBTS = (
    " Covered: the interval holds what the untrained network got, so this may be no better than a network that learnt nothing."
    " Not reached: the interval lies below that."
)
_HEADS = {
    "group": "within",
    "fold": "split",
    "way": "compared",
    "floor": "untrained",
    "colour": "raw colour",
    "mean_average_precision": "mAP",
}
_LOW, _HIGH = "_low", "_high"
_HELD_AGAINST_FLOOR = ("class_mean_top_1", "mean_recall", "top_1")  # of these the first that a row has an interval of


@dataclass(frozen=True, kw_only=True)
class Cell:
    """text: the value; below: in small letters, such as its interval. number: stands to the right. doubtful: the result may be
    no better than a network that learnt nothing.
    """

    text: str
    below: str = ""
    number: bool = False
    doubtful: bool = False

    @property
    def words(self) -> bool:
        """Whether what stands below may be broken into lines."""
        return any(letter.isalpha() for letter in self.below.replace(" to ", ""))


@dataclass(frozen=True, kw_only=True)
class Table:
    """numbers: which columns are numbers. lines: as many cells each as there are heads."""

    heads: tuple[str, ...]
    numbers: tuple[bool, ...]
    lines: tuple[tuple[Cell, ...], ...]

    @property
    def note(self) -> str:
        """What to say below it."""
        return _NOTE + (_DOUBTS if any(cell.doubtful for line in self.lines for cell in line) else "")


def table_of(rows: Sequence[Mapping[str, Any]], encoders: Sequence[Encoder], *, without: Collection[str] = ()) -> Table:
    """rows: flat, as `RunView.flat_rows`; columns in their order, without those in which no row has anything. without: names of
    values that are said elsewhere.
    """
    floors = {encoder.name for encoder in encoders if encoder.floor}
    found = dict.fromkeys(name for row in rows for name in row if name not in without)
    names = [name for name in found if _shown(name, rows)]
    if {"chance", "floor"} <= set(names):  # the two that any value is held against stand side by side
        names.remove("floor")
        names.insert(names.index("chance") + 1, "floor")
    lines = [tuple(_cell(name, row, floors) for name in names) for row in rows]
    return Table(
        # Fine-tuning is held against the same network from scratch.
        heads=tuple("from scratch" if name == "floor" and "fold" in found else _head(name) for name in names),
        numbers=tuple(any(cell.number for cell in column) for column in zip(*lines, strict=True)),
        lines=tuple(lines),
    )


def _head(name: str) -> str:
    words = name.replace("class_mean_top_1", "class-mean top-1").replace("top_", "top-").replace("_", " ")
    return _HEADS.get(name) or words


def _shown(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Ends of an interval stand below its value, what it is worth below the floor, and what is a floor below its name."""
    value = name.removesuffix(_LOW).removesuffix(_HIGH)
    if name in ("is_floor", "above_floor") or (value != name and any(value in row for row in rows)):
        return False
    return name == "verdict" or any(row.get(name) not in (None, "") for row in rows)


def _cell(name: str, row: Mapping[str, Any], floors: set[str]) -> Cell:
    value = row.get(name)
    if name == "verdict":
        return Cell(text=f"{value} is better" if value else "cannot be told")
    if name == "encoder" and (value in floors or row.get("is_floor")):
        return Cell(text=str(value), below="untrained")
    if name == "way":
        return Cell(text=way_words(str(value)))
    if isinstance(value, bool):
        return Cell(text="yes" if value else "no")
    if isinstance(value, int):
        return Cell(text=f"{value:,}", number=True)
    if isinstance(value, float):
        if name == "floor":
            where = _standing(row)
            doubtful = where in ("covered", "not reached")
            return Cell(text=figure(value), below=where if doubtful else "", number=True, doubtful=doubtful)
        share = Share(value=value, low=row.get(name + _LOW), high=row.get(name + _HIGH))
        return _signed(share) if name == "difference" else Cell(text=figure(value), below=interval(share), number=True)
    return Cell(text="" if value is None else str(value))


def _signed(share: Share) -> Cell:
    ends = "" if share.low is None or share.high is None else f"{share.low:+.2f} to {share.high:+.2f}"
    return Cell(text=f"{share.value:+.3f}", below=ends, number=True)


def _standing(row: Mapping[str, Any]) -> Standing:
    """Where the untrained network's value lies beside the row's interval."""
    for name in _HELD_AGAINST_FLOOR:
        low, high = row.get(name + _LOW), row.get(name + _HIGH)
        if low is not None and high is not None:
            return standing(low, high, row.get("floor"))
    return ""
