"""A stored run in a line, as the page and `vret eval runs` list it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.errors import BadRun
from app.evaluation.best_figure import BestFigure, best_figure
from app.evaluation.run_reader import read_run
from app.evaluation.ways import STORED_WAYS

if TYPE_CHECKING:
    from index.catalog.records import EvaluationRun


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """encoders: that were asked for; where that was not stored, those that learnt something, or all where none did; None of a run
    that cannot be read, of which all that follows is unknown. num_queries: that the encoder with most was asked, of all groups.
    labels: what was measured with. how: in what way, as far as it is not the usual one. fingerprint: of the data. Unknown texts are
    "".
    """

    id: int
    created_at: datetime
    kind: str
    library: str
    encoders: tuple[str, ...] | None = None
    best: BestFigure | None = None
    num_queries: int | None = None
    labels: str = ""
    how: str = ""
    fingerprint: str = ""


def summary_of(run: "EvaluationRun") -> RunSummary:
    """Of any run, also of one that cannot be read: why is said when it is opened."""
    try:
        view = read_run(run)
    except BadRun:
        return RunSummary(id=run.id, created_at=run.created_at, kind=run.kind, library=run.library or "")
    names = [encoder.name for encoder in view.encoders]
    learnt = [encoder.name for encoder in view.encoders if not encoder.learnt_nothing]
    return RunSummary(
        id=view.id,
        created_at=view.created_at,
        kind=view.kind,
        library=view.library,
        encoders=view.asked or tuple(learnt or names),
        best=best_figure(view),
        num_queries=_num_queries(view.flat_rows),
        labels=str(view.settings.get("labels") or ""),
        how=_how(view.settings),
        fingerprint=view.fingerprint,
    )


def _num_queries(rows: Sequence[Mapping[str, Any]]) -> int | None:
    asked: dict[tuple[str, ...], int] = {}
    for row in rows:
        if isinstance(row.get("queries"), int):
            measured = tuple(str(row.get(name, "")) for name in ("encoder", "way", "probe"))
            asked[measured] = asked.get(measured, 0) + row["queries"]
    return max(asked.values(), default=None)


def _how(settings: Mapping[str, Any]) -> str:
    """What makes two runs with the same labels differ."""
    preset, recipe = settings.get("preset"), settings.get("recipe")
    folds = settings.get("folds") or [settings.get("fold")]
    splits = [str(fold) for fold in folds if fold is not None]
    ignored, ways = settings.get("ignored") or (), settings.get("ways") or ()
    looks = settings.get("look")
    parts = [
        "" if preset in (None, "library") else str(preset),
        str(recipe.get("name", "")) if isinstance(recipe, Mapping) else "",
        f"split {', '.join(splits)}" if splits and settings.get("fold") is not None else "",
        f"source {settings['source']}" if settings.get("source") else "",
        f"within {settings['within']}" if settings.get("within") else "",
        f"without {', '.join(map(str, ignored))}" if ignored else "",
        f"by {', '.join(map(str, ways))}" if ways and tuple(ways) != STORED_WAYS else "",
        f"look {', '.join(map(str, dict.fromkeys(looks.values())))}" if isinstance(looks, Mapping) and looks else "",
    ]
    return "; ".join(part for part in parts if part)
