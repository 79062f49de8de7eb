"""Which labels the page suggests for a library, and what it says of those that do not fit."""

import os
from pathlib import Path

import pytest

from app.errors import BadLabels
from app.ui.label_choice import FittingLabels, fitting_labels, suggested_labels, typed_path
from tests.helpers.label_trees import Drawn, write_ucf101


def touched(*paths: Path) -> list[str]:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return [str(path) for path in paths]


def test_suggested__a_label_file_in_any_of_the_folders(tmp_path: Path) -> None:
    videos = touched(tmp_path / "one" / "run" / "a.mp4", tmp_path / "one" / "sit" / "b.mp4")
    folders = [tmp_path / "one", tmp_path / "two", tmp_path / "gone"]
    assert suggested_labels(folders, videos) == tmp_path / "one"  # class folders
    touched(tmp_path / "two" / "labels.csv")
    assert suggested_labels(folders, videos) == tmp_path / "two" / "labels.csv"


def test_suggested__not_folders_without_indexed_videos(tmp_path: Path) -> None:
    videos = touched(tmp_path / "one" / "a.mp4", tmp_path / "one" / "run" / "b.mp4")
    touched(tmp_path / "one" / "notes" / "c.txt")
    assert suggested_labels([tmp_path / "one"], videos) is None
    assert suggested_labels([], []) is None


def test_suggested__official_lists(tmp_path: Path) -> None:
    lists = write_ucf101(tmp_path / "data", Drawn())
    assert suggested_labels([lists], []) == lists


def fitting(folder: Path, text: str, indexed: list[str]) -> FittingLabels:
    (folder / "labels.csv").write_text(text)
    return fitting_labels(folder / "labels.csv", "home", indexed, videos=None, fold=1)


def test_fitting__counts(tmp_path: Path) -> None:
    indexed = touched(*(tmp_path / f"{name}.mp4" for name in "abcd"))
    rows = "path,label,split,source\na.mp4,run,train,x\nb.mp4,run,test,x\nz.mp4,sit,train,x\n"
    found = fitting(tmp_path, rows, indexed)
    assert (found.num_of("train"), found.num_of("test"), found.num_here, found.num_unlabelled) == (2, 1, 2, 2)
    assert (found.names, found.columns) == (["run", "sit"], ("source",))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("path,split\na.mp4,test\n", "lacks the column 'label'"),
        ("path,label,split\na.mp4,run,both\n", r"line 2: split must be train or test \(or val\), got 'both'"),
        ("path,label,split\na.mp4,run,test\n", "has no train rows"),
        ("path,label,split\na.mp4,run,train\n", "has no test rows"),
        (
            "path,label,split\ny.mp4,run,train\nz.mp4,sit,test\n",
            "None of the 2 videos .* library 'home'.*y.mp4.*Choose the lib",
        ),
    ],
)
def test_fitting__what_does_not_fit_is_said(tmp_path: Path, rows: str, said: str) -> None:
    with pytest.raises(BadLabels, match=said):
        fitting(tmp_path, rows, touched(tmp_path / "a.mp4"))


def test_fitting__no_file(tmp_path: Path) -> None:
    with pytest.raises(BadLabels, match=r"There is no label file .*labels.csv"):
        fitting_labels(tmp_path / "labels.csv", "home", [], videos=None, fold=1)


def test_typed_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert typed_path("  ") is None
    assert typed_path(" ~/labels.csv ") == tmp_path / "labels.csv"
    assert typed_path("a/../labels.csv") == Path(os.getcwd()) / "labels.csv"
    assert typed_path("~nobody-of-that-name/labels.csv") is not None
