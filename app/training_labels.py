"""Label files for a training: labels judge the features now and then; nothing is trained on them, nor on the held-out videos."""

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import BadLabels
from app.labels.read_labels import find_layout, read_labels
from app.labels.rows import LabelledVideo, LabelSet

if TYPE_CHECKING:
    from pretrain.config import ProbeConfig

MAX_QUERIES = 100
MAX_GALLERY = 200
"""Videos that are looked at, at each save: embedding 300 takes seconds."""
HELD_OUT_SHARE = 0.2


@dataclass(frozen=True, kw_only=True)
class ProbeLabels:
    """probe: what to judge by, of videos that are there. held_out: paths of all videos never to be trained on. notes: what makes
    the judgement doubtful, in sentences.
    """

    probe: "ProbeConfig"
    held_out: tuple[str, ...]
    notes: tuple[str, ...]


def read_probe(path: Path, *, seed: int, data: Sequence[Path] = ()) -> ProbeLabels:
    """Held out are the rows whose split is test, or, in a file without splits, a fifth of the groups (of the videos, where there
    are no groups), drawn by the seed. path: in any layout that `read_labels` knows. data: folders in which the videos of a
    dataset's own lists are sought, where they are not in their usual place. Raises BadLabels.
    """
    from pretrain.config import LabelledVideo as ProbeVideo
    from pretrain.config import ProbeConfig

    labels = _read(path, data)
    held_out, rest = _split(labels.rows, seed)
    sides = []
    for part, what in ((held_out, "to hold out (split test)"), (rest, "to search among (split train)")):
        there = [row for row in part if os.path.isfile(row.path)]
        if not there:
            raise BadLabels(_none_there(labels, part, what))
        sides.append(there)

    def drawn(part: Sequence[LabelledVideo], at_most: int) -> "tuple[ProbeVideo, ...]":
        kept = random.Random(seed).sample(part, min(at_most, len(part)))
        return tuple(ProbeVideo(path=str(row.path), label=row.label, source=row.source) for row in kept)

    return ProbeLabels(
        probe=ProbeConfig(queries=drawn(sides[0], MAX_QUERIES), gallery=drawn(sides[1], MAX_GALLERY)),
        held_out=tuple(os.path.abspath(row.path) for row in held_out),
        notes=tuple(f"{path}: {note}" for note in _notes(labels, held_out)),
    )


def _read(path: Path, data: Sequence[Path]) -> LabelSet:
    advice = "Say where the videos are: --data FOLDER"
    try:
        return read_labels(path, draw_split=False, advice=advice)
    except BadLabels:
        folders = [folder for folder in data if os.path.isdir(folder)]
        if not os.path.exists(path) or find_layout(path) in ("csv", "folders") or not folders:
            raise
        return read_labels(path, videos=folders[0], draw_split=False, advice=advice)


def _none_there(labels: LabelSet, part: Sequence[LabelledVideo], what: str) -> str:
    if part:
        return f"{labels.path}: none of the {len(part)} videos {what} is there. First: {part[0].path}."
    if len(labels.rows) == 1:
        return f"{labels.path} has one video; two are the least, one to hold out and one to search among, and dozens say more."
    if not any(row.split for row in labels.rows):
        return f"{labels.path} has no videos {what}: all are of one group, and a group stays together. Two groups are the least."
    return f"{labels.path} has no videos {what}; nearest neighbours need both."


def _notes(labels: LabelSet, held_out: Sequence[LabelledVideo]) -> list[str]:
    notes = list(labels.warnings)
    if not any(row.split for row in labels.rows):
        what = "groups" if any(row.group for row in labels.rows) else "videos"
        notes.append(f"no column split: a fifth of its {what} was drawn to be held out, {len(held_out)} videos")
    gone = [str(row.path) for row in labels.rows if not os.path.isfile(row.path)] + [name for name, _ in labels.missing]
    if gone:
        notes.append(f"{len(gone)} of {len(labels.rows) + len(labels.missing)} videos are not there, such as {gone[0]}")
    return notes


def _split(rows: Sequence[LabelledVideo], seed: int) -> tuple[list[LabelledVideo], list[LabelledVideo]]:
    """Held-out rows, and the others."""
    if any(row.split for row in rows):
        held = {row.path for row in rows if row.split == "test"}
    else:
        groups = sorted({row.group or str(row.path) for row in rows})
        chosen = set(random.Random(seed).sample(groups, max(1, round(HELD_OUT_SHARE * len(groups)))))
        held = {row.path for row in rows if (row.group or str(row.path)) in chosen}
    return [row for row in rows if row.path in held], [row for row in rows if row.path not in held]
