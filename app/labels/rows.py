"""What every label layout is read into."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

Layout = Literal["csv", "folders", "ucf101", "hmdb51", "kinetics"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
Split = Literal["train", "test", ""]
SPLIT_NAMES: dict[str, Split] = {"train": "train", "training": "train", "test": "test", "val": "test", "validation": "test"}
"""By their names in lower case: videos of test and val are queries, those of both where there are both."""


@dataclass(frozen=True, kw_only=True)
class LabelledVideo:
    """One video. path: absolute. split: "train" (gallery) or "test" (queries), "" where the layout has no splits. group: videos of
    one make, such as scene, camera or person, that should stand on one side; source: the collection it is from; both "" where
    there is no such thing. line: of the file that lists it, None where none does; two that differ in it alone are equal.
    """

    path: Path
    label: str
    split: Split
    group: str = ""
    source: str = ""
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class LabelSet:
    """All labels of one split. path: where they were read. layout: how they were written. root: the folder of the videos, after
    which their library is called unless it is said otherwise. rows: in the order of their file, each video once. missing:
    (video, why) of labels whose video is not there. notes: what was noticed while reading, in sentences. fold: which
    of a dataset's three splits, None where there is one.
    """

    path: Path
    layout: Layout
    root: Path
    rows: tuple[LabelledVideo, ...]
    missing: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    fold: int | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes figures of this split doubtful, in sentences."""
        return (*self.notes, *_spelt_alike(self.rows), *_split_groups(self.rows), *_lonely_labels(self.rows))


def _spelt_alike(rows: Sequence[LabelledVideo]) -> list[str]:
    """Labels, and groups and sources, that a reader would take for the same."""
    from app.labels.spelling import spelt_alike

    said = []
    for what in ("label", "group", "source"):
        alike = spelt_alike({getattr(row, what) for row in rows})
        if alike:
            such = " and ".join(map(repr, alike[0]))
            said.append(
                f"{len(alike)} {what}(s) are spelt in several ways, which differ only in capitals, spaces or how accents are "
                f"written, such as {such}: each counts as a {what} of its own"
            )
    return said


def _split_groups(rows: Sequence[LabelledVideo]) -> list[str]:
    sides = defaultdict(set)
    for row in rows:
        if row.group and row.split:
            sides[row.source, row.group].add(row.split)
    both = sorted(group for (_, group), splits in sides.items() if len(splits) > 1)
    if not both:
        return []
    return [
        f"{len(both)} group(s) have videos on both sides, train and test, such as {both[0]!r}: what is found may be the same "
        "scene, not the same action"
    ]


def _lonely_labels(rows: Sequence[LabelledVideo]) -> list[str]:
    """Labels asked for that the gallery cannot answer."""
    gallery = {row.label for row in rows if row.split == "train"}
    lonely = sorted({row.label for row in rows if row.split == "test"} - gallery)
    if not lonely or not gallery:
        return []
    return [f"{len(lonely)} label(s) have test videos but none in train, such as {lonely[0]!r}: their queries cannot be right"]
