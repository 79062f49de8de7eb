"""The one figure that stands for a stored run in a list of runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from app.evaluation.run_view import RunView

_MEASURES = {
    "retrieval": "class_mean_top_1",
    "judged": "top_1",
    "compare": "class_mean_top_1",
    "probe": "class_mean_top_1",
    "finetune": "class_mean_top_1",
    "cloze": "mean_recall",
}
_WORDS = {"class_mean_top_1": "class-mean top-1", "top_1": "top-1", "mean_recall": "mean recall"}


@dataclass(frozen=True, kw_only=True)
class BestFigure:
    """value: 0..1. measure: what it is, in words."""

    value: float
    measure: str


@dataclass(frozen=True, kw_only=True)
class _Figure:
    """What one encoder got in one group. way: by which videos were compared, or the probe."""

    group: str
    encoder: str
    way: str
    value: float
    is_mean: bool


def best_figure(view: RunView) -> BestFigure | None:
    """What the best encoder and way, or probe, of a run got; None of a run without figures, or of a kind that is not known.

    Each is the mean over the groups, and only those with the most groups count: one that was measured in an easy group alone would
    win. Of fine-tuning on several splits it is the mean that was stored. Only encoders that were asked for count, and untrained
    networks and raw colour only where nothing else was measured.
    """
    measure = _MEASURES.get(view.kind, "")
    found: dict[tuple[str, str], list[_Figure]] = {}
    for figure in _counting(view, list(_figures(view, measure))):
        found.setdefault((figure.encoder, figure.way), []).append(figure)
    groups = [len({figure.group for figure in own}) for own in found.values()]
    most = max(groups, default=0)
    means = [fmean(figure.value for figure in own) for own, num in zip(found.values(), groups, strict=True) if num == most]
    return BestFigure(value=max(means), measure=_WORDS[measure]) if means else None


def _figures(view: RunView, measure: str) -> Iterator[_Figure]:
    """All of them. A row of a comparison has one of each encoder."""
    for row in view.flat_rows:
        named = {"a": f"a_{measure}", "b": f"b_{measure}"} if view.kind == "compare" else {"encoder": measure}
        way = str(row.get("way") or row.get("probe") or "")
        for who, name in named.items():
            value: Any = row.get(name)
            if isinstance(value, int | float):
                group, is_mean = str(row.get("group") or ""), row.get("fold") == "mean"
                yield _Figure(group=group, encoder=str(row.get(who)), way=way, value=float(value), is_mean=is_mean)


def _counting(view: RunView, figures: list[_Figure]) -> list[_Figure]:
    """Those that count."""
    means = {figure.encoder for figure in figures if figure.is_mean}
    figures = [figure for figure in figures if figure.is_mean or figure.encoder not in means]
    learnt_nothing = {encoder.name for encoder in view.encoders if encoder.learnt_nothing}
    wanted = [figure for figure in figures if figure.encoder in view.asked] or figures
    return [figure for figure in wanted if figure.encoder not in learnt_nothing] or wanted
