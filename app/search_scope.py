"""Where a search looks: refuses a place in which there is nothing, before a query is read."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.encoder_files import list_encoders
from app.errors import BadQuery, NotIndexed
from app.workspace import Workspace
from embedder.errors import EncoderError

if TYPE_CHECKING:
    from index.search import Filters

_NAMED = 5  # folders that a message names


def searchable_encoder(ws: Workspace, encoder_name: str | None, filters: "Filters") -> int:
    """The encoder's number in the catalog, when there is something of it to search in.

    Raises NotIndexed, BadQuery for a folder that holds no video of a library, UnknownEncoder, UnknownLibrary.
    """
    encoder_id = ws.encoder_id(encoder_name)
    if not ws.catalog.has_clips(encoder_id, library=filters.library):
        raise NotIndexed(_nothing_to_search(ws, encoder_name or ws.settings.encoder_name, encoder_id, filters.library))
    if filters.folder is not None and not ws.catalog.video_ids(library=filters.library, folder=filters.folder):
        raise BadQuery(_nothing_below(ws, filters.folder, filters.library))
    return encoder_id


def _nothing_to_search(ws: Workspace, name: str, encoder_id: int, library: str | None) -> str:
    where = "Nothing is" if library is None else f"Library {library!r} is not"
    option = "" if library is None else f" --library {shlex.quote(library)}"
    with_clips = {row.id: row.name for row in ws.catalog.encoders() if ws.catalog.has_clips(row.id, library=library)}
    with_clips.pop(encoder_id, None)
    others = sorted(_names_today(ws, with_clips))
    choose = ""
    if len(others) == 1:
        choose = f" There are vectors of the encoder {others[0]}: search with --encoder {others[0]}."
    elif others:
        choose = f" There are vectors of the encoders {', '.join(others)}: choose with --encoder."
    return f"{where} indexed with encoder {name!r} yet.{choose} Run: vret index FOLDER{option} --encoder {shlex.quote(name)}"


def _names_today(ws: Workspace, names: "dict[int, str]") -> set[str]:
    """Today's names of encoders: their files may have been renamed since the catalog stored the names."""
    today: dict[int, str] = {}
    for file in list_encoders(ws.encoders_folder):
        try:
            known = ws.known_encoder_id(file.path)
        except EncoderError:  # a damaged file is no help; `vret doctor` tells of it
            continue
        if known in names:
            today.setdefault(known, file.name)
    return {today.get(number, name) for number, name in names.items()}


def _nothing_below(ws: Workspace, folder: str | os.PathLike[str], library: str | None) -> str:
    if library is not None:
        folders = _named(ws.catalog.library(library).folders)
        return f"No video of library {library!r} lies in {folder}. The library's folders: {folders}."
    folders = _named(sorted({path for summary in ws.catalog.libraries() for path in summary.folders}))
    return f"No video of any library lies in {folder}. The libraries' folders: {folders}."


def _named(folders: Sequence[Path]) -> str:
    more = f" and {len(folders) - _NAMED} more (vret libraries lists them)" if len(folders) > _NAMED else ""
    return ", ".join(map(str, folders[:_NAMED])) + more
