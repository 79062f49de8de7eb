"""HMDB51 as distributed: testTrainMulti_7030_splits, one file `CLASS_test_splitN.txt` for each class and split."""

import re
from pathlib import Path

from app.errors import BadLabels
from app.labels.rows import LabelledVideo, LabelSet, Split
from app.labels.split_file import check_fold, first_there, lines_of
from app.labels.ucf101 import first_folder

SPLIT_FILE = re.compile(r"(?P<label>.+)_test_split(?P<fold>[123])\.txt")
_SIDES: dict[str, Split | None] = {"0": None, "1": "train", "2": "test"}
"""0: of no use in this split."""


def read_hmdb51(lists: Path, videos: Path | None, *, fold: int = 1) -> LabelSet:
    """lists: the folder of the split files. videos: the folder of the class folders; None looks for hmdb51 beside it.

    Raises BadLabels for a split without files, and for lines that are none, with file and line.
    """
    check_fold(fold, "HMDB51")
    root = videos or first_folder([lists.parent / "hmdb51_org", lists.parent / "hmdb51"])
    files = {
        match["label"]: file
        for file in sorted(lists.iterdir())
        if (match := SPLIT_FILE.fullmatch(file.name)) and int(match["fold"]) == fold
    }
    if not files:
        raise BadLabels(f"{lists} has no split files of split {fold}, such as wave_test_split{fold}.txt.")
    rows, missing = [], []
    for label, file in files.items():
        for line, text in lines_of(file):
            name, _, number = text.rpartition(" ")
            if number not in _SIDES or not name.strip():
                raise BadLabels(f"{file}, line {line}: {text!r} should be a file's name and 0 (unused), 1 (train) or 2 (test).")
            split = _SIDES[number]
            if split is None:
                continue
            found = first_there([root / label / name.strip()])
            if found is None:
                missing.append((f"{label}/{name.strip()}", f"{file}, line {line}: no such file under {root}"))
            else:
                rows.append(LabelledVideo(path=found, label=label, split=split))
    return LabelSet(path=lists, layout="hmdb51", root=root, rows=tuple(rows), missing=tuple(missing))
