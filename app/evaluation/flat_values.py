"""Figures as flat rows hold them, for JSON, CSV and the catalog: four digits."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.evaluation.metrics.bootstrap import Interval


def rounded(value: float | None) -> float | None:
    """None where there is no figure."""
    return None if value is None else round(value, 4)


def rounded_ends(name: str, interval: "Interval") -> dict[str, float]:
    """The ends of a value's interval, named after it."""
    return {f"{name}_low": round(interval.low, 4), f"{name}_high": round(interval.high, 4)}
