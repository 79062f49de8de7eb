"""Use case: measure the product's search against what its user judged relevant and not.

Only a few moments of a library are ever judged, and what is not judged says nothing: such hits are taken out of the ranking before
it is scored (condensed lists: Sakai, "Alternatives to Bpref", SIGIR 2007).
"""

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

from app.errors import BadLabels
from app.evaluation.beside_floor import with_floors
from app.evaluation.condensed import Found
from app.evaluation.indexed_encoders import indexed_floors
from app.evaluation.judged_queries import (
    JudgedQuery,
    OnQuery,
    ask_all,
    judged_queries,
    judged_with,
    judgements_fingerprint,
    searchable_videos,
)
from app.evaluation.judged_report import EncoderScores, JudgedReport, QueryResult
from app.evaluation.stored_runs import FORMAT, look_setting, stored_encoders
from app.part_weights import chosen_looks
from app.workspace import Workspace

if TYPE_CHECKING:
    from app.evaluation.metrics.retrieval import QueryScore

_FIRST_HITS = 10


def evaluate_judgements(
    ws: Workspace,
    library: str,
    *,
    encoders: Sequence[str] = (),
    look: float | None = None,
    on_query: OnQuery | None = None,
) -> JudgedReport:
    """Asks every query that has a relevant moment in the library again, with each encoder, and scores the order of what was judged;
    beside them with the untrained networks and the raw colour with which the library is indexed, those that can be asked all of it.

    All encoders get the same queries and judged moments: a query that cannot be asked with one of them is left out for all, and so
    is a judgement of a video of which one has no vectors. encoders: the one that the settings name if none. look: how much look
    counts against movement, 0 to 1, with those whose vectors hold both; None for the default. on_query: told (encoder, done,
    total). Raises WrongValue, BadQuery (look, and no encoder has both parts), BadLabels where there is nothing to measure with,
    NotIndexed for an encoder without vectors in the library, UnknownLibrary, UnknownEncoder, EncoderError, CatalogError.
    """
    names = tuple(dict.fromkeys(encoders)) or (ws.settings.encoder_name,)
    looks = chosen_looks(ws, names, look)
    judgements = ws.catalog.judgements(library)
    if not judgements:
        raise BadLabels(f"No judgements in library {library!r}: search in the page and press r / x on hits.")
    there = set.intersection(*(searchable_videos(ws, library, name) for name in names))
    searchable = [one for one in judgements if one.video_id in there]
    tasks = judged_queries(searchable)
    wanted = [task for task in tasks if task.num_relevant]
    measured, left_out = ask_all(ws, library, names, wanted, on_query, {} if look is None else looks)
    if not measured:
        raise BadLabels(_nothing_to_measure(library, len(judgements), len(searchable), left_out))
    measured_tasks = [task for task, _ in measured]
    scores = [_scores(name, measured_tasks, [of[place] for _, of in measured]) for place, name in enumerate(names)]
    beside, lacking = _beside(ws, library, names, measured_tasks, on_query)
    scored = with_floors([*scores, *beside])
    return JudgedReport(
        library=library,
        scores=tuple(scored[: len(names)]),
        beside=tuple(scored[len(names) :]),
        lacking=tuple(lacking),
        num_judgements=sum(len(task.judged) for task in measured_tasks),
        num_unopposed=sum(task.num_relevant == len(task.judged) for task in measured_tasks),
        num_without_relevant=len(tasks) - len(wanted),
        num_unsearchable=len(judgements) - len(searchable),
        left_out=tuple(left_out),
        judged_with=judged_with(ws, names, measured_tasks),
        fingerprint=judgements_fingerprint(measured_tasks),
        looks=looks,
    )


def store_judged(ws: Workspace, report: JudgedReport) -> int:
    """Keeps a report in the catalog, with the encoders it depends on. Returns its number; 0 where it may only be read."""
    settings = {
        "format": FORMAT,
        "encoders": stored_encoders(ws, [scores.encoder for scores in (*report.scores, *report.beside)]),
        "asked": [scores.encoder for scores in report.scores],
        "fingerprint": report.fingerprint,
        "labels": "judgements",
        "version": version("vret"),
    } | look_setting(report.looks)
    return ws.catalog.put_evaluation_run("judged", report.library, settings, report.to_dict() | {"warnings": list(report.notes())})


def _beside(
    ws: Workspace, library: str, names: Sequence[str], tasks: Sequence[JudgedQuery], on_query: OnQuery | None
) -> tuple[list[EncoderScores], list[str]]:
    """Of what learnt nothing; and the names of those without vectors of a video that was judged or asked with."""
    found, lacking = [], []
    floors = [name for name in indexed_floors(ws, library) if name not in names]
    facts = stored_encoders(ws, floors)
    for name in floors:
        there = searchable_videos(ws, library, name)
        measured: list[tuple[JudgedQuery, list[Found]]] = []
        if all(one.video_id in there for task in tasks for one in task.judged):
            measured, _ = ask_all(ws, library, [name], tasks, on_query, {})
        if len(measured) < len(tasks):
            lacking.append(name)
        else:
            scores = _scores(name, tasks, [of[0] for _, of in measured])
            found.append(replace(scores, is_floor=bool(facts[name]["floor"])))
    return found, lacking


def _scores(encoder: str, tasks: Sequence[JudgedQuery], found: Sequence[Found]) -> EncoderScores:
    """The gallery is all judged moments of all queries, but a ranking holds a query's own ones only."""
    from app.evaluation.metrics.bootstrap import mean_interval
    from app.evaluation.metrics.retrieval import scores_from_rankings

    labels: list[str] = []
    rankings = []
    for number, (task, own) in enumerate(zip(tasks, found, strict=True)):
        rankings.append([len(labels) + moment for _, moment in own])
        labels += [str(number) if one.relevant else "" for one in task.judged]
    scores = scores_from_rankings(rankings, [str(number) for number in range(len(tasks))], labels)
    queries = tuple(_result(*each) for each in zip(tasks, found, scores.queries, strict=True))
    precisions = [query.relevant_in_10 / query.judged_in_10 for query in queries if query.judged_in_10]
    return EncoderScores(
        encoder=encoder,
        top_k=dict(scores.top_k),
        top_1_interval=mean_interval([float(query.first_hit < 1) for query in scores.queries]),
        mean_average_precision=scores.mean_average_precision,
        mean_average_precision_interval=mean_interval([query.average_precision for query in scores.queries]),
        precision_at_10=sum(precisions) / len(precisions) if precisions else None,
        chance=sum(query.chance for query in queries) / len(queries),
        queries=queries,
    )


def _result(task: JudgedQuery, found: Found, score: "QueryScore") -> QueryResult:
    first = [moment for rank, moment in found if rank < _FIRST_HITS]
    return QueryResult(
        name=task.asked.name,
        num_relevant=task.num_relevant,
        num_other=len(task.judged) - task.num_relevant,
        first_hit=int(score.first_hit) if score.first_hit < float("inf") else None,
        average_precision=score.average_precision,
        judged_in_10=len(first),
        relevant_in_10=sum(task.judged[moment].relevant for moment in first),
    )


def _nothing_to_measure(library: str, told: int, searchable: int, left_out: Sequence[tuple[str, str]]) -> str:
    if left_out:
        return f"No judged query of library {library!r} can be asked again. First: {left_out[0][1]}"
    if not searchable:
        return (
            f"The {told} judgements in library {library!r} are of videos that are gone or lack vectors of an encoder: index again."
        )
    return (
        f"None of the {searchable} judgements in library {library!r} says relevant: press r on hits that are what was looked for."
    )
