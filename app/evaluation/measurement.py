"""A retrieval measurement as it is made: rows with their intervals, checks, and what could not take part.

Shapes: Q queries, G gallery videos, D vector dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.evaluation.labelled_library import Entry, LeftOut, group_of, sides
from app.evaluation.retrieval_rows import RetrievalReport, RetrievalRow, with_floors
from app.evaluation.sanity import check_retrieval
from app.labels.rows import LabelledVideo, LabelSet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.retrieval_metrics import RetrievalScores


@dataclass
class Measurement:
    """What is being measured: filled encoder by encoder, then reported. floors: the encoders that learnt nothing."""

    labels: LabelSet
    rows: Sequence[LabelledVideo]
    within: str | None
    floors: frozenset[str] = frozenset()
    found: list[RetrievalRow] = field(default_factory=list)
    left_out: LeftOut = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    num_checked: int = 0

    @property
    def groups(self) -> list[str]:
        return sorted({group_of(row, self.within) for row in self.rows})

    def add(self, group: str, encoder: str, way: str, sides: tuple[list[Entry], list[Entry]], scores: "RetrievalScores") -> None:
        """One row, with its intervals."""
        queries, gallery = sides
        row = _row(group, encoder, way, queries, gallery, scores)
        self.found.append(replace(row, is_floor=encoder in self.floors))

    def add_by_vectors(self, encoder: str, way: str, entries: Sequence[Entry], vectors: "dict[Path, NDArray[np.float32]]") -> None:
        """A row for each group, of one unit vector a video, with the checks that every such retrieval must pass."""
        import numpy as np

        from index.retrieval_metrics import scores_from_matrix

        there = [entry for entry in entries if entry.path in vectors]
        for group in self.groups:
            queries, gallery = sides(there, self.within, group)
            if not queries or not gallery:
                self.left_out.append(one_side(group, self.labels, queries, gallery, encoder))
                continue
            queries_QD, gallery_GD = (np.stack([vectors[entry.path] for entry in side]) for side in (queries, gallery))
            asked, answers = [entry.label for entry in queries], [entry.label for entry in gallery]
            scores = scores_from_matrix(queries_QD @ gallery_GD.T, asked, answers)
            self.add(group, encoder, way, (queries, gallery), scores)
            check = check_retrieval(queries_QD, gallery_GD, asked, answers, scores.top_k, scores.chance_class_mean_top_1)
            name = " ".join(part for part in (group, encoder, way) if part)
            self.faults += [f"{name}: {fault}" for fault in check.faults]
            self.num_checked += 1

    def report(self) -> RetrievalReport:
        """The rows, each beside its floor."""
        rows = with_floors(sorted(self.found, key=lambda row: row.group))
        checks = list(self.checks)
        if self.num_checked:
            checks.append(
                "every query finds itself; with shuffled labels as many are right as by chance; top-k never falls: "
                + ("all hold" if not self.faults else f"{len(self.faults)} do not hold")
            )
        return RetrievalReport(
            rows=rows,
            left_out=_once(self.left_out),
            checks=tuple(checks),
            warnings=(*self.labels.warnings, *self.notes, *self.faults, *_covered(rows)),
        )


def _row(
    group: str, encoder: str, way: str, queries: Sequence[Entry], gallery: Sequence[Entry], scores: "RetrievalScores"
) -> RetrievalRow:
    from index.bootstrap import mean_interval, mean_intervals

    hits = [[float(query.first_hit < k) for query in scores.queries] for k in scores.top_k]
    scenes = [entry.scene for entry in queries]
    return RetrievalRow(
        group=group,
        encoder=encoder,
        way=way,
        queries=tuple(queries),
        gallery=tuple(gallery),
        scores=scores,
        top_k_intervals=dict(zip(scores.top_k, mean_intervals(hits, groups=scenes), strict=True)),
        class_mean_interval=mean_interval(hits[0], [entry.label for entry in queries], scenes),
    )


def _covered(rows: Sequence[RetrievalRow]) -> list[str]:
    """Of each result that may be no better than what learnt nothing, a sentence."""
    return [
        f"{' '.join(part for part in (row.group, row.encoder, row.way) if part)}: the interval "
        f"{row.class_mean_interval.low:.2f} to {row.class_mean_interval.high:.2f} covers the untrained network's {row.floor:.3f}"
        for row in rows
        if row.above_floor is False
    ]


def _once(left_out: LeftOut) -> LeftOut:
    """Without repetitions: several encoders may lack the same video."""
    return list(dict.fromkeys(left_out))


def one_side(group: str, labels: LabelSet, queries: Sequence[Entry], gallery: Sequence[Entry], encoder: str) -> tuple[str, str]:
    """What to say of a group that cannot be measured."""
    return group or str(labels.path), f"{len(queries)} queries and {len(gallery)} gallery videos with {encoder}; both are needed"
