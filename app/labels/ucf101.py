"""UCF101 as distributed: `trainlist01.txt`, `testlist01.txt` and `classInd.txt` of ucfTrainTestlist, videos in UCF-101/CLASS/."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from app.errors import BadLabels
from app.labels.rows import LabelledVideo, LabelSet, Split
from app.labels.split_file import check_fold, first_there, lines_of

CLASS_FILE = "classInd.txt"
VIDEO_NAME = re.compile(r"v_(?P<label>\w+)_(?P<group>g\d+)_c\d+\.\w+")
_HANDSTAND = re.compile("handstandpushups", re.IGNORECASE)
"""The one class that is spelt in two ways: HandstandPushups in lists and folders, HandStandPushups in the names of its files."""
_SPELLINGS = ("HandstandPushups", "HandStandPushups")


def read_ucf101(lists: Path, videos: Path | None, *, fold: int = 1) -> LabelSet:
    """lists: the folder ucfTrainTestlist. videos: the folder of the class folders; None looks for UCF-101 beside or in `lists`.

    Class numbers of the train list count from 1 and are checked against `classInd.txt`; the test list has none.
    Raises BadLabels for what does not fit together, with file and line.
    """
    check_fold(fold, "UCF101")
    root = videos or first_folder([lists.parent / "UCF-101", lists / "UCF-101"])
    class_of_number = _read_classes(lists / CLASS_FILE)
    rows, missing = [], []
    sides: tuple[tuple[Split, str], ...] = (("train", f"trainlist{fold:02}.txt"), ("test", f"testlist{fold:02}.txt"))
    for split, name in sides:
        for place, listed in _read_list(lists / name, class_of_number, numbered=split == "train"):
            folder, _, file = listed.partition("/")
            label = next(name for name in class_of_number.values() if _same_class(name, folder))
            found = first_there(_spellings(root, folder, file))
            if found is None:
                missing.append((listed, f"{place}: no such file under {root}"))
                continue
            group = VIDEO_NAME.fullmatch(file)
            rows.append(LabelledVideo(path=found, label=label, split=split, group=f"{label}/{group['group']}" if group else ""))
    return LabelSet(path=lists, layout="ucf101", root=root, rows=tuple(rows), missing=tuple(missing))


def first_folder(candidates: list[Path]) -> Path:
    """The first folder that is there, or else the first of all, so that messages name it."""
    return next((path for path in candidates if os.path.isdir(path)), candidates[0])


def _read_classes(file: Path) -> dict[int, str]:
    classes: dict[int, str] = {}
    for line, text in lines_of(file):
        number, _, name = text.partition(" ")
        if not number.isdecimal() or not name.strip():
            raise BadLabels(f"{file}, line {line}: {text!r} should be a class's number and name, such as '1 ApplyEyeMakeup'.")
        classes[int(number)] = name.strip()
    return classes


def _read_list(file: Path, class_of_number: dict[int, str], *, numbered: bool) -> Iterator[tuple[str, str]]:
    """Where it says so, and the listed path CLASS/FILE."""
    for line, text in lines_of(file):
        listed, _, number = text.partition(" ")
        place = f"{file}, line {line}"
        folder = listed.partition("/")[0]
        if "/" not in listed:
            raise BadLabels(f"{place}: {text!r} should be CLASS/FILE, such as ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi.")
        if not any(_same_class(folder, name) for name in class_of_number.values()):
            raise BadLabels(f"{place}: class {folder!r} is not in {CLASS_FILE}.")
        if numbered:
            named = class_of_number.get(int(number)) if number.strip().isdecimal() else None
            if named is None or not _same_class(named, folder):
                raise BadLabels(f"{place}: class {folder!r} has the number {number!r} here, but {CLASS_FILE} says otherwise.")
        yield place, listed


def _same_class(one: str, other: str) -> bool:
    return one == other or bool(_HANDSTAND.fullmatch(one) and _HANDSTAND.fullmatch(other))


def _spellings(root: Path, folder: str, file: str) -> list[Path]:
    """Every place where a listed file may be: as listed, or with the other spelling in the folder's or the file's name."""
    if not _HANDSTAND.search(folder):
        return [root / folder / file]
    folders = [_HANDSTAND.sub(spelling, folder) for spelling in _SPELLINGS]
    files = [_HANDSTAND.sub(spelling, file) for spelling in _SPELLINGS]
    return [root / folder / file, *(root / one / other for one in folders for other in files)]
