"""Which labelled videos judge a training, and which it must never see."""

from pathlib import Path

import pytest

from app.errors import BadLabels
from app.training_labels import MAX_GALLERY, MAX_QUERIES, read_probe


def write(folder: Path, header: str, rows: list[str]) -> Path:
    """A label file, and the videos that it names."""
    path = folder / "labels.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    for row in rows:
        (folder / row.partition(",")[0]).touch()
    return path


def test_probe__test_rows_are_queries_and_held_out(tmp_path: Path) -> None:
    labels = write(tmp_path, "path,label,split,source", ["a.mp4,run,train,web", "b.mp4,jump,test,web", "c.mp4,run,train,film"])
    found = read_probe(labels, seed=1)
    probe, held_out = found.probe, found.held_out
    assert [(Path(video.path).name, video.label, video.source) for video in probe.queries] == [("b.mp4", "jump", "web")]
    assert sorted(Path(video.path).name for video in probe.gallery) == ["a.mp4", "c.mp4"]
    assert held_out == (str(tmp_path / "b.mp4"),)
    assert found.notes == (
        f"{labels}: 1 label(s) have test videos but none in train, such as 'jump': their queries cannot be right",
    )


def test_probe__without_splits_a_fifth_of_the_groups_is_held_out(tmp_path: Path) -> None:
    labels = write(tmp_path, "path,label,group", [f"{group}-{n}.mp4,x,{group}" for group in range(10) for n in range(3)])
    found = read_probe(labels, seed=1)
    probe, held_out = found.probe, found.held_out
    assert found.notes == (f"{labels}: no column split: a fifth of its groups was drawn to be held out, 6 videos",)
    groups = {Path(path).name.partition("-")[0] for path in held_out}
    assert len(groups) == 2 and len(held_out) == 6
    assert {video.path for video in probe.queries} == set(held_out)
    assert {Path(video.path).name.partition("-")[0] for video in probe.gallery}.isdisjoint(groups)
    assert read_probe(labels, seed=1) == found
    assert len({read_probe(labels, seed=seed).held_out for seed in range(5)}) > 1


def test_probe__is_bounded_but_everything_is_held_out(tmp_path: Path) -> None:
    rows = [f"{number}.mp4,x,{'test' if number % 2 else 'train'}" for number in range(1000)]
    found = read_probe(write(tmp_path, "path,label,split", rows), seed=1)
    probe = found.probe
    assert (len(probe.queries), len(probe.gallery), len(found.held_out)) == (MAX_QUERIES, MAX_GALLERY, 500)
    assert len(set(probe.queries)) == MAX_QUERIES


@pytest.mark.parametrize(
    ("header", "rows", "says"),
    [
        ("path,label,split", ["a.mp4,x,train", "b.mp4,x,train"], r"has no videos to hold out \(split test\)"),
        ("path,label", ["a.mp4,x"], "has one video; two are the least, one to hold out and one to search among"),
        ("path,label,split", ["a.mp4,x,train"], "has one video; two are the least"),
        ("path,label,group", ["a.mp4,x,g", "b.mp4,x,g"], "all are of one group, and a group stays together"),
        ("path", ["a.mp4"], r"lacks the column 'label'\. It needs path, label; it has path\."),
    ],
)
def test_probe__needs_both_sides(tmp_path: Path, header: str, rows: list[str], says: str) -> None:
    with pytest.raises(BadLabels, match=says):
        read_probe(write(tmp_path, header, rows), seed=1)


def test_probe__an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    with pytest.raises(BadLabels, match=r"empty\.csv is empty\. Its first line should be path,label,split"):
        read_probe(tmp_path / "empty.csv", seed=1)


def test_probe__judges_by_videos_that_are_there_and_names_the_others(tmp_path: Path) -> None:
    rows = [f"{number}.mp4,x,{'test' if number % 2 else 'train'}" for number in range(6)]
    labels = write(tmp_path, "path,label,split", rows)
    (tmp_path / "1.mp4").unlink()
    found = read_probe(labels, seed=1)
    assert {Path(video.path).name for video in found.probe.queries} == {"3.mp4", "5.mp4"}
    assert str(tmp_path / "1.mp4") in found.held_out, "it may come back"
    assert found.notes == (f"{labels}: 1 of 6 videos are not there, such as {tmp_path / '1.mp4'}",)
    for name in ("3.mp4", "5.mp4"):
        (tmp_path / name).unlink()
    with pytest.raises(BadLabels, match=r"none of the 3 videos to hold out \(split test\) is there\. First: .*1\.mp4"):
        read_probe(labels, seed=1)


def test_probe__class_folders_tell_that_their_split_was_drawn(tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / "abxy"[number % 4]).mkdir(exist_ok=True)
        (tmp_path / "abxy"[number % 4] / f"{number}.mp4").touch()
    (note,) = read_probe(tmp_path, seed=1).notes
    assert "no folders called train and test: 4 of 8 videos were drawn to be queries, of each label about a fifth" in note


@pytest.mark.parametrize("place", ["UCF-101", "elsewhere"])
def test_probe__of_a_datasets_own_lists(tmp_path: Path, place: str) -> None:
    """UCF101 as distributed; its videos beside the lists, or in the folder that is trained on."""
    lists = tmp_path / "ucfTrainTestlist"
    lists.mkdir()
    names = [f"ApplyEyeMakeup/v_ApplyEyeMakeup_g0{number}_c01.avi" for number in range(4)]
    (lists / "classInd.txt").write_text("1 ApplyEyeMakeup\n")
    (lists / "trainlist01.txt").write_text("".join(f"{name} 1\n" for name in names[:3]))
    (lists / "testlist01.txt").write_text(f"{names[3]}\n")
    (tmp_path / place / "ApplyEyeMakeup").mkdir(parents=True)
    for name in names:
        (tmp_path / place / name).touch()
    found = read_probe(lists, seed=1, data=[tmp_path / place])
    assert (len(found.probe.queries), len(found.probe.gallery)) == (1, 3)
    assert found.held_out == (str(tmp_path / place / names[3]),)
    if place == "elsewhere":
        with pytest.raises(BadLabels, match=r"is there\..* Say where the videos are: --data FOLDER"):
            read_probe(lists, seed=1)
