"""Names that differ only in how they are spelt: capitals, spaces, and accents as one letter or as two (NFC and NFD)."""

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from app.labels.rows import LabelledVideo, LabelSet
from index.path_text import folded


def spelt_alike(names: Iterable[str]) -> list[list[str]]:
    """Those that are the same word in several spellings, each group sorted."""
    groups: dict[str, set[str]] = defaultdict(set)
    for name in names:
        groups[" ".join(folded(name).split())].add(name)
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def spelt_as_on_disk(labels: LabelSet) -> LabelSet:
    """The rows whose file is not there, but one beside it whose name differs in spelling alone, with the name of that one; it is
    noted. Where several would fit, none is taken.
    """
    there: dict[Path, dict[str, list[str]]] = {}
    rows = [_on_disk(row, there) for row in labels.rows]
    told = [(old, new) for old, new in zip(labels.rows, rows, strict=True) if old is not new]
    if not told:
        return labels
    old, new = told[0]
    note = (
        f"{len(told)} video(s) are spelt otherwise on disk, in capitals or in how accents are written, and were taken from there, "
        f"such as {old.path}, which is {new.path.name!r}"
    )
    return replace(labels, rows=tuple(rows), notes=(*labels.notes, note))


def _on_disk(row: LabelledVideo, there: dict[Path, dict[str, list[str]]]) -> LabelledVideo:
    folder = row.path.parent
    if os.path.lexists(row.path):
        return row
    if folder not in there:
        there[folder] = defaultdict(list)
        try:
            for name in os.listdir(folder):
                there[folder][folded(name)].append(name)
        except OSError:  # no such folder, or none that may be read
            pass
    fitting = there[folder].get(folded(row.path.name), [])
    return replace(row, path=folder / fitting[0]) if len(fitting) == 1 else row
