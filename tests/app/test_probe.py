"""Probes of an indexed library, from stored vectors to the stored run and the table."""

import csv
import io
import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from app.errors import AppError, BadLabels, BadQuery, NotIndexed
from app.evaluation.held_out_folds import FittedProbe, Folds, TrainSide
from app.evaluation.probe import PROBES, probe_encoders
from app.evaluation.probe_rows import ProbeReport, row_to_dict
from app.evaluation.protocol_features import Colour, ProtocolFeatures, Untrained
from app.labels.read_labels import read_labels
from app.labels.rows import LabelSet
from app.main import main
from app.workspace import Workspace
from index.catalog.records import FileFingerprint, VideoFacts
from tests.helpers.tiny_encoder import write_tiny_encoder

NAMES = ("jump", "kick", "wave")
Placed = Mapping[str, Sequence[float]]


def placed(
    *, noise: float = 0.2, test_noise: float | None = None, num_train: int = 18, num_test: int = 9
) -> dict[str, list[float]]:
    """By video: a place of six coordinates near its label's axis. Training videos are the same whatever the test ones are."""
    videos = {}
    for split, count, spread in (("train", num_train, noise), ("test", num_test, noise if test_noise is None else test_noise)):
        rng = np.random.default_rng(len(split))
        for number in range(count):
            videos[f"{split}{number:02}"] = (np.eye(3, 6)[number % 3] + rng.normal(0, spread, 6)).tolist()
    return videos


def put(ws: Workspace, root: Path, videos: Placed, encoder: str = "default", library: str = "lib") -> None:
    """One video of one clip for each name."""
    root.mkdir(exist_ok=True)
    ws.catalog.add_library(library, [root])
    encoder_id, dim = ws.encoder_id(encoder), ws.encoder_card(encoder).dim
    for number, (name, place) in enumerate(videos.items()):
        path = root / f"{name}.mp4"
        path.touch()
        vector = np.zeros((1, dim), np.float32)
        vector[0, :6] = np.array(place) / np.linalg.norm(place)
        file = FileFingerprint(str(path), 0, path.stat().st_mtime_ns, f"{number:064x}")
        facts = VideoFacts(2.0, 96, 64, 25.0, "h264", "mp4")
        ws.catalog.put_embedded(library, file, facts, encoder_id, [[0.0, 2.0]], vector, np.zeros(1, np.uint8), [])


def labels_of(root: Path, videos: Placed, label: Callable[[int], str] = lambda number: NAMES[number % 3]) -> LabelSet:
    """Three videos of a group, all of one source."""
    file = root / "labels.csv"
    rows = []
    for name in videos:
        split, number = name[:-2], int(name[-2:])
        rows.append(f"{name}.mp4,{label(number)},{split},{split}{number // 3},S")
    file.write_text("\n".join(["path,label,split,group,source", *rows]) + "\n")
    return read_labels(file)


def probed(ws: Workspace, root: Path, videos: Placed, **others: object) -> ProbeReport:
    put(ws, root, videos)
    return probe_encoders(ws, "lib", labels_of(root, videos), **others)  # type: ignore[arg-type]


def test_every_probe_solves_what_is_apart(ws: Workspace, tmp_path: Path) -> None:
    report = probed(ws, tmp_path / "lib", placed(), within="source")
    assert [row.probe for row in report.rows] == list(PROBES)
    for row in report.rows:
        flat = row_to_dict(row)
        assert (flat["group"], flat["queries"], flat["train"], flat["labels"]) == ("S", 9, 18, 3)
        assert (flat["top_1"], flat["class_mean_top_1"], flat["class_mean_top_1_low"]) == (1.0, 1.0, 1.0)
        assert (flat["chance"], flat["majority_top_1"], flat["majority_class_mean_top_1"]) == (0.3333, 0.3333, 0.3333)
        assert (flat["floor"], flat["above_floor"]) == (None, None)
    assert report.checks == ("S: settings were chosen on 5 held-out parts of train, whole groups of it",)
    assert report.warnings == ("S: intervals say little with fewer than 10 queries; here are 9",)


def test_figures_are_those_of_the_answers(ws: Workspace, tmp_path: Path) -> None:
    report = probed(ws, tmp_path / "lib", placed(test_noise=1.5, num_test=30))
    run = ws.catalog.evaluation_run(report.run_id)
    assert run is not None and (run.kind, run.library) == ("probe", "lib")
    for row, stored, confusion in zip(report.rows, run.results["rows"], run.results["confusions"], strict=True):
        counts = np.array(confusion["counts"])
        assert confusion["labels"] == list(NAMES) and confusion["title"] == f"default {row.probe}"
        assert counts.sum(axis=1).tolist() == [10, 10, 10]
        assert 0 < counts.trace() < 30
        assert row.top_1 == counts.trace() / 30
        assert row.class_mean_top_1 == pytest.approx(np.mean(counts.diagonal() / 10))
        assert row.class_mean_interval.low < row.class_mean_top_1 < row.class_mean_interval.high
        assert stored == row_to_dict(row) | {"per_label_top_1": dict(zip(NAMES, (counts.diagonal() / 10).tolist(), strict=True))}
    assert run.settings["encoders"]["default"]["sha256"] == ws.encoder_card("default").weights_sha256
    assert (run.settings["preset"], len(run.settings["fingerprint"])) == ("library", 64)


def test_other_test_videos_change_no_choice(ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is said of them."""
    learnt: list[list[TrainSide]] = []

    def spied(fit: Callable[[TrainSide, Folds], FittedProbe]) -> Callable[[TrainSide, Folds], FittedProbe]:
        def spy(train: TrainSide, folds: Folds) -> FittedProbe:
            learnt[-1].append(train)
            return fit(train, folds)

        return spy

    for probe, fit in list(PROBES.items()):
        monkeypatch.setitem(PROBES, probe, spied(fit))
    found = []
    for test_noise in (0.0, 9.0):
        learnt.append([])
        found.append(probed(ws, tmp_path / "lib", placed(noise=0.6, test_noise=test_noise)).rows)
    near, far = found
    assert [(row.chosen, row.held_out_class_mean) for row in near] == [(row.chosen, row.held_out_class_mean) for row in far]
    assert all(one.predicted != other.predicted for one, other in zip(near, far, strict=True))
    assert all((row.held_out_class_mean or 0) < 1 for row in near), "a choice must have been made"
    for one, other in zip(*learnt, strict=True):
        assert len(one.labels) == 18
        assert (one.labels, one.groups) == (other.labels, other.groups)
        np.testing.assert_array_equal(one.features_ND, other.features_ND)


def test_an_untrained_network_stands_beside(ws: Workspace, home: Path, tmp_path: Path) -> None:
    write_tiny_encoder(home / "encoders" / "floor.onnx", name="floor", seed=3, task="untrained")
    put(ws, tmp_path / "lib", placed(), "floor")
    report = probed(ws, tmp_path / "lib", placed())
    assert [(row.encoder, row.is_floor, row.floor) for row in report.rows] == [
        *[("default", False, 1.0)] * 3,
        *[("floor", True, None)] * 3,
    ]
    assert any(warning.startswith("default k-NN: the interval 1.00 to 1.00 covers") for warning in report.warnings)


def test_chance_and_majority_where_labels_are_uneven(ws: Workspace, tmp_path: Path) -> None:
    """Train has 6 times a, 6 b, 6 c; test 6 times b and 3 times d, which nothing can be right about."""
    videos = placed()
    root = tmp_path / "lib"
    put(ws, root, videos)
    labels_of(root, videos)
    rows = [f"train{number:02}.mp4,{'abc'[number % 3]},train" for number in range(18)]
    rows += [f"test{number:02}.mp4,{'bbd'[number % 3]},test" for number in range(9)]
    (root / "labels.csv").write_text("\n".join(["path,label,split", *rows]) + "\n")
    report = probe_encoders(ws, "lib", read_labels(root / "labels.csv"))
    row = report.rows[0]
    assert (row.commonest, row.majority_top_1, row.majority_class_mean_top_1) == ("a", 0.0, 0.0)
    assert row.chance == pytest.approx((1 / 3 + 0) / 2)
    assert row.per_label_top_1["d"] == 0
    assert "3 of 9 test videos have a label without training videos, such as 'd', and count as wrong" in report.warnings
    assert report.checks == ("settings were chosen on 5 held-out parts of train, single videos of it",)


def test_a_label_of_one_video_is_told(ws: Workspace, tmp_path: Path) -> None:
    videos = placed()
    put(ws, tmp_path / "lib", videos)
    report = probe_encoders(
        ws, "lib", labels_of(tmp_path / "lib", videos, lambda number: "rare" if number == 17 else NAMES[number % 3])
    )
    assert "1 label(s) have one training video, such as 'rare'" in report.warnings
    assert any(warning.startswith("settings were chosen without 'rare'") for warning in report.warnings)


def test_what_cannot_be_probed(ws: Workspace, home: Path, tmp_path: Path) -> None:
    root, videos = tmp_path / "lib", placed()
    put(ws, root, videos)
    write_tiny_encoder(home / "encoders" / "new.onnx", name="new", seed=5)
    labels, alike = (
        labels_of(root, videos),
        labels_of(root, {**videos, "test99": [1.0]}, lambda number: "b" if number == 99 else "a"),
    )
    cases: list[tuple[type[AppError], str, Callable[[], object]]] = [
        (BadLabels, "one label, 'a', and a probe needs two or more with default", lambda: probe_encoders(ws, "lib", alike)),
        (BadLabels, "has no test rows", lambda: probe_encoders(ws, "lib", labels_of(root, {"train00": [1.0]}))),
        (
            NotIndexed,
            "encoder 'new'. Run: vret index --library lib --encoder",
            lambda: probe_encoders(ws, "lib", labels, encoders=["new"]),
        ),
        (NotIndexed, "encoder 'new'", lambda: probe_encoders(ws, "lib", labels, encoders=["default", "new"])),
        (BadQuery, "Preset library needs a library", lambda: probe_encoders(ws, None, labels)),
    ]
    for kind, said, ask in cases:
        with pytest.raises(kind, match=said):
            ask()
    assert ws.catalog.evaluation_runs() == []


def test_vectors_that_are_no_numbers_are_left_out(ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    videos = placed()
    put(ws, tmp_path / "lib", videos)
    from app.evaluation import frozen_features

    whole = frozen_features.stored_means

    def one_broken(*arguments: object) -> object:
        means = whole(*arguments)  # type: ignore[arg-type]
        means[tmp_path / "lib" / "train03.mp4"][2] = np.nan
        return means

    monkeypatch.setattr(frozen_features, "stored_means", one_broken)
    report = probe_encoders(ws, "lib", labels_of(tmp_path / "lib", videos))
    (left_out,) = report.left_out
    assert left_out == (
        str(tmp_path / "lib" / "train03.mp4"),
        "its vector of 'default' holds NaN or infinity; the encoder is broken",
    )
    assert {len(row.train) for row in report.rows} == {17}


def test_a_protocol_makes_features_of_its_own_with_floors(ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    videos = placed()
    labels = labels_of_files(tmp_path / "files", videos)
    asked = []

    def features(networks: Sequence[object], preset: str, paths: Sequence[Path], **others: object) -> list[ProtocolFeatures]:
        asked.append((networks, preset, others["stride"]))
        good = {path: np.array(videos[path.stem], np.float32) for path in paths}
        noise = dict(zip(paths, np.random.default_rng(0).normal(size=(len(paths), 6)).astype(np.float32), strict=True))
        return [ProtocolFeatures(vectors=own, left_out=[], made="vectors") for own in (good, noise, noise)]  # type: ignore[arg-type]

    floor = Untrained(backbone="r3d_quarter", seed=1)
    monkeypatch.setattr("app.evaluation.protocol_features.features_of_networks", features)
    monkeypatch.setattr("app.evaluation.frozen_features.untrained_like", lambda *_: {"untrained": floor})
    report = probe_encoders(ws, None, labels, "vcop", stride=2)
    assert asked == [([ws.encoder_path("default"), floor, Colour()], "vcop", 2)]
    assert [(row.encoder, row.probe, row.features) for row in report.rows] == [
        (encoder, probe, "vcop") for encoder in ("default", "untrained", "colour") for probe in PROBES
    ]
    assert all(row.top_1 == 1.0 and row.above_floor for row in report.rows[:3])
    run = ws.catalog.evaluation_run(report.run_id)
    assert run is not None and run.library is None and (run.settings["stride"], run.settings["seeds"]) == (2, [1])


def labels_of_files(root: Path, videos: Placed) -> LabelSet:
    root.mkdir()
    for name in videos:
        (root / f"{name}.mp4").touch()
    return labels_of(root, videos)


@pytest.fixture
def vret(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., tuple[object, str, str]]]:
    """Runs `vret`; gives its exit code, stdout and stderr."""
    before = signal.getsignal(signal.SIGTERM)

    def run(*arguments: str | Path) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["vret", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        said = capsys.readouterr()
        return stop.value.code, said.out, said.err

    yield run
    signal.signal(signal.SIGTERM, before)


def test_command_line(home: Path, folder: Path, vret: Callable[..., tuple[object, str, str]]) -> None:
    """On an index of drawn videos; with one training video a label nothing can be held out, and that is said."""
    assert vret("index", folder, "--library", "home")[0] == 0
    labels = folder / "labels.csv"
    labels.write_text(
        "path,label,split\na.mp4,left,train\nb.mp4,right,train\nc.mp4,left,test\nbelow/long.mp4,right,test\nx.mp4,left,test\n"
    )
    common = ("eval", "probe", "--labels", labels, "--library", "home")

    code, out, err = vret(*common, "--json")
    assert code == 0, err
    result = json.loads(out)
    assert [(row["probe"], row["chosen"], row["queries"], row["train"]) for row in result["rows"]] == [
        ("linear raw", "C 1", 2, 2),
        ("linear L2+BN", "C 1", 2, 2),
        ("k-NN", "k 1, votes alike", 2, 2),
    ]
    assert result["run"] > 0 and [one["labels"] for one in result["confusions"]] == [["left", "right"]] * 3
    assert [path for path, _ in result["left_out"]] == [str(folder / "x.mp4")]
    assert "warning: 2 label(s) have one training video" in err and "nothing could be held out" in err
    assert "left out: " in err and "vret eval floors" in err

    assert [row["probe"] for row in csv.DictReader(io.StringIO(vret(*common, "--csv")[1]))] == list(PROBES)
    assert "class mean" in vret(*common)[1]
    assert "probe" in vret("eval", "runs")[1]

    code, out, err = vret(*common, "--preset", "gap")
    assert (code, out) == (2, "") and "--library is for the preset library" in err
    code, out, err = vret(*common, "-e", "colour")
    assert (code, out) == (1, "")
    assert err.startswith("vret: No labelled video") and "encoder 'colour'. Run: vret index" in err and len(err.splitlines()) == 1
