"""Labels of one's own: CSV with the columns path, label, group, split, source."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from app.errors import BadLabels, BadPath
from app.given_path import given_path
from app.labels.drawn_split import with_drawn_split
from app.labels.rows import SPLIT_NAMES, LabelledVideo, LabelSet
from app.labels.table_text import read_table

_NEEDED = ("path", "label")
_COLUMNS = (*_NEEDED, "split", "group", "source")


def read_csv_labels(path: Path, *, videos: Path | None = None, draw_split: bool = True) -> LabelSet:
    """All rows, in order; paths in the file are relative to it, or to `videos`. Empty rows and columns, as spreadsheets leave them,
    count for nothing. draw_split: whether sides are drawn where the file has no column `split`; else its rows are on none.

    Raises BadLabels for a missing file, column or value.
    """
    if videos is not None and not os.path.isdir(videos):
        raise BadLabels(f"There is no folder {videos} for the paths in {path} to start in.")
    root = videos or path.parent
    try:
        table = read_table(path)
        if not table.columns:
            raise BadLabels(f"{path} is empty. Its first line should be path,label,split or {','.join(_NEEDED)}.")
        _check_columns(path, table.columns)
        needed = [*_NEEDED, "split"] if "split" in table.columns else [*_NEEDED]
        rows = [_row(path, root, line, row, needed) for line, row in table.rows]
    except FileNotFoundError as error:
        raise BadLabels(f"There is no label file {path}.") from error
    except UnicodeDecodeError as error:
        raise BadLabels(
            f"{path} is not text in UTF-8 (byte {error.start} is {error.object[error.start]:#x}). Save it as UTF-8."
        ) from error
    except (OSError, csv.Error) as error:
        raise BadLabels(f"{path} cannot be read as CSV: {error}") from error
    if not rows:
        raise BadLabels(f"{path} has no rows.")
    if draw_split and "split" not in needed:
        rows, note = with_drawn_split(rows)
        return LabelSet(path=path, layout="csv", root=root, rows=tuple(rows), notes=(note,))
    return LabelSet(path=path, layout="csv", root=root, rows=tuple(rows))


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    unlike = [name for name in columns if name not in _COLUMNS and name.strip().lower() in _COLUMNS]
    if unlike:
        raise BadLabels(f"{path} has a column {unlike[0]!r}; it must be written {unlike[0].strip().lower()!r}.")
    lacking = [name for name in _NEEDED if name not in columns]
    if not lacking:
        return
    if len(columns) == 1 and "|" in columns[0]:
        raise BadLabels(f"{path} has '|' between its columns; commas are needed. Save it as CSV with commas.")
    there = ", ".join(filter(None, columns))
    raise BadLabels(f"{path} lacks the column {lacking[0]!r}. It needs {', '.join(_NEEDED)}; it has {there}.")


def _row(file: Path, root: Path, line: int, row: dict[str, str], needed: list[str]) -> LabelledVideo:
    values = {name: row.get(name, "").strip() for name in _COLUMNS}
    for name in needed:
        if not values[name]:
            raise BadLabels(f"{file}, line {line}: {name} is empty.")
    split = SPLIT_NAMES.get(values["split"].lower(), "")
    if "split" in needed and not split:
        raise BadLabels(f"{file}, line {line}: split must be train or test (or val), got {values['split']!r}.")
    try:
        path = given_path(values["path"])
    except BadPath as error:
        raise BadLabels(f"{file}, line {line}: {error}") from error
    return LabelledVideo(
        path=Path(os.path.abspath(root / path)),
        label=values["label"],
        split=split,
        group=values["group"],
        source=values["source"],
        line=line,
    )
