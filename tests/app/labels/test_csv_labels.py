import unicodedata
from pathlib import Path

import pytest

from app.errors import BadLabelChoice, BadLabels
from app.evaluation.labelled_library import measured_rows
from app.labels.csv_labels import read_csv_labels
from app.labels.read_labels import read_labels


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
        ("path|label|split\na|b|test\n", r"has '\|' between its columns; commas are needed"),
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


# --- as spreadsheets save them -------------------------------------------------------------------------------------------------

TABLE = 'path,label,split\na.mp4,"left, or so",train\nb.mp4,r\u00fcckw\u00e4rts,test\n'
READ = [("a.mp4", "left, or so", "train"), ("b.mp4", "r\u00fcckw\u00e4rts", "test")]


def saved(tmp_path: Path, data: bytes) -> list[tuple[str, str, str]]:
    file = tmp_path / "labels.csv"
    file.write_bytes(data)
    return [(row.path.name, row.label, row.split) for row in read_labels(file).rows]


@pytest.mark.parametrize(
    "data",
    [
        TABLE.encode("utf-8-sig"),
        TABLE.replace("\n", "\r\n").encode(),
        TABLE.replace("\n", "\r").encode(),
        TABLE.replace(",", ";").replace("left;", "left,").encode(),
        TABLE.replace("mp4,", "mp4\t").replace(",t", "\tt").replace("path,label,", "path\tlabel\t").encode("utf-16"),
        f"sep=;\r\n{TABLE.replace(',', ';').replace('left;', 'left,')}".encode(),
        TABLE.replace("\n", ",,\n").encode(),
        TABLE.replace("\n", "\n\n , ,\n,,,,\n").encode(),
        f"\n,,\n{TABLE}".encode(),
        TABLE.replace("a.mp4", " a.mp4 ").replace("train", "Train ").encode(),
    ],
    ids=["mark", "crlf", "cr", "semicolons", "unicode text", "sep line", "empty columns", "empty rows", "empty first", "spaces"],
)
def test_a_table_as_spreadsheets_save_it(tmp_path: Path, data: bytes) -> None:
    assert saved(tmp_path, data) == READ


def test_a_line_is_named_behind_empty_ones(tmp_path: Path) -> None:
    with pytest.raises(BadLabels, match="line 5: label is empty"):
        saved(tmp_path, b"sep=,\r\npath,label,split\r\n,,\r\na.mp4,left,train\r\nb.mp4,,test\r\n")


def test_a_cell_of_two_lines(tmp_path: Path) -> None:
    assert saved(tmp_path, b'path,label,split\na.mp4,"left\nturn",train\nb.mp4,x,test\n')[0][1] == "left\nturn"


@pytest.mark.parametrize(
    ("one", "other"), [("Waving", "waving"), ("two  words", "two words"), ("caf\u00e9", "cafe\u0301"), ("Stra\u00dfe", "STRASSE")]
)
@pytest.mark.parametrize("column", ["label", "group", "source"])
def test_names_that_read_alike_are_told_and_not_merged(tmp_path: Path, one: str, other: str, column: str) -> None:
    file = tmp_path / "labels.csv"
    rows = [{"label": "x", "group": "y", "source": "z"} | {column: name} for name in (one, other)]
    lines = [f"{place}.mp4,{row['label']},test,{row['group']},{row['source']}" for place, row in enumerate(rows)]
    file.write_text("\n".join(["path,label,split,group,source", *lines, "t.mp4,x,train,q,z"]), encoding="utf-8")
    labels = read_labels(file)
    (told,) = [warning for warning in labels.warnings if "capitals" in warning]
    assert told.startswith(f"1 {column}(s) are spelt")
    assert {one, other} <= {getattr(row, column) for row in labels.rows}


def test_a_file_that_is_spelt_otherwise_on_disk_is_found_and_told(tmp_path: Path) -> None:
    for name in (unicodedata.normalize("NFC", "caf\u00e9.mp4"), "Loud.MP4", "one.mp4", "ONE.mp4"):
        (tmp_path / name).touch()
    file = tmp_path / "labels.csv"
    composed = unicodedata.normalize("NFD", "caf\u00e9.mp4")
    file.write_text(f"path,label,split\n{composed},a,train\nloud.mp4,b,test\nOne.mp4,b,test\n", encoding="utf-8")
    labels = read_labels(file)
    assert [row.path.name for row in labels.rows] == ["caf\u00e9.mp4", "Loud.MP4", "One.mp4"]  # of two, none is taken
    assert labels.warnings[0].startswith("2 video(s) are spelt otherwise on disk")


def test_paths_start_in_the_folder_that_is_named(tmp_path: Path) -> None:
    file = tmp_path / "labels" / "labels.csv"
    file.parent.mkdir()
    file.write_text("path,label,split\na.mp4,a,train\n/elsewhere/b.mp4,b,test\n")
    labels = read_labels(str(file), videos=str(tmp_path))
    assert [str(row.path) for row in labels.rows] == [str(tmp_path / "a.mp4"), "/elsewhere/b.mp4"]
    assert labels.root == tmp_path
    with pytest.raises(BadLabels, match="no folder"):
        read_labels(file, videos=tmp_path / "nosuch")


def test_a_folder_of_videos_has_no_use_for_class_folders(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "classes" / name).mkdir(parents=True)
        (tmp_path / "classes" / name / "1.mp4").touch()
    with pytest.raises(BadLabelChoice, match="leave out --videos"):
        read_labels(tmp_path / "classes", videos=tmp_path)


def test_a_path_that_no_file_can_have_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BadLabels, match=r"line 2: .*cannot be a path"):
        saved(tmp_path, b"path,label,split\na\0.mp4,a,train\n")


def test_a_label_is_ignored_however_its_accents_are_written(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    lines = ["a.mp4,cafe\u0301,train", "b.mp4,x,train", "c.mp4,x,test", "d.mp4,y,train"]
    file.write_text("\n".join(["path,label,split", *lines]), encoding="utf-8")
    rows = measured_rows(read_labels(file), within=None, ignore_labels=("caf\u00e9",))
    assert [row.path.name for row in rows] == ["b.mp4", "c.mp4", "d.mp4"]
