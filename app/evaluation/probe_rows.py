"""What probes of frozen features find, as records and as plain dictionaries for JSON, CSV and the catalog."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from app.evaluation.beside_floor import BesideFloor
from app.evaluation.flat_values import rounded
from app.evaluation.labelled_library import Entry
from app.evaluation.ways import Preset

if TYPE_CHECKING:
    from app.evaluation.metrics.bootstrap import Interval

Probe = Literal["linear raw", "linear L2+BN", "k-NN"]
"""Logistic regression on features as they are; on features of unit length, standardised; nearest neighbours by cosine."""


@dataclass(frozen=True, kw_only=True)
class ProbeRow(BesideFloor):
    """One measurement. group: value of the column that is measured apart, "" for all together. features: where they are from.

    queries, train: the test and training videos. predicted: a label for each query. chosen: the probe's settings, chosen on
    training videos alone. held_out_class_mean: class-mean accuracy of these settings on held-out training videos, None where none
    could be held out. class_mean_interval: of 95 % (bootstrap; queries of one group are drawn together). floor: class-mean top-1 of
    the best untrained network in the same group with the same probe, which learnt from the same videos.
    """

    group: str
    probe: Probe
    features: Preset
    queries: tuple[Entry, ...]
    train: tuple[Entry, ...]
    predicted: tuple[str, ...]
    chosen: Mapping[str, float | int | str]
    held_out_class_mean: float | None
    class_mean_interval: "Interval"

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.group, self.encoder, self.probe) if part)

    @property
    def figure(self) -> float:
        return self.class_mean_top_1

    @property
    def figure_interval(self) -> "Interval":
        return self.class_mean_interval

    @property
    def question(self) -> object:
        return self.group, self.probe, self.queries, self.train

    @property
    def hits(self) -> list[float]:
        """1 for each query that got its label, 0 for the others."""
        return [float(query.label == label) for query, label in zip(self.queries, self.predicted, strict=True)]

    @property
    def top_1(self) -> float:
        """Share of the queries that got their label."""
        return sum(self.hits) / len(self.queries)

    @property
    def per_label_top_1(self) -> dict[str, float]:
        """Of the queries of each label, by name."""
        asked, right = Counter(query.label for query in self.queries), Counter[str]()
        for query, hit in zip(self.queries, self.hits, strict=True):
            right[query.label] += int(hit)
        return {label: right[label] / asked[label] for label in sorted(asked)}

    @property
    def class_mean_top_1(self) -> float:
        """In which every label counts alike."""
        shares = self.per_label_top_1.values()
        return sum(shares) / len(shares)

    @property
    def num_labels(self) -> int:
        return len({entry.label for entry in self.queries})

    @property
    def chance(self) -> float:
        """Class-mean top-1 of guessing among the labels of the training videos: one over their number, where all are asked for."""
        asked, known = {entry.label for entry in self.queries}, {entry.label for entry in self.train}
        return len(asked & known) / (len(asked) * len(known))

    @property
    def commonest(self) -> str:
        """The label of most training videos; of several the first by name."""
        count = Counter(entry.label for entry in self.train)
        return min(count, key=lambda label: (-count[label], label))

    @property
    def majority_top_1(self) -> float:
        """Top-1 of always answering with the commonest label."""
        return sum(query.label == self.commonest for query in self.queries) / len(self.queries)

    @property
    def majority_class_mean_top_1(self) -> float:
        """The same with every label counting alike: one over their number."""
        return float(any(query.label == self.commonest for query in self.queries)) / self.num_labels

    @property
    def settings(self) -> str:
        """What was chosen, in words."""
        return ", ".join(
            f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in self.chosen.items()
        )


@dataclass(frozen=True, kw_only=True)
class ProbeReport:
    """All measurements. left_out: (what, why) that could not take part. checks: how settings were chosen, in sentences; warnings:
    what makes the figures doubtful. run_id: its number in the catalog.
    """

    rows: list[ProbeRow]
    left_out: list[tuple[str, str]] = field(default_factory=list)
    checks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    run_id: int = 0


def row_to_dict(row: ProbeRow) -> dict[str, Any]:
    """A flat row for JSON and CSV."""
    return {
        "group": row.group,
        "encoder": row.encoder,
        "probe": row.probe,
        "features": row.features,
        "queries": len(row.queries),
        "train": len(row.train),
        "labels": row.num_labels,
        "top_1": round(row.top_1, 4),
        "class_mean_top_1": round(row.class_mean_top_1, 4),
        "class_mean_top_1_low": round(row.class_mean_interval.low, 4),
        "class_mean_top_1_high": round(row.class_mean_interval.high, 4),
        "chance": round(row.chance, 4),
        "majority_top_1": round(row.majority_top_1, 4),
        "majority_class_mean_top_1": round(row.majority_class_mean_top_1, 4),
        "chosen": row.settings,
        "held_out_class_mean": rounded(row.held_out_class_mean),
        "is_floor": row.is_floor,
        "floor": rounded(row.floor),
        "above_floor": row.above_floor,
    }


def confusion(row: ProbeRow) -> dict[str, Any]:
    """counts[i][j]: how many queries of labels[i] were called labels[j]."""
    labels = sorted({entry.label for entry in (*row.queries, *row.train)})
    pairs = Counter((query.label, said) for query, said in zip(row.queries, row.predicted, strict=True))
    return {"title": row.name, "labels": labels, "counts": [[pairs[true, said] for said in labels] for true in labels]}


def report_to_dict(report: ProbeReport) -> dict[str, Any]:
    """All of it, as the catalog keeps it. rows: flat, with `per_label_top_1`."""
    return {
        "rows": [row_to_dict(row) | {"per_label_top_1": row.per_label_top_1} for row in report.rows],
        "confusions": [confusion(row) for row in report.rows],
        "left_out": [list(pair) for pair in report.left_out],
        "checks": list(report.checks),
        "warnings": list(report.warnings),
    }
