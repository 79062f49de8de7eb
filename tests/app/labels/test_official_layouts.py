"""The split files of UCF101, HMDB51 and Kinetics as distributed, and folders named after what they show."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import BadLabels
from app.labels.read_labels import read_labels
from app.labels.rows import LabelledVideo, LabelSet
from tests.helpers.label_trees import touch, write, write_hmdb51, write_kinetics, write_ucf101


def sides(labels: LabelSet) -> Counter[tuple[str, str]]:
    return Counter((row.label, row.split) for row in labels.rows)


def two_and_one(*labels: str) -> dict[tuple[str, str], int]:
    return {(label, side): number for label in labels for side, number in (("train", 2), ("test", 1))}


# --- UCF101 ---------------------------------------------------------------------------------------------------------------------


def test_ucf101__both_spellings_are_one_class_and_found(tmp_path: Path) -> None:
    labels = read_labels(write_ucf101(tmp_path))
    assert labels.layout == "ucf101"
    assert sides(labels) == {
        (name, side): n for name in ("ApplyEyeMakeup", "HandstandPushups") for side, n in (("train", 2), ("test", 1))
    }
    assert labels.missing == () and labels.warnings == ()
    assert all(row.path.is_file() for row in labels.rows)
    (held_out,) = [row for row in labels.rows if (row.label, row.split) == ("ApplyEyeMakeup", "test")]
    assert held_out.path.name == "v_ApplyEyeMakeup_g01_c01.avi"
    assert held_out.group == "ApplyEyeMakeup/g01"


def test_ucf101__two_spellings_in_two_lists_are_one_class(tmp_path: Path) -> None:
    lists = write_ucf101(tmp_path)
    test = lists / "testlist01.txt"
    test.write_text(test.read_text().replace("HandstandPushups/", "HandStandPushups/"))
    labels = read_labels(lists)
    assert sides(labels) == two_and_one("ApplyEyeMakeup", "HandstandPushups")
    assert labels.missing == ()


@pytest.mark.parametrize(
    "there", ["HandStandPushups/v_HandStandPushups_g01_c01.avi", "HandstandPushups/v_HandstandPushups_g01_c01.avi"]
)
def test_ucf101__is_found_however_the_archive_spelt_it(tmp_path: Path, there: str) -> None:
    lists = write_ucf101(tmp_path)
    listed = tmp_path / "UCF-101" / "HandstandPushups" / "v_HandStandPushups_g01_c01.avi"
    listed.unlink()
    touch(tmp_path / "UCF-101" / there)
    labels = read_labels(lists)
    assert labels.missing == ()
    assert tmp_path / "UCF-101" / there in {row.path for row in labels.rows}


def test_ucf101__each_fold_tests_other_videos(tmp_path: Path) -> None:
    lists = write_ucf101(tmp_path)
    tested = [{row.path.name for row in read_labels(lists, fold=fold).rows if row.split == "test"} for fold in (1, 2, 3)]
    assert len(set.union(*tested)) == sum(map(len, tested)) == 6
    with pytest.raises(BadLabels, match="UCF101 has the splits 1, 2 and 3, not 4"):
        read_labels(lists, fold=4)


def test_ucf101__what_is_missing_is_named_with_its_line(tmp_path: Path) -> None:
    lists = write_ucf101(tmp_path)
    (tmp_path / "UCF-101" / "ApplyEyeMakeup" / "v_ApplyEyeMakeup_g02_c01.avi").unlink()
    ((what, why),) = read_labels(lists).missing
    assert what == "ApplyEyeMakeup/v_ApplyEyeMakeup_g02_c01.avi"
    assert "trainlist01.txt, line 1: no such file under" in why and why.endswith("UCF-101")


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        ("classInd.txt", "1ApplyEyeMakeup", r"classInd.txt, line 1: '1ApplyEyeMakeup' should be a class's number and name"),
        (
            "trainlist01.txt",
            "ApplyEyeMakeup/v_x_g02_c01.avi 2",
            r"trainlist01.txt, line 1: class 'ApplyEyeMakeup' has the number",
        ),
        ("trainlist01.txt", "ApplyEyeMakeup/v_x_g02_c01.avi 0", r"has the number '0' here"),
        ("testlist01.txt", "v_ApplyEyeMakeup_g02_c01.avi", r"testlist01.txt, line 1: .* should be CLASS/FILE"),
        ("testlist01.txt", "Juggling/v_Juggling_g02_c01.avi", r"class 'Juggling' is not in classInd.txt"),
    ],
)
def test_ucf101__a_wrong_line_is_named(tmp_path: Path, file: str, line: str, said: str) -> None:
    lists = write_ucf101(tmp_path)
    write(lists / file, [line] if file != "classInd.txt" else [line, "2 HandstandPushups"])
    with pytest.raises(BadLabels, match=said):
        read_labels(lists)


def test_ucf101__without_its_split_file_says_so(tmp_path: Path) -> None:
    lists = write_ucf101(tmp_path)
    (lists / "testlist01.txt").unlink()
    with pytest.raises(BadLabels, match=r"There is no split file .*testlist01\.txt"):
        read_labels(lists)


# --- HMDB51 ---------------------------------------------------------------------------------------------------------------------


def test_hmdb51__zero_is_unused_one_train_two_test(tmp_path: Path) -> None:
    labels = read_labels(write_hmdb51(tmp_path), fold=2)
    assert labels.layout == "hmdb51"
    assert sides(labels) == two_and_one("brush_hair", "wave")
    assert {row.path.name.split("_")[1] for row in labels.rows if row.split == "test"} == {"2"}
    assert labels.missing == ()


def test_hmdb51__videos_may_be_elsewhere_and_missing_ones_are_named(tmp_path: Path) -> None:
    lists = write_hmdb51(tmp_path / "lists")
    (tmp_path / "lists" / "hmdb51_org").rename(tmp_path / "moved")
    (tmp_path / "moved" / "wave" / "Movie_1_wave_u_nm_np1_ba_goo_0.avi").unlink()
    labels = read_labels(lists, videos=tmp_path / "lists" / ".." / "moved")
    assert len(labels.rows) == 5 and {row.path.parents[1] for row in labels.rows} == {tmp_path / "moved"}
    assert labels.root == tmp_path / "moved"
    ((what, why),) = labels.missing
    assert what == "wave/Movie_1_wave_u_nm_np1_ba_goo_0.avi" and "wave_test_split1.txt, line 2" in why


def test_videos__that_are_all_elsewhere_are_asked_for(tmp_path: Path) -> None:
    lists = write_hmdb51(tmp_path / "lists")
    with pytest.raises(BadLabels, match=r"No video that .* names is there. First: brush_hair/Movie_.* --videos FOLDER"):
        read_labels(lists, videos=tmp_path / "nowhere")


def test_hmdb51__a_wrong_line_is_named(tmp_path: Path) -> None:
    lists = write_hmdb51(tmp_path)
    write(lists / "wave_test_split1.txt", ["a.avi 1", "b.avi 3"])
    with pytest.raises(BadLabels, match=r"wave_test_split1\.txt, line 2: 'b.avi 3' should be .* 0 \(unused\), 1 \(train\) or 2"):
        read_labels(lists)


# --- Kinetics -------------------------------------------------------------------------------------------------------------------


def test_kinetics__files_are_found_by_id_and_seconds(tmp_path: Path) -> None:
    labels = read_labels(write_kinetics(tmp_path))
    assert labels.layout == "kinetics"
    assert sides(labels) == two_and_one("abseiling", 'playing "rock"')
    assert labels.rows[0].path == tmp_path / "abseiling" / "AAAAAAAAAA0_000020_000030.mp4"
    assert labels.missing == ()


def test_kinetics__one_file_with_flat_videos_elsewhere(tmp_path: Path) -> None:
    root = write_kinetics(tmp_path / "lists")
    touch(tmp_path / "flat" / "AAAAAAAAAA1_000021_000031.mkv")
    labels = read_labels(root / "train.csv", videos=tmp_path / "flat")
    assert [row.path.name for row in labels.rows] == ["AAAAAAAAAA1_000021_000031.mkv"]
    assert len(labels.missing) == 3


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("abseiling,AAAAAAAAAA0,20,30,holdout", "line 2: split must be train, val or test, got 'holdout'"),
        ("abseiling,AAAAAAAAAA0,soon,30,train", "line 2: time_start must be seconds, got 'soon'"),
        ("abseiling,AAAAAAAAAA0,inf,30,train", "line 2: time_start must be seconds, got 'inf'"),
        ("abseiling,,20,30,train", "line 2: youtube_id is empty"),
    ],
)
def test_kinetics__a_wrong_line_is_named(tmp_path: Path, row: str, said: str) -> None:
    write(tmp_path / "train.csv", ["label,youtube_id,time_start,time_end,split", row])
    with pytest.raises(BadLabels, match=said):
        read_labels(tmp_path / "train.csv")


def test_kinetics__needs_both_lists(tmp_path: Path) -> None:
    root = write_kinetics(tmp_path)
    (root / "val.csv").unlink()
    with pytest.raises(BadLabels, match=r"needs train\.csv and one of val\.csv"):
        read_labels(root)


# --- class folders --------------------------------------------------------------------------------------------------------------


def test_folders__with_split_folders(tmp_path: Path) -> None:
    for name in ("train/left/a.mp4", "train/right/b.mp4", "Test/left/c.mp4", "Test/left/notes.txt"):
        touch(tmp_path / name)
    labels = read_labels(tmp_path)
    assert labels.layout == "folders"
    assert sides(labels) == {("left", "train"): 1, ("right", "train"): 1, ("left", "test"): 1}


def test_folders__about_a_fifth_of_each_class_is_test_and_stays_so_as_it_grows(tmp_path: Path) -> None:
    def fill(count: int) -> dict[Path, str]:
        for label in ("left", "right"):
            for number in range(count):
                touch(tmp_path / label / f"{number}.mp4")
        return {row.path: row.split for row in read_labels(tmp_path).rows}

    few, many = fill(40), fill(100)
    assert all(many[path] == split for path, split in few.items())
    assert 0.1 < sum(split == "test" for split in many.values()) / len(many) < 0.3
    (note,) = read_labels(tmp_path).warnings
    drawn = sum(split == "test" for split in many.values())
    assert note == f"no folders called train and test: {drawn} of 200 videos were drawn to be queries, of each label about a fifth"


def test_a_folder_beside_a_datasets_lists_is_not_taken_for_a_class(tmp_path: Path) -> None:
    """Else UCF-101 would be the one label of everything."""
    write_ucf101(tmp_path)
    with pytest.raises(BadLabels, match=r"split files of a dataset in ucfTrainTestlist\. Name that folder: --labels .*ucfTrain"):
        read_labels(tmp_path)


def test_splits_beyond_the_first_are_of_datasets_that_have_them(tmp_path: Path) -> None:
    for label in "ab":
        touch(tmp_path / label / "1.mp4")
    with pytest.raises(BadLabels, match="in the layout 'folders', which has one split; UCF101 and HMDB51 have a split 2"):
        read_labels(tmp_path, fold=2)


def test_folders__tiny_classes_have_both_sides(tmp_path: Path) -> None:
    for label in "abcdefgh":
        for number in range(2):
            touch(tmp_path / label / f"{label}{number}.mp4")
    assert sides(read_labels(tmp_path)) == {(label, side): 1 for label in "abcdefgh" for side in ("train", "test")}


def test_folders__groups_of_ucf101_stand_on_one_side(tmp_path: Path) -> None:
    for group in range(1, 26):
        for clip in range(1, 5):
            touch(tmp_path / "Archery" / f"v_Archery_g{group:02}_c{clip:02}.avi")
    labels = read_labels(tmp_path)
    assert {row.split for row in labels.rows} == {"train", "test"}
    by_group: dict[str, set[str]] = {}
    for row in labels.rows:
        by_group.setdefault(row.path.name.split("_")[2], set()).add(row.split)
    assert all(len(found) == 1 for found in by_group.values())
    assert len(labels.warnings) == 1  # that the split was drawn


def test_folders__of_a_split_with_something_else_beside_them_are_refused(tmp_path: Path) -> None:
    for name in ("train/left/a.mp4", "test/left/b.mp4", "notes/read.txt"):
        touch(tmp_path / name)
    assert sides(read_labels(tmp_path)) == {("left", "train"): 1, ("left", "test"): 1}
    touch(tmp_path / "more" / "c.mp4")
    with pytest.raises(BadLabels, match="has the folder 'more' beside"):
        read_labels(tmp_path)


def test_folders__without_classes_says_what_was_expected(tmp_path: Path) -> None:
    touch(tmp_path / "a.mp4")
    with pytest.raises(BadLabels, match=r"has no folders of videos named after what they show"):
        read_labels(tmp_path)


# --- any layout -----------------------------------------------------------------------------------------------------------------


def test_warnings__a_group_on_both_sides_and_a_label_nobody_can_find() -> None:
    rows = (
        LabelledVideo(path=Path("/a"), label="left", split="train", group="g1"),
        LabelledVideo(path=Path("/b"), label="left", split="test", group="g1"),
        LabelledVideo(path=Path("/c"), label="right", split="test", group="g2"),
    )
    groups, lonely = LabelSet(path=Path("/labels.csv"), layout="csv", root=Path("/"), rows=rows).warnings
    assert groups.startswith("1 group(s) have videos on both sides, train and test, such as 'g1'")
    assert lonely.startswith("1 label(s) have test videos but none in train, such as 'right'")


def test_warnings__no_label_in_common_is_said(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    write(file, ["path,label,split", "a.mp4,Left,train", "b.mp4,left,test"])
    spelling, warning = read_labels(file).warnings
    assert "differ only in capitals" in spelling
    assert warning.startswith("1 label(s) have test videos but none in train, such as 'left'")


def test_rows__a_video_counts_once_and_has_one_label(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    write(file, ["path,label,split", "a.mp4,left,train", "./a.mp4,left,train", "b.mp4,left,test"])
    labels = read_labels(file)
    assert [row.path.name for row in labels.rows] == ["a.mp4", "b.mp4"]
    assert labels.warnings == ("1 row(s) repeat a video and were left out",)
    write(file, ["path,label,split", "a.mp4,left,test", "a.mp4,right,train"])
    with pytest.raises(BadLabels, match=r"a\.mp4 twice \(lines 2 and 3\), as 'left' test and as 'right' train"):
        read_labels(file)


def test_warnings__groups_of_two_sources_may_share_a_name() -> None:
    rows = (
        LabelledVideo(path=Path("/a"), label="left", split="train", group="1", source="A"),
        LabelledVideo(path=Path("/b"), label="left", split="test", group="1", source="B"),
    )
    assert LabelSet(path=Path("/labels.csv"), layout="csv", root=Path("/"), rows=rows).warnings == ()


@pytest.mark.parametrize("make", [write_ucf101, write_hmdb51])
def test_layout__that_is_a_folder_cannot_be_a_file(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    make(tmp_path)
    file = tmp_path / "labels.csv"
    write(file, ["path,label,split", "a.mp4,left,train"])
    with pytest.raises(BadLabels, match="is no folder"):
        read_labels(file, layout="ucf101")


def test_layout__nothing_there(tmp_path: Path) -> None:
    with pytest.raises(BadLabels, match="There is no label file"):
        read_labels(tmp_path / "none")
