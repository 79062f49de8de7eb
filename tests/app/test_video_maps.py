"""The map of a stored run has all videos that took part, and its report shows it as long as their vectors are there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.evaluation import video_maps
from app.evaluation.report import write_run_report
from app.evaluation.retrieval import evaluate_retrieval
from app.evaluation.run_reader import read_run
from app.evaluation.run_view import RunView
from app.evaluation.video_maps import labelled_videos, report_maps
from app.labels.read_labels import read_labels
from app.maintain import remove_library
from app.workspace import Workspace
from index.catalog.records import EvaluationRun, FileFingerprint, VideoFacts
from tests.helpers.tiny_encoder import write_tiny_encoder

NUM_GALLERY = 14
"""More than the ten nearest that are stored of each query."""
SEEN = "Each point is a video"


def index(ws: Workspace, folder: Path) -> Path:
    """Two queries and a gallery, in each of the sources x and y; the place of their label file."""
    lines = ["path,label,split,source"]
    ws.catalog.add_library("lib", [folder])
    encoder_id, dim = ws.encoder_id("default"), ws.encoder_card("default").dim
    rng = np.random.default_rng(4)
    for source in "xy":
        for place in range(NUM_GALLERY + 2):
            path = folder / f"{source}{place}.mp4"
            path.touch()
            lines.append(f"{path.name},{'ab'[place % 2]},{'train' if place < NUM_GALLERY else 'test'},{source}")
            file = FileFingerprint(str(path), 0, path.stat().st_mtime_ns, path.name.encode().hex().zfill(64))
            vector_D = rng.normal(size=dim)
            vectors = (vector_D / np.linalg.norm(vector_D)).astype(np.float32)[None]
            facts = VideoFacts(2.0, 96, 64, 25.0, "h264", "mp4")
            ws.catalog.put_embedded("lib", file, facts, encoder_id, [[0.0, 2.0]], vectors, np.zeros(1, np.uint8), [])
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder / "labels.csv"


@pytest.fixture
def labels(ws: Workspace, tmp_path: Path) -> Path:
    (tmp_path / "lib").mkdir()
    return index(ws, tmp_path / "lib")


def measured(ws: Workspace, labels: Path, within: str | None = None) -> EvaluationRun:
    report = evaluate_retrieval(ws, "lib", read_labels(labels), within=within)
    stored = ws.catalog.evaluation_run(report.run_id)
    assert stored is not None
    return stored


def names(sources: str) -> list[str]:
    return sorted(f"{source}{place}" for source in sources for place in range(NUM_GALLERY + 2))


def mapped(view: RunView) -> dict[str, list[str]]:
    return {row.group: sorted(video.path.stem for video in labelled_videos(row)) for row in view.rows}


def test_map__has_all_of_the_gallery_and_not_only_the_nearest(ws: Workspace, labels: Path) -> None:
    view = read_run(measured(ws, labels))
    assert mapped(view) == {"": names("xy")}
    (points,) = report_maps(ws, view).found.values()
    assert sorted(Path(point.path).stem for point in points.points) == names("xy")
    assert [point.split for point in points.points] == ["test"] * 4 + ["train"] * 2 * NUM_GALLERY


def test_map__of_a_group_has_its_own_videos(ws: Workspace, labels: Path) -> None:
    view = read_run(measured(ws, labels, within="source"))
    assert mapped(view) == {"x": names("x"), "y": names("y")}
    maps = report_maps(ws, view)
    assert [(key, len(points.points)) for key, points in maps.found.items()] == [
        (("x", "mean", "default"), NUM_GALLERY + 2),
        (("y", "mean", "default"), NUM_GALLERY + 2),
    ]
    assert maps.missing == ()


def test_map__of_runs_that_did_not_store_whose_gallery_it_was(ws: Workspace, labels: Path) -> None:
    """Without groups it is all that was no query; else only what was among the nearest is known to be of the group."""
    for within, expected in ((None, {"": 4 + 2 * NUM_GALLERY}), ("source", {"x": 2 + 14, "y": 2 + 14})):
        run = measured(ws, labels, within=within)
        del run.results["galleries"]
        found = mapped(read_run(run))
        assert all(set(paths) <= set(names(group or "xy")) for group, paths in found.items())
        assert all(len(paths) <= expected[group] for group, paths in found.items())
        assert within or len(found[""]) == expected[""]


def written(ws: Workspace, run: EvaluationRun, target: Path) -> str:
    write_run_report(ws, run.id, target)
    return target.read_text(encoding="utf-8")


def test_report__has_the_map_once_however_many_ways_there_are(ws: Workspace, labels: Path, tmp_path: Path) -> None:
    html = written(ws, measured(ws, labels), tmp_path / "report.html")
    assert html.count(f"<figcaption>{SEEN}") == 1 and "There is no map" not in html


def test_report__says_why_there_is_no_map(ws: Workspace, home: Path, labels: Path, tmp_path: Path) -> None:
    run = measured(ws, labels)
    encoder = home / "encoders" / "default.onnx"
    before = encoder.read_bytes()
    write_tiny_encoder(encoder, seed=77)
    with Workspace(ws.settings) as now:
        html = written(now, run, tmp_path / "report.html")
    assert "There is no map of the videos as default sees them: the encoder" in html and SEEN not in html
    encoder.unlink()
    with Workspace(ws.settings) as now:
        assert "There is no map of the videos as default sees them" in written(now, run, tmp_path / "report.html")
    encoder.write_bytes(before)
    with Workspace(ws.settings) as now:
        remove_library(now, "lib")
        html = written(now, run, tmp_path / "report.html")
    assert "There is no library" in html and "Top-1 of each label" in html and SEEN not in html


def test_report__of_a_protocol_or_without_encoders_says_nothing_of_maps(ws: Workspace, labels: Path) -> None:
    run = measured(ws, labels)
    for other in (replace(run, library=None), replace(run, kind="cloze"), replace(run, results={"rows": []})):
        maps = report_maps(ws, read_run(other))
        assert (maps.found, maps.missing) == ({}, ())


def test_report__has_no_more_maps_than_it_can_hold(ws: Workspace, labels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    view = read_run(measured(ws, labels, within="source"))
    monkeypatch.setattr(video_maps, "_MOST_MAPS", 1)
    maps = report_maps(ws, view)
    assert list(maps.found) == [("x", "mean", "default")] and "the first 1 of 2 groups" in maps.missing[0]
    monkeypatch.setattr(video_maps, "_MOST_POINTS", 10)
    maps = report_maps(ws, view)
    assert not maps.found and "16 videos are more than a report can hold" in maps.missing[0]
