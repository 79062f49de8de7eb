"""Label files for a training: labels judge the features now and then; nothing is trained on them, nor on the held-out videos."""

import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import BadLabels
from app.labels.read_labels import read_labels
from app.labels.rows import LabelledVideo

if TYPE_CHECKING:
    from pretrain.config import ProbeConfig

MAX_QUERIES = 100
MAX_GALLERY = 200
"""Videos that are looked at, at each save: embedding 300 takes seconds."""
HELD_OUT_SHARE = 0.2


def read_probe(path: Path, *, seed: int) -> "tuple[ProbeConfig, tuple[str, ...]]":
    """What to judge by, and the paths of all held-out videos: the rows whose split is test, or, in a file without splits, a fifth
    of the groups (of the videos, where there are no groups), drawn by the seed. Raises BadLabels.
    """
    from pretrain.config import LabelledVideo as ProbeVideo
    from pretrain.config import ProbeConfig

    labels = read_labels(path, split_needed=False)
    if labels.layout not in ("csv", "folders"):
        raise BadLabels(
            f"{path} is in the layout {labels.layout!r}; a training's labels are a CSV file or a folder of class folders."
        )
    rows = labels.rows
    held_out, rest = _split(rows, seed)
    for part, what in ((held_out, "to hold out (split test)"), (rest, "to search among (split train)")):
        if not part:
            raise BadLabels(f"{path} has no videos {what}; nearest neighbours need both.")

    def drawn(part: Sequence[LabelledVideo], at_most: int) -> "tuple[ProbeVideo, ...]":
        kept = random.Random(seed).sample(part, min(at_most, len(part)))
        return tuple(ProbeVideo(path=str(row.path), label=row.label, source=row.source) for row in kept)

    probe = ProbeConfig(queries=drawn(held_out, MAX_QUERIES), gallery=drawn(rest, MAX_GALLERY))
    return probe, tuple(os.path.abspath(row.path) for row in held_out)


def _split(rows: Sequence[LabelledVideo], seed: int) -> tuple[list[LabelledVideo], list[LabelledVideo]]:
    """Held-out rows, and the others."""
    if any(row.split for row in rows):
        held = {row.path for row in rows if row.split == "test"}
    else:
        groups = sorted({row.group or str(row.path) for row in rows})
        chosen = set(random.Random(seed).sample(groups, max(1, round(HELD_OUT_SHARE * len(groups)))))
        held = {row.path for row in rows if (row.group or str(row.path)) in chosen}
    return [row for row in rows if row.path in held], [row for row in rows if row.path not in held]
