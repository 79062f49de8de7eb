"""A retrieval measurement as it is made: rows with their intervals, checks, and what could not take part.

Shapes: Q queries, G gallery videos, D vector dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.evaluation.beside_floor import doubts, with_floors
from app.evaluation.labelled_library import Entry, LeftOut, group_of, sides, small_question
from app.evaluation.retrieval_rows import RetrievalReport, RetrievalRow
from app.evaluation.sanity import check_retrieval
from app.evaluation.ways import STORED_WAYS, Way
from app.labels.rows import LabelledVideo, LabelSet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from app.evaluation.metrics.retrieval import RetrievalScores


MOST_BY_SEARCH = 200_000
"""Queries times videos of the gallery: each takes the search a fifth of a millisecond or so, and more of them minutes."""


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

    def usual_ways(self) -> tuple[Way, ...]:
        """Those that need the index alone; without the search itself, and a note about it, where that would take long."""
        size = 0
        for group in self.groups:
            own = [row.split for row in self.rows if group_of(row, self.within) == group]
            size += own.count("test") * own.count("train")
        if size <= MOST_BY_SEARCH:
            return STORED_WAYS
        self.notes.append(
            "compared by mean vector alone: to ask the search itself with so many queries takes long; --by stored does it"
        )
        return ("mean",)

    def add(self, group: str, encoder: str, way: str, sides: tuple[list[Entry], list[Entry]], scores: "RetrievalScores") -> None:
        """One row, with its intervals."""
        queries, gallery = sides
        self.notes += [*_unanswerable(group, self.labels, queries, gallery), *small_question(group, queries, gallery)]
        row = _row(group, encoder, way, queries, gallery, scores)
        self.found.append(replace(row, is_floor=encoder in self.floors))

    def add_by_vectors(self, encoder: str, way: str, entries: Sequence[Entry], vectors: "dict[Path, NDArray[np.float32]]") -> None:
        """A row for each group, of one unit vector a video, with the checks that every such retrieval must pass."""
        import numpy as np

        from app.evaluation.metrics.retrieval import cosines, scores_from_matrix

        there = [entry for entry in entries if entry.path in vectors]
        for group in self.groups:
            queries, gallery = sides(there, self.within, group)
            if not queries or not gallery:
                self.left_out.append(one_side(group, self.labels, queries, gallery, encoder))
                continue
            queries_QD, gallery_GD = (np.stack([vectors[entry.path] for entry in side]) for side in (queries, gallery))
            asked, answers = [entry.label for entry in queries], [entry.label for entry in gallery]
            scores = scores_from_matrix(cosines(queries_QD, gallery_GD), asked, answers)
            self.add(group, encoder, way, (queries, gallery), scores)
            check = check_retrieval(queries_QD, scores, answers)
            name = " ".join(part for part in (group, encoder, way) if part)
            self.faults += [f"{name}: {fault}" for fault in check.faults]
            self.num_checked += 1

    def report(self) -> RetrievalReport:
        """The rows, each beside its floor."""
        rows = with_floors(sorted(self.found, key=lambda row: row.group))
        notes = [*self.notes, *_floors_apart(rows)]
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
            warnings=(*self.labels.warnings, *dict.fromkeys(notes), *self.faults, *doubts(rows)),
        )


def _row(
    group: str, encoder: str, way: str, queries: Sequence[Entry], gallery: Sequence[Entry], scores: "RetrievalScores"
) -> RetrievalRow:
    from app.evaluation.metrics.bootstrap import mean_interval, mean_intervals

    hits = [[float(query.first_hit < k) for query in scores.queries] for k in scores.top_k]
    precisions = [query.average_precision for query in scores.queries]
    scenes = [entry.scene for entry in queries]
    *intervals, of_precision = mean_intervals([*hits, precisions], groups=scenes)
    return RetrievalRow(
        group=group,
        encoder=encoder,
        way=way,
        queries=tuple(queries),
        gallery=tuple(gallery),
        scores=scores,
        top_k_intervals=dict(zip(scores.top_k, intervals, strict=True)),
        average_precision_interval=of_precision,
        class_mean_interval=mean_interval(hits[0], [entry.label for entry in queries], scenes),
    )


def _floors_apart(rows: Sequence[RetrievalRow]) -> list[str]:
    """Of each untrained network that was not asked what any encoder was, a sentence."""
    trained = [row for row in rows if not row.is_floor]
    return [
        f"{floor.name} has vectors of other videos ({len(floor.queries)} queries, {len(floor.gallery)} in the gallery) and is no "
        "floor to the others here; vret eval floors does the rest"
        for floor in rows
        if floor.is_floor and not any(floor.question == row.question for row in trained)
    ]


def _unanswerable(group: str, labels: LabelSet, queries: Sequence[Entry], gallery: Sequence[Entry]) -> list[str]:
    """Of labels asked for that this gallery lacks, a sentence; those that no train row has are told with the labels."""
    listed = {row.label for row in labels.rows if row.split == "train"}
    lacking = sorted(({entry.label for entry in queries} - {entry.label for entry in gallery}) & listed)
    if not lacking:
        return []
    place = f" in {group}" if group else ""
    return [f"no gallery video{place} has the label {', '.join(map(repr, lacking[:5]))}: such queries count as wrong"]


def _once(left_out: LeftOut) -> LeftOut:
    """Without repetitions: several encoders may lack the same video."""
    return list(dict.fromkeys(left_out))


def one_side(group: str, labels: LabelSet, queries: Sequence[Entry], gallery: Sequence[Entry], encoder: str) -> tuple[str, str]:
    """What to say of a group that cannot be measured."""
    return group or str(labels.path), f"{len(queries)} queries and {len(gallery)} gallery videos with {encoder}; both are needed"
