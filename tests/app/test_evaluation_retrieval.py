"""Retrieval against labels: a table computed by hand, floors, checks, stored runs, and the official layouts from end to end."""

import json
import math
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from app.errors import BadLabels, BadQuery, NotIndexed
from app.evaluation import measurement
from app.evaluation.compare import compare_encoders
from app.evaluation.floors import floor_name, index_floors
from app.evaluation.retrieval import evaluate_retrieval
from app.evaluation.retrieval_rows import RetrievalReport, row_to_dict
from app.evaluation.ways import Way
from app.index_library import index_library
from app.labels.read_labels import read_labels
from app.labels.rows import LabelSet
from app.workspace import Workspace
from index.catalog.records import FileFingerprint, VideoFacts
from tests.helpers.label_trees import Drawn, write_hmdb51, write_kinetics, write_ucf101
from tests.helpers.tiny_encoder import write_tiny_encoder

ANGLES = {"g1": 0, "g2": 30, "g3": 60, "g4": 90, "q1": 10, "q2": 20, "q3": 50, "q4": 85}
LABELS = {"g1": "a", "g2": "b", "g3": "a", "g4": "c", "q1": "a", "q2": "b", "q3": "c", "q4": "d"}


def put(ws: Workspace, root: Path, angles: Mapping[str, float], encoder: str = "default", library: str = "lib") -> None:
    """One video of one clip for each name, its vector in the plane of the first two dimensions, at an angle in degrees."""
    root.mkdir(exist_ok=True)
    ws.catalog.add_library(library, [root])
    encoder_id, dim = ws.encoder_id(encoder), ws.encoder_card(encoder).dim
    for name, degrees in angles.items():
        path = root / f"{name}.mp4"
        path.touch()
        vectors = np.zeros((1, dim), np.float32)
        vectors[0, :2] = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        file = FileFingerprint(str(path), 0, path.stat().st_mtime_ns, name.encode().hex().zfill(64))
        facts = VideoFacts(2.0, 96, 64, 25.0, "h264", "mp4")
        ws.catalog.put_embedded(library, file, facts, encoder_id, [[0.0, 2.0]], vectors, np.zeros(1, np.uint8), [])


def labels_of(root: Path, labels: Mapping[str, str] = LABELS) -> LabelSet:
    file = root / "labels.csv"
    lines = [f"{name}.mp4,{label},{'test' if name[0] == 'q' else 'train'}" for name, label in labels.items()]
    file.write_text("\n".join(["path,label,split", *lines]) + "\n")
    return read_labels(file)


@pytest.fixture
def root(ws: Workspace, tmp_path: Path) -> Path:
    root = tmp_path / "lib"
    put(ws, root, ANGLES)
    return root


@pytest.mark.parametrize("way", ["mean", "stored"])
def test_a_table_computed_by_hand(ws: Workspace, root: Path, way: str) -> None:
    """q1 at 10 degrees: g1 (10 away, a), g2 (20), g3 (50, a), g4 (80); q2: g2 (10, b), …; q3: g3 (10), g2, g4 (40, c); q4: no d."""
    (row,) = evaluate_retrieval(ws, "lib", labels_of(root), ways=[way]).rows

    assert row.scores.top_k == {1: 2 / 4, 5: 3 / 4, 10: 3 / 4, 20: 3 / 4, 50: 3 / 4}
    assert row.scores.mean_average_precision == pytest.approx(((1 / 1 + 2 / 3) / 2 + 1 + 1 / 3 + 0) / 4)
    assert row.scores.per_class_top_1 == {"a": 1.0, "b": 1.0, "c": 0.0, "d": 0.0}
    assert row.scores.class_mean_top_1 == 2 / 4
    assert row.scores.chance_class_mean_top_1 == pytest.approx((2 / 4 + 1 / 4 + 1 / 4 + 0) / 4)
    assert [entry.path.stem for entry in row.queries] == ["q1", "q2", "q3", "q4"]
    assert [[row.gallery[place].path.stem for place, _ in query.nearest] for query in row.scores.queries] == [
        ["g1", "g2", "g3", "g4"],
        ["g2", "g1", "g3", "g4"],
        ["g3", "g2", "g4", "g1"],
        ["g4", "g3", "g2", "g1"],
    ]
    assert row.scores.queries[0].nearest[0][1] == pytest.approx(math.cos(math.radians(10)), abs=2e-3)


@pytest.mark.parametrize("way", ["mean", "stored"])
def test_equal_similarities_rank_in_the_order_of_the_labels(ws: Workspace, tmp_path: Path, way: Way) -> None:
    angles = {"g1": 40, "g2": 40, "q1": 40}
    put(ws, tmp_path / "lib", angles)
    for labels, hits in (({"g1": "a", "g2": "b", "q1": "b"}, 0.0), ({"g2": "b", "g1": "a", "q1": "b"}, 1.0)):
        (row,) = evaluate_retrieval(ws, "lib", labels_of(tmp_path / "lib", labels), ways=[way]).rows
        assert row.scores.top_k[1] == hits


def test_labels_may_name_the_videos_by_a_link(ws: Workspace, root: Path, tmp_path: Path) -> None:
    labels_of(root)
    (tmp_path / "link").symlink_to(root)
    report = evaluate_retrieval(ws, "lib", read_labels(tmp_path / "link" / "labels.csv"), ways=["stored"])
    assert [len(side) for side in (report.rows[0].queries, report.rows[0].gallery)] == [4, 4]


def test_a_run_is_stored_with_what_it_depends_on(ws: Workspace, root: Path) -> None:
    labels = labels_of(root)
    first, again = (evaluate_retrieval(ws, "lib", labels, ways=["mean"]) for _ in range(2))
    stored = ws.catalog.evaluation_run(first.run_id)

    assert stored is not None and stored.library == "lib"
    assert stored.settings["encoders"]["default"]["sha256"] == ws.encoder_card("default").weights_sha256
    assert stored.results["rows"][0] == row_to_dict(first.rows[0]) | {"per_label_top_1": {"a": 1.0, "b": 1.0, "c": 0.0, "d": 0.0}}
    videos = [Path(path).stem for path, _, _ in stored.results["videos"]]
    query, rank, _, nearest = stored.results["queries"][0][2]
    assert (videos[query], rank, [videos[number] for number, _ in nearest]) == ("q3", 2, ["g3", "g2", "g4", "g1"])
    assert fingerprint(ws, first) == fingerprint(ws, again)
    assert len(fingerprint(ws, first)) == 64


@pytest.mark.parametrize("change", ["label", "content", "fewer", "group", "source"])
def test_other_data_have_another_fingerprint(ws: Workspace, root: Path, change: str) -> None:
    before = fingerprint(ws, evaluate_retrieval(ws, "lib", labels_of(root), ways=["mean"]))
    labels = dict(LABELS)
    if change == "label":
        labels["g3"] = "b"
    elif change == "fewer":
        del labels["g3"]
    elif change in ("group", "source"):
        file = labels_of(root).path
        head, *rows = file.read_text().splitlines()
        file.write_text("\n".join([f"{head},{change}", *(f"{row},{'other' if row[:2] == 'g3' else ''}" for row in rows)]) + "\n")
        report = evaluate_retrieval(ws, "lib", read_labels(file), ways=["mean"])
        assert fingerprint(ws, report) != before
        return
    else:
        path = root / "g3.mp4"
        facts = VideoFacts(2.0, 96, 64, 25.0, "h264", "mp4")
        vectors = np.eye(1, ws.encoder_card().dim, dtype=np.float32)
        file = FileFingerprint(str(path), 1, 0, "f" * 64)
        ws.catalog.put_embedded("lib", file, facts, ws.encoder_id(), [[0.0, 2.0]], vectors, np.zeros(1, np.uint8), [])
    assert fingerprint(ws, evaluate_retrieval(ws, "lib", labels_of(root, labels), ways=["mean"])) != before


def test_what_was_compared_within_is_part_of_the_fingerprint(ws: Workspace, root: Path) -> None:
    """The same videos, but other galleries."""
    labels = root / "labels.csv"
    sides = {"g1": "a,train,S", "g2": "b,train,T", "q1": "a,test,S", "q2": "b,test,T"}
    labels.write_text("path,label,split,source\n" + "".join(f"{name}.mp4,{rest}\n" for name, rest in sides.items()))
    apart, together = (evaluate_retrieval(ws, "lib", read_labels(labels), within=within) for within in ("source", None))
    assert fingerprint(ws, apart) != fingerprint(ws, together)


def test_encoders_that_were_asked_less_are_other_data(ws: Workspace, home: Path, root: Path) -> None:
    """Of two encoders one lacks a video: its figures are not those of the same questions, though both together know all videos."""
    write_tiny_encoder(home / "encoders" / "other.onnx", name="other", seed=4)
    put(ws, root, {name: angle for name, angle in ANGLES.items() if name != "g4"}, "other")
    names = (["default"], ["other"], ["default", "other"])
    seen = [fingerprint(ws, evaluate_retrieval(ws, "lib", labels_of(root), encoders=one, ways=["mean"])) for one in names]
    assert len(set(seen)) == 3


def test_floors_are_no_part_of_the_fingerprint(ws: Workspace, home: Path, root: Path) -> None:
    before = fingerprint(ws, evaluate_retrieval(ws, "lib", labels_of(root), ways=["mean"]))
    write_tiny_encoder(home / "encoders" / "floor.onnx", name="floor", seed=3, task="untrained")
    put(ws, root, {name: ANGLES[name] for name in ("g1", "g2", "q1")}, "floor")
    report = evaluate_retrieval(ws, "lib", labels_of(root), ways=["mean"])
    assert len(report.rows) == 2
    assert fingerprint(ws, report) == before


def fingerprint(ws: Workspace, report: RetrievalReport) -> str:
    run = ws.catalog.evaluation_run(report.run_id)
    assert run is not None
    return str(run.settings["fingerprint"])


def test_an_untrained_network_stands_beside_and_a_result_that_it_reaches_says_so(ws: Workspace, home: Path, tmp_path: Path) -> None:
    write_tiny_encoder(home / "encoders" / "floor.onnx", name="floor", seed=3, task="untrained")
    write_tiny_encoder(home / "encoders" / "other.onnx", name="other", seed=4)
    names = [f"{side}{number:02}" for side in "gq" for number in range(20)]
    labels = {name: "ab"[int(name[1:]) % 2] for name in names}
    put(ws, tmp_path / "lib", {name: 0 if labels[name] == "a" else 90 for name in names})
    unsure = {name: (0 if labels[name] == "a" else 90) if name[0] == "g" or int(name[1:]) < 12 else 45.1 for name in names}
    put(ws, tmp_path / "lib", unsure, "other")
    put(ws, tmp_path / "lib", {name: 40 if name[0] == "q" else (0 if labels[name] == "a" else 90) for name in names}, "floor")
    report = evaluate_retrieval(ws, "lib", labels_of(tmp_path / "lib", labels), encoders=["default", "other"], ways=["mean"])

    rows = {row.encoder: row for row in report.rows}
    assert list(rows) == ["default", "other", "floor"]
    assert rows["floor"].is_floor and rows["floor"].above_floor is None
    assert (rows["default"].floor, rows["default"].above_floor) == (0.5, True)
    assert (rows["other"].floor, rows["other"].above_floor) == (0.5, rows["other"].class_mean_interval.low > 0.5)
    covered = [warning for warning in report.warnings if "covers the untrained network's" in warning]
    assert len(covered) == (not rows["other"].above_floor)


def test_what_does_no_better_than_untrained_says_so(ws: Workspace, home: Path, root: Path) -> None:
    write_tiny_encoder(home / "encoders" / "floor.onnx", name="floor", seed=3, task="untrained")
    put(ws, root, ANGLES, "floor")
    report = evaluate_retrieval(ws, "lib", labels_of(root), ways=["mean"])
    assert [row_to_dict(row)["above_floor"] for row in report.rows] == [False, None]
    assert any(warning.startswith("default mean: the interval") for warning in report.warnings)


def test_a_floor_with_another_gallery_is_none(ws: Workspace, home: Path, root: Path) -> None:
    write_tiny_encoder(home / "encoders" / "floor.onnx", name="floor", seed=3, task="untrained")
    others = {name: ANGLES[name] for name in ANGLES if name != "g3"}
    put(ws, root, others, "floor")
    put(ws, root, others, "colour")
    (row,) = (row for row in evaluate_retrieval(ws, "lib", labels_of(root), ways=["mean"]).rows if row.encoder == "default")
    assert row.floor is None
    write_tiny_encoder(home / "encoders" / "other.onnx", name="other", seed=4)
    put(ws, root, ANGLES, "other")
    (comparison,) = compare_encoders(ws, "lib", labels_of(root), "default", "other", ways=["mean"]).comparisons
    assert (comparison.floor, comparison.colour) == (None, None)


def test_a_dark_video_of_the_gallery_is_found_as_any_other(ws: Workspace, root: Path) -> None:
    """Its clips are flagged, and search leaves such out unasked; a labelled video must not drop out of the gallery."""
    facts, path = VideoFacts(2.0, 96, 64, 25.0, "h264", "mp4"), root / "g1.mp4"
    vectors = np.zeros((1, ws.encoder_card().dim), np.float32)
    vectors[0, 0] = 1.0
    file = FileFingerprint(str(path), 0, path.stat().st_mtime_ns, "1" * 64)
    flagged = np.ones(1, np.uint8)
    ws.catalog.put_embedded("lib", file, facts, ws.encoder_id(), [[0.0, 2.0]], vectors, flagged, [])
    (row,) = evaluate_retrieval(ws, "lib", labels_of(root), ways=["stored"]).rows
    assert row.gallery[row.scores.queries[0].nearest[0][0]].path == path


def test_a_floor_that_was_asked_less_is_none(ws: Workspace, home: Path, root: Path) -> None:
    write_tiny_encoder(home / "encoders" / "floor.onnx", name="floor", seed=3, task="untrained")
    put(ws, root, {name: ANGLES[name] for name in ("g1", "g2", "q1")}, "floor")
    report = evaluate_retrieval(ws, "lib", labels_of(root), ways=["mean"])
    assert [row.floor for row in report.rows] == [None, None]
    assert any(said.startswith("floor mean has vectors of other videos (1 queries, 2 in the") for said in report.warnings)


def test_a_label_without_gallery_in_its_group_is_told(ws: Workspace, root: Path) -> None:
    labels = root / "labels.csv"
    sides = {"g1": "a,train,S", "g2": "b,train,T", "q1": "a,test,S", "q2": "b,test,S"}
    labels.write_text("path,label,split,source\n" + "".join(f"{name}.mp4,{rest}\n" for name, rest in sides.items()))
    report = evaluate_retrieval(ws, "lib", read_labels(labels), within="source", ways=["mean"])
    assert "no gallery video in S has the label 'b': such queries count as wrong" in report.warnings


def test_a_damaged_query_of_one_encoder_is_left_out_of_a_comparison(ws: Workspace, home: Path, root: Path) -> None:
    write_tiny_encoder(home / "encoders" / "other.onnx", name="other", seed=4)
    put(ws, root, ANGLES, "other")
    with sqlite3.connect(home / "catalog.db") as catalog:
        (number,) = catalog.execute("SELECT id FROM video WHERE path LIKE '%q1.mp4'").fetchone()
        other = ws.encoder_id("other")
        catalog.execute("UPDATE embedding SET vectors = x'00' WHERE video_id = ? AND encoder_id = ?", (number, other))
    report = compare_encoders(ws, "lib", labels_of(root), "default", "other", ways=["mean"])
    assert [comparison.num_queries for comparison in report.comparisons] == [3]
    assert any("damaged" in why for _, why in report.left_out)


def test_a_comparison_stands_beside_its_floors(ws: Workspace, home: Path, root: Path) -> None:
    write_tiny_encoder(home / "encoders" / "other.onnx", name="other", seed=4)
    write_tiny_encoder(home / "encoders" / "floor.onnx", name="floor", seed=3, task="untrained")
    put(ws, root, {name: angle for name, angle in ANGLES.items() if name != "q3"}, "other")
    labels = labels_of(root)
    (bare,) = compare_encoders(ws, "lib", labels, "default", "other", ways=["mean"]).comparisons
    assert (bare.floor, bare.colour) == (None, None)
    put(ws, root, ANGLES, "floor")
    put(ws, root, dict.fromkeys(ANGLES, 0), "colour")
    report = compare_encoders(ws, "lib", labels, "default", "other", ways=["mean"])
    (comparison,) = report.comparisons
    assert (comparison.num_queries, comparison.a, comparison.floor) == (3, pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert comparison.colour == pytest.approx(1 / 3)
    assert any("default mean: the interval" in said for said in report.warnings)
    assert any("every query finds itself" in said for said in report.checks)


def test_what_says_little_is_told(ws: Workspace, root: Path) -> None:
    labels = root / "labels.csv"
    sides = {"g1": "a,train,S", "q1": "a,test,S", "g2": "b,train,T", "g3": "a,train,T", "q2": "b,test,T"}
    labels.write_text("path,label,split,source\n" + "".join(f"{name}.mp4,{rest}\n" for name, rest in sides.items()))
    report = evaluate_retrieval(ws, "lib", read_labels(labels), within="source", ways=["mean"])
    assert "S: all videos have the label 'a', so any answer is right" in report.warnings
    assert not any(said.startswith("T: all") for said in report.warnings)
    assert "T: intervals say little with fewer than 10 queries; here are 1" in report.warnings


def test_whichever_comes_first_a_comparison_has_its_floor_and_its_hash(ws: Workspace, home: Path, root: Path) -> None:
    write_tiny_encoder(home / "encoders" / "floor.onnx", name="floor", seed=3, task="untrained")
    put(ws, root, ANGLES, "floor")
    put(ws, root, ANGLES, "colour")
    for a, b in (("default", "floor"), ("floor", "default")):
        report = compare_encoders(ws, "lib", labels_of(root), a, b, ways=["mean"])
        assert [comparison.floor for comparison in report.comparisons] == [0.5]
        stored = ws.catalog.evaluation_run(report.run_id)
        assert stored is not None and set(stored.settings["encoders"]) == {"default", "floor", "colour"}


def test_many_queries_are_asked_of_the_search_on_demand_alone(ws: Workspace, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = labels_of(root)  # four queries, four to find
    monkeypatch.setattr(measurement, "MOST_BY_SEARCH", 16)
    assert [row.way for row in evaluate_retrieval(ws, "lib", labels).rows] == ["mean", "stored"]
    monkeypatch.setattr(measurement, "MOST_BY_SEARCH", 15)
    report = evaluate_retrieval(ws, "lib", labels)
    assert [row.way for row in report.rows] == ["mean"]
    assert any("compared by mean vector alone" in said and "--by stored" in said for said in report.warnings)
    stored = ws.catalog.evaluation_run(report.run_id)
    assert stored is not None and stored.settings["ways"] == ["mean"]
    assert [row.way for row in evaluate_retrieval(ws, "lib", labels, ways=["stored"]).rows] == ["stored"]


def test_a_query_whose_file_is_gone_is_left_out_and_the_others_are_asked(ws: Workspace, folder: Path) -> None:
    index_library(ws, "lib", [folder])
    labels = folder / "labels.csv"
    labels.write_text("path,label,split\na.mp4,a,train\nb.mp4,b,train\nc.mp4,a,test\nbelow/long.mp4,b,test\n")
    (folder / "c.mp4").unlink()
    report = evaluate_retrieval(ws, "lib", read_labels(labels), ways=["mean", "sequence"])
    assert [(row.way, len(row.queries)) for row in report.rows] == [("mean", 2), ("sequence", 1)]
    ((path, why),) = report.left_out
    assert path == str(folder / "c.mp4") and why.startswith("cannot be asked with: ")
    assert ws.catalog.evaluation_run(report.run_id) is not None


def test_indexed_videos_without_labels_are_counted(ws: Workspace, root: Path) -> None:
    fewer = {name: label for name, label in LABELS.items() if name not in ("g3", "q4")}
    report = evaluate_retrieval(ws, "lib", labels_of(root, fewer), ways=["mean"])
    assert "2 indexed video(s) of library 'lib' have no label and take no part" in report.warnings
    assert not any("have no label" in said for said in evaluate_retrieval(ws, "lib", labels_of(root)).warnings)


def test_intervals_hold_their_values__also_of_mean_average_precision(ws: Workspace, root: Path) -> None:
    (row,) = evaluate_retrieval(ws, "lib", labels_of(root), ways=["mean"]).rows
    flat = row_to_dict(row)
    for name in ("top_1", "top_5", "mean_average_precision", "class_mean_top_1"):
        assert flat[f"{name}_low"] < flat[name] < flat[f"{name}_high"]


def test_queries_of_one_scene_are_drawn_together(ws: Workspace, tmp_path: Path) -> None:
    """Every scene is all right or all wrong, so the interval is that of scenes, wider than that of queries."""
    names = [f"q{number:03}" for number in range(100)]
    angles = {"ga": 0.0, "gb": 90.0} | {name: 5.0 if number // 5 % 2 else 85.0 for number, name in enumerate(names)}
    put(ws, tmp_path / "lib", angles)
    widths = []
    for scene in (5, 1):
        rows = ["ga.mp4,a,,train", "gb.mp4,b,,train", *(f"{name}.mp4,a,s{n // scene},test" for n, name in enumerate(names))]
        (tmp_path / "lib" / "labels.csv").write_text("\n".join(["path,label,group,split", *rows]) + "\n")
        (row,) = evaluate_retrieval(ws, "lib", read_labels(tmp_path / "lib" / "labels.csv"), ways=["mean"]).rows
        widths.append(row.class_mean_interval.high - row.class_mean_interval.low)
    assert widths[0] > 1.7 * widths[1]


def test_checks_hold_and_are_told(ws: Workspace, root: Path) -> None:
    report = evaluate_retrieval(ws, "lib", labels_of(root))
    assert any("100.0% of the true 4 nearest clips (exact index" in check for check in report.checks)
    assert report.checks[-1].endswith("all hold")


def test_a_label_file_of_another_library(ws: Workspace, root: Path, tmp_path: Path) -> None:
    put(ws, tmp_path / "other", {"g1": 0, "q1": 0}, library="other")
    with pytest.raises(NotIndexed, match=r"None of the 8 videos of .*labels.csv is in library 'other', such as .*g1.mp4\. Name"):
        evaluate_retrieval(ws, "other", labels_of(root))
    assert ws.catalog.evaluation_runs() == []


def test_an_encoder_without_vectors_here_is_named_with_the_command_that_helps(ws: Workspace, home: Path, root: Path) -> None:
    write_tiny_encoder(home / "encoders" / "new.onnx", name="new", seed=5)
    for encoders in (["new"], ["default", "new"]):
        with pytest.raises(NotIndexed, match=r"indexed with encoder 'new'\. Run: vret index --library lib --encoder new"):
            evaluate_retrieval(ws, "lib", labels_of(root), encoders=encoders, in_all_encoders=len(encoders) == 2)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"q1": "a"}, "has no train rows, so the gallery is empty"),
        ({"g1": "a", "g2": "b"}, "has no test rows, so there are no queries"),
        ({"g1": "a", "q1": "a"}, "All rows of .* have the label 'a', so any answer would be right"),
    ],
)
def test_one_side_only(ws: Workspace, root: Path, labels: dict[str, str], said: str) -> None:
    with pytest.raises(BadLabels, match=said):
        evaluate_retrieval(ws, "lib", labels_of(root, labels))


def test_a_listed_video_that_is_not_there_is_named_with_its_line(ws: Workspace, root: Path) -> None:
    labels = labels_of(root, {**LABELS, "g9": "a"})
    report = evaluate_retrieval(ws, "lib", labels, ways=["mean"])
    assert report.left_out == [(str(root / "g9.mp4"), "line 10 of the labels: there is no such file; not in library 'lib'")]
    gone = root / "gone.csv"
    gone.write_text("path,label,split\nx/q1.mp4,a,test\nx/g1.mp4,b,train\n")
    with pytest.raises(NotIndexed, match=r"None of the 2 videos of .*gone\.csv is there, such as .*x/q1\.mp4\. Mend the paths"):
        evaluate_retrieval(ws, "lib", read_labels(gone))


def test_within_a_column_that_says_nothing(ws: Workspace, root: Path) -> None:
    with pytest.raises(BadLabels, match="says no source of any video"):
        evaluate_retrieval(ws, "lib", labels_of(root), within="source")


def test_floors_are_made_once_and_indexed(ws: Workspace, folder: Path, home: Path) -> None:
    pytest.importorskip("torch", reason="making an untrained network needs the train extra")
    card = home / "encoders" / "small.onnx"
    from pretrain.export_onnx import ExportSpec, export_untrained

    export_untrained("r3d_quarter", 9, card, ExportSpec(name="small", spans_s=(2.0,)))
    trained = json_card(card, task="pace")
    index_library(ws, "lib", [folder], encoder_name=str(trained))
    report = index_floors(ws, "lib", encoder=str(trained), whiten_dim=0)
    assert report.made == ("untrained-r3d_quarter-2s-1",)
    assert [run.added + run.touched + run.changed + run.unchanged for run in report.reports] == [4, 4]
    assert all(run.clips for run in report.reports)
    told: list[str] = []
    again = index_floors(ws, "lib", encoder=str(trained), whiten_dim=0, on_floor=told.append)
    assert again.made == () and all(run.unchanged == 4 for run in again.reports)
    assert told == ["indexing with untrained-r3d_quarter-2s-1", "indexing with colour"]


def test_the_floor_of_movement_and_look_is_that_of_its_network_of_movement(ws: Workspace, folder: Path, home: Path) -> None:
    pytest.importorskip("torch", reason="making an untrained network needs the train extra")
    from pretrain.export_onnx import ExportSpec, export_untrained
    from pretrain.join_encoders import join_encoders

    spec, encoders = ExportSpec(name="small", num_frames=8, size_px=32, spans_s=(2.0,)), home / "encoders"
    export_untrained("r3d_quarter", 9, encoders / "small.onnx", spec)
    look = write_tiny_encoder(encoders / "scenes.onnx", dim=24, seed=5, task="look")
    join_encoders(json_card(encoders / "small.onnx", task="pace"), look, encoders / "both.onnx", name="both")
    index_library(ws, "lib", [folder], encoder_name="both")
    assert index_floors(ws, "lib", encoder="both", whiten_dim=0).made == ("untrained-r3d_quarter-2s-1",)


def test_a_file_of_a_floors_name_that_is_none_is_not_taken_for_one(ws: Workspace, folder: Path, home: Path) -> None:
    name = floor_name(ws.encoder_card("default"), 1)
    write_tiny_encoder(home / "encoders" / f"{name}.onnx", name=name, seed=3, task="pace")
    index_library(ws, "lib", [folder])
    with pytest.raises(BadQuery, match=rf"'{name}' is there already, but is .*, pace, of clips of .* s, and no floor of 'tiny'"):
        index_floors(ws, "lib", encoder="default")


def json_card(path: Path, **changes: str) -> Path:
    """The same file with another card."""
    import onnx

    model = onnx.load(path)
    (entry,) = (entry for entry in model.metadata_props if entry.key == "vret.card")
    entry.value = json.dumps(json.loads(entry.value) | changes | {"weights_sha256": "a" * 64})
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("write", "videos", "layout", "queries", "gallery"),
    [
        (write_ucf101, "UCF-101", "ucf101", 2, 4),
        (write_hmdb51, "hmdb51_org", "hmdb51", 2, 4),
        (write_kinetics, ".", "kinetics", 2, 4),
    ],
)
def test_official_layouts_from_files_to_figures(
    ws: Workspace, tmp_path: Path, write: Callable[..., Path], videos: str, layout: str, queries: int, gallery: int
) -> None:
    lists = write(tmp_path / "data", Drawn())
    index_library(ws, "lib", [tmp_path / "data" / videos])
    labels = read_labels(lists, videos=tmp_path / "data" / videos)
    report = evaluate_retrieval(ws, "lib", labels, ways=["mean"])

    assert labels.layout == layout
    assert [(len(row.queries), len(row.gallery), row.num_labels) for row in report.rows] == [(queries, gallery, 2)]
    assert report.left_out == []
