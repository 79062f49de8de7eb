"""Read labels in whatever layout they come."""

import csv
import os
import shlex
from dataclasses import replace
from pathlib import Path

from app.errors import BadLabelChoice, BadLabels
from app.given_path import GivenPath, absolute_path
from app.labels.class_folders import read_class_folders
from app.labels.csv_labels import read_csv_labels
from app.labels.hmdb51 import SPLIT_FILE, read_hmdb51
from app.labels.kinetics import is_kinetics, read_kinetics
from app.labels.rows import LabelledVideo, LabelSet, Layout
from app.labels.spelling import spelt_as_on_disk
from app.labels.table_text import read_table
from app.labels.ucf101 import CLASS_FILE, read_ucf101


def read_labels(
    path: GivenPath,
    *,
    videos: GivenPath | None = None,
    layout: Layout | None = None,
    fold: int = 1,
    draw_split: bool = True,
    advice: str = "Say where the videos are: --videos FOLDER",
) -> LabelSet:
    """path: a CSV file, or a folder of class folders or of a dataset's split files. layout: None tells it by what is there.

    videos: where the official layouts' videos are, and what relative paths in a CSV file start from. fold: which of UCF101's or
    HMDB51's three splits. draw_split: whether a CSV file without splits gets some. advice: for whoever names labels whose videos
    are not there.
    Raises BadLabels for what is missing or does not fit, with file and line, where no video is there, and for a video that is
    listed twice with unlike labels or splits; BadLabelChoice for a fold or `videos` that the layout has no use for; BadPath.
    """
    # As a library knows its files: without `..`, links as they are.
    labels_path, root = absolute_path(path), None if videos is None else absolute_path(videos)
    layout = layout or find_layout(labels_path)
    if fold != 1 and layout not in _WITH_FOLDS:
        raise BadLabelChoice(
            f"{labels_path} is in the layout {layout!r}, which has one split; UCF101 and HMDB51 have a split {fold}."
        )
    if layout == "folders" and root not in (None, labels_path):
        raise BadLabelChoice(f"{labels_path} holds its videos itself, in folders named after what they show; leave out --videos.")
    labels = spelt_as_on_disk(_read(labels_path, root, layout, fold, draw_split))
    if not labels.rows:
        first = f" First: {labels.missing[0][0]}: {labels.missing[0][1]}." if labels.missing else ""
        raise BadLabels(f"No video that {labels_path} names is there.{first} {advice}")
    return replace(_each_once(labels), fold=fold if labels.layout in _WITH_FOLDS else None)


def _read(path: Path, videos: Path | None, layout: Layout, fold: int, draw_split: bool) -> LabelSet:
    if layout == "csv":
        return read_csv_labels(path, videos=videos, draw_split=draw_split)
    if layout == "kinetics":
        return read_kinetics(path, videos)
    if not os.path.isdir(path):
        raise BadLabels(f"{path} is no folder, as labels in the layout {layout!r} need.")
    if layout == "ucf101":
        return read_ucf101(path, videos, fold=fold)
    if layout == "hmdb51":
        return read_hmdb51(path, videos, fold=fold)
    return read_class_folders(path)


def _each_once(labels: LabelSet) -> LabelSet:
    """Without repeated rows: a video counts once, and is on one side."""
    seen: dict[Path, LabelledVideo] = {}
    for row in labels.rows:
        first = seen.setdefault(row.path, row)
        if (first.label, first.split) != (row.label, row.split):
            both = f"{first.label!r} {first.split}".rstrip() + " and as " + f"{row.label!r} {row.split}".rstrip()
            lines = f" (lines {first.line} and {row.line})" if first.line and row.line else ""
            raise BadLabels(f"{labels.path} lists {row.path} twice{lines}, as {both}. Keep one.")
    repeated = len(labels.rows) - len(seen)
    note = (f"{repeated} row(s) repeat a video and were left out",) if repeated else ()
    return replace(labels, rows=tuple(seen.values()), notes=(*labels.notes, *note))


_WITH_FOLDS = ("ucf101", "hmdb51")


def find_layout(path: Path) -> Layout:
    """What a file or folder of labels looks like. Raises BadLabels where there is nothing."""
    if not os.path.exists(path):  # unlike Path.exists it bears names too long
        raise BadLabels(f"There is no label file {path}.")
    if os.path.isfile(path):
        return "kinetics" if is_kinetics(_columns(path)) else "csv"
    found = _layout_of_lists(path)
    if found is not None:
        return found
    lists = lists_below(path)
    if lists is not None:
        named = shlex.quote(str(lists))
        raise BadLabels(f"{path} holds the split files of a dataset in {lists.name}. Name that folder: --labels {named}")
    return "folders"


def lists_below(path: Path) -> Path | None:
    """The folder with the split files of a dataset, directly below another: its neighbours are no classes."""
    below = sorted(entry for entry in path.iterdir() if entry.is_dir())
    return next((folder for folder in below if _layout_of_lists(folder) is not None), None)


def _layout_of_lists(folder: Path) -> Layout | None:
    """Of a folder with the split files of a dataset."""
    try:
        names = {entry.name for entry in folder.iterdir()}
    except OSError:  # a class folder that may not be read is told of where its videos are sought
        return None
    if CLASS_FILE in names:
        return "ucf101"
    if any(SPLIT_FILE.fullmatch(name) for name in names):
        return "hmdb51"
    if "train.csv" in names and is_kinetics(_columns(folder / "train.csv")):
        return "kinetics"
    return None


def _columns(file: Path) -> list[str]:
    """Of a CSV file's first line; none of one that cannot be read, about which its reader complains better."""
    try:
        return read_table(file).columns
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
