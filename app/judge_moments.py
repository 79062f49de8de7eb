"""Use case: a person says of a hit whether it is what was looked for. It is kept with the query, so that this can be asked again.

A query is known by what it shows: a moment of an indexed video by the video's content and its seconds, wherever the file is moved
to; an upload by its content, which is its file's name; any other file by its path.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import BadQuery
from app.find_similar import ClipQuery, Hit, MomentQuery
from app.given_path import GivenPath, absolute_path
from app.workspace import Workspace

if TYPE_CHECKING:
    from index.catalog.records import Judgement

_MOMENT, _UPLOAD, _FILE = "moment", "upload", "file"
_DIGITS = 3  # milliseconds: a range that a slider gives again is then the same range


@dataclass(frozen=True, kw_only=True)
class AskedQuery:
    """A query as judgements keep it. stored: a JSON object, equal for equal queries. name: what its owner calls the clip."""

    stored: dict[str, Any]
    name: str


def asked_query(ws: Workspace, query: ClipQuery | MomentQuery, name: str) -> AskedQuery:
    """What to keep of a query. A moment must have its video's number. Raises UnknownVideo."""
    if isinstance(query, ClipQuery):
        where = _file_of(ws, query.path)
        return AskedQuery(stored=where | _range(query.start_s, query.end_s), name=name)
    if query.video_id is None:
        raise ValueError("A moment that is judged by must have its video's number.")
    video = ws.catalog.video(query.video_id)
    where = {"kind": _MOMENT, "content": video.content_hash} if video.content_hash else _file_of(ws, video.path)
    return AskedQuery(stored=where | _range(query.at_s, query.end_s), name=name)


def ask_again(ws: Workspace, asked: AskedQuery, encoder_name: str | None = None) -> ClipQuery | MomentQuery:
    """The query, to be searched with once more. Raises BadQuery, in a sentence, where its video or file is not there now."""
    stored = asked.stored
    if stored.get("kind") == _MOMENT:
        videos = ws.catalog.find_by_content(stored["content"], ws.encoder_id(encoder_name))
        if not videos:
            encoder = encoder_name or ws.settings.encoder_name
            raise BadQuery(f"{asked.name}: no library holds this video with vectors of encoder {encoder!r} now; index its folder.")
        return MomentQuery(video_id=videos[0].id, at_s=stored["start_s"], end_s=stored["end_s"])
    if stored.get("kind") == _UPLOAD:
        path = ws.uploads_folder / stored["file"]
        gone = f"{asked.name}: the uploaded clip is no longer kept; upload it and search by it again."
    elif stored.get("kind") == _FILE:
        path = Path(stored["path"])
        gone = f"{path} is not there now; is its disk plugged in?"
    else:
        raise BadQuery(f"{asked.name}: asked in a way that this vret does not know ({stored.get('kind')!r}); update vret.")
    if not os.path.isfile(path):
        raise BadQuery(gone)
    return ClipQuery(path=path, start_s=stored["start_s"], end_s=stored["end_s"])


def judge(ws: Workspace, asked: AskedQuery, hit: Hit, relevant: bool | None, *, encoder_name: str | None = None) -> None:
    """Keeps what is said of a hit; None takes it back. Raises UnknownVideo, UnknownEncoder, CatalogError."""
    if relevant is None:
        ws.catalog.remove_judgement(hit.video_id, asked.stored, hit.start_s, hit.end_s)
        return
    encoder_id = ws.encoder_id(encoder_name)
    ws.catalog.put_judgement(hit.video_id, encoder_id, asked.stored, hit.start_s, hit.end_s, relevant, query_name=asked.name)


def verdict(judgements: "Iterable[Judgement]", hit: Hit) -> bool | None:
    """What was said of a hit's moment: that of the judgement that shares most with it, None where there is none."""
    from index.catalog.relevance import is_same_moment, shared_share

    span = (hit.start_s, hit.end_s)
    about = [
        (shared_share((one.start_s, one.end_s), span), one.id, one.relevant)
        for one in judgements
        if one.video_id == hit.video_id and is_same_moment((one.start_s, one.end_s), span)
    ]
    return max(about)[2] if about else None


def judged_uploads(ws: Workspace) -> set[str]:
    """Names of the kept uploads that judgements need: without the file nobody could ask their query again."""
    return {one.query["file"] for one in ws.catalog.judgements() if one.query.get("kind") == _UPLOAD}


def _file_of(ws: Workspace, given: GivenPath) -> dict[str, Any]:
    path = absolute_path(given)
    if path.parent == Path(os.path.abspath(ws.uploads_folder)):
        return {"kind": _UPLOAD, "file": path.name}
    return {"kind": _FILE, "path": str(path)}


def _range(start_s: float | None, end_s: float | None) -> dict[str, Any]:
    """Both None for a whole file."""
    return {name: None if at_s is None else round(float(at_s), _DIGITS) for name, at_s in (("start_s", start_s), ("end_s", end_s))}
