"""Use case: is encoder B better than encoder A, on the same queries, by how much, and how sure is that?"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

from app.errors import BadQuery
from app.evaluation.by_search import OnQuery
from app.evaluation.data_fingerprint import data_fingerprint
from app.evaluation.flat_values import rounded
from app.evaluation.floors import COLOUR
from app.evaluation.labelled_library import FEWEST_QUERIES, Entry
from app.evaluation.retrieval import evaluate_retrieval
from app.evaluation.retrieval_rows import RetrievalReport, RetrievalRow
from app.evaluation.stored_runs import look_setting, run_settings, stored_encoders
from app.evaluation.ways import Way
from app.labels.rows import LabelSet
from app.workspace import Workspace

if TYPE_CHECKING:
    from app.evaluation.metrics.bootstrap import PairedDifference

Verdict = Literal["a", "b", "unsure"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two encoders in one group and way. a, b: class-mean top-1 of each, 0..1. difference: b minus a, by paired bootstrap. floor,
    colour: of the best untrained network and of raw colour, asked the same; None where the library is not indexed with them.
    verdict: which is better, where the 95 % interval of the difference leaves out 0 and there are ten queries or more.
    """

    group: str
    way: str
    num_queries: int
    a: float
    b: float
    difference: "PairedDifference"
    floor: float | None = None
    colour: float | None = None

    @property
    def verdict(self) -> Verdict:
        """Which one is better for sure."""
        if self.num_queries < FEWEST_QUERIES:
            return "unsure"
        if self.difference.interval.low > 0:
            return "b"
        return "a" if self.difference.interval.high < 0 else "unsure"


@dataclass(frozen=True, kw_only=True)
class ComparisonReport:
    """What was compared. left_out: (path, why) of labelled videos that could not take part. checks: what of the sanity checks came
    out, warnings: what makes the figures doubtful, in sentences. run_id: its number in the catalog.
    """

    comparisons: list[Comparison]
    left_out: list[tuple[str, str]]
    checks: tuple[str, ...]
    warnings: tuple[str, ...]
    run_id: int


def compare_encoders(
    ws: Workspace,
    library: str,
    labels: LabelSet,
    a: str,
    b: str,
    *,
    within: str | None = None,
    ways: Sequence[Way] = (),
    ignore_labels: Sequence[str] = (),
    look: float | None = None,
    on_query: OnQuery | None = None,
) -> ComparisonReport:
    """Measures both by `evaluate_retrieval`, on the queries that both can answer and in the gallery that both have.

    Raises BadQuery for an encoder compared with itself, and what `evaluate_retrieval` does.
    """
    if a == b:
        raise BadQuery(f"{a!r} cannot be compared with itself; name two encoders, such as: vret eval compare default mine")
    report = evaluate_retrieval(
        ws,
        library,
        labels,
        encoders=(a, b),
        within=within,
        ways=ways,
        ignore_labels=ignore_labels,
        look=look,
        in_all_encoders=True,
        keep=False,
        on_query=on_query,
    )
    comparisons = [_compare(one, other, report) for one, other in _pairs(report, a, b)]
    questions = [(row.encoder, (row.queries, row.gallery)) for row in report.rows if row.encoder in (a, b)]
    settings = run_settings(
        labels,
        stored_encoders(ws, dict.fromkeys((a, b, *(row.encoder for row in report.rows)))),
        data_fingerprint(questions),
        within=within,
        ignored=list(ignore_labels),
        ways=list(dict.fromkeys(row.way for row in report.rows)),
        asked=[a, b],
        **look_setting(report.looks),
    )
    results = {
        "rows": [comparison_to_dict(comparison, a, b) for comparison in comparisons],
        "left_out": report.left_out,
        "checks": list(report.checks),
        "warnings": list(report.warnings),
    }
    run_id = ws.catalog.put_evaluation_run("compare", library, settings, results)
    return ComparisonReport(
        comparisons=comparisons, left_out=report.left_out, checks=report.checks, warnings=report.warnings, run_id=run_id
    )


def comparison_to_dict(comparison: Comparison, a: str, b: str) -> dict[str, Any]:
    """A flat row for JSON and CSV."""
    difference = comparison.difference
    return {
        "group": comparison.group,
        "way": comparison.way,
        "queries": comparison.num_queries,
        "a": a,
        "b": b,
        "a_class_mean_top_1": round(comparison.a, 4),
        "b_class_mean_top_1": round(comparison.b, 4),
        "difference": round(difference.mean, 4),
        "difference_low": round(difference.interval.low, 4),
        "difference_high": round(difference.interval.high, 4),
        "share_b_better": round(difference.share_better, 4),
        "floor": rounded(comparison.floor),
        "colour": rounded(comparison.colour),
        "verdict": {"a": a, "b": b, "unsure": ""}[comparison.verdict],
    }


def _pairs(report: RetrievalReport, a: str, b: str) -> list[tuple[RetrievalRow, RetrievalRow]]:
    of = {(row.encoder, row.group, row.way): row for row in report.rows}
    return [(row, of[b, row.group, row.way]) for row in report.rows if row.encoder == a and (b, row.group, row.way) in of]


def _compare(a: RetrievalRow, b: RetrievalRow, report: RetrievalReport) -> Comparison:
    """On the queries that both could be asked; the gallery is the same."""
    from app.evaluation.metrics.bootstrap import paired_difference

    hits_a, hits_b = _hits(a), _hits(b)
    queries = [entry for entry in a.queries if entry in hits_b]
    labels = [entry.label for entry in queries]
    of_a, of_b = ([hits[entry] for entry in queries] for hits in (hits_a, hits_b))
    same = [row for row in report.rows if row.question == (a.group, a.way, tuple(queries), a.gallery)]
    return Comparison(
        group=a.group,
        way=a.way,
        num_queries=len(queries),
        a=_class_mean(of_a, labels),
        b=_class_mean(of_b, labels),
        difference=paired_difference(of_a, of_b, labels, [entry.scene for entry in queries]),
        floor=max((row.figure for row in same if row.is_floor), default=None),
        colour=next((row.figure for row in same if row.encoder == COLOUR), None),
    )


def _hits(row: RetrievalRow) -> dict[Entry, float]:
    """1 for each query whose nearest video has its label, 0 for the others."""
    return {entry: float(score.first_hit < 1) for entry, score in zip(row.queries, row.scores.queries, strict=True)}


def _class_mean(hits: Sequence[float], labels: Sequence[str]) -> float:
    own: dict[str, list[float]] = {}
    for label, hit in zip(labels, hits, strict=True):
        own.setdefault(label, []).append(hit)
    return fmean(map(fmean, own.values()))
