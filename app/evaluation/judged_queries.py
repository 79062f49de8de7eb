"""What was judged, query by query, and what a search finds of it when it is asked again."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.evaluation.condensed import Found, found_moments
from app.find_similar import CANNOT_BE_ASKED, ClipQuery, Hit, MomentQuery, find_similar
from app.judge_moments import AskedQuery, ask_again
from app.search_scope import searchable_encoder
from app.workspace import Workspace

if TYPE_CHECKING:
    from index.catalog.records import Judgement

OnQuery = Callable[[str, int, int], None]
"""Told (encoder, how many queries are done, of how many)."""

_DEEPEST = 1000  # hits of a search; what is judged and not among them was not found


@dataclass(frozen=True, kw_only=True)
class JudgedQuery:
    """One query with its judged moments."""

    asked: AskedQuery
    judged: tuple["Judgement", ...]

    @property
    def num_relevant(self) -> int:
        return sum(one.relevant for one in self.judged)


def judged_queries(judgements: Sequence["Judgement"]) -> list[JudgedQuery]:
    """By query, in the order in which they were first judged."""
    by_query: dict[str, list[Judgement]] = {}
    for one in judgements:
        by_query.setdefault(json.dumps(one.query, sort_keys=True), []).append(one)
    return [JudgedQuery(asked=AskedQuery(stored=own[0].query, name=_name(own[-1])), judged=tuple(own)) for own in by_query.values()]


def _name(judgement: "Judgement") -> str:
    """What to call a query: its clip, with the seconds where it is not all of it."""
    start_s, end_s = judgement.query.get("start_s"), judgement.query.get("end_s")
    clip = judgement.query_name or "a clip without a name"
    return clip if start_s is None or end_s is None else f"{clip}, {start_s:.1f} to {end_s:.1f} s"


def ask_all(
    ws: Workspace,
    library: str,
    names: Sequence[str],
    tasks: Sequence[JudgedQuery],
    on_query: OnQuery | None,
    looks: Mapping[str, float],
) -> tuple[list[tuple[JudgedQuery, list[Found]]], list[tuple[str, str]]]:
    """Each query with what it found by each encoder; and (name, why) of those that could not be asked with all of them. looks: how
    much look counts, by encoder; the default for the others.
    """
    measured: list[tuple[JudgedQuery, list[Found]]] = []
    left_out: list[tuple[str, str]] = []
    for done, task in enumerate(tasks, start=1):
        found = []
        try:
            for name in names:
                found.append(_search(ws, library, name, task, looks.get(name)))
                if on_query is not None:
                    on_query(name, done, len(tasks))
        except CANNOT_BE_ASKED as error:
            left_out.append((task.asked.name, " ".join(str(error).split())))
        else:
            measured.append((task, found))
    return measured, left_out


def _search(ws: Workspace, library: str, encoder: str, task: JudgedQuery, look: float | None) -> Found:
    from index.search.query import Filters

    query = ask_again(ws, task.asked, encoder)
    # Flagged clips too: somebody has judged them, so they were seen.
    filters = Filters(library=library, include_flagged=True)
    hits = find_similar(ws, query, encoder_name=encoder, k=_DEEPEST, filters=filters, every_file=True, look=look).hits
    return found_moments(task.judged, [hit for hit in hits if not _is_itself(query, hit)])


def _is_itself(query: ClipQuery | MomentQuery, hit: Hit) -> bool:
    """Whether a hit is the moment that was asked about: the page does not show it, so it takes none of the first places."""
    from index.catalog.relevance import is_same_moment

    if isinstance(query, ClipQuery) or query.video_id != hit.video_id or query.end_s is None:
        return False
    return is_same_moment((query.at_s, query.end_s), (hit.start_s, hit.end_s))


def searchable_videos(ws: Workspace, library: str, encoder: str) -> set[int]:
    """Videos of the library that a search with this encoder can find. Raises NotIndexed where there is none."""
    from index.search.query import Filters

    encoder_id = searchable_encoder(ws, encoder, Filters(library=library))
    known = ws.catalog.known_files(library, encoder_id).values()
    return {file.video_id for file in known if file.outcome == "indexed" and file.embedded}


def judged_with(ws: Workspace, names: Sequence[str], tasks: Sequence[JudgedQuery]) -> tuple[str, ...]:
    """The encoders whose hits were judged, called as they were asked for."""
    name_of = {row.id: row.name for row in ws.catalog.encoders()} | {ws.encoder_id(name): name for name in names}
    ids = {one.encoder_id for task in tasks for one in task.judged if one.encoder_id is not None}
    return tuple(sorted(name_of[encoder_id] for encoder_id in ids))


def judgements_fingerprint(tasks: Sequence[JudgedQuery]) -> str:
    """SHA-256 of the queries and of what was said of their hits, in any order."""
    asked = [
        [task.asked.stored, sorted((one.video_id, one.start_s, one.end_s, one.relevant) for one in task.judged)] for task in tasks
    ]
    return hashlib.sha256("\n".join(sorted(json.dumps(one, sort_keys=True) for one in asked)).encode()).hexdigest()
