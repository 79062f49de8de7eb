"""The line in which a stored run is listed, above all its best figure: the same in the page and on the command line."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.evaluation.best_figure import BestFigure
from app.evaluation.run_summary import RunSummary, summary_of
from app.settings import Settings
from app.workspace import Workspace
from index.catalog.records import EvaluationRun
from tests.helpers.whole_command import vret

TRAINED = {"task": "trajectory", "backbone": "r2plus1d_half", "floor": False}
UNTRAINED = {"task": "untrained", "backbone": "r2plus1d_half", "floor": True}
COLOUR = {"task": "untrained", "backbone": "colour", "floor": False}
FACTS = {"one": TRAINED, "two": TRAINED, "random": UNTRAINED, "raw-colour": COLOUR}


def summary(kind: str, *rows: Mapping[str, Any], **settings: Any) -> RunSummary:
    stored = {"encoders": FACTS} | settings
    return summary_of(EvaluationRun(3, kind, "home", datetime(2026, 1, 1, tzinfo=UTC), stored, {"rows": list(rows)}))


def best(kind: str, *rows: Mapping[str, Any], **settings: Any) -> float | None:
    found = summary(kind, *rows, **settings).best
    return None if found is None else found.value


def shares(encoder: str, share: float, **others: Any) -> dict[str, Any]:
    return {"group": "", "encoder": encoder, "way": "mean", "class_mean_top_1": share} | others


def test_best__is_averaged_over_groups_for_each_encoder_and_way() -> None:
    rows = [shares("one", 0.9, group="x"), shares("one", 0.3, group="y")]
    rows += [shares("two", 0.7, group="x"), shares("two", 0.6, group="y")]
    rows += [shares("one", 0.8, group="x", way="stored"), shares("one", 0.4, group="y", way="stored")]
    assert best("retrieval", *rows) == pytest.approx(0.65)


def test_best__what_was_measured_in_an_easy_group_alone_does_not_win() -> None:
    rows = [shares("one", 0.6, group="easy"), shares("one", 0.2, group="hard"), shares("two", 0.9, group="easy")]
    assert best("retrieval", *rows, shares("one", 0.8, group="easy", way="stored")) == pytest.approx(0.4)
    apart = [shares("one", 0.6, group="x"), shares("two", 0.9, group="y")]  # none has all
    assert best("retrieval", *apart) == 0.9


def test_queries__are_those_of_all_groups() -> None:
    rows = [shares("one", 0.5, group="x", queries=60), shares("one", 0.5, group="y", queries=48)]
    assert summary("retrieval", *rows, *[row | {"way": "stored"} for row in rows]).num_queries == 108


def test_how__says_what_is_not_as_usual() -> None:
    usual = {"preset": "library", "within": None, "ignored": [], "ways": ["mean", "stored"], "fold": None}
    assert summary("retrieval", shares("one", 0.5), **usual).how == ""
    other = {"preset": "gap", "within": "source", "ignored": ["sit", "run"], "fold": 2}
    assert summary("retrieval", shares("one", 0.5), **other).how == "gap; split 2; within source; without sit, run"
    assert summary("retrieval", shares("one", 0.5), **usual | {"ways": ["mean"]}).how == "by mean"
    tuned = {"recipe": {"name": "laptop"}, "fold": 1, "folds": [1, 2], "source": "kitchen"}
    assert summary("finetune", shares("one", 0.5), **tuned).how == "laptop; split 1, 2; source kitchen"


def test_best__probes_are_kept_apart() -> None:
    rows = [{"encoder": "one", "probe": probe, "class_mean_top_1": share} for probe, share in (("k-NN", 0.2), ("linear raw", 0.8))]
    assert best("probe", *rows) == 0.8


def test_best__what_learnt_nothing_counts_only_where_nothing_else_was_measured() -> None:
    nothing = [shares("random", 0.98), shares("raw-colour", 0.99)]
    assert best("retrieval", shares("one", 0.4), *nothing) == 0.4
    assert best("retrieval", shares("one", 0.4), *nothing, asked=["one", "random", "raw-colour"]) == 0.4
    assert best("retrieval", *nothing) == 0.99
    assert best("retrieval", *nothing, asked=["random"]) == 0.98


def test_best__an_untrained_network_may_be_known_by_its_row_alone() -> None:
    rows = [shares("one", 0.4), shares("new", 0.9, is_floor=True)]
    assert best("retrieval", *rows, encoders={"one": TRAINED}) == 0.4


def test_best__others_than_were_asked_for_do_not_count() -> None:
    rows = [shares("one", 0.4), shares("two", 0.9)]
    assert best("retrieval", *rows, asked=["one"]) == 0.4
    assert best("retrieval", *rows) == 0.9


def test_best__of_several_folds_is_their_stored_mean() -> None:
    folds = [shares("one", 0.9, fold=1), shares("one", 0.5, fold=2), shares("one", 0.71, fold="mean")]
    assert best("finetune", *folds, shares("random", 0.8, fold="mean", is_floor=True)) == 0.71
    assert best("finetune", folds[0]) == 0.9


@pytest.mark.parametrize(
    ("kind", "row", "expected"),
    [
        ("retrieval", shares("one", 0.5), BestFigure(value=0.5, measure="class-mean top-1")),
        ("probe", shares("one", 0.5), BestFigure(value=0.5, measure="class-mean top-1")),
        ("finetune", shares("one", 0.5, fold=1, top_1=0.7), BestFigure(value=0.5, measure="class-mean top-1")),
        ("cloze", {"encoder": "one", "mean_recall": 0.3}, BestFigure(value=0.3, measure="mean recall")),
        ("judged", {"encoder": "one", "top_1": 0.8, "top_5": 1.0}, BestFigure(value=0.8, measure="top-1")),
        ("retrieval", shares("one", 0.0), BestFigure(value=0.0, measure="class-mean top-1")),
        ("cloze", {"encoder": "one", "mean_recall": None}, None),
        ("of a later version", shares("one", 0.5), None),
    ],
)
def test_best__says_which_measure_it_is(kind: str, row: dict[str, Any], expected: BestFigure | None) -> None:
    assert summary(kind, row).best == expected


def test_best__of_a_comparison_is_the_better_of_both() -> None:
    def row(a: str, b: str) -> dict[str, Any]:
        return {"way": "mean", "a": a, "b": b, "a_class_mean_top_1": 0.4, "b_class_mean_top_1": 0.6}

    assert best("compare", row("one", "two"), asked=["one", "two"]) == 0.6
    assert best("compare", row("one", "random"), asked=["one", "random"]) == 0.4
    assert summary("compare", row("one", "random"), asked=["one", "random"]).encoders == ("one", "random")


def test_summary__names_what_was_asked_for_else_what_learnt_something() -> None:
    rows = [shares("one", 0.5, queries=12), shares("random", 0.5, queries=40)]
    assert summary("retrieval", *rows, encoders=FACTS, asked=["one"]).encoders == ("one",)
    found = summary("retrieval", *rows, labels="/x.csv", fingerprint="ab")
    assert (found.encoders, found.num_queries, found.labels, found.fingerprint) == (("one", "two"), 40, "/x.csv", "ab")
    assert summary("retrieval", *rows, encoders={"random": UNTRAINED}).encoders == ("one",)
    assert summary("retrieval", shares("old", 0.5), encoders={}).encoders == ("old",)


def test_summary__of_a_run_that_cannot_be_read_says_what_the_catalog_knows() -> None:
    for settings in ({"format": 99}, {"encoders": "one"}, {"asked": 5}):
        found = summary("cloze", **settings)
        assert (found.id, found.kind, found.library) == (3, "cloze", "home")
        assert (found.encoders, found.best, found.num_queries) == (None, None, None)


BAD_RUNS: list[tuple[Any, Any]] = [
    ({"format": 99}, {"rows": []}),
    ({}, {}),
    ({}, {"rows": 3}),
    ({"asked": 7}, {"rows": [{}]}),
    ([], []),
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one run of before, one of today, and runs that cannot be read between and around."""
    for name in ("VRET_CATALOG_URL", "VRET_ENCODER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VRET_HOME", str(tmp_path))
    with Workspace(Settings.at(tmp_path)) as ws:
        put = ws.catalog.put_evaluation_run
        put(
            "retrieval",
            "home",
            {"encoders": ["old"]},
            {"rows": [{"group": "", "encoder": "old", "way": "mean", "class_mean_top_1": 0.45}]},
        )
        for settings, results in BAD_RUNS:
            put("cloze", "home", settings, results)
        put(
            "cloze",
            None,
            {"encoders": FACTS, "asked": ["one"], "labels": "/l"},
            {"rows": [{"encoder": "one", "mean_recall": 0.31234}]},
        )
        put("retrieval", "home", {"format": None}, {"rows": []})
    return tmp_path


def test_eval_runs__lists_every_run_whatever_is_in_it(home: Path) -> None:
    def printed(*options: str) -> str:
        result = vret("eval", "runs", *options)
        assert result.returncode == 0, result.stderr
        return result.stdout

    newest, today, *bad, old = json.loads(printed("--json"))["runs"]
    assert (today["encoders"], today["best"], today["measure"], today["labels"]) == ("one", 0.3123, "mean recall", "/l")
    assert (old["encoders"], old["best"], old["measure"], old["data"]) == ("old", 0.45, "class-mean top-1", "")
    assert len(bad) == len(BAD_RUNS)
    for run in (newest, *bad):
        assert (run["encoders"], run["best"], run["measure"]) == ("cannot be read", None, "")
        assert run["library"] == "home" and run["when"].startswith("20")
    table = printed()
    assert "0.312" in table and "0.450" in table and table.count("cannot be read") == len(BAD_RUNS) + 1
    assert "None" not in table
    assert printed("--csv").splitlines()[1].split(",")[4:7] == ["cannot be read", "", ""]
