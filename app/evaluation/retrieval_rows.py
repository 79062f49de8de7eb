"""What a retrieval evaluation finds, as records and as plain dictionaries for JSON, CSV and the catalog."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.evaluation.beside_floor import BesideFloor
from app.evaluation.flat_values import rounded, rounded_ends
from app.evaluation.labelled_library import Entry

if TYPE_CHECKING:
    from app.evaluation.metrics.bootstrap import Interval
    from app.evaluation.metrics.retrieval import RetrievalScores


@dataclass(frozen=True, kw_only=True)
class RetrievalRow(BesideFloor):
    """One measurement. group: value of the column that the scores are kept within, "" for all together. way: how videos were
    compared, one of `WAYS` for the vectors of the index, else the preset's name.

    scores: all shares 0..1, and each query's own, in the order of `queries`. top_k_intervals, average_precision_interval,
    class_mean_interval: of 95 % (bootstrap; queries of one group are drawn together). floor: class-mean top-1 of the best untrained
    network in the same group and way, with the same queries and gallery.
    """

    group: str
    way: str
    queries: tuple[Entry, ...]
    gallery: tuple[Entry, ...]
    scores: "RetrievalScores"
    top_k_intervals: "dict[int, Interval]"
    average_precision_interval: "Interval"
    class_mean_interval: "Interval"

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.group, self.encoder, self.way) if part)

    @property
    def figure(self) -> float:
        return self.scores.class_mean_top_1

    @property
    def figure_interval(self) -> "Interval":
        return self.class_mean_interval

    @property
    def question(self) -> object:
        return self.group, self.way, self.queries, self.gallery

    @property
    def num_labels(self) -> int:
        return len({entry.label for entry in self.queries})

    @property
    def scenes(self) -> list[str]:
        """What each query is drawn again with."""
        return [entry.scene for entry in self.queries]


@dataclass(frozen=True, kw_only=True)
class RetrievalReport:
    """All measurements. left_out: (path, why) of labelled videos that could not take part. checks: what of the sanity checks came
    out, in sentences; warnings: what makes the figures doubtful. run_id: its number in the catalog, 0 if it is not stored. looks:
    how much look counted, of the encoders whose vectors hold movement and look.
    """

    rows: list[RetrievalRow]
    left_out: list[tuple[str, str]] = field(default_factory=list)
    checks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    run_id: int = 0
    looks: Mapping[str, float] = field(default_factory=dict)


def row_to_dict(row: RetrievalRow) -> dict[str, Any]:
    """A flat row for JSON and CSV."""
    scores = row.scores
    flat: dict[str, Any] = {
        "group": row.group,
        "encoder": row.encoder,
        "way": row.way,
        "queries": len(row.queries),
        "gallery": len(row.gallery),
        "labels": row.num_labels,
    }
    for k, share in scores.top_k.items():
        flat |= {f"top_{k}": round(share, 4)} | rounded_ends(f"top_{k}", row.top_k_intervals[k])
    flat["mean_average_precision"] = round(scores.mean_average_precision, 4)
    flat |= rounded_ends("mean_average_precision", row.average_precision_interval)
    flat["class_mean_top_1"] = round(scores.class_mean_top_1, 4)
    flat |= rounded_ends("class_mean_top_1", row.class_mean_interval)
    return flat | {"chance": round(scores.chance_class_mean_top_1, 4), "floor": rounded(row.floor), "above_floor": row.above_floor}


def report_to_dict(report: RetrievalReport) -> dict[str, Any]:
    """All of it, with every query and what it found, as the catalog keeps it. Videos are named once and then by number.

    rows: flat, with `per_label_top_1`. videos: [path, label, scene]. queries: of each row a list of
    [video, rank from 0 of its first hit or None, average precision, [[video, similarity or None], …]]. galleries: of each row the
    videos that were searched, which the map of its vectors shows.
    """
    numbers: dict[Entry, int] = {}

    def number(entry: Entry) -> int:
        return numbers.setdefault(entry, len(numbers))

    galleries = [[number(entry) for entry in row.gallery] for row in report.rows]
    queries = [_queries(row, number) for row in report.rows]
    return {
        "rows": [row_to_dict(row) | {"per_label_top_1": dict(row.scores.per_class_top_1)} for row in report.rows],
        "videos": [[str(entry.path), entry.label, entry.scene] for entry in numbers],
        "queries": queries,
        "galleries": galleries,
        "left_out": report.left_out,
        "checks": list(report.checks),
        "warnings": list(report.warnings),
    }


def _queries(row: RetrievalRow, number: Callable[[Entry], int]) -> list[Any]:
    return [
        [
            number(entry),
            None if score.first_hit == float("inf") else int(score.first_hit),
            round(score.average_precision, 4),
            [[number(row.gallery[place]), _known(similarity)] for place, similarity in score.nearest],
        ]
        for entry, score in zip(row.queries, row.scores.queries, strict=True)
    ]


def _known(similarity: float) -> float | None:
    """NaN is no JSON."""
    return None if similarity != similarity else round(similarity, 4)
