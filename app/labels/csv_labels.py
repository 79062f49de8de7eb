"""Labels of one's own: CSV with the columns path, label, group, split, source."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from app.errors import BadLabels
from app.labels.drawn_split import with_drawn_split
from app.labels.rows import SPLIT_NAMES, LabelledVideo, LabelSet

_NEEDED = ("path", "label")
_COLUMNS = (*_NEEDED, "split", "group", "source")


def read_csv_labels(path: Path, *, draw_split: bool = True) -> LabelSet:
    """All rows, in order; paths in the file are relative to it. draw_split: whether sides are drawn where the file has no column
    `split`; else its rows are on none.

    Raises BadLabels for a missing file, column or value.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            if not columns:
                raise BadLabels(f"{path} is empty. Its first line should be path,label,split or {','.join(_NEEDED)}.")
            _check_columns(path, columns)
            needed = [*_NEEDED, "split"] if "split" in columns else [*_NEEDED]
            rows = [_row(path, reader.line_num, row, needed) for row in reader]
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
        return LabelSet(path=path, layout="csv", root=path.parent, rows=tuple(rows), notes=(note,))
    return LabelSet(path=path, layout="csv", root=path.parent, rows=tuple(rows))


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    unlike = [name for name in columns if name not in _COLUMNS and name.strip().lower() in _COLUMNS]
    if unlike:
        raise BadLabels(f"{path} has a column {unlike[0]!r}; it must be written {unlike[0].strip().lower()!r}.")
    lacking = [name for name in _NEEDED if name not in columns]
    if not lacking:
        return
    between = [mark for mark in (";", "\t", "|") if len(columns) == 1 and mark in columns[0]]
    if between:
        raise BadLabels(f"{path} has {between[0]!r} between its columns; commas are needed. Save it as CSV with commas.")
    raise BadLabels(f"{path} lacks the column {lacking[0]!r}. It needs {', '.join(_NEEDED)}; it has {', '.join(columns)}.")


def _row(file: Path, line: int, row: dict[str, str | None], needed: list[str]) -> LabelledVideo:
    values = {name: (row.get(name) or "").strip() for name in _COLUMNS}
    for name in needed:
        if not values[name]:
            raise BadLabels(f"{file}, line {line}: {name} is empty.")
    split = SPLIT_NAMES.get(values["split"].lower(), "")
    if "split" in needed and not split:
        raise BadLabels(f"{file}, line {line}: split must be train or test (or val), got {values['split']!r}.")
    return LabelledVideo(
        path=Path(os.path.abspath(os.path.join(os.path.dirname(file), values["path"]))),
        label=values["label"],
        split=split,
        group=values["group"],
        source=values["source"],
        line=line,
    )
