"""Tells whether two evaluations measured the same: a hash of all that their encoders were asked."""

import hashlib
from collections.abc import Iterable, Sequence

from app.evaluation.labelled_library import Entry

Question = tuple[Sequence[Entry], Sequence[Entry]]
"""Queries and gallery, or test and training videos."""


def data_fingerprint(questions: Iterable[tuple[str, Question]]) -> str:
    """SHA-256 of what the encoders of a run were asked, in any order: of each question the contents of its videos, their labels,
    splits, groups and sources. questions: (encoder, question).

    Where all encoders were asked the same, it says nothing of who they are: two such runs with the same fingerprint can be set side
    by side. Else their names are in it, so that it is only that of the same encoders, each asked the same.

    Reads the files of videos whose hash no catalog knows; one that cannot be read any more counts by its name.
    """
    lines: dict[Entry, bytes] = {}

    def digest(side: Sequence[Entry]) -> str:
        for entry in side:
            if entry not in lines:
                lines[entry] = _line(entry)
        return _sha256(lines[entry] for entry in side)

    asked: dict[str, set[bytes]] = {}
    for encoder, (queries, gallery) in questions:
        asked.setdefault(encoder, set()).add(f"{digest(queries)} {digest(gallery)}".encode())
    of_encoder = {encoder: _sha256(own) for encoder, own in asked.items()}
    different = set(of_encoder.values())
    if len(different) == 1:
        return different.pop()
    return _sha256(f"{encoder} {digest_of_it}".encode("utf-8", "surrogateescape") for encoder, digest_of_it in of_encoder.items())


def _sha256(parts: Iterable[bytes]) -> str:
    """In any order."""
    return hashlib.sha256(b"\n".join(sorted(parts))).hexdigest()


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
