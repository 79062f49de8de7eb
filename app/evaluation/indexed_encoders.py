"""Which encoders a library has vectors of, for the videos that labels name."""

import os
import shlex
from collections.abc import Collection, Sequence

from app.labels.rows import LabelledVideo, LabelSet
from app.workspace import Workspace


def indexed_floors(ws: Workspace, library: str) -> list[str]:
    """The encoders that learnt nothing, raw colour among them, of which the library has vectors and the file is here."""
    from app.encoder_files import list_encoders
    from embedder.errors import EncoderError

    named = {}
    for file in list_encoders(ws.encoders_folder):
        try:
            if file.read_card().task == "untrained" and (known := ws.known_encoder_id(file.path)) is not None:
                named[known] = file.name
        except EncoderError:  # a damaged file is no floor; `vret encoders` tells of it
            continue
    return sorted(name for known, name in named.items() if ws.catalog.has_clips(known, library=library))


def nothing_indexed(library: str, labels: LabelSet, rows: Sequence[LabelledVideo], encoder: str, known: Collection[str]) -> str:
    """Why no labelled video can be measured with an encoder, and what to do. known: paths of the library's files."""
    name = shlex.quote(library)
    if not any(str(row.path) in known for row in rows):
        if not any(os.path.exists(row.path) for row in rows):
            return (
                f"None of the {len(rows)} videos of {labels.path} is there, such as {rows[0].path}. Mend the paths, which are "
                "relative to the file."
            )
        return (
            f"None of the {len(rows)} videos of {labels.path} is in library {library!r}, such as {rows[0].path}. Name their "
            f"library with --library, or index their folder: vret index {shlex.quote(str(labels.root))} --library {name}"
        )
    return (
        f"No labelled video in library {library!r} is indexed with encoder {encoder!r}. "
        f"Run: vret index --library {name} --encoder {shlex.quote(encoder)}"
    )


def unlabelled_note(library: str, number: int) -> list[str]:
    """A sentence about the indexed videos that no label names, where there are any."""
    if not number:
        return []
    return [f"{number} indexed video(s) of library {library!r} have no label and take no part"]


def by_look_note(library: str, number: int) -> list[str]:
    """A sentence about labelled videos of which key frames alone were read, where there are any."""
    if not number:
        return []
    return [
        f"{number} labelled video(s) are indexed by their look only so far (--quick), so how they move is not measured. "
        f"Run: vret index --library {shlex.quote(library)}"
    ]
