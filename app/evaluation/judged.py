"""Use case: measure the product's search against what its user judged relevant and not.

Only a few moments of a library are ever judged, and what is not judged says nothing: such hits are taken out of the ranking before
it is scored (condensed lists: Sakai, "Alternatives to Bpref", SIGIR 2007).
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

from app.errors import BadLabels
from app.evaluation.beside_floor import with_floors
from app.evaluation.condensed import Found, found_moments
from app.evaluation.indexed_encoders import indexed_floors
from app.evaluation.judged_report import EncoderScores, JudgedReport, QueryResult
from app.evaluation.stored_runs import FORMAT, stored_encoders
from app.find_similar import CANNOT_BE_ASKED, ClipQuery, Hit, MomentQuery, find_similar
from app.judge_moments import AskedQuery, ask_again
from app.search_scope import searchable_encoder
from app.workspace import Workspace

if TYPE_CHECKING:
    from index.records import Judgement
    from index.retrieval_metrics import QueryScore

OnQuery = Callable[[str, int, int], None]

_DEEPEST = 1000  # hits of a search; what is judged and not among them was not found
_FIRST_HITS = 10


@dataclass(frozen=True, kw_only=True)
class _Task:
    """One query with its judged moments."""

    asked: AskedQuery
    judged: tuple["Judgement", ...]

    @property
    def num_relevant(self) -> int:
        return sum(one.relevant for one in self.judged)


def evaluate_judgements(
    ws: Workspace, library: str, *, encoders: Sequence[str] = (), on_query: OnQuery | None = None
) -> JudgedReport:
    """Asks every query that has a relevant moment in the library again, with each encoder, and scores the order of what was judged;
    beside them with the untrained networks and the raw colour with which the library is indexed, those that can be asked all of it.

    All encoders get the same queries and judged moments: a query that cannot be asked with one of them is left out for all, and so
    is a judgement of a video of which one has no vectors. encoders: the one that the settings name if none. on_query: told
    (encoder, done, total). Raises BadLabels where there is nothing to measure with, NotIndexed for an encoder without vectors in
    the library, UnknownLibrary, UnknownEncoder, EncoderError, CatalogError.
    """
    names = tuple(dict.fromkeys(encoders)) or (ws.settings.encoder_name,)
    judgements = ws.catalog.judgements(library)
    if not judgements:
        raise BadLabels(f"No judgements in library {library!r}: search in the page and press r / x on hits.")
    there = set.intersection(*(_searchable_videos(ws, library, name) for name in names))
    searchable = [one for one in judgements if one.video_id in there]
    tasks = _tasks(searchable)
    wanted = [task for task in tasks if task.num_relevant]
    measured, left_out = _ask_all(ws, library, names, wanted, on_query)
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
        judged_with=_judged_with(ws, names, measured_tasks),
        fingerprint=_fingerprint(measured_tasks),
    )


def store_judged(ws: Workspace, report: JudgedReport) -> int:
    """Keeps a report in the catalog, with the encoders it depends on. Returns its number."""
    settings = {
        "format": FORMAT,
        "encoders": stored_encoders(ws, [scores.encoder for scores in (*report.scores, *report.beside)]),
        "asked": [scores.encoder for scores in report.scores],
        "fingerprint": report.fingerprint,
        "labels": "judgements",
        "version": version("vret"),
    }
    return ws.catalog.put_evaluation_run("judged", report.library, settings, report.to_dict() | {"warnings": list(report.notes())})


def _ask_all(
    ws: Workspace, library: str, names: Sequence[str], tasks: Sequence[_Task], on_query: OnQuery | None
) -> tuple[list[tuple[_Task, list[Found]]], list[tuple[str, str]]]:
    """Each query with what it found by each encoder; and (name, why) of those that could not be asked with all of them."""
    measured: list[tuple[_Task, list[Found]]] = []
    left_out: list[tuple[str, str]] = []
    for done, task in enumerate(tasks, start=1):
        found = []
        try:
            for name in names:
                found.append(_search(ws, library, name, task))
                if on_query is not None:
                    on_query(name, done, len(tasks))
        except CANNOT_BE_ASKED as error:
            left_out.append((task.asked.name, " ".join(str(error).split())))
        else:
            measured.append((task, found))
    return measured, left_out


def _beside(
    ws: Workspace, library: str, names: Sequence[str], tasks: Sequence[_Task], on_query: OnQuery | None
) -> tuple[list[EncoderScores], list[str]]:
    """Of what learnt nothing; and the names of those without vectors of a video that was judged or asked with."""
    found, lacking = [], []
    floors = [name for name in indexed_floors(ws, library) if name not in names]
    facts = stored_encoders(ws, floors)
    for name in floors:
        there = _searchable_videos(ws, library, name)
        measured: list[tuple[_Task, list[Found]]] = []
        if all(one.video_id in there for task in tasks for one in task.judged):
            measured, _ = _ask_all(ws, library, [name], tasks, on_query)
        if len(measured) < len(tasks):
            lacking.append(name)
        else:
            scores = _scores(name, tasks, [of[0] for _, of in measured])
            found.append(replace(scores, is_floor=bool(facts[name]["floor"])))
    return found, lacking


def _fingerprint(tasks: Sequence[_Task]) -> str:
    """SHA-256 of the queries and of what was said of their hits, in any order."""
    asked = [
        [task.asked.stored, sorted((one.video_id, one.start_s, one.end_s, one.relevant) for one in task.judged)] for task in tasks
    ]
    return hashlib.sha256("\n".join(sorted(json.dumps(one, sort_keys=True) for one in asked)).encode()).hexdigest()


def _searchable_videos(ws: Workspace, library: str, encoder: str) -> set[int]:
    """Videos of the library that a search with this encoder can find. Raises NotIndexed where there is none."""
    from index.query import Filters

    encoder_id = searchable_encoder(ws, encoder, Filters(library=library))
    known = ws.catalog.known_files(library, encoder_id).values()
    return {file.video_id for file in known if file.outcome == "indexed" and file.embedded}


def _tasks(judgements: Sequence["Judgement"]) -> list[_Task]:
    """By query, in the order in which they were first judged."""
    by_query: dict[str, list[Judgement]] = {}
    for one in judgements:
        by_query.setdefault(json.dumps(one.query, sort_keys=True), []).append(one)
    return [_Task(asked=AskedQuery(stored=own[0].query, name=_name(own[-1])), judged=tuple(own)) for own in by_query.values()]


def _name(judgement: "Judgement") -> str:
    """What to call a query: its clip, with the seconds where it is not all of it."""
    start_s, end_s = judgement.query.get("start_s"), judgement.query.get("end_s")
    clip = judgement.query_name or "a clip without a name"
    return clip if start_s is None or end_s is None else f"{clip}, {start_s:.1f} to {end_s:.1f} s"


def _judged_with(ws: Workspace, names: Sequence[str], tasks: Sequence[_Task]) -> tuple[str, ...]:
    """The encoders whose hits were judged, called as they were asked for."""
    name_of = {row.id: row.name for row in ws.catalog.encoders()} | {ws.encoder_id(name): name for name in names}
    ids = {one.encoder_id for task in tasks for one in task.judged if one.encoder_id is not None}
    return tuple(sorted(name_of[encoder_id] for encoder_id in ids))


def _search(ws: Workspace, library: str, encoder: str, task: _Task) -> Found:
    from index.query import Filters

    query = ask_again(ws, task.asked, encoder)
    # Flagged clips too: somebody has judged them, so they were seen.
    filters = Filters(library=library, include_flagged=True)
    hits = find_similar(ws, query, encoder_name=encoder, k=_DEEPEST, filters=filters).hits
    return found_moments(task.judged, [hit for hit in hits if not _is_itself(query, hit)])


def _is_itself(query: ClipQuery | MomentQuery, hit: Hit) -> bool:
    """Whether a hit is the moment that was asked about: the page does not show it, so it takes none of the first places."""
    from index.judgements import is_same_moment

    if isinstance(query, ClipQuery) or query.video_id != hit.video_id or query.end_s is None:
        return False
    return is_same_moment((query.at_s, query.end_s), (hit.start_s, hit.end_s))


def _scores(encoder: str, tasks: Sequence[_Task], found: Sequence[Found]) -> EncoderScores:
    """The gallery is all judged moments of all queries, but a ranking holds a query's own ones only."""
    from index.bootstrap import mean_interval
    from index.retrieval_metrics import scores_from_rankings

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


def _result(task: _Task, found: Found, score: "QueryScore") -> QueryResult:
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
