from pathlib import Path

import pytest

from app.errors import BadLabels
from app.labels.csv_labels import read_csv_labels


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("path,label,group,split,source\nx/a.mp4,left,g1,train,S\n../b.mp4,right,g2,test,S\n")
    first, second = read_csv_labels(file).rows
    assert (first.path, first.label, first.group, first.split, first.source) == (
        tmp_path / "x" / "a.mp4",
        "left",
        "g1",
        "train",
        "S",
    )
    assert second.path == tmp_path.parent / "b.mp4"


def test_group_and_source_may_be_absent(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("label,path,split\nleft,a.mp4,train\n")
    assert read_csv_labels(file).rows[0].source == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("path,label\na,b\n", "split"),
        ("path,label,split\n", "no rows"),
        ("path,label,split\na.mp4,,test\n", "line 2: label is empty"),
        ("path,label,split\na.mp4,x,val\n", "line 2: split must be train or test, got 'val'"),
        ("", r"labels\.csv is empty"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(content)
    with pytest.raises(BadLabels, match=said):
        read_csv_labels(file)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(BadLabels, match=r"no label file .*none\.csv"):
        read_csv_labels(tmp_path / "none.csv")
