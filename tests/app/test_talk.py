"""What is printed, whoever reads it: any encoding, names of any bytes, and readers that are full, gone or never were."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import typing
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from app.cli_reference import commands
from app.commands import given
from app.main import cli, main
from tests.helpers.make_video import draw_moving_picture

ROOT = Path(__file__).parents[2]
BYTES_NAME = os.fsdecode(b"caf\xe9 100%.mp4")  # Latin-1, as old cameras and archives have it
ODD_NAMES = (
    BYTES_NAME,
    "\u0434\u0435\u043d\u044c.mp4",  # Cyrillic, which Windows' Western code page lacks
    "red\x1b[31m\x9b32m.mp4",
    "two\nlines.mp4",
    "mov\u202e4pm.mp4",  # shown backwards
    "at@0:30.mp4",
)
DRIVES_A_TERMINAL = ("\x1b", "\x9b", "\u202e")

VERBS: dict[str, list[list[str]]] = {
    "vret index": [["LIBRARY", "-l", "odd"], ["LIBRARY", "-l", "odd", "--json"], ["nosuch\x1b[31m"]],
    "vret search": [
        ["CLIP", "-k", "50"],
        ["CLIP", "--json"],
        ["CLIP", "--csv"],
        ["--like", "nosuch\u202e@1"],
        ["CLIP", "-l", "\udcff"],
        ["CLIP", "-k", "1000000000"],
        ["CLIP", "-k", "9" * 30],
        ["CLIP", "-e", "\udcff"],
    ],
    "vret duplicates": [
        [],
        ["--json"],
        ["--csv"],
        ["--moments"],
        ["--moments", "--csv"],
        ["-l", "\udcff"],
        ["--not", "CLIP", "nosuch\x1b[31m"],
        ["--undo-not", "CLIP", "\udcff"],
        ["nosuch\u202e"],
    ],
    "vret libraries": [[], ["--json"], ["--csv"]],
    "vret libraries exclude": [
        ["odd"],
        ["odd", "--json"],
        ["odd", "\u0434*/"],
        ["odd", "nosuch\u202e", "--remove"],
        ["odd", "\x1b[31m"],
        ["odd", "\udcff"],
        ["\udcff"],
    ],
    "vret libraries remove": [["odd"], ["\u0434", "--yes"]],
    "vret libraries purge": [["nosuch"], ["\u0434\x1b[31m"], ["\udcff"]],
    "vret videos": [
        [],
        ["--json"],
        ["--csv"],
        ["--text", "\u0414\u0415\u041d\u042c"],
        ["-l", "\udcff"],
        ["--offset", "9" * 30],
        ["--limit", "9" * 30],
        ["--outcome", "\u0434"],
    ],
    "vret encoders": [[], ["--json"]],
    "vret encoders list": [[], ["--json"]],
    "vret encoders show": [["default"], ["nosuch\x1b[31m"]],
    "vret encoders add": [["CLIP"], ["nosuch\u0434.onnx"]],
    "vret encoders import": [["nosuch", "CLIP"]],
    "vret encoders import-image": [["CLIP"], ["nosuch\u0434\x1b[31m"]],
    "vret encoders join": [["default", "nosuch\u0434\x1b[31m", "--name", "both"], ["CLIP", "\udcff", "--name", "both"]],
    "vret status": [[], ["--json"]],
    "vret pretrain": [["--task", "\u0434"], ["--data", "nosuch\x1b[31m"]],
    "vret pretrain list": [[], ["--json"]],
    "vret pretrain status": [["nosuch\x1b[31m"], ["./\u0434"]],
    "vret export": [["nosuch\u202e"], ["--out", "CLIP"]],
    "vret eval retrieval": [
        ["--labels", "LABELS", "-l", "odd"],
        ["--labels", "LABELS", "-l", "odd", "--json"],
        ["--labels", "LABELS", "-l", "odd", "--csv"],
        ["--labels", "nosuch\x1b[31m.csv"],
    ],
    "vret eval compare": [["default", "\u0434", "--labels", "LABELS"]],
    "vret eval probe": [["--labels", "nosuch\u0434"]],
    "vret eval cloze": [["--labels", "nosuch\u0434"]],
    "vret eval finetune": [["--labels", "nosuch\u0434"]],
    "vret eval floors": [["-l", "nosuch\x1b[31m"], ["-l", "\udcff"]],
    "vret eval runs": [[], ["--json"], ["--csv"], ["-l", "\udcff"]],
    "vret eval report": [["7", "--html", "nosuch\x1b[31m/x.html"], ["9" * 30, "--html", "x.html"]],
    "vret doctor": [[], ["--json"]],
    "vret ui": [["--port", "\u0434"], ["--address", "\u0434"]],
    "vret demo": [["--videos", "nosuch\x1b[31m", "--no-page"]],
}


@pytest.fixture(autouse=True)
def handlers_restored() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def run(*arguments: str | Path, encoding: str = "utf-8") -> tuple[int, bytes, bytes]:
    """Exit code and what came out of `vret` in this process, with standard streams that refuse what their encoding lacks."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        patch.setattr(sys, "stdin", io.StringIO())
        patch.setattr(sys, "argv", ["vret", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
    assert isinstance(stop.value.code, int)
    out, err = (typing.cast("io.BytesIO", stream.buffer).getvalue() for stream in streams)
    return stop.value.code, out, err


def ok(*arguments: str | Path, encoding: str = "utf-8") -> bytes:
    code, out, err = run(*arguments, encoding=encoding)
    assert code == 0, err
    return out


@pytest.fixture
def odd(home: Path, tmp_path: Path) -> Path:
    """A library of one real video under every odd name (copies: it is embedded once), with labels."""
    root = tmp_path / "odd"
    plain = draw_moving_picture(root / "plain.mp4", seed=1)
    for name in ODD_NAMES:
        shutil.copy(plain, root / name)
    (root / "bad \u0434\x1b[31m.mp4").write_text("no video")
    labels = ("caf\u00e9", "\u0434")
    rows = [(name, labels[place % 2], "test" if place < 2 else "train") for place, name in enumerate(ODD_NAMES)]
    with (root / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "label", "split"), *[row for row in rows if row[0] != BYTES_NAME]])
    ok("index", root, "-l", "odd")
    return root


def test_every_verb_is_tried_here() -> None:
    verbs = {name for name, command in commands(get_command(cli), "vret")} - {"vret", "vret eval"}
    assert set(VERBS) == verbs


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_no_verb_fails_over_names_and_encodings(odd: Path, encoding: str) -> None:
    """Whatever it has to say: results, complaints, wrong usage, help. Nothing of it drives a terminal."""
    places = {"LIBRARY": str(odd), "CLIP": str(odd / "plain.mp4"), "LABELS": str(odd / "labels.csv")}
    for verb, tries in VERBS.items():
        for arguments in ([*one] for one in (*tries, ["--help"], ["--nosuch\x1b[31m\u0434"])):
            words = [*verb.split()[1:], *(places.get(word, word) for word in arguments)]
            code, out, err = run(*words, encoding=encoding)
            assert code in (0, 1, 2), (words, code, err)
            machine = bool({"--json", "--csv"} & set(arguments))
            texts = [out.decode("utf-8" if machine else encoding), err.decode(encoding)]
            assert code == 0 or not machine, (words, err)
            if "--csv" not in arguments:
                assert not any(sign in text for sign in DRIVES_A_TERMINAL for text in texts), (words, texts)
            if "--json" in arguments:
                json.loads(texts[0])
            if code and arguments:
                assert err.startswith(b"vret: ") or b"\nvret: " in err, (words, err)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_machine_output_is_the_same_in_every_encoding(odd: Path, encoding: str) -> None:
    assert ok("videos", "--json", encoding=encoding) == ok("videos", "--json")
    assert ok("videos", "--csv", encoding=encoding) == ok("videos", "--csv")
    paths = [video["path"] for video in json.loads(ok("videos", "--json", encoding=encoding))]
    assert f"bytes:{odd}/caf%E9 100%25.mp4" in paths
    assert {str(odd / name) for name in ODD_NAMES if name != BYTES_NAME} < set(paths)
    rows = list(csv.DictReader(io.StringIO(ok("videos", "--csv", encoding=encoding).decode(), newline="")))
    assert [row["path"] for row in rows] == paths


def test_an_escaped_path_is_taken_back(odd: Path, tmp_path: Path) -> None:
    shown = f"bytes:{odd}/caf%E9 100%25.mp4"
    for arguments in (["--like", f"{shown}@0:01.00"], [shown, "--start", "0:01"], ["--like", f"{odd / BYTES_NAME}@1"]):
        assert json.loads(ok("search", *arguments, "--json"))["hits"]
    assert json.loads(ok("videos", "--text", "CAF%E9", "--json"))[0]["path"] == shown
    labels = tmp_path / "labels.csv"
    labels.write_text(f"path,label,split\n{shown},a,test\n{odd / ODD_NAMES[1]},a,train\n{odd / ODD_NAMES[5]},b,train\n")
    (row,) = json.loads(ok("eval", "retrieval", "--labels", labels, "-l", "odd", "--by", "mean", "--json"))["rows"]
    assert row["queries"] == 1


def test_a_report_in_a_file_is_utf_8(odd: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    ok("eval", "retrieval", "--labels", odd / "labels.csv", "-l", "odd", "--by", "mean", "--html", report, encoding="cp1252")
    assert "\u0434" in report.read_bytes().decode("utf-8")


def test_a_file_name_with_an_at_and_a_time_in_it(odd: Path) -> None:
    path = odd / "at@0:30.mp4"
    found = json.loads(ok("search", "--like", f"{path}@0:01.00-0:02.50", "--one-per-video", "-k", "50", "--json"))
    assert str(path) in [hit["path"] for hit in found["hits"]]


def test_csv_has_one_form_of_cells(odd: Path) -> None:
    def rows(*arguments: str | Path) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(ok(*arguments, "--csv").decode(), newline="")))

    (library,) = rows("libraries")
    assert json.loads(library["folders"]) == [str(odd)]
    assert {row["flagged"] for row in rows("search", odd / "plain.mp4", "--empty")} <= {"true", "false"}
    assert [json.loads(row["warnings"]) for row in rows("videos", "--outcome", "indexed")] == [[]] * 7
    assert not ok("videos", "--csv").startswith(b"\xef\xbb\xbf")


def test_lists_for_programs_are_whole(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(103):
        (folder / f"{number}.mp4").write_text(f"no video {number}")
    ok("index", folder)
    assert len(json.loads(ok("videos", "--json"))) == 103
    assert len(ok("videos", "--csv").splitlines()) == 104
    _, out, err = run("videos")
    assert out.count(b"not-video") == 100
    assert b"Only 100 are shown" in err and b"--offset 100" in err
    _, out, err = run("videos", "--json", "--limit", "3")
    assert len(json.loads(out)) == 3
    assert b"Only 3 are shown" in err
    assert b"are shown" not in run("videos", "--limit", "103")[2]


# --- readers -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def environment(odd: Path, home: Path) -> dict[str, str]:
    return {**os.environ, "VRET_HOME": str(home), "PYTHONPATH": str(ROOT)}


def shell(line: str, environment: dict[str, str], **extra: str) -> "subprocess.CompletedProcess[bytes]":
    """A real process with real pipes. $VRET is the command."""
    line = line.replace("$VRET", f"{sys.executable} -P -m app")
    return subprocess.run(["bash", "-o", "pipefail", "-c", line], env=environment | extra, capture_output=True)


@pytest.mark.skipif(sys.platform != "linux", reason="needs bash and /dev/full")
@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("$VRET videos --csv | head -1", 0, b""),
        ("$VRET videos >&-", 0, b""),
        ("$VRET videos --json >&- 2>&-", 0, b""),
        ("$VRET videos --json >/dev/full", 1, b"No space left"),
        ("$VRET videos 2>/dev/full >/dev/full", 1, b""),
        ("$VRET index -l odd 2>&- <&-", 0, b""),
        ("$VRET --help | true", 0, b""),
        ("$VRET libraries remove odd <&- >&-", 1, b"vret: "),
    ],
)
def test_a_reader_that_is_full_or_gone(environment: dict[str, str], line: str, code: int, said: bytes) -> None:
    done = shell(line, environment)
    assert (done.returncode, b"Traceback" in done.stderr, b"Exception" in done.stderr) == (code, False, False), done
    assert said in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="needs bash and a C locale")
@pytest.mark.parametrize(
    "locale",
    [
        {"PYTHONIOENCODING": "cp1252"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=str,
)
def test_locales_and_settings_of_python(environment: dict[str, str], odd: Path, locale: dict[str, str]) -> None:
    """The same files are the same videos in each of them, and machine output has the same bytes."""
    done = shell("$VRET index -l odd", environment, **locale)
    assert done.returncode == 0, done.stderr
    assert b"unchanged 7" in done.stdout
    found = shell("$VRET videos --json", environment, **locale)
    assert found.stdout == shell("$VRET videos --json", environment).stdout
    assert b"Traceback" not in found.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="needs a C locale")
def test_names_are_the_same_in_every_locale(environment: dict[str, str], odd: Path) -> None:
    """Of a library, typed or taken from its folder's name, of a pattern and of a part of a path."""
    (odd.parent / "caf\u00e9").mkdir()
    draw_moving_picture(odd.parent / "caf\u00e9" / "\u0434.mp4")
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    made = shell(f"cd {odd.parent}; $VRET index caf\u00e9 --exclude '\u0436*'", environment, **plain)
    assert made.returncode == 0, made.stderr
    assert shell("$VRET libraries exclude caf\u00e9", environment).stdout.decode() == "\u0436*\n"
    for locale in ({}, plain):
        found = shell("$VRET videos -l caf\u00e9 --text \u0414 --json", environment, **locale)
        assert [Path(row["path"]).name for row in json.loads(found.stdout)] == ["\u0434.mp4"], found.stderr
        assert shell(f"$VRET search {odd}/two* -l caf\u00e9 --json", environment, **locale).returncode == 0


# --- paths ---------------------------------------------------------------------------------------------------------------------


def _path_options() -> list[tuple[str, str, Any]]:
    found = []
    for name, command in commands(get_command(cli), "vret"):
        function = getattr(command.callback, "__wrapped__", command.callback)
        hints = typing.get_type_hints(function, include_extras=True) if function is not None else {}
        found += [(name, option, hint) for option, hint in hints.items() if "pathlib.Path" in str(hint)]
    return found


def test_every_path_on_the_command_line_is_read_alike() -> None:
    options = _path_options()
    assert len(options) > 20
    for name, option, hint in options:
        assert any(getattr(info, "parser", None) is given.path for info in hint.__metadata__), (name, option)


@pytest.mark.parametrize(
    "arguments",
    [
        ["index", "PATH"],
        ["search", "PATH"],
        ["search", "--like", "PATH@1"],
        ["search", "CLIP", "--folder", "PATH"],
        ["search", "CLIP", "--encoder", "PATH.onnx"],
        ["libraries", "remove", "odd", "--folder", "PATH", "--yes"],
        ["encoders", "show", "PATH.onnx"],
        ["encoders", "add", "PATH"],
        ["encoders", "import-image", "PATH"],
        ["pretrain", "status", "PATH"],
        ["pretrain", "--data", "PATH"],
        ["export", "PATH"],
        ["export", "--encoder", "default", "--precision", "fp16", "--out", "PATH/x.onnx"],
        ["eval", "retrieval", "--labels", "PATH"],
        ["eval", "retrieval", "--labels", "LABELS", "--videos", "PATH"],
        ["eval", "retrieval", "--labels", "LABELS", "--html", "PATH/x.html"],
        ["eval", "report", "1", "--html", "PATH/x.html"],
        ["demo", "--no-page", "--videos", "PATH"],
    ],
    ids=lambda words: " ".join(words[:3]),
)
def test_a_path_that_cannot_be_is_one_line(odd: Path, arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(odd)
    places = {"CLIP": str(odd / "plain.mp4"), "LABELS": str(odd / "labels.csv")}
    for path in ("~nobody-of-that-name/x", "n" * 300, "plain.mp4/x", "\x1b[31m/\u0434", "\udcff"):
        code, _, err = run(*(places.get(word, word).replace("PATH", path) for word in arguments))
        assert code in (1, 2), (path, err)
        assert err.splitlines()[-1].startswith(b"vret: "), (path, err)
