"""Tells whether two evaluations measured the same: a hash of all that their encoders were asked."""

import hashlib
from collections.abc import Iterable, Sequence

from app.evaluation.labelled_library import Entry

Question = tuple[Sequence[Entry], Sequence[Entry]]
"""Queries and gallery, or test and training videos."""


def data_fingerprint(questions: Iterable[Question]) -> str:
    """SHA-256 of the different questions that the encoders of a run were asked, in any order: of each the contents of its videos,
    their labels, splits, groups and sources. Two runs have the same only where all of their encoders were asked the same, each
    query in the same gallery.

    Reads the files of videos whose hash no catalog knows; one that cannot be read any more counts by its name.
    """
    lines: dict[Entry, bytes] = {}

    def digest(side: Sequence[Entry]) -> str:
        for entry in side:
            if entry not in lines:
                lines[entry] = _line(entry)
        return hashlib.sha256(b"\n".join(sorted(lines[entry] for entry in side))).hexdigest()

    asked = {f"{digest(queries)} {digest(gallery)}" for queries, gallery in questions}
    return hashlib.sha256("\n".join(sorted(asked)).encode()).hexdigest()


def _line(entry: Entry) -> bytes:
    row = entry.row
    parts = (entry.content_hash or _content(entry), row.label, row.split, row.group, row.source)
    return "\t".join(parts).encode("utf-8", "surrogateescape")


def _content(entry: Entry) -> str:
    from embedder.fingerprint import hash_file

    try:
        return hash_file(entry.path)
    except OSError:  # gone since it was measured; the result tells of it
        return entry.path.name
