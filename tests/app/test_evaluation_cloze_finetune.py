"""Cloze as a target task and fine-tuning, from label files to rows, stored runs and what the commands print."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner, Result

from app.commands import eval_cloze_command, eval_finetune_command
from app.errors import BadLabels, BadQuery
from app.evaluation.cloze import ClozeAsked, evaluate_cloze
from app.evaluation.drawn_floors import floor_facts
from app.evaluation.finetune import FinetuneAsked, evaluate_finetuning
from app.evaluation.frozen_features import untrained_like
from app.evaluation.stored_runs import stored_encoders
from app.evaluation.target_videos import asked_networks, by_name, target_videos, untrained_networks
from app.labels.read_labels import read_labels
from app.labels.rows import LabelSet
from app.workspace import Workspace
from embedder.errors import VideoRejected
from embedder.worker_messages import StretchesDone, StretchPlace, StretchPlan
from pretrain.backbones import BACKBONES
from pretrain.downstream.cloze_target import ClozeResult
from pretrain.downstream.finetune_recipes import FINETUNE_RECIPES
from pretrain.downstream.networks import StartingPoint
from pretrain.encoder_file import convert_file
from pretrain.errors import ConfigError, TrainingDataError
from pretrain.export_onnx import ExportSpec, export, export_colour
from pretrain.tasks.cloze import OPERATIONS
from tests.helpers.cloze_results import cloze_result
from tests.helpers.given_clips import GivenClips, moving_squares
from tests.helpers.label_trees import write_ucf101
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.small_backbone import SmallBackbone
from tests.helpers.tiny_run import torch_as_before

FLOOR = "untrained-small-8x32-1"
SMALL = ExportSpec(name="small", num_frames=8, size_px=32, spans_s=(1.0, 2.0), whiten_dim=None)
LONG, SHORT = 60, 30  # frames: 48 are needed for a remote clip


@pytest.fixture(autouse=True)
def _torch_as_before() -> Iterator[None]:
    with torch_as_before():
        yield


@pytest.fixture(scope="module")
def exported_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("encoders") / "small.onnx"
    torch.manual_seed(1)
    export(SmallBackbone(), out, SMALL, backbone_name="small", task_name="pace")
    return out


@pytest.fixture(autouse=True)
def small(ws: Workspace, exported_once: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder called `small`, whose network is known and quick."""
    monkeypatch.setitem(BACKBONES._entries, "small", SmallBackbone)
    (ws.encoders_folder / "small.onnx").write_bytes(exported_once.read_bytes())


@pytest.fixture(autouse=True)
def short_lessons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pretrain.downstream.cloze_head.MOST_STEPS", 50)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files need hold nothing: those called dim... or in a folder of make-up are dark, the others bright; bad... are broken."""

    def decode(path: Path, plan: StretchPlan, only: StretchPlace | None = None) -> StretchesDone:
        if path.name.startswith("bad"):
            raise VideoRejected(path, "holds no pictures")
        level = 60 if path.name.startswith("dim") or "MakeUp" in str(path) or "Makeup" in str(path) else 190
        num_frames = SHORT if "short" in path.name else LONG
        rng = np.random.default_rng(list(path.name.encode()))
        frames = rng.integers(level - 40, level + 40, (num_frames, *plan.frame_shape, 3), dtype=np.uint8)
        return StretchesDone(frames=frames, starts_s=(0.0,))

    monkeypatch.setattr("pretrain.frame_cache.decode", decode)


def put(ws: Workspace, name: str, *, task: str = "pace", num_frames: int = 8, size_px: int = 32) -> str:
    """One more encoder with the small network, otherwise drawn."""
    torch.manual_seed(2)
    spec = replace(SMALL, name=name, num_frames=num_frames, size_px=size_px)
    export(SmallBackbone(), ws.encoders_folder / f"{name}.onnx", spec, backbone_name="small", task_name=task)
    return name


def labels_csv(root: Path, *rows: str) -> LabelSet:
    """name,label,group,split,source of each; the files are empty."""
    root.mkdir(exist_ok=True)
    for row in rows:
        (root / row.split(",")[0]).touch()
    file = root / "labels.csv"
    file.write_text("\n".join(["path,label,group,split,source", *rows]) + "\n")
    return read_labels(file)


def two_labels(root: Path, *more: str) -> LabelSet:
    rows = [
        f"{label}{split}{number}.mp4,{label},{split}{number // 2},{split},s"
        for label in ("dim", "lit")
        for split, count in (("train", 6), ("test", 4))
        for number in range(count)
    ]
    return labels_csv(root, *rows, *more)


def test_cloze__measures_the_encoder_and_a_network_that_learnt_nothing(ws: Workspace, drawn: None, tmp_path: Path) -> None:
    more = ("badone.mp4,dim,g,train,s", "litshort.mp4,lit,h,test,s", "other.mp4,lit,i,test,other")
    labels, told = two_labels(tmp_path / "videos", *more), list[tuple[str, int, int]]()
    asked = ClozeAsked(source="s", device="cpu", untrained=2)
    report = evaluate_cloze(ws, labels, ["small"], asked, on_step=lambda *step: told.append(step))
    assert [(row.encoder, row.is_floor) for row in report.rows] == [
        ("small", False),
        ("untrained-small-8x32-1", True),
        ("untrained-small-8x32-2", True),
        ("colour", False),
    ]
    for row in report.rows:
        assert (row.num_train, row.num_test, row.num_remote, row.num_tuples) == (12, 9, 8, 12 * 2 * 5)
        assert [sum(counts) for counts in row.counts] == [9, 9, 9, 9, 8]
        assert set(row.rotation) == {90, 180, 270}
        assert row.mean_recall == pytest.approx(sum(row.counts[i][i] / sum(row.counts[i]) for i in range(5)) / 5)
        assert row.interval.low <= row.mean_recall <= row.interval.high
    own, *floors, colour = report.rows
    assert colour.floor == own.floor
    assert own.floor == max(row.mean_recall for row in floors)
    assert [row.above_floor for row in floors] == [None, None]
    assert report.left_out == [(str(tmp_path / "videos" / "badone.mp4"), "holds no pictures")]
    assert any("8 of 9 test videos are long enough for a remote clip" in said for said in report.warnings)
    assert "intervals say little with fewer than 10 test videos; here are 9" in report.warnings
    assert ("small: test videos", 9, 9) in told
    (run,) = ws.catalog.evaluation_runs(kind="cloze")
    assert (run.id, run.results["rows"][0]["mean_recall"]) == (report.run_id, round(own.mean_recall, 4))
    assert run.results["confusions"][0]["counts"] == [list(counts) for counts in own.counts]
    assert run.settings["encoders"]["small"]["sha256"] == ws.encoder_card("small").weights_sha256
    assert list(ws.home.glob("frames-*")) == []


def test_cloze__each_encoder_has_the_floors_of_its_own_clips(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(start: StartingPoint, *_: object) -> ClozeResult:
        """The longer the clip, the better."""
        return cloze_result(("a", "s", OPERATIONS[: start.clip.num_frames // 2]))

    monkeypatch.setattr("pretrain.downstream.cloze_target.measure_cloze", measured)
    tiny = put(ws, "tiny", num_frames=4, size_px=16)
    report = evaluate_cloze(ws, two_labels(tmp_path / "videos"), ["small", tiny], ClozeAsked())
    rows = {row.encoder: row for row in report.rows}
    assert list(rows) == ["small", tiny, FLOOR, "untrained-small-4x16-1", "colour"]
    assert [rows[name].floor for name in ("small", tiny, "colour")] == [0.8, 0.4, 0.8]


def test_raw_colour__is_shown_the_clips_of_the_first_network(ws: Workspace, tmp_path: Path) -> None:
    tiny = put(ws, "tiny", num_frames=4, size_px=16)
    own = asked_networks(ws, ["colour", "small", tiny])
    assert [network.clips for network in own] == [*["8 frames of 32 pixels"] * 2, "4 frames of 16 pixels"]


def test_untrained_networks__are_called_and_recorded_alike_by_all_evaluations(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pretrain.registered_names.registered_names", lambda kind: ["small"])
    names = ["small", put(ws, "tiny", num_frames=4, size_px=16), put(ws, FLOOR, task="untrained")]
    networks = {network.name: network.facts for network in untrained_networks(asked_networks(ws, names), (1, 2))}
    features = untrained_like(ws, names, stored_encoders(ws, names), (1, 2))
    assert networks == {name: floor_facts(floor) for name, floor in features.items()}
    assert list(networks) == ["untrained-small-8x32-2", "untrained-small-4x16-1", "untrained-small-4x16-2"]
    assert networks["untrained-small-4x16-2"]["seed"] == 2


def test_untrained_networks__that_are_asked_for_are_not_drawn_again(ws: Workspace, drawn: None, tmp_path: Path) -> None:
    """A file may be called as a drawn network would be."""
    put(ws, FLOOR, task="untrained")
    labels, sha256 = two_labels(tmp_path / "videos"), ws.encoder_card(FLOOR).weights_sha256
    cloze = evaluate_cloze(ws, labels, ["small", FLOOR], ClozeAsked(device="cpu", tuples=1))
    assert [(row.encoder, row.is_floor) for row in cloze.rows] == [("small", False), (FLOOR, True), ("colour", False)]
    tuned = evaluate_finetuning(ws, {1: labels}, ["small", FLOOR], replace(QUICK, epochs=1))
    assert [(row.encoder, row.fold) for row in tuned.rows] == [("small", 1), (FLOOR, 1)]
    assert tuned.rows[0].floor == tuned.rows[1].class_mean_top_1
    for report in (cloze, tuned):
        assert report.asked["encoders"][FLOOR]["sha256"] == sha256
    own = asked_networks(ws, ["small", FLOOR])
    with pytest.raises(ValueError, match=f"^Each network needs a name of its own, got small, {FLOOR}, small\\.$"):
        by_name([*own, own[0]])


def test_cloze__of_real_files(ws: Workspace, tmp_path: Path) -> None:
    for number in range(4):
        draw_moving_picture(tmp_path / f"v{number}.mp4", seed=number, seconds=2.0, rate=25)
    rows = [f"v{number}.mp4,x,{side}" for number, side in enumerate(("train", "train", "train", "test"))]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label,split", *rows]))
    report = evaluate_cloze(ws, read_labels(tmp_path / "labels.csv"), ["small"], ClozeAsked(device="cpu", tuples=1))
    assert [(row.num_train, row.num_test, row.num_remote) for row in report.rows] == [(3, 1, 0)] * 3
    assert any(said.startswith("3 of 3 train videos are long enough for a remote clip, 10 at least") for said in report.warnings)
    again = evaluate_cloze(ws, read_labels(tmp_path / "labels.csv"), ["small"], ClozeAsked(device="cpu", tuples=1))
    assert report.rows == again.rows


QUICK = FinetuneAsked(epochs=4, batch_size=4, device="cpu", source="s")


def test_finetuning__learns_two_labels_and_is_set_beside_the_network_from_scratch(
    ws: Workspace, drawn: None, tmp_path: Path
) -> None:
    labels = two_labels(tmp_path / "videos", "badone.mp4,dim,g,test,s", "other.mp4,lit,i,train,other")
    report = evaluate_finetuning(ws, {1: labels}, ["small"], QUICK)
    own, scratch = report.rows
    assert (own.encoder, own.is_floor, scratch.encoder, scratch.is_floor) == ("small", False, "untrained-small-8x32-1", True)
    for row in report.rows:
        assert (row.num_train, row.num_test, row.num_labels, row.chance, row.fold) == (12, 8, 2, 0.5, 1)
        assert row.top_1 == row.top_5 == row.class_mean_top_1 == 1.0
        assert row.per_label_top_1 == {"dim": 1.0, "lit": 1.0}
    assert (own.floor, own.above_floor, scratch.floor) == (1.0, False, None)
    assert any("the from-scratch network's 1.000" in said for said in report.warnings)
    assert "intervals say little with fewer than 10 test videos; here are 8" in report.warnings
    assert report.left_out == [(str(tmp_path / "videos" / "badone.mp4"), "holds no pictures")]
    (run,) = ws.catalog.evaluation_runs(kind="finetune")
    assert run.results["rows"][0]["class_mean_top_1"] == 1.0
    assert run.results["confusions"][0]["counts"] == [[4, 0], [0, 4]]
    assert (run.settings["recipe"]["epochs"], run.settings["recipe"]["name"], run.settings["folds"]) == (4, "laptop", [1])
    assert own.num_held_out >= 1 and 1 <= (own.epoch or 0) <= 4
    alone = evaluate_finetuning(ws, {1: labels}, ["small"], FinetuneAsked(epochs=1, device="cpu", source="s", from_scratch=False))
    assert [(row.encoder, row.above_floor) for row in alone.rows] == [("small", None)]


def test_untrained_networks__have_no_untrained_networks_beside(ws: Workspace, drawn: None, tmp_path: Path) -> None:
    export(SmallBackbone(), ws.encoders_folder / "floor.onnx", SMALL, backbone_name="small", task_name="untrained")
    report = evaluate_cloze(ws, two_labels(tmp_path / "videos"), ["floor"], ClozeAsked(device="cpu", tuples=1))
    assert [(row.encoder, row.is_floor) for row in report.rows] == [("floor", True), ("colour", False)]
    assert report.rows[0].above_floor is None


def test_raw_colour__is_asked_for_cloze_but_has_nothing_to_train(ws: Workspace, drawn: None, tmp_path: Path) -> None:
    labels = two_labels(tmp_path / "videos")
    report = evaluate_cloze(ws, labels, ["colour"], ClozeAsked(device="cpu", tuples=1))
    assert [(row.encoder, row.is_floor, row.floor) for row in report.rows] == [("colour", False, None)]
    with pytest.raises(BadQuery, match="'colour' is no network, so nothing of it can be trained"):
        evaluate_finetuning(ws, {1: labels}, ["colour"], QUICK)


def test_fingerprints__are_of_what_was_read(ws: Workspace, drawn: None, tmp_path: Path) -> None:
    """A listed video that cannot be read was not measured, so listing it makes no other data."""
    quick, seen = ClozeAsked(device="cpu", tuples=1, source="s"), []
    for number, more in enumerate([(), ("badone.mp4,dim,g,train,s",), ("dimmore.mp4,dim,g,train,s",)]):
        report = evaluate_cloze(ws, two_labels(tmp_path / str(number), *more), ["small"], quick)
        seen.append(report.asked["fingerprint"])
    assert seen[0] == seen[1] != seen[2]


def test_finetuning__three_splits_and_their_mean(ws: Workspace, drawn: None, tmp_path: Path) -> None:
    lists = write_ucf101(tmp_path)
    folds = {fold: read_labels(lists, fold=fold) for fold in (1, 2, 3)}
    report = evaluate_finetuning(ws, folds, ["small"], FinetuneAsked(epochs=6, batch_size=2, device="cpu"))
    assert [(row.encoder, row.fold) for row in report.rows] == [
        (name, fold) for name in ("small", "untrained-small-8x32-1") for fold in (1, 2, 3, "mean")
    ]
    for first in (0, 4):
        singles, mean = report.rows[first : first + 3], report.rows[first + 3]
        assert mean.top_1 == pytest.approx(sum(row.top_1 for row in singles) / 3)
        assert mean.num_test == 6 and mean.epoch is None
    assert report.rows[3].floor == report.rows[7].class_mean_top_1
    assert "split 2: intervals say little with fewer than 10 test videos; here are 2" in report.warnings


def test_finetuning__by_clips_of_the_recipe_has_one_floor_for_all(
    ws: Workspace, drawn: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = put(ws, "tiny", num_frames=4, size_px=16)
    fixed = replace(FINETUNE_RECIPES["laptop"], name="fixed", clip_frames=6, clip_px=24)
    monkeypatch.setitem(FINETUNE_RECIPES._entries, "fixed", fixed)
    labels = two_labels(tmp_path / "videos")
    report = evaluate_finetuning(ws, {1: labels}, ["small", tiny], replace(QUICK, recipe="fixed", epochs=1))
    assert [(row.encoder, row.network) for row in report.rows] == [
        (name, "small, 6 frames of 24 pixels") for name in ("small", tiny, "untrained-small-6x24-1")
    ]
    assert report.rows[0].floor == report.rows[1].floor == report.rows[2].class_mean_top_1


def test_what_cannot_be_measured__is_said_in_a_sentence(ws: Workspace, drawn: None, tmp_path: Path) -> None:
    labels = two_labels(tmp_path / "videos")
    with pytest.raises(BadLabels, match=r"is from the source 'kitchen'\. There are: s\.$"):
        target_videos(labels, source="kitchen", ignore_labels=())
    with pytest.raises(BadLabels, match=r"has the label 'sit'\. There are: dim, lit\.$"):
        target_videos(labels, source=None, ignore_labels=("sit",))
    with pytest.raises(BadLabels, match=r"All train rows of .* have the label 'dim'; two labels or more"):
        evaluate_finetuning(ws, {1: labels}, ["small"], FinetuneAsked(ignore_labels=("lit",)))
    one = labels_csv(tmp_path / "one", "dim0.mp4,dim,,train,")
    with pytest.raises(BadLabels, match=r"has 1 train row\(s\) to use, 2 at least are needed"):
        evaluate_cloze(ws, one, ["small"], ClozeAsked())
    with pytest.raises(BadLabels, match=r"has 0 test row\(s\) to use, 1 at least are needed"):
        evaluate_cloze(ws, labels_csv(tmp_path / "no", "dim0.mp4,dim,,train,", "dim1.mp4,dim,,train,"), ["small"], ClozeAsked())
    bad = labels_csv(tmp_path / "bad", "bad0.mp4,dim,,train,", "bad1.mp4,lit,,train,", "bad2.mp4,lit,,test,")
    with pytest.raises(TrainingDataError, match=r"0 train video\(s\) can be read.*bad0\.mp4: holds no pictures"):
        evaluate_cloze(ws, bad, ["small"], ClozeAsked(device="cpu"))
    with pytest.raises(TrainingDataError, match=r"the 0 train video\(s\).*bad0\.mp4: holds no pictures"):
        evaluate_finetuning(ws, {1: bad}, ["small"], FinetuneAsked(device="cpu"))
    with pytest.raises(BadQuery, match=r"no fine-tuning recipe is called 'vcob'\. Did you mean vcop"):
        evaluate_finetuning(ws, {1: labels}, ["small"], FinetuneAsked(recipe="vcob"))
    with pytest.raises(BadQuery, match="learning_rate is -1; it must be above 0"):
        evaluate_finetuning(ws, {1: labels}, ["small"], FinetuneAsked(learning_rate=-1))
    with pytest.raises(ConfigError, match="device is gpu"):
        evaluate_finetuning(ws, {1: labels}, ["small"], FinetuneAsked(device="gpu"))
    assert ws.catalog.evaluation_runs() == []


@pytest.mark.parametrize("kind", ["int8", "colour", "unknown"])
def test_files_without_a_network__are_said_before_any_video_is_read(
    ws: Workspace, exported_once: Path, tmp_path: Path, kind: str
) -> None:
    target = ws.encoders_folder / f"{kind}.onnx"
    if kind == "int8":
        convert_file(exported_once, target, "int8", name=kind, calibrate_on=GivenClips((moving_squares(260),)))
    elif kind == "colour":
        export_colour(target, SMALL)
    name = "default" if kind == "unknown" else kind  # of the tests' own encoder nobody knows the network
    labels = two_labels(tmp_path / "videos")  # empty files, which nobody decodes here
    if kind != "colour":
        with pytest.raises(BadQuery, match=f"^Encoder '{name}' cannot be measured in this way, which needs its network: "):
            evaluate_cloze(ws, labels, ["small", name], ClozeAsked())
    with pytest.raises(BadQuery, match=f"^Encoder '{name}' "):
        evaluate_finetuning(ws, {1: labels}, [name], FinetuneAsked())


def run(*arguments: str | Path) -> Result:
    verbs = typer.Typer()
    for verb in (eval_cloze_command, eval_finetune_command):
        verb.register(verbs)
    return CliRunner().invoke(verbs, list(map(str, arguments)), catch_exceptions=False)


def test_commands__tables_json_and_csv(ws: Workspace, drawn: None, tmp_path: Path) -> None:
    labels = two_labels(tmp_path / "videos").path
    cloze: list[str | Path] = ["cloze", "--labels", labels, "-e", "small", "--device", "cpu", "--tuples", "1"]
    table = run(*cloze)
    assert table.exit_code == 0
    assert "untrained-small-8x32-1" in table.stdout and "done, answered" in table.stdout
    found = json.loads(run(*cloze, "--json").stdout)
    assert [row["encoder"] for row in found["rows"]] == ["small", "untrained-small-8x32-1", "colour"]
    # Each run trains its own linear layer, so that only figures of one run can be equal.
    assert found["rows"][0]["floor"] == found["rows"][1]["mean_recall"]
    own, floor, _ = csv.DictReader(io.StringIO(run(*cloze, "--csv").stdout))
    assert float(own["floor"]) == float(floor["mean_recall"])
    tuned: list[str | Path] = ["finetune", "--labels", labels, "-e", "small", "--device", "cpu", "--epochs", "1", "--source", "s"]
    assert "scratch" in run(*tuned).stdout
    (row,) = csv.DictReader(io.StringIO(run(*tuned, "--csv", "--no-from-scratch").stdout))
    assert (row["encoder"], row["fold"], row["floor"]) == ("small", "1", "")


def test_commands__splits_are_of_official_layouts_alone(ws: Workspace, drawn: None, tmp_path: Path) -> None:
    labels = two_labels(tmp_path / "videos").path
    with pytest.raises(BadLabels, match="is in the layout 'csv', which has one split"):
        run("finetune", "--labels", labels, "--all-folds")
    lists = write_ucf101(tmp_path)
    tuned: list[str | Path] = [
        "finetune",
        "--labels",
        lists,
        "-e",
        "small",
        "--device",
        "cpu",
        "--epochs",
        "1",
        "--no-from-scratch",
        "--csv",
    ]
    rows = list(csv.DictReader(io.StringIO(run(*tuned, "--fold", "1", "--fold", "3").stdout)))
    assert [row["fold"] for row in rows] == ["1", "3", "mean"]
    assert run("finetune", "--labels", lists, "--fold", "1", "--all-folds").exit_code == 2
