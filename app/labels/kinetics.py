"""Kinetics-400 and -600 as distributed: CSV with label, youtube_id, time_start, time_end, split."""

import csv
from collections.abc import Iterator
from pathlib import Path

from app.errors import BadLabels
from app.labels.rows import LabelledVideo, LabelSet, Split
from app.labels.split_file import first_there
from app.labels.table_text import read_table

COLUMNS = ("label", "youtube_id", "time_start", "time_end", "split")
_SIDES: dict[str, Split] = {"train": "train", "val": "test", "validate": "test", "validation": "test", "test": "test"}
_TEST_FILES = ("val.csv", "validate.csv", "validation.csv", "test.csv")
_SUFFIXES = (".mp4", ".mkv", ".webm", ".avi")


def is_kinetics(columns: list[str]) -> bool:
    """Whether a CSV file of these columns is Kinetics'."""
    return set(COLUMNS) <= set(columns)


def read_kinetics(lists: Path, videos: Path | None) -> LabelSet:
    """lists: one CSV file, or a folder with train.csv and val.csv (or validate.csv, or test.csv, the first there is).

    The gallery is train; queries are the validation rows, as usual, for the test rows' labels came late. videos: the folder of
    the class folders or of the files, which are called ID_START_END with six digits each; None: where the CSV file is.
    Raises BadLabels for columns and values that are not so, with file and line.
    """
    files = [lists] if lists.is_file() else _csv_files(lists)
    root = videos or (lists.parent if lists.is_file() else lists)
    rows, missing = [], []
    for file in files:
        for line, values in _values(file):
            split = _SIDES.get(values["split"].lower())
            if split is None:
                raise BadLabels(f"{file}, line {line}: split must be train, val or test, got {values['split']!r}.")
            stem = f"{values['youtube_id']}_{_seconds(file, line, values, 'time_start')}_{_seconds(file, line, values, 'time_end')}"
            found = first_there(_places(root, values["label"], values["split"], stem))
            if found is None:
                missing.append((stem, f"{file}, line {line}: no such file under {root}"))
            else:
                rows.append(LabelledVideo(path=found, label=values["label"], split=split, group=values["youtube_id"]))
    return LabelSet(path=lists, layout="kinetics", root=root, rows=tuple(rows), missing=tuple(missing))


def _csv_files(folder: Path) -> list[Path]:
    train = folder / "train.csv"
    test = first_there([folder / name for name in _TEST_FILES])
    if not train.is_file() or test is None:
        raise BadLabels(f"{folder} needs train.csv and one of {', '.join(_TEST_FILES)}.")
    return [train, test]


def _values(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        table = read_table(file)
        if not is_kinetics(table.columns):
            raise BadLabels(f"{file} needs the columns {', '.join(COLUMNS)}; it has {', '.join(table.columns)}.")
        for line, row in table.rows:
            values = {name: row[name].strip() for name in COLUMNS}
            for name in COLUMNS:
                if not values[name]:
                    raise BadLabels(f"{file}, line {line}: {name} is empty.")
            yield line, values
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadLabels(f"{file} cannot be read as CSV: {error}") from error


def _seconds(file: Path, line: int, values: dict[str, str], column: str) -> str:
    try:
        return f"{int(float(values[column])):06}"
    except (ValueError, OverflowError) as error:
        raise BadLabels(f"{file}, line {line}: {column} must be seconds, got {values[column]!r}.") from error


def _places(root: Path, label: str, split: str, stem: str) -> list[Path]:
    folders = [label, label.replace(" ", "_")]
    parents = [root, *(root / folder for folder in folders), root / split, *(root / split / folder for folder in folders)]
    return [parent / f"{stem}{suffix}" for parent in parents for suffix in _SUFFIXES]
