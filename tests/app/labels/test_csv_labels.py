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
        ("path;label;split\na;b;test\n", r"has ';' between its columns; commas are needed"),
        ("path,label, split\na,b,test\n", r"has a column ' split'; it must be written 'split'"),
        ("path,label,Split\na,b,test\n", r"has a column 'Split'; it must be written 'split'"),
        ("file,label\na,b\n", r"lacks the column 'path'\. It needs path, label; it has file, label"),
        ("path,label,split\n", "no rows"),
        ("path,label,split\na.mp4,,test\n", "line 2: label is empty"),
        ("path,label,split\na.mp4,x,both\n", r"line 2: split must be train or test \(or val\), got 'both'"),
        ("", r"labels\.csv is empty"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(content)
    with pytest.raises(BadLabels, match=said):
        read_csv_labels(file)


def test_sides_as_others_write_them(tmp_path: Path) -> None:
    assert drawn(tmp_path, "a.mp4,x,TRAIN", "b.mp4,x,Test", "c.mp4,x,val", columns="path,label,split") == {
        "a.mp4": "train",
        "b.mp4": "test",
        "c.mp4": "test",
    }


def test_another_encoding_is_named(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_bytes("path,label,split\na.mp4,Köln,test\n".encode("latin-1"))
    with pytest.raises(BadLabels, match=r"labels\.csv is not text in UTF-8 \(byte 24 is 0xf6\)\. Save it as UTF-8"):
        read_csv_labels(file)


def drawn(tmp_path: Path, *rows: str, columns: str = "path,label") -> dict[str, str]:
    file = tmp_path / "labels.csv"
    file.write_text("\n".join([columns, *rows]) + "\n")
    return {row.path.name: row.split for row in read_csv_labels(file).rows}


def test_without_splits_some_of_each_label_are_drawn__the_same_every_time(tmp_path: Path) -> None:
    rows = [f"{label}{number}.mp4,{label}" for label in "ab" for number in range(30)]
    sides = drawn(tmp_path, *rows)
    for label in "ab":
        queries = [name for name, side in sides.items() if name[0] == label and side == "test"]
        assert 1 <= len(queries) <= 15
    assert drawn(tmp_path, *rows, *(f"c{number}.mp4,c" for number in range(5))).items() >= sides.items()
    (note,) = read_csv_labels(tmp_path / "labels.csv").warnings
    assert note.startswith("no split is given: ") and note.endswith(
        " of 65 videos were drawn to be queries, of each label about a fifth"
    )
    assert {row.split for row in read_csv_labels(tmp_path / "labels.csv", draw_split=False).rows} == {""}


def test_without_splits_a_group_stands_on_one_side(tmp_path: Path) -> None:
    rows = [f"{group}{number}.mp4,{'ab'[number % 2]},{group}" for group in "pqrstuvw" for number in range(6)]
    sides = drawn(tmp_path, *rows, columns="path,label,group")
    for group in "pqrstuvw":
        assert len({side for name, side in sides.items() if name[0] == group}) == 1
    assert set(sides.values()) == {"train", "test"}
    (note,) = read_csv_labels(tmp_path / "labels.csv").warnings
    assert note.endswith("whole groups")


def test_a_collection_that_moves_is_drawn_alike(tmp_path: Path) -> None:
    """By the last two names of a path, whatever is above them; a group of another source is another."""
    for name in ("here", "there/below"):
        (tmp_path / name).mkdir(parents=True)
    rows = [f"{label}/{label}{number}.mp4,{label}" for label in "ab" for number in range(30)]
    assert drawn(tmp_path / "here", *rows) == drawn(tmp_path / "there" / "below", *rows)
    groups = [f"{source}{group}.mp4,a,{group},{source}" for source in "st" for group in range(40)]
    sides = drawn(tmp_path, *groups, columns="path,label,group,source")
    assert [sides[f"s{group}.mp4"] for group in range(40)] != [sides[f"t{group}.mp4"] for group in range(40)]


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(BadLabels, match=r"no label file .*none\.csv"):
        read_csv_labels(tmp_path / "none.csv")
