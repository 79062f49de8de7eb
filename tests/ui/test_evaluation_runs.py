"""Evaluations as the page starts, shows and stops them."""

import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.index_library import index_library
from app.settings import Settings
from app.ui.evaluation_runs import (
    EvaluationRequest,
    EvaluationRuns,
    EvaluationView,
    Purpose,
    Started,
    evaluation_view,
)
from app.ui.page_process import PageProcess, stop_process
from app.workspace import Workspace
from index.catalog import Job
from index.catalog.records import JobState
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.patience import PATIENCE_S

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def job(state: JobState, progress: dict[str, Any], *, pid: int = 1, host: str = "elsewhere", kind: str = "evaluate") -> Job:
    return Job(1, kind, "home", state, pid, host, NOW, NOW, None if state == "running" else NOW, progress, None)


def started(tmp_path: Path, code: str, purpose: Purpose = "retrieval") -> Started:
    """A process that runs this code, in place of `vret`."""
    answer, talk = tmp_path / "eval-1.json", tmp_path / "eval-1.log"
    with answer.open("wb") as out, talk.open("wb") as err:
        process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=out, stderr=err)
    return Started(purpose, PageProcess("home", process, answer, talk))


def ended(tmp_path: Path, code: str, purpose: Purpose = "retrieval") -> EvaluationView:
    """What is shown of a run that has ended."""
    run = started(tmp_path, code, purpose)
    run.command.process.communicate(timeout=PATIENCE_S)
    view = evaluation_view(run, [], [])
    assert view is not None
    return view


def test_nothing_was_ever_started() -> None:
    assert evaluation_view(None, [], []) is None
    assert evaluation_view(None, [job("done", {}), job("failed", {})], []) is None  # its result is in the list of runs


def test_a_run_without_a_library_has_a_name() -> None:
    other = replace(job("running", {"phase": "videos", "done": 1, "total": 9}), library=None)
    view = evaluation_view(None, [other], [])
    assert view is not None and (view.library, view.elsewhere) == ("labelled footage", True)


def test_run_of_somebody_else_is_followed() -> None:
    progress = {"phase": "queries, default", "done": 3, "total": 9}
    view = evaluation_view(None, [job("running", progress)], [])
    assert view == EvaluationView(
        purpose="retrieval",
        state="running",
        library="home",
        phase="queries, default",
        done=3,
        total=9,
        pid=None,  # on another machine, so it cannot be stopped from here
        elsewhere=True,
    )
    assert view.is_live
    stop_process(view)  # asks nobody


def test_own_run_from_its_start_to_its_end(tmp_path: Path) -> None:
    run = started(tmp_path, "import sys; sys.stdin.read(); print('{\"run\": 7}')")
    pid, here = run.command.pid, socket.gethostname()
    assert (view := evaluation_view(run, [], [])) is not None and view.state == "starting"
    jobs = [job("running", {"phase": "queries", "done": 1, "total": 2}, pid=pid, host=here)]
    assert (view := evaluation_view(run, jobs, [])) is not None
    assert (view.state, view.phase, view.done, view.pid) == ("running", "queries", 1, pid)
    jobs = [job("done", {}, pid=pid, host=here)]
    assert (view := evaluation_view(run, jobs, [])) is not None and view.state == "saving"
    run.command.process.communicate(timeout=PATIENCE_S)
    assert (view := evaluation_view(run, jobs, [])) is not None
    assert (view.state, view.run_id, view.is_live) == ("done", 7, False)


def test_floors_are_followed_by_their_indexing(tmp_path: Path) -> None:
    run = started(tmp_path, "import sys; sys.stdin.read()", "floors")
    own = job(
        "running", {"phase": "embedding", "done": 4, "total": 8}, pid=run.command.pid, host=socket.gethostname(), kind="index"
    )
    making = job("running", {"phase": "whitening", "done": 1, "total": 2}, pid=run.command.pid, host=socket.gethostname())
    for jobs, phase in (([], "whitening"), ([own], "embedding")):
        view = evaluation_view(run, [making], jobs)
        assert view is not None
        assert (view.purpose, view.state, view.phase) == ("floors", "running", phase)
    run.command.process.communicate(timeout=PATIENCE_S)
    view = evaluation_view(run, [], [])
    assert view is not None and (view.state, view.run_id) == ("done", None)


def test_failure_says_why(tmp_path: Path) -> None:
    view = ended(tmp_path, "import sys; print('talk', file=sys.stderr); sys.exit('vret: There is no label file a.csv.')")
    assert (view.state, view.complaint) == ("failed", "There is no label file a.csv.")


@pytest.mark.parametrize("code", ["raise SystemExit(130)", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"])
def test_a_stopped_run_is_no_failure(tmp_path: Path, code: str) -> None:
    assert ended(tmp_path, code).state == "stopped"


def test_a_killed_run_names_memory(tmp_path: Path) -> None:
    view = ended(tmp_path, "import os; os.kill(os.getpid(), 9)")
    assert view.state == "failed"
    assert "memory ran out" in view.complaint


def test_stop_asks_the_process(tmp_path: Path) -> None:
    run = started(tmp_path, "import sys; sys.stdin.read()")
    view = evaluation_view(run, [], [])
    assert view is not None
    stop_process(view)
    assert run.command.process.wait(timeout=PATIENCE_S) == -signal.SIGTERM
    run.command.process.stdin.close()  # type: ignore[union-attr]
    stop_process(view)  # it has ended meanwhile, and nobody is asked


def test_arguments__names_cannot_be_taken_for_options() -> None:
    request = EvaluationRequest(
        library="--odd",
        encoders=("default", "-x"),
        labels=Path("/v/labels.csv"),
        within="source",
        ignore_labels=("--run", "a b"),
        ways=("mean", "stored"),
    )
    assert request.arguments() == [
        *("eval", "retrieval", "--library=--odd", "--json", "--encoder=default", "--encoder=-x", "--labels=/v/labels.csv"),
        *("--ignore-label=--run", "--ignore-label=a b", "--by=mean", "--by=stored", "--within=source"),
    ]


def test_arguments__judgements_and_official_lists() -> None:
    judged = EvaluationRequest(library="home", encoders=("default",), labels=None, ways=("mean",))
    assert judged.arguments() == ["eval", "retrieval", "--library=home", "--json", "--encoder=default", "--judgements"]
    weighed = EvaluationRequest(library="home", encoders=("default",), labels=None, look=0.6)
    assert weighed.arguments()[-2:] == ["--look=0.6", "--judgements"]
    official = EvaluationRequest(library="ucf", encoders=("default",), labels=Path("/lists"), videos=Path("/v"), fold=2)
    assert official.arguments()[-3:] == ["--labels=/lists", "--videos=/v", "--fold=2"]


@pytest.fixture
def labels(home: Path, tmp_path: Path) -> Path:
    """A library with an odd name, of two videos that look the same with an odd label and one with another, and their labels."""
    folder = tmp_path / "videos"
    for seed, name in ((0, "a"), (0, "b"), (1, "c")):
        draw_moving_picture(folder / f"{name}.mp4", seed=seed)
    with Workspace(Settings.at(home)) as ws:
        index_library(ws, "--odd", [folder])
    (folder / "labels.csv").write_text("path,label,split\na.mp4,--run,test\nb.mp4,--run,train\nc.mp4,sit,train\n")
    return folder / "labels.csv"


def test_start__measures_and_stores(home: Path, labels: Path) -> None:
    runs = EvaluationRuns(home / "logs")
    run = runs.start(EvaluationRequest(library="--odd", encoders=("default",), labels=labels, ways=("mean",)))
    assert run.command.process.wait(timeout=PATIENCE_S) == 0
    with Workspace(Settings.at(home)) as ws:
        jobs = ws.catalog.jobs(kind="evaluate")
        view = evaluation_view(runs.last, jobs, [])
        assert view is not None and view.state == "done" and view.run_id is not None
        stored = ws.catalog.evaluation_run(view.run_id)
        assert [one.pid for one in jobs] == [run.command.pid]
    assert stored is not None and stored.results["rows"][0]["top_1"] == 1.0


def test_start__failure_is_the_commands_own_sentence(home: Path, labels: Path) -> None:
    runs = EvaluationRuns(home / "logs")
    run = runs.start(EvaluationRequest(library="--odd", encoders=("default",), labels=labels, ignore_labels=("walk",)))
    run.command.process.wait(timeout=PATIENCE_S)
    view = evaluation_view(runs.last, [], [])
    assert view is not None and view.state == "failed"
    assert "'walk'" in view.complaint and str(labels) in view.complaint


def test_start__old_logs_go(home: Path, labels: Path) -> None:
    logs = home / "logs"
    logs.mkdir()
    for number in range(60):
        path = logs / f"eval-abcdef{number:02}.log"  # as the page names them
        path.touch()
        os.utime(path, (number, number))
    runs = EvaluationRuns(logs)
    run = runs.start_floors("--odd", "no such encoder")
    run.command.process.wait(timeout=PATIENCE_S)
    kept = sorted(path.name for path in logs.iterdir())
    assert len(kept) == 40
    assert "eval-abcdef59.log" in kept and "eval-abcdef00.log" not in kept
    view = evaluation_view(run, [], [])
    assert view is not None and "no such encoder" in view.complaint
