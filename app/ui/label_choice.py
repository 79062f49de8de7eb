"""Which labels an evaluation can use: where a library's own probably are, and whether those that were named fit it."""

import os
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.errors import BadLabels
from app.evaluation.labelled_library import measured_rows
from app.given_path import absolute_path
from app.labels.read_labels import find_layout, lists_below, read_labels
from app.labels.rows import LabelSet, Layout

LABEL_FILE = "labels.csv"
EXAMPLE = """path,label,split,group
waving/anna-1.mp4,waving,train,anna
waving/ben-1.mp4,waving,test,ben
jumping/anna-2.mp4,jumping,train,anna
jumping/ben-2.mp4,jumping,test,ben
"""
_OFFICIAL: tuple[Layout, ...] = ("ucf101", "hmdb51", "kinetics")
_FOLDS: tuple[Layout, ...] = ("ucf101", "hmdb51")


@dataclass(frozen=True, kw_only=True)
class FittingLabels:
    """Labels that a library can be measured with. num_here: how many of the labelled videos are indexed in it. num_unlabelled:
    indexed videos of the library that no row names.
    """

    labels: LabelSet
    num_here: int
    num_unlabelled: int

    @property
    def names(self) -> list[str]:
        return sorted({row.label for row in self.labels.rows})

    @property
    def columns(self) -> tuple[str, ...]:
        """Those of source and group that say something, and so can be compared within."""
        return tuple(name for name in ("source", "group") if any(getattr(row, name) for row in self.labels.rows))

    def num_of(self, split: str, without: Collection[str] = ()) -> int:
        """How many rows are of this side, train or test. without: labels that do not count."""
        return sum(row.split == split and row.label not in without for row in self.labels.rows)


def typed_path(text: str) -> Path | None:
    """A path as somebody types it, absolute; None for nothing. Raises BadPath."""
    return absolute_path(text.strip()) if text.strip() else None


def suggested_labels(folders: Sequence[Path], videos: Collection[str]) -> Path | None:
    """labels.csv in one of a library's folders, official split files there, or a folder whose folders hold its videos; else None.

    videos: the paths of the library's indexed videos.
    """
    for folder in folders:
        if (folder / LABEL_FILE).is_file():
            return folder / LABEL_FILE
    for folder in folders:
        if not folder.is_dir():
            continue
        lists = lists_below(folder)
        if lists is not None:
            return lists
        if find_layout(folder) in _OFFICIAL or len(_class_folders(folder, videos)) > 1:
            return folder
    return None


def _class_folders(folder: Path, videos: Collection[str]) -> Counter[str]:
    """How many of the videos are in each folder directly below."""
    prefix = f"{str(folder).rstrip(os.sep)}{os.sep}"
    inside = (video.removeprefix(prefix).partition(os.sep) for video in videos if video.startswith(prefix))
    return Counter(first for first, below, _ in inside if below)


def layout_of(path: Path) -> Layout:
    """How labels are laid out. Raises BadLabels where there are none."""
    try:
        return find_layout(path)
    except OSError as error:
        raise BadLabels(f"{path} cannot be read: {error.strerror}.") from error


def has_folds(layout: Layout) -> bool:
    """Whether there are three splits to choose from."""
    return layout in _FOLDS


def is_official(layout: Layout) -> bool:
    """Whether the labels are split files, beside which the videos lie."""
    return layout in _OFFICIAL


def fitting_labels(path: Path, library: str, indexed: Collection[str], *, videos: Path | None, fold: int) -> FittingLabels:
    """Reads labels and looks whether this library can be measured with them. indexed: paths of its indexed videos.

    Raises BadLabels, in a sentence that says what to do, for what `read_labels` refuses, for labels without a test or train row,
    and for labels of another library.
    """
    try:
        labels = read_labels(path, videos=videos, fold=fold)
    except OSError as error:
        raise BadLabels(f"{path} cannot be read: {error.strerror}.") from error
    rows = measured_rows(labels, within=None, ignore_labels=())
    labelled = {str(row.path) for row in rows}
    num_here = sum(video in labelled for video in indexed)
    if not num_here:
        raise BadLabels(
            f"None of the {len(rows)} videos that {path} labels is indexed in library {library!r}. First: {rows[0].path}. "
            "Choose the library that has them, or index their folder on the Libraries page."
        )
    return FittingLabels(labels=labels, num_here=num_here, num_unlabelled=len(indexed) - num_here)
