"""What an evaluation against a person's own judgements finds, as records, table rows, sentences and JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from app.evaluation.beside_floor import BesideFloor, doubts
from app.evaluation.flat_values import rounded, rounded_ends
from app.evaluation.labelled_library import FEWEST_QUERIES

if TYPE_CHECKING:
    from app.evaluation.metrics.bootstrap import Interval

_SHOWN_K = (1, 5, 10)


@dataclass(frozen=True, kw_only=True)
class QueryResult:
    """One query with one encoder. num_relevant, num_other: judged moments that could be found, relevant and not.

    first_hit: rank, from 0, of the first relevant one among the judged moments, None if none was found. average_precision: 0 to 1,
    over all relevant ones; those that were not found count as never found. judged_in_10, relevant_in_10: of the first ten hits as
    the page shows them.
    """

    name: str
    num_relevant: int
    num_other: int
    first_hit: int | None
    average_precision: float
    judged_in_10: int
    relevant_in_10: int

    @property
    def chance(self) -> float:
        """Top-1 of a random order of the judged moments."""
        return self.num_relevant / (self.num_relevant + self.num_other)


@dataclass(frozen=True, kw_only=True)
class EncoderScores(BesideFloor):
    """One encoder over all queries. All shares are 0 to 1, intervals of 95 % (bootstrap over queries).

    top_k: k -> share of queries with a relevant moment among the first k judged ones. precision_at_10: of the judged hits among the
    first ten, the share that is relevant, mean over the queries that have any; None where none has. chance: top-1 of a random
    order of the judged moments. floor: top-1 of the best untrained network.
    """

    top_k: Mapping[int, float]
    top_1_interval: "Interval"
    mean_average_precision: float
    mean_average_precision_interval: "Interval"
    precision_at_10: float | None
    chance: float
    queries: tuple[QueryResult, ...]

    @property
    def name(self) -> str:
        return self.encoder

    @property
    def figure(self) -> float:
        return self.top_k[1]

    @property
    def figure_interval(self) -> "Interval":
        return self.top_1_interval

    @property
    def question(self) -> object:
        """All of a report are asked the same."""
        return self.num_queries

    @property
    def num_queries(self) -> int:
        return len(self.queries)


@dataclass(frozen=True, kw_only=True)
class JudgedReport:
    """All encoders on the same queries. beside: untrained networks and raw colour, with which the library is indexed; lacking:
    those of them that could not be asked all. num_judgements: those measured with. fingerprint: of queries and judgements.

    num_unopposed: queries without a moment that was found not relevant. num_without_relevant: queries of which nothing was found
    relevant; they take no part. num_unsearchable: judgements of videos that are not there with the vectors of all encoders.
    left_out: (name, why) of the queries that could not be asked again. judged_with: the encoders whose hits were judged.
    looks: how much look counted, of the encoders whose vectors hold movement and look.
    """

    library: str
    scores: tuple[EncoderScores, ...]
    num_judgements: int
    beside: tuple[EncoderScores, ...] = ()
    lacking: tuple[str, ...] = ()
    num_unopposed: int = 0
    num_without_relevant: int = 0
    num_unsearchable: int = 0
    left_out: tuple[tuple[str, str], ...] = ()
    judged_with: tuple[str, ...] = ()
    fingerprint: str = ""
    looks: Mapping[str, float] = field(default_factory=dict)

    @property
    def num_queries(self) -> int:
        return self.scores[0].num_queries

    def rows(self) -> list[dict[str, Any]]:
        """A flat row for each encoder, for a table or CSV; shares are rounded to four digits."""
        return [self._row(scores) for scores in (*self.scores, *self.beside)]

    def notes(self) -> tuple[str, ...]:
        """What makes the figures doubtful, in sentences; empty when nothing does."""
        said = []
        if self.num_unopposed:
            said.append(
                f"{_of_queries(self.num_unopposed, self.num_queries)} no hit judged not relevant; any order is right there, "
                "so this proves nothing: judge wrong hits too (x)."
            )
        if self.num_queries < FEWEST_QUERIES:
            said.append(f"Intervals say little with fewer than {FEWEST_QUERIES} queries; here are {self.num_queries}.")
        guessing = [row.encoder for row in self.scores if row.top_1_interval.low <= row.chance]
        if guessing:
            said.append(f"Not surely better than a random order of the judged moments (top-1): {', '.join(guessing)}.")
        said += [f"{one}." for one in doubts(self.scores)]
        unjudged = [row.encoder for row in self.scores if row.encoder not in self.judged_with]
        if unjudged and self.judged_with:
            judged, others = ", ".join(self.judged_with), ", ".join(unjudged)
            said.append(f"Only hits of {judged} were judged, so what {others} alone would find counts for nothing.")
        if self.lacking:
            said.append(f"Not measured beside, for want of vectors: {', '.join(self.lacking)}; vret eval floors makes them.")
        if self.num_without_relevant:
            said.append(f"Left out, because none of their hits was judged relevant: {_queries(self.num_without_relevant)}.")
        if self.num_unsearchable:
            number = _counted(self.num_unsearchable, "judgement")
            said.append(f"Left out, because their videos are gone or have no vectors of an encoder: {number}.")
        if self.left_out:
            why = self.left_out[0][1]
            said.append(f"Left out, because they cannot be asked again: {_queries(len(self.left_out))}. First: {why}")
        return tuple(said)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON and for the catalog."""
        whole = asdict(self) | {"rows": self.rows(), "notes": list(self.notes()), "num_queries": self.num_queries}
        whole |= {"left_out": [list(pair) for pair in self.left_out], "judged_with": list(self.judged_with)}
        for scores in (*whole["scores"], *whole["beside"]):
            scores["top_k"] = {str(k): share for k, share in scores["top_k"].items()}
            scores["queries"] = list(scores["queries"])
        return whole | {name: list(whole[name]) for name in ("scores", "beside", "lacking")}

    def _row(self, scores: EncoderScores) -> dict[str, Any]:
        precision = scores.precision_at_10
        row: dict[str, Any] = {"encoder": scores.encoder, "queries": self.num_queries, "judgements": self.num_judgements}
        row |= {f"top_{k}": round(scores.top_k[k], 4) for k in _SHOWN_K}
        row |= rounded_ends("top_1", scores.top_1_interval)
        row["mean_average_precision"] = round(scores.mean_average_precision, 4)
        row |= rounded_ends("mean_average_precision", scores.mean_average_precision_interval)
        row["precision_at_10"] = rounded(precision)
        row["judged_in_10"] = sum(query.judged_in_10 for query in scores.queries)
        row |= {"chance": round(scores.chance, 4), "is_floor": scores.is_floor, "floor": rounded(scores.floor)}
        return row | {"above_floor": scores.above_floor}


def _queries(number: int) -> str:
    return "1 query" if number == 1 else f"{number} queries"


def _counted(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"


def _of_queries(number: int, total: int) -> str:
    if number == total:
        return "The one query has" if total == 1 else f"Each of the {total} queries has"
    return f"{number} of {total} queries " + ("has" if number == 1 else "have")
