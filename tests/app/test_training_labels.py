"""Which labelled videos judge a training, and which it must never see."""

from pathlib import Path

import pytest

from app.errors import BadLabels
from app.training_labels import MAX_GALLERY, MAX_QUERIES, read_probe


def write(folder: Path, header: str, rows: list[str]) -> Path:
    path = folder / "labels.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_probe__test_rows_are_queries_and_held_out(tmp_path: Path) -> None:
    labels = write(tmp_path, "path,label,split,source", ["a.mp4,run,train,web", "b.mp4,jump,test,web", "c.mp4,run,train,film"])
    probe, held_out = read_probe(labels, seed=1)
    assert [(Path(video.path).name, video.label, video.source) for video in probe.queries] == [("b.mp4", "jump", "web")]
    assert sorted(Path(video.path).name for video in probe.gallery) == ["a.mp4", "c.mp4"]
    assert held_out == (str(tmp_path / "b.mp4"),)


def test_probe__without_splits_a_fifth_of_the_groups_is_held_out(tmp_path: Path) -> None:
    labels = write(tmp_path, "path,label,group", [f"{group}-{n}.mp4,x,{group}" for group in range(10) for n in range(3)])
    probe, held_out = read_probe(labels, seed=1)
    groups = {Path(path).name.partition("-")[0] for path in held_out}
    assert len(groups) == 2 and len(held_out) == 6
    assert {video.path for video in probe.queries} == set(held_out)
    assert {Path(video.path).name.partition("-")[0] for video in probe.gallery}.isdisjoint(groups)
    assert read_probe(labels, seed=1) == (probe, held_out)
    assert len({read_probe(labels, seed=seed)[1] for seed in range(5)}) > 1


def test_probe__is_bounded_but_everything_is_held_out(tmp_path: Path) -> None:
    rows = [f"{number}.mp4,x,{'test' if number % 2 else 'train'}" for number in range(1000)]
    probe, held_out = read_probe(write(tmp_path, "path,label,split", rows), seed=1)
    assert (len(probe.queries), len(probe.gallery), len(held_out)) == (MAX_QUERIES, MAX_GALLERY, 500)
    assert len(set(probe.queries)) == MAX_QUERIES


def test_probe__needs_both_sides(tmp_path: Path) -> None:
    with pytest.raises(BadLabels, match=r"no videos to hold out \(split test\)"):
        read_probe(write(tmp_path, "path,label,split", ["a.mp4,x,train"]), seed=1)
    with pytest.raises(BadLabels, match="no videos to search among"):
        read_probe(write(tmp_path, "path,label", ["a.mp4,x"]), seed=1)
    with pytest.raises(BadLabels, match=r"lacks the column 'label'\. It needs path, label; it has path\."):
        read_probe(write(tmp_path, "path", ["a.mp4"]), seed=1)
