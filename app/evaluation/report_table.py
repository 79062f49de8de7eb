"""The rows of any stored run as a table to be read: intervals below their values, nothing that says nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.evaluation.run_view import Encoder, Share
from app.ui.run_words import figure, interval, way_words

COVERED = "its interval covers the untrained network"
_HEADS = {
    "way": "compared",
    "mean_average_precision": "mAP",
    "class_mean_top_1": "class-mean top-1",
    "floor": "untrained",
}
_LOW, _HIGH = "_low", "_high"
_BY_LABEL = ("class_mean_top_1", "mean_recall")  # the values that are held against the untrained network's


@dataclass(frozen=True, kw_only=True)
class Cell:
    """text: the value; below: in small letters, such as its interval. number: stands to the right."""

    text: str
    below: str = ""
    number: bool = False

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


def table_of(rows: Sequence[Mapping[str, Any]], encoders: Sequence[Encoder]) -> Table:
    """rows: flat, as `RunView.flat_rows`; columns in their order, without those in which no row has anything."""
    floors = {encoder.name for encoder in encoders if encoder.floor}
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if _shown(name, rows)]
    if {"chance", "floor"} <= set(names):  # the two that any value is held against stand side by side
        names.remove("floor")
        names.insert(names.index("chance") + 1, "floor")
    lines = [tuple(_cell(name, row, floors) for name in names) for row in rows]
    return Table(
        heads=tuple(_HEADS.get(name) or name.replace("top_", "top-").replace("_", " ") for name in names),
        numbers=tuple(any(cell.number for cell in column) for column in zip(*lines, strict=True)),
        lines=tuple(lines),
    )


def _shown(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Ends of an interval stand below its value, what it is worth below the floor, and what is a floor below its name."""
    value = name.removesuffix(_LOW).removesuffix(_HIGH)
    if name in ("is_floor", "above_floor") or (value != name and any(value in row for row in rows)):
        return False
    return any(row.get(name) not in (None, "") for row in rows)


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
            return Cell(text=figure(value), below=_beside_floor(row), number=True)
        share = Share(value=value, low=row.get(name + _LOW), high=row.get(name + _HIGH))
        return _signed(share) if name == "difference" else Cell(text=figure(value), below=interval(share), number=True)
    return Cell(text="" if value is None else str(value))


def _signed(share: Share) -> Cell:
    ends = "" if share.low is None or share.high is None else f"{share.low:+.2f} to {share.high:+.2f}"
    return Cell(text=f"{share.value:+.3f}", below=ends, number=True)


def _beside_floor(row: Mapping[str, Any]) -> str:
    """Where the interval of the row lies beside the untrained network's value."""
    above = row.get("above_floor")
    if above is None:
        return ""
    highs = [row[name + _HIGH] for name in _BY_LABEL if row.get(name + _HIGH) is not None]
    if above:
        return "its interval is above"
    return "its interval is below" if highs and highs[0] < row["floor"] else COVERED
