"""Labels of one's own: CSV with the columns path, label, group, split, source."""

import csv
import os
from pathlib import Path
from typing import cast

from app.errors import BadLabels
from app.labels.rows import LabelledVideo, LabelSet, Split

_NEEDED = ("path", "label", "split")


def read_csv_labels(path: Path, *, split_needed: bool = True) -> LabelSet:
    """All rows, in order; paths in the file are relative to it. split_needed: whether a file without splits is an error.

    Raises BadLabels for a missing file, column or value.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            if not columns:
                raise BadLabels(f"{path} is empty. Its first line should be {','.join(_NEEDED)}.")
            needed = [name for name in _NEEDED if name != "split" or split_needed or name in columns]
            lacking = [name for name in needed if name not in columns]
            if lacking:
                raise BadLabels(
                    f"{path} lacks the column {lacking[0]!r}. It needs {', '.join(needed)}; it has {', '.join(columns)}."
                )
            rows = [_row(path, reader.line_num, row, needed) for row in reader]
    except FileNotFoundError as error:
        raise BadLabels(f"There is no label file {path}.") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadLabels(f"{path} cannot be read as CSV: {error}") from error
    if not rows:
        raise BadLabels(f"{path} has no rows.")
    return LabelSet(path=path, layout="csv", root=path.parent, rows=tuple(rows))


def _row(file: Path, line: int, row: dict[str, str | None], needed: list[str]) -> LabelledVideo:
    values = {name: (row.get(name) or "").strip() for name in ("path", "label", "split", "group", "source")}
    for name in needed:
        if not values[name]:
            raise BadLabels(f"{file}, line {line}: {name} is empty.")
    if "split" in needed and values["split"] not in ("train", "test"):
        raise BadLabels(f"{file}, line {line}: split must be train or test, got {values['split']!r}.")
    return LabelledVideo(
        path=Path(os.path.abspath(os.path.join(os.path.dirname(file), values["path"]))),
        label=values["label"],
        split=cast(Split, values["split"]),
        group=values["group"],
        source=values["source"],
    )
