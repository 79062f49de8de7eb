"""The Evaluate page without a browser: what it says before, of a stored run, and when videos, encoders or libraries are gone."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.evaluation.retrieval import evaluate_retrieval
from app.index_library import index_library
from app.labels.read_labels import read_labels
from app.maintain import remove_library
from app.settings import Settings
from app.ui.evaluation_runs import EvaluationRequest
from app.workspace import Workspace
from tests.helpers.label_trees import Drawn, write_ucf101
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.patience import PATIENCE_S
from tests.helpers.tiny_encoder import write_tiny_encoder

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

ODD = "<b>run & [x](y)"


def evaluate_page() -> None:
    import app.ui.evaluate_page as page

    page.show()


def opened() -> "AppTest":
    from streamlit.testing.v1 import AppTest

    page = AppTest.from_function(evaluate_page, default_timeout=PATIENCE_S)
    page.run()
    assert not page.exception, page.exception
    return page


def shown(page: "AppTest") -> str:
    return " ".join(element.body for element in page.get("html"))  # type: ignore[attr-defined]


def errors(page: "AppTest") -> list[str]:
    return [error.value.replace("\\", "") for error in page.error]


@pytest.fixture
def folder(home: Path, tmp_path: Path) -> Path:
    """Four videos in the library `home`, two to ask with and two to find."""
    folder = tmp_path / "videos"
    for seed, name in enumerate(("a", "b", "c", "d")):
        draw_moving_picture(folder / f"{name}.mp4", seed=seed)
    with Workspace(Settings.at(home)) as ws:
        index_library(ws, "home", [folder])
    return folder


def write_labels(folder: Path) -> Path:
    """d cannot be right: no video to find has its label."""
    rows = [f'a.mp4,"{ODD}",train', "b.mp4,sit,train", f'c.mp4,"{ODD}",test', "d.mp4,jump,test"]
    (folder / "labels.csv").write_text("\n".join(["path,label,split", *rows]) + "\n")
    return folder / "labels.csv"


@pytest.fixture
def measured(home: Path, folder: Path) -> dict[str, object]:
    """The first row of a stored run, by mean vectors."""
    with Workspace(Settings.at(home)) as ws:
        report = evaluate_retrieval(ws, "home", read_labels(write_labels(folder)), ways=["mean"])
        stored = ws.catalog.evaluation_run(report.run_id)
    assert stored is not None
    row: dict[str, object] = stored.results["rows"][0]
    return row


def test_nothing_indexed(home: Path) -> None:
    assert "There is nothing to measure yet." in shown(opened())


def test_without_labels_it_says_what_to_write_and_where(folder: Path) -> None:
    page = opened()
    assert str(folder / "labels.csv") in shown(page)
    assert page.code[0].value.startswith("path,label,split")
    assert "run-evaluation" not in [button.key for button in page.button]


def test_label_file_beside_the_videos_is_suggested(folder: Path) -> None:
    labels = write_labels(folder)
    page = opened()
    field = next(one for one in page.text_input if one.label == "Labels")
    assert field.value == str(labels)
    assert "4 videos with 3 labels" in shown(page) and "2 to ask with, 2 to find" in shown(page)
    assert tuple(next(one for one in page.multiselect if one.label == "Encoders").value) == ("default",)
    assert "Against" not in [box.label for box in page.selectbox]  # the labels have neither source nor group


def test_what_is_wrong_with_labels_is_said_beside_them(folder: Path) -> None:
    page = opened()
    field = next(one for one in page.text_input if one.label == "Labels")
    field.set_value(str(folder / "none.csv")).run()
    assert errors(page) == [f"There is no label file {folder / 'none.csv'}."]
    assert "run-evaluation" not in [button.key for button in page.button]


def test_all_queries_left_out_is_said_before_it_is_started(folder: Path, home: Path) -> None:
    labels = write_labels(folder)
    labels.write_text("path,label,split,source\na.mp4,run,train,x\nb.mp4,sit,train,x\nc.mp4,run,test,x\n")
    page = opened()
    assert "Against" in [box.label for box in page.selectbox]
    next(one for one in page.multiselect if one.label == "Leave out").set_value(["run"]).run()
    page.button(key="run-evaluation").click().run()
    assert errors(page) == [f"{labels} has no test rows, so there are no queries; both are needed."]
    assert not (home / "logs").exists()


def test_look_can_be_weighed_where_an_encoder_keeps_it_apart(folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.ui import evaluation_form
    from pretrain.join_encoders import join_encoders

    started: list[EvaluationRequest] = []
    monkeypatch.setattr(evaluation_form, "start_evaluation", started.append)
    write_labels(folder)
    assert not opened().slider
    encoders = home / "encoders"
    write_tiny_encoder(encoders / "look.onnx", dim=24, seed=5, task="look")
    join_encoders(encoders / "default.onnx", encoders / "look.onnx", encoders / "both.onnx", name="both")
    with Workspace(Settings.at(home)) as ws:
        index_library(ws, "home", [folder], encoder_name="both")
    page = opened()
    next(one for one in page.multiselect if one.label == "Encoders").set_value(["default", "both"]).run()
    page.button(key="run-evaluation").click().run()
    page.slider[0].set_value(0.6).run()
    page.button(key="run-evaluation").click().run()
    assert [request.look for request in started] == [None, 0.6]


def test_no_encoder_chosen(folder: Path) -> None:
    write_labels(folder)
    page = opened()
    next(one for one in page.multiselect if one.label == "Encoders").set_value([]).run()
    page.button(key="run-evaluation").click().run()
    assert errors(page) == ["Choose at least one encoder."]


def test_judgements_take_the_place_of_labels(home: Path, folder: Path) -> None:
    with Workspace(Settings.at(home)) as ws:
        asked, found = (video.id for video in ws.catalog.videos("home", limit=2))
        ws.catalog.put_judgement(found, None, {"video": asked}, 0.0, 1.0, True)
    page = opened()
    choice = page.get("button_group")[0]
    assert list(choice.options) == ["Labels", "My judgements (1)"]  # type: ignore[attr-defined]
    choice.set_value("judgements").run()  # type: ignore[attr-defined]
    assert not page.exception
    assert "Labels" not in [one.label for one in page.text_input]
    assert page.button(key="run-evaluation").label == "Measure"


def test_official_lists_ask_for_the_split(home: Path, tmp_path: Path) -> None:
    lists = write_ucf101(tmp_path / "data", Drawn())
    with Workspace(Settings.at(home)) as ws:
        index_library(ws, "ucf", [tmp_path / "data" / "UCF-101"])
    page = opened()
    next(one for one in page.text_input if one.label == "Labels").set_value(str(lists)).run()
    assert not page.exception
    split = next(box for box in page.selectbox if box.label == "Split")
    assert "2 to ask with, 4 to find" in shown(page)
    (lists / "trainlist03.txt").unlink()
    split.set_value(3).run()
    assert "trainlist03.txt" in errors(page)[0]


def test_a_stored_run_is_shown(measured: dict[str, object]) -> None:
    page = opened()
    text = shown(page)
    assert f"<b>{measured['top_1']:.3f}</b>" in text
    assert "No untrained network was measured beside it" in text
    assert "&lt;b&gt;run &amp; [x](y)" in text and "<b>run" not in text
    assert "floors-result" in [button.key for button in page.button]


def test_a_failure_plays_with_what_was_returned(measured: dict[str, object]) -> None:
    page = opened()
    assert "jump is in no video that was found" in shown(page)
    before = shown(page).count("vret-still")
    page.button(key="play-failure-1").click().run()
    assert not page.exception
    assert page.button(key="play-failure-1").label == "Stop"
    assert before - shown(page).count("vret-still") == 3  # the query and both videos that were found play in place of pictures


def test_an_untrained_network_that_covers_the_result_is_said(home: Path, folder: Path) -> None:
    write_tiny_encoder(home / "encoders" / "floor.onnx", name="floor", seed=5, task="untrained")
    with Workspace(Settings.at(home)) as ws:
        index_library(ws, "home", [folder], encoder_name="floor")
        evaluate_retrieval(ws, "home", read_labels(write_labels(folder)), ways=["mean"])
    page = opened()
    assert "covers the untrained network's" in page.warning[0].value.replace("\\", "")
    assert "floor<i>untrained</i>" in shown(page) and "<i class=vret-doubtful>covered</i>" in shown(page)
    assert ": the interval 0" not in shown(page)  # the run's warning, which says the same
    assert not [button.key for button in page.button if button.key.startswith("floors-")]


def test_videos_and_library_may_be_gone(measured: dict[str, object], home: Path, folder: Path) -> None:
    for path in folder.glob("*.mp4"):
        path.unlink()
    with Workspace(Settings.at(home)) as ws:
        remove_library(ws, "home")
    page = opened()
    assert f"<b>{measured['top_1']:.3f}</b>" in shown(page)
    assert "The file is not there now.</div>" in shown(page)
    page.button(key="play-failure-1").click().run()
    assert "Is its disk plugged in?" in shown(page)
    next(one for one in page.get("button_group") if "Map" in str(one)).set_value("Map").run()  # type: ignore[attr-defined]
    assert not page.exception
    assert "There is no map of this run now: There is no library" in errors(page)[0]


def test_a_run_that_cannot_be_read_is_said(measured: dict[str, object], home: Path) -> None:
    with Workspace(Settings.at(home)) as ws:
        ws.catalog.put_evaluation_run("retrieval", "home", {"format": 99}, {"rows": []})
    assert "has format 99" in errors(opened())[0]


def test_a_run_with_several_confusions_shows_them_all(measured: dict[str, object], home: Path) -> None:
    """Of probes and fine-tuning there is one for each row."""
    rows = [{"encoder": name, "fold": 1, "class_mean_top_1": 0.5, "floor": 0.25} for name in ("one", "two")]
    confusions = [{"title": name, "labels": ["a", "b"], "counts": [[1, 0], [1, 1]]} for name in ("the first", "the second")]
    with Workspace(Settings.at(home)) as ws:
        ws.catalog.put_evaluation_run("finetune", None, {"labels": "/v/labels.csv"}, {"rows": rows, "confusions": confusions})
    page = opened()
    assert "the first" in shown(page) and "the second" in shown(page)
    assert "from scratch" in shown(page) and "Run 2: labels.csv" in shown(page)


def test_a_run_that_stored_the_least_is_shown_as_far_as_it_goes(measured: dict[str, object], home: Path) -> None:
    row = {"group": "", "encoder": "old", "way": "mean", "class_mean_top_1": 0.45}
    with Workspace(Settings.at(home)) as ws:
        ws.catalog.put_evaluation_run("retrieval", "home", {"encoders": ["old"]}, {"rows": [row]})
    page = opened()
    assert "<b>0.450</b>" in shown(page)
    captions = " ".join(caption.value for caption in page.caption)
    for missing in ("its curve", "what each label got", "its queries"):
        assert f"stored without {missing}" in captions


def test_the_list__has_every_run_with_its_best_figure_and_which_that_is(home: Path) -> None:
    bad = [({"format": 99}, {"rows": []}), ({}, {}), ({"asked": 7}, {"rows": [{}]}), ([], [])]
    with Workspace(Settings.at(home)) as ws:
        put = ws.catalog.put_evaluation_run
        row = {"group": "", "encoder": "old", "way": "mean", "class_mean_top_1": 0.45}
        put("retrieval", "home", {"encoders": ["old"]}, {"rows": [row]})
        put("cloze", None, {"asked": ["one"]}, {"rows": [{"encoder": "one", "mean_recall": 0.31}]})
        for settings, results in bad:
            put("judged", "home", settings, results)  # type: ignore[arg-type]
    page = opened()
    (table,) = [one.value for one in page.dataframe if "measure" in one.value]
    lines = {line["run"]: line for line in table.to_dict("records")}
    assert len(lines) == 2 + len(bad)
    assert [lines[1][name] for name in ("encoders", "best", "measure")] == ["old", 0.45, "class-mean top-1"]
    assert [lines[2][name] for name in ("encoders", "best", "measure")] == ["one", 0.31, "mean recall"]
    for number in range(3, 3 + len(bad)):
        line = lines[number]
        assert (line["encoders"], line["library"], line["measure"]) == ("cannot be read", "home", "")
        assert math.isnan(line["best"])
    assert "cannot be read" in errors(page)[0]  # the newest, which is shown until another is chosen


def test_downloads_hold_the_run(measured: dict[str, object], home: Path) -> None:
    from app.ui.evaluation_data import stored_run
    from app.ui.run_downloads import report, rows_csv, run_json

    view = stored_run(1)
    head, line = rows_csv(view).decode().splitlines()
    assert dict(zip(head.split(","), line.split(","), strict=True))["top_1"] == str(measured["top_1"])
    with Workspace(Settings.at(home)) as ws:
        assert json.loads(run_json(ws, 1))["results"]["rows"][0] == measured
        html = report(ws, view).decode()
    assert f"{measured['top_1']:.3f}" in html and "&lt;b&gt;run" in html and "<b>run" not in html
    assert "near each other are those that the encoder finds alike" in html
