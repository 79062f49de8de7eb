"""The command line from outside: what goes to stdout, what to stderr, which exit code."""

import csv
import io
import json
import os
import re
import shlex
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from app.cli_reference import commands, reference
from app.encoder_files import list_encoders
from app.main import cli
from app.run_lock import run_lock
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.tiny_encoder import write_tiny_encoder
from tests.helpers.whole_command import vret

ROOT = Path(__file__).parents[2]


def ok(*arguments: str | Path) -> str:
    """stdout of a run that must succeed."""
    done = vret(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def failed(*arguments: str | Path, code: int = 1) -> str:
    """The one line on stderr of a run that must fail."""
    done = vret(*arguments)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("vret: ")
    return line


@pytest.fixture
def indexed(home: Path, folder: Path) -> Path:
    ok("index", folder, "--library", "home")
    return folder


def test_index_then_search_then_look_around(home: Path, folder: Path) -> None:
    (folder / "bad.mp4").write_bytes(b"\0\0\0\x20ftypisom, cut off here")
    report = json.loads(ok("index", folder, "--library", "home", "--json"))
    assert (report["added"], report["num_broken"], report["library"]) == (4, 1, "home")
    assert report["broken"][0][0] == str(folder / "bad.mp4")
    out = ok("index", "--library", "home")
    assert "home: added 0 · unchanged 4 · moved 0 · missing 0 · broken 1" in out
    assert f"broken: {folder / 'bad.mp4'}: " in out

    found = json.loads(ok("search", folder / "a.mp4", "--json", "-k", "3"))
    assert [hit["rank"] for hit in found["hits"]] == [1, 2, 3]
    assert found["hits"][0]["path"] == str(folder / "a.mp4")
    assert found["hits"][0]["score"] >= 0.99
    rows = list(csv.DictReader(io.StringIO(ok("search", "--like", f"{folder / 'b.mp4'}@1.5", "--csv"))))
    assert rows[0]["path"] == str(folder / "b.mp4")
    assert str(folder / "a.mp4") in ok("search", folder / "a.mp4", "--start", "0.5", "--end", "2.5", "--library", "home")

    (library,) = json.loads(ok("libraries", "--json"))
    assert (library["name"], library["videos"], library["broken"]) == ("home", 4, 1)
    (broken,) = json.loads(ok("videos", "--outcome", "broken", "--json"))
    assert broken["reason"]
    assert len(ok("videos", "--library", "home", "--csv").splitlines()) == 6
    status = json.loads(ok("status", "--json"))
    assert [job["state"] for job in status["jobs"]] == ["done"]
    assert str(home) in ok("status")


def test_exclude__a_path_from_where_the_shell_stands(home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    ok("index", "videos", "--exclude", "videos/below/")
    assert len(json.loads(ok("videos", "--json"))) == 3


def test_commands_say_what_was_not_taken(home: Path, folder: Path) -> None:
    shutil.copy(folder / "a.mp4", folder / "film.bak")
    draw_moving_picture(folder / "@eaDir" / "x.mp4")
    (folder / "code.ts").write_text("export {}")
    (folder / "drafts").mkdir()
    shutil.copy(folder / "a.mp4", folder / "drafts" / "d.mp4")
    result = vret("index", folder, "--library", "home", "--exclude", "drafts/", "--exclude", "*.tmp")
    assert "not videos 1" in result.stdout and "broken 0" in result.stdout
    assert "@eaDir (1), drafts/ (1)" in result.stderr
    assert "1 .bak" in result.stderr
    assert "vret videos --library home --outcome not-video" in result.stderr
    assert "*.tmp: this pattern matches no video and no folder" in result.stderr
    report = json.loads(ok("index", "--library", "home", "--json"))
    assert (report["left_out"], report["passed_over"]) == ({"@eaDir": 1, "drafts/": 1}, {".bak": 1})
    assert (report["num_not_videos"], report["num_broken"]) == (1, 0)
    (library,) = json.loads(ok("libraries", "--json"))
    assert library["excludes"] == ["drafts/", "*.tmp"]
    assert "drafts/, *.tmp" in ok("libraries")
    assert ok("libraries", "exclude", "home").splitlines() == ["drafts/", "*.tmp"]
    assert json.loads(ok("libraries", "exclude", "home", "drafts/", "--remove", "--json")) == ["*.tmp"]
    assert "does not leave out" in failed("libraries", "exclude", "home", "nothing", "--remove")


@pytest.mark.parametrize(("between", "first_s", "last_s"), [("2-4.5", 2.0, 4.5), ("3-", 3.0, 6.1)])
def test_search_between_seconds_of_the_videos(indexed: Path, between: str, first_s: float, last_s: float) -> None:
    found = json.loads(ok("search", indexed / "a.mp4", "--end", "1.5", "--between", between, "--json", "-k", "50"))
    assert {Path(hit["path"]).name for hit in found["hits"]} >= {"long.mp4"}
    assert all(first_s - 0.02 <= hit["start_s"] and hit["end_s"] <= last_s for hit in found["hits"])


@pytest.mark.parametrize(
    "span",
    [["--start", "1", "--end", "1.05"], ["--start", "2.95"], ["--start", "2.95", "--end", "4"]],
    ids=lambda span: " ".join(span),
)
def test_a_query_too_short_to_see_anything_move_is_refused(indexed: Path, span: list[str]) -> None:
    assert "at least 0.1 s" in failed("search", indexed / "a.mp4", *span)


def test_index_of_a_folder_without_videos_fails(home: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert str(tmp_path / "empty") in failed("index", tmp_path / "empty", "--json")
    assert json.loads(ok("libraries", "--json")) == []


def test_library_is_called_as_its_folder_by_default(home: Path, folder: Path) -> None:
    ok("index", folder)
    assert [library["name"] for library in json.loads(ok("libraries", "--json"))] == ["videos"]


def test_purge_and_remove(indexed: Path) -> None:
    (indexed / "a.mp4").unlink()
    ok("index", "--library", "home")
    assert ok("libraries", "purge", "home") == "purged 1\n"
    assert "has no folder" in failed("libraries", "remove", "home", "--folder", indexed / "x", "--yes")
    ok("libraries", "remove", "home", "--yes")
    assert json.loads(ok("libraries", "--json")) == []
    assert (indexed / "b.mp4").exists()


def test_purge__asks_at_a_terminal(indexed: Path) -> None:
    import pty

    (indexed / "a.mp4").unlink()
    ok("index", "--library", "home")

    def answered(word: bytes) -> int:
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "app", "libraries", "purge", "home"]
        with open(ours, "wb", buffering=0) as keyboard, open(theirs, "rb") as stdin:
            keyboard.write(word + b"\n")
            return subprocess.run(command, stdin=stdin, capture_output=True, check=False).returncode

    assert answered(b"n") == 1
    assert len(json.loads(ok("videos", "--outcome", "missing", "--json"))) == 1
    assert answered(b"y") == 0
    assert json.loads(ok("videos", "--outcome", "missing", "--json")) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["index", "vidoes"], "There is no folder"),
        (["index", ".", "-e", "nosuch"], "'nosuch'. Known: "),
        (["index", "--library", "hoem"], "no library 'hoem'"),
        (["search", "nosuch.mp4"], "nothing is indexed|no file"),
        (["encoders", "show", "nosuch"], "'nosuch'. Known: "),
        (["encoders", "add", "nosuch.onnx"], "no encoder file"),
        (["eval", "retrieval", "--labels", "nosuch.csv"], "no library|no label file"),
        (["libraries", "purge", "hoem"], "no library 'hoem'"),
        (["export"], "no training run"),
        (["export", "nosuch"], "nosuch"),
        (["pretrain", "--data", "nosuch"], "nosuch"),
    ],
)
def test_a_slip_is_one_line_that_says_what_to_do(home: Path, arguments: Sequence[str], said: str) -> None:
    assert re.search(said, failed(*arguments), re.IGNORECASE)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["index"], "Give a folder"),
        (["index", ""], "path is empty"),
        (["index", ".", "--library", ""], "name must be 1 to 200.*--library"),
        (["index", ".", "--hop", "nan"], "--hop"),
        (["index", ".", "--wait", "nan"], "seconds to wait"),
        (["search", "--like", "a.mp4"], "path@12.5"),
        (["search", "--like", "a.mp4@x"], "path@12.5"),
        (["search", "--like", "a.mp4@3-2"], "ends after it begins"),
        (["search", "--like", "a.mp4@nan"], "path@12.5"),
        (["search", "--like", "a.mp4@1,5"], "Write a decimal point"),
        (["search", "a.mp4", "--between", "60-10"], "10-60.*'60-10'"),
        (["search", "a.mp4", "--between", "10"], "10-60.*'10'"),
        (["search", "a.mp4", "--between", "nan-"], "10-60.*'nan-'"),
        (["search", "a.mp4", "--start", "-1"], "--start.*0:35.00"),
        (["search", "a.mp4", "--start", "0:75"], "--start.*0:35.00"),
        (["search", "a.mp4", "--start", "2", "--end", "1"], "end after it begins"),
        (["search", "a.mp4", "--end", "0"], "end after it begins"),
        (["encoders", "add", "x.onnx", "--name", "a b"], "name has letters"),
        (["encoders", "import", "nosuch", "x.pth"], "nosuch"),
        (["eval", "retrieval", "--labels", "x.csv", "--within", "scene"], "--within"),
        (["eval", "retrieval"], "--labels"),
        (["export", "--precision", "fp8"], "precision"),
        (["export", "--span", "-1"], "span"),
        (["pretrain", "--precision", "fp8"], "precision"),
        (["pretrain", "--lr", "nan"], "lr|learning"),
        (["pretrain", "--minutes", "-3"], "minutes"),
        (["videos", "--text"], "--text"),
        (["ui", "--port", "0"], "--port"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line_and_exit_code_2(home: Path, arguments: Sequence[str], said: str) -> None:
    assert re.search(said, failed(*arguments, code=2), re.IGNORECASE)


def test_a_wrong_name_of_a_task_is_wrong_usage(home: Path) -> None:
    assert "'pase'" in failed("pretrain", "--task", "pase", code=2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["serach"],
        ["search"],
        ["search", "--not", "b.mp4"],
        ["search", "a.mp4", "b.mp4", "--start", "1"],
        ["search", "a.mp4", "--json", "--csv"],
        ["search", "a.mp4", "-k", "0"],
        ["index", ".", "--hop", "0"],
        ["index", ".", "--hop", "1.5"],
        ["videos", "--outcome", "fine"],
    ],
)
def test_wrong_usage_is_exit_code_2(home: Path, arguments: Sequence[str]) -> None:
    done = vret(*arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""


def test_unknown_library_lists_the_known(indexed: Path) -> None:
    assert "home" in failed("search", indexed / "a.mp4", "--library", "hoem")
    assert "There is no file" in failed("search", "--like", "nosuch.mp4@1")


def test_search_says_what_it_did_with_a_range_past_the_end(indexed: Path) -> None:
    done = vret("search", indexed / "a.mp4", "--start", "1", "--end", "100", "--json")
    assert done.returncode == 0
    assert "the video ends at 3.00 s" in done.stderr
    assert json.loads(done.stdout)["query_s"] == pytest.approx(2.0)
    assert "nothing at 100.00 s" in failed("search", indexed / "a.mp4", "--start", "100")


def test_search_in_a_folder_that_no_library_has(indexed: Path) -> None:
    assert str(indexed) in failed("search", indexed / "a.mp4", "--folder", indexed.with_name("nosuch"), "--json")


def test_a_second_run_says_who_holds_the_lock(home: Path, folder: Path) -> None:
    with run_lock(home):
        assert "Another run is at work" in (told := failed("index", folder, code=4))
        assert "vret index --wait -1" in told


@pytest.mark.parametrize("arguments", [("purge", "home"), ("remove", "home", "--yes")])
def test_who_meets_the_lock_is_told_of_no_option_that_it_lacks(indexed: Path, home: Path, arguments: Sequence[str]) -> None:
    with run_lock(home):
        told = failed("libraries", *arguments, code=4)
    assert "Another run is at work" in told
    assert "--wait" not in told


@pytest.mark.parametrize("verb", ["ui", "demo"])
def test_a_port_that_is_taken_is_told_before_anything_else(home: Path, verb: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert re.search(rf"Port {port} of 127\.0\.0\.1 is taken.*--port", failed(verb, "--port", str(port)))
    assert not (home / "samples").exists()


def test_an_address_that_is_none_of_this_machine(home: Path) -> None:
    assert "--address" in failed("ui", "--address", "203.0.113.7")


def test_encoders(home: Path, tmp_path: Path) -> None:
    source = write_tiny_encoder(tmp_path / "x.onnx", name="mine", dim=20, seed=4)
    assert vret("encoders", "add", source).returncode == 0
    listed = {row["name"]: row for row in json.loads(ok("encoders", "--json"))}
    assert listed["mine"]["card"]["dim"] == 20
    assert "mine" in ok("encoders", "list")
    assert json.loads(ok("encoders", "show", "mine"))["origin"] == "added"
    (home / "encoders" / "bad.onnx").write_bytes(b"bad")
    assert "unusable" in ok("encoders")


def test_doctor_finds_what_is_wrong_and_how_to_mend_it(home: Path, folder: Path) -> None:
    ok("index", folder, "--library", "home")
    well = json.loads(ok("doctor", "--json"))
    assert {finding["level"] for finding in well} <= {"ok", "note"}
    assert any("CPUExecutionProvider" in finding["detail"] for finding in well)
    folder.rename(folder.with_name("gone"))
    (home / "encoders" / "default.onnx").write_bytes(b"bad")
    done = vret("doctor")
    assert done.returncode == 1
    assert "is not there" in done.stdout
    assert "mend it: vret libraries remove home" in done.stdout
    assert "encoder default" in done.stdout


def test_doctor_reads_the_catalog_the_encoders_and_the_vectors_through(home: Path, folder: Path) -> None:
    ok("index", folder, "--library", "my films")
    ok("search", folder / "a.mp4")
    other = write_tiny_encoder(home / "encoders" / "other.onnx", name="other")
    other.write_bytes(other.read_bytes().replace(b"embeddings", b"embattered"))
    next((home / "vectors").glob("*.faiss")).write_bytes(b"damaged")
    with sqlite3.connect(home / "catalog.db") as connection:
        connection.execute("UPDATE embedding SET vectors = substr(vectors, 1, 10)")
    connection.close()
    done = vret("doctor", "--json")
    findings = json.loads(done.stdout)
    assert done.returncode == 1
    wrong = {finding["subject"]: finding["detail"] for finding in findings if finding["level"] == "wrong"}
    assert set(wrong) == {"catalog", "encoder other"}
    assert "damaged in 4 places" in wrong["catalog"]
    (vectors,) = [finding for finding in findings if finding["subject"].startswith("vectors of")]
    assert vectors["level"] == "note" and "is damaged" in vectors["detail"]


def test_doctor_says_of_a_catalog_of_another_program_what_it_is(home: Path) -> None:
    home.mkdir(exist_ok=True)
    with sqlite3.connect(home / "catalog.db") as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()
    findings = {finding["subject"]: finding for finding in json.loads(vret("doctor", "--json").stdout)}
    assert findings["catalog"]["level"] == "wrong" and "another program" in findings["catalog"]["detail"]


def test_doctor_advises_nothing_that_does_not_exist(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """vret is on no package index: what is missing is installed from its folder."""
    monkeypatch.setattr("app.doctor._version", lambda _: None)
    mends = [finding["mend"] for finding in json.loads(vret("doctor", "--json").stdout) if "not installed" in finding["detail"]]
    assert mends and all(re.fullmatch(r"pip install '\.\[(cpu|train)\]' -c constraints\.txt", mend) for mend in mends)


def test_doctor_names_a_folder_as_the_command_line_takes_it_back(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"old \xff")
    draw_moving_picture(folder / "a.mp4")
    ok("index", str(folder), "-l", "old")
    folder.rename(tmp_path / "elsewhere")
    [mend] = [finding["mend"] for finding in json.loads(vret("doctor", "--json").stdout) if "--folder" in finding["mend"]]
    ok(*shlex.split(mend)[1:], "--yes")
    assert all(not library["folders"] for library in json.loads(ok("libraries", "--json")))


def test_doctor_bears_files_that_vanish_while_it_looks(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = write_tiny_encoder(home / "encoders" / "gone.onnx", name="gone")
    listed = list_encoders(home / "encoders")
    (home / "link").symlink_to(gone)
    gone.unlink()
    walk = os.walk

    def walk_too_late(top: Path, **options: Any) -> Iterator[tuple[Any, list[str], list[str]]]:
        for folder, folders, names in walk(top, **options):
            yield folder, folders, [*names, "vanished"]

    monkeypatch.setattr("os.walk", walk_too_late)
    monkeypatch.setattr("app.doctor.list_encoders", lambda _: listed)
    findings = {finding["subject"]: finding for finding in json.loads(vret("doctor", "--json").stdout)}
    assert findings["encoder gone"]["level"] == "wrong"
    assert findings["data folder"]["level"] == "ok"
    assert findings["catalog"]["level"] == "ok"


def test_eval_takes_the_only_library_where_none_is_named(indexed: Path, home: Path, tmp_path: Path) -> None:
    """The library is called `home`, the label file's folder is not."""
    labels = tmp_path / "elsewhere" / "labels.csv"
    labels.parent.mkdir()
    rows = ["a.mp4,left,train", "b.mp4,right,train", "c.mp4,left,test", "below/long.mp4,right,test"]
    labels.write_text("path,label,split\n" + "".join(f"{indexed / row}\n" for row in rows))
    for verb in (("retrieval",), ("probe",)):
        assert json.loads(ok("eval", *verb, "--labels", labels, "--json"))["rows"]
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(indexed / "a.mp4", other / "d.mp4")
    ok("index", other)
    assert "There is no library 'elsewhere'. There are: home, other." in failed("eval", "retrieval", "--labels", labels)


def test_eval_retrieval_puts_encoders_side_by_side(indexed: Path, home: Path) -> None:
    write_tiny_encoder(home / "encoders" / "other.onnx", name="other", seed=6)
    ok("index", "--library", "home", "--encoder", "other")
    rows = ["a.mp4,left,train", "b.mp4,right,train", "c.mp4,left,test", "below/long.mp4,right,test", "none.mp4,left,test"]
    labels = indexed / "labels.csv"
    labels.write_text("path,label,split,source\n" + "".join(f"{row},S\n" for row in rows))
    common = ("eval", "retrieval", "--labels", labels, "--library", "home", "--within", "source", "-e", "default", "-e", "other")
    result = json.loads(ok(*common, "--json"))
    assert [(row["encoder"], row["way"]) for row in result["rows"]] == [
        (encoder, way) for encoder in ("default", "other") for way in ("mean", "stored")
    ]
    for row in result["rows"]:
        assert (row["group"], row["queries"], row["gallery"], row["chance"]) == ("S", 2, 2, 0.5)
        assert row["top_5"] == 1.0
        for name in ("top_1", "class_mean_top_1"):
            assert 0 <= row[f"{name}_low"] <= row[name] <= row[f"{name}_high"] <= 1
        assert 0.5 <= row["mean_average_precision"] <= 1  # of two videos, one is right
    assert [path for path, _ in result["left_out"]] == [str(indexed / "none.mp4")]
    assert len(ok(*common, "--csv").splitlines()) == 5
    assert "class mean" in ok(*common)


def test_eval_floors_indexes_what_learnt_nothing_and_says_how_far_it_is(indexed: Path, home: Path) -> None:
    write_tiny_encoder(home / "encoders" / "untrained-colours-2s-1.onnx", name="untrained-colours-2s-1", seed=9, task="untrained")
    done = vret("eval", "floors", "--library", "home")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["untrained-colours-2s-1: added 4", "colour: added 4"]
    assert "indexing with untrained-colours-2s-1" in done.stderr and "indexing with colour" in done.stderr
    again = vret("eval", "floors", "--library", "home")
    assert again.stdout.splitlines() == ["untrained-colours-2s-1: unchanged 4", "colour: unchanged 4"]
    jobs = json.loads(ok("status", "--json"))["jobs"]
    assert [job["state"] for job in jobs if job["kind"] == "evaluate"] == ["done", "done"]
    labels = indexed / "labels.csv"
    labels.write_text("path,label,split\na.mp4,left,train\nb.mp4,right,train\nc.mp4,left,test\nbelow/long.mp4,right,test\n")
    rows = json.loads(ok("eval", "retrieval", "--labels", labels, "--library", "home", "--by", "mean", "--json"))["rows"]
    assert [row["encoder"] for row in rows] == ["default", "colour", "untrained-colours-2s-1"]
    assert rows[0]["floor"] is not None


def test_eval_compare_says_which_is_better_and_how_sure(indexed: Path, home: Path) -> None:
    write_tiny_encoder(home / "encoders" / "other.onnx", name="other", seed=6)
    ok("index", "--library", "home", "--encoder", "other")
    labels = indexed / "labels.csv"
    labels.write_text("path,label,split\na.mp4,left,train\nb.mp4,right,train\nc.mp4,left,test\nbelow/long.mp4,right,test\n")
    common = ("eval", "compare", "default", "other", "--labels", labels, "--library", "home")
    rows = json.loads(ok(*common, "--json"))["comparisons"]
    assert [(row["way"], row["queries"], row["a"], row["b"]) for row in rows] == [
        (way, 2, "default", "other") for way in ("mean", "stored")
    ]
    for row in rows:
        assert row["difference"] == pytest.approx(row["b_class_mean_top_1"] - row["a_class_mean_top_1"])
        assert row["difference_low"] <= row["difference"] <= row["difference_high"]
        assert row["verdict"] == ""  # two queries tell nothing
    assert "difference" in ok(*common)
    assert "cannot be compared with itself" in vret("eval", "compare", "default", "default", "--labels", labels).stderr


def test_eval_runs_lists_what_was_measured_and_report_writes_it_down(indexed: Path, tmp_path: Path) -> None:
    labels = indexed / "labels.csv"
    labels.write_text("path,label,split\na.mp4,left,train\nb.mp4,right,train\nc.mp4,left,test\nbelow/long.mp4,right,test\n")
    assert "Nothing has been evaluated yet" in vret("eval", "runs").stderr
    run = json.loads(ok("eval", "retrieval", "--labels", labels, "--library", "home", "--json"))["run"]
    (listed,) = json.loads(ok("eval", "runs", "--library", "home", "--json"))["runs"]
    assert (listed["run"], listed["kind"], listed["library"], listed["encoders"]) == (run, "retrieval", "home", "default")
    assert listed["measure"] == "class-mean top-1"
    assert f"{listed['best']:.3f}" in ok("eval", "runs")
    assert len(ok("eval", "runs", "--csv").splitlines()) == 2
    ok("eval", "report", run, "--html", tmp_path / "report.html")
    assert "<svg" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "There is no evaluation run 999. List them: vret eval runs" in vret("eval", "report", 999, "--html", "x.html").stderr


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_measured(indexed: Path, tmp_path: Path) -> None:
    labels = indexed / "labels.csv"
    labels.write_text("path,label,split\na.mp4,left,train\nb.mp4,right,train\nc.mp4,left,test\n")
    asked: list[str | Path] = ["eval", "retrieval", "--labels", labels, "--library", "home", "--html"]
    done = vret(*asked, tmp_path / "nowhere" / "report.html")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"there is no folder {tmp_path / 'nowhere'}" in done.stderr
    assert json.loads(ok("eval", "runs", "--json"))["runs"] == []
    done = vret(*asked, tmp_path / "report.html")
    (run,) = json.loads(ok("eval", "runs", "--json"))["runs"]
    assert f"stored as run {run['run']}\nreport: {tmp_path / 'report.html'}\n" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "Give --labels, or --judgements"),
        (("--judgements",), "give --library."),
        (("--judgements", "--library", "films", "--within", "source"), "give --library, without --within."),
        (("--labels", "x.csv", "--preset", "gap", "--by", "mean"), "preset library"),
        (("--labels", "x.csv", "--by", "median"), "none of mean, stored, sequence"),
        (("--labels", "x.csv", "--stride", "4"), "presets vcop and gap"),
    ],
)
def test_eval_retrieval_refuses_options_that_do_not_go_together(home: Path, options: Sequence[str], said: str) -> None:
    done = vret("eval", "retrieval", *options)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())


VERBS = [(name, command) for name, command in commands(get_command(cli), "vret") if name not in ("vret", "vret eval")]


@pytest.mark.parametrize(("name", "command"), VERBS, ids=[name for name, _ in VERBS])
def test_every_verb_has_help_with_an_example(name: str, command: Any) -> None:
    assert "Example: vret" in command.help
    assert [parameter.name for parameter in command.params if not parameter.help] == []


def test_the_reference_says_what_the_commands_say() -> None:
    assert (ROOT / "docs" / "cli.md").read_text() == reference(), "run: python -m app.cli_reference > docs/cli.md"


def test_every_verb_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [name for name, _ in VERBS if name.count(" ") == 1 and name not in readme] == []
