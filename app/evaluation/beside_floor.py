"""How a figure stands beside its floor: what a network that learnt nothing gets, asked the same."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

from app.evaluation.floors import COLOUR

if TYPE_CHECKING:
    from app.evaluation.metrics.bootstrap import Interval

Standing = Literal["", "above", "covered", "not reached"]
"""Where the floor lies: below the interval, in it, or above it; "" where there is none."""


def standing(low: float, high: float, floor: float | None) -> Standing:
    """low, high: ends of the interval of 95 %."""
    if floor is None:
        return ""
    if low > floor:
        return "above"
    return "covered" if high >= floor else "not reached"


@dataclass(frozen=True, kw_only=True)
class BesideFloor(ABC):
    """A measured row. encoder: what was measured, by name. is_floor: the network learnt nothing. floor: the figure of the best such
    network that was asked the same; None where there is none, and for a floor itself.
    """

    nothing: ClassVar[str] = "the untrained network's"
    encoder: str
    is_floor: bool = False
    floor: float | None = None

    @property
    @abstractmethod
    def name(self) -> str:
        """What the row is called in sentences."""

    @property
    @abstractmethod
    def figure(self) -> float:
        """What is held against the floor, 0..1."""

    @property
    @abstractmethod
    def figure_interval(self) -> "Interval":
        """Of 95 %."""

    @property
    @abstractmethod
    def question(self) -> object:
        """All that must be equal for two rows to have been asked the same."""

    @property
    def standing(self) -> Standing:
        """Where the floor lies beside the row's interval."""
        return standing(self.figure_interval.low, self.figure_interval.high, self.floor)

    @property
    def above_floor(self) -> bool | None:
        """Whether the interval leaves out the floor, above it; None where there is none to compare with."""
        return None if self.floor is None else self.standing == "above"


Row = TypeVar("Row", bound=BesideFloor)


def with_floors(rows: Sequence[Row]) -> list[Row]:
    """The rows, each with the best figure of a network that learnt nothing and was asked the same."""
    floors = [(row.question, row.figure) for row in rows if row.is_floor]

    def floor_of(row: Row) -> float | None:
        asked = row.question
        return max((figure for question, figure in floors if question == asked), default=None)

    return [row if row.is_floor else replace(row, floor=floor_of(row)) for row in rows]


def doubts(rows: Sequence[BesideFloor]) -> list[str]:
    """Of each result that may be no better than what learnt nothing, a sentence; of raw colour nobody expects better."""
    words = {"covered": "covers", "not reached": "lies below"}
    return [
        f"{row.name}: the interval {row.figure_interval.low:.2f} to {row.figure_interval.high:.2f} {words[row.standing]} "
        f"{row.nothing} {row.floor:.3f}"
        for row in rows
        if row.standing in words and row.encoder != COLOUR
    ]


def floor_cell(row: BesideFloor) -> str:
    """The floor for a table, with a word where the interval is not above it."""
    if row.floor is None:
        return ""
    return f"{row.floor:.3f}" + ("" if row.standing == "above" else f" {row.standing}")
