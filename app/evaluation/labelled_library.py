"""The labelled videos of an evaluation: which of them take part, on which side, and what the index holds of them.

Shapes: V videos, D vector dimensions.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import normalize

from app.errors import BadLabels
from app.labels.rows import LabelledVideo, LabelSet
from app.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.catalog.records import KnownFile

LeftOut = list[tuple[str, str]]
"""What could not take part, and why."""

FEWEST_QUERIES = 10
"""Of fewer, all may be right, or in favour of one encoder, by luck, and a bootstrap of equal numbers does not vary."""
_PAGE = 500


@dataclass(frozen=True)
class Entry:
    """A labelled video that takes part. video_id: its number in the catalog, -1 where no library is asked. content_hash: of its
    file, "" where no catalog knows it. scene: what it is drawn again with in a bootstrap: its group, of which two sources may have
    one of the same name; "" for itself.
    """

    row: LabelledVideo
    video_id: int = -1
    content_hash: str = ""

    def __hash__(self) -> int:
        """Of its path alone, which is quicker: entries are sought thousands of times."""
        return hash(self.row.path)

    @property
    def path(self) -> Path:
        return self.row.path

    @property
    def label(self) -> str:
        return self.row.label

    @property
    def scene(self) -> str:
        return f"{self.row.source}/{self.row.group}" if self.row.group else ""


def library_of_labels(ws: Workspace, labels: LabelSet) -> str:
    """The library that is meant where none is named: the only one; of several, that named as the folder of the labelled videos."""
    name = labels.root.name
    names = [library.name for library in ws.catalog.libraries()]
    return names[0] if len(names) == 1 else name


def measured_rows(labels: LabelSet, *, within: str | None, ignore_labels: Sequence[str]) -> list[LabelledVideo]:
    """Without the ignored ones. Raises BadLabels for an ignored label that no row has, for an unknown `within`, and where a side is
    empty.
    """
    if within not in (None, "source", "group"):
        raise BadLabels(f"--within must be source or group, got {within!r}.")
    if within and not any(getattr(row, within) for row in labels.rows):
        raise BadLabels(f"{labels.path} says no {within} of any video, so nothing can be compared within one. Leave out --within.")
    there = {row.label for row in labels.rows}
    # A letter with an accent may be typed as one sign and stand in the file as two, which nobody sees.
    ignored = {normalize("NFC", name) for name in ignore_labels}
    for name in ignore_labels:
        if normalize("NFC", name) not in {normalize("NFC", label) for label in there}:
            raise BadLabels(
                f"No row of {labels.path} has the label {name!r}, which is to be ignored. It has: {some_names(sorted(there))}."
            )
    rows = [row for row in labels.rows if normalize("NFC", row.label) not in ignored]
    for split, what in (("test", "there are no queries"), ("train", "the gallery is empty")):
        if not any(row.split == split for row in rows):
            whole = f" Name the folder that holds all lists: --labels {labels.path.parent}" if labels.layout == "kinetics" else ""
            raise BadLabels(f"{labels.path} has no {split} rows, so {what}; both are needed.{whole}")
    left = {row.label for row in rows}
    if len(left) == 1:
        raise BadLabels(f"All rows of {labels.path} have the label {left.pop()!r}, so any answer would be right; two are needed.")
    return rows


def some_names(names: Sequence[str]) -> str:
    """The first ten, and how many more."""
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def group_of(row: LabelledVideo, within: str | None) -> str:
    """The value that scores are kept within, "" for all together."""
    return "" if within is None else str(getattr(row, within))


def sides(entries: Iterable[Entry], within: str | None, group: str) -> tuple[list[Entry], list[Entry]]:
    """The queries (test rows) and the gallery (train rows) of one group, in the order of the labels."""
    own = [entry for entry in entries if group_of(entry.row, within) == group]
    return [entry for entry in own if entry.row.split == "test"], [entry for entry in own if entry.row.split == "train"]


def small_question(group: str, queries: Sequence[Entry], gallery: Sequence[Entry]) -> list[str]:
    """What makes the figures of one group say little, in sentences."""
    place = f"{group}: " if group else ""
    said = []
    if len(queries) < FEWEST_QUERIES:
        said.append(f"{place}intervals say little with fewer than {FEWEST_QUERIES} queries; here are {len(queries)}")
    names = {entry.label for entry in (*queries, *gallery)}
    if len(names) == 1:
        said.append(f"{place}all videos have the label {names.pop()!r}, so any answer is right")
    return said


def indexed_entries(
    known: "Mapping[str, KnownFile]", library: str, encoder: str, rows: Sequence[LabelledVideo], left_out: LeftOut
) -> list[Entry]:
    """The labelled videos that have clips of this encoder, in order; the others are written down with the reason. known: the
    library's files with this encoder, by path.
    """
    entries = []
    taken = {str(row.path) for row in rows}
    really: dict[str, str] = {}
    if not taken <= known.keys():  # labels may name the folder by a link, or the library may
        really = {os.path.realpath(path): path for path in known}
    for row in rows:
        file = known.get(str(row.path))
        if file is None:
            spelled = really.get(os.path.realpath(row.path), "")
            if spelled in taken:
                left_out.append((str(row.path), f"is the same file as {spelled}, which is labelled too"))
                continue
            file = known.get(spelled)
            taken.update([spelled] if file is not None else ())
        if file is None:
            listed = (
                "" if row.line is None or os.path.exists(row.path) else f"line {row.line} of the labels: there is no such file; "
            )
            left_out.append((str(row.path), f"{listed}not in library {library!r}"))
        elif file.outcome != "indexed":
            left_out.append((str(row.path), f"{file.outcome}: {file.reason or 'gone'}"))
        elif not file.embedded:
            left_out.append((str(row.path), f"not indexed with encoder {encoder!r}"))
        else:
            entries.append(Entry(row, file.video_id, file.content_hash or ""))
    return entries


def stored_means(ws: Workspace, encoder: str, entries: Sequence[Entry], left_out: LeftOut) -> "dict[Path, NDArray[np.float32]]":
    """Unit vectors (D,), each the normalised mean of a video's stored clip vectors; damaged ones are written down."""
    import numpy as np

    from app.evaluation.metrics.retrieval import mean_vectors

    encoder_id = ws.encoder_id(encoder)
    found: dict[Path, NDArray[np.float32]] = {}
    for start in range(0, len(entries), _PAGE):
        page = entries[start : start + _PAGE]
        clips = ws.catalog.clips_of([entry.video_id for entry in page], encoder_id)
        there = [entry for entry in page if entry.video_id in clips]
        means = mean_vectors([clips[entry.video_id].vectors for entry in there])
        found |= {entry.path: mean for entry, mean in zip(there, means, strict=True)}
    damaged = [entry for entry in entries if entry.path not in found]
    left_out += [(str(entry.path), f"its vectors of {encoder!r} are damaged; index it again") for entry in damaged]
    return found
