"""The data folder: whose it is, what it may be called, and what works where it, or the temporary folder, cannot be written."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import Settings
from app.workspace import Workspace
from embedder.exclusions import DATA_FOLDER_MARK
from tests.helpers.tiny_encoder import write_tiny_encoder

ROOT = Path(__file__).parents[2]
NAMES = [
    "what?",
    "a%20b",
    "x?timeout=1",
    "%(here)s #;&=",
    "file:x",
    ":memory:",
    "new\nline",
    "q'uo\"te",
    "мир",
    os.fsdecode(b"b\xffd"),
]


def vret(home: Path, *arguments: str | Path, may_write: bool = True, code: str = "") -> subprocess.CompletedProcess[str]:
    """`vret` in a process of its own. may_write: False holds it to the folders' modes, though root may write anywhere.
    code: what runs before it."""
    start = f"import runpy, sys\n{code}\nsys.argv[0] = 'vret'\nrunpy.run_module('app', run_name='__main__')"
    held = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"] if not may_write and os.geteuid() == 0 else []
    if held and shutil.which("setpriv") is None:
        pytest.skip("root may write anywhere, and there is no setpriv to take that away")
    env = {**os.environ, "VRET_HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*held, sys.executable, "-P", "-c", start, *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, errors="surrogateescape", cwd=home.parent)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def read_only(home: Path, folder: Path) -> Iterator[Path]:
    """A data folder with a library `films`, that may only be read."""
    assert vret(home, "index", folder, "--library", "films").returncode == 0
    folders = [home, *(path for path in home.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    yield home
    for path in folders:
        path.chmod(0o755)


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_taken_literally(tmp_path: Path, folder: Path, name: str) -> None:
    home = tmp_path / "homes" / name
    write_tiny_encoder(tmp_path / "tiny.onnx")
    home.mkdir(parents=True)
    (home / "encoders").mkdir()
    shutil.copy(tmp_path / "tiny.onnx", home / "encoders" / "default.onnx")

    assert vret(home, "index", folder, "--library", "films").returncode == 0
    done = vret(home, "search", folder / "a.mp4", "-k", "1")

    assert done.returncode == 0 and str(folder / "a.mp4")[-20:] in done.stdout, done.stderr
    assert done.stderr.count("\n") == 1, "nothing but the closing line: no failed vector file, no warning"
    assert (home / "catalog.db").is_file() and len(list((home / "vectors").iterdir())) == 3
    assert [path.name for path in (tmp_path / "homes").iterdir()] == [name]


def test_a_name_too_long_is_one_line(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["x" * 100] * 6)
    for home in (tmp_path / ("x" * 300), deep):
        done = vret(tmp_path / "home", "status", code=f"import os; os.environ['VRET_HOME'] = {str(home)!r}")
        assert done.returncode == 1 and done.stderr.startswith("vret: ") and done.stderr.count("\n") == 1, done.stderr


def test_what_may_only_be_read_can_be_searched_listed_and_measured(read_only: Path, folder: Path) -> None:
    (folder / "labels.csv").write_text("path,label,split\na.mp4,x,test\nb.mp4,x,train\nc.mp4,y,train\nbelow/long.mp4,y,test\n")
    before = sorted((path, path.stat().st_mtime_ns) for path in read_only.rglob("*"))
    for arguments in (
        ("search", folder / "a.mp4", "-k", "1"),
        ("search", "--like", f"{folder / 'a.mp4'}@1"),
        ("libraries",),
        ("videos",),
        ("status",),
        ("encoders",),
        ("doctor",),
        ("eval", "retrieval", "--labels", folder / "labels.csv", "--library", "films", "--by", "mean"),
    ):
        done = vret(read_only, *arguments, may_write=False)
        assert done.returncode == 0, (arguments, done.stderr)
        assert "could not be saved" not in done.stderr
    assert "not stored: the catalog may only be read" in done.stderr
    assert sorted((path, path.stat().st_mtime_ns) for path in read_only.rglob("*")) == before


def test_what_may_only_be_read_refuses_writing_in_one_line(read_only: Path, folder: Path) -> None:
    for arguments in (
        ("index", folder, "--library", "films"),
        ("libraries", "purge", "films"),
        ("libraries", "remove", "films", "--yes"),
    ):
        done = vret(read_only, *arguments, may_write=False)
        assert done.returncode == 1 and done.stderr.startswith("vret: Cannot write in the data folder"), done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("may_write", [True, False])
def test_without_a_temporary_folder(home: Path, folder: Path, read_only: Path, may_write: bool) -> None:
    """None that the system names can be written. A search needs none; else the data folder serves."""
    none = "import tempfile; tempfile._candidate_tempdir_list = lambda: ['/none']"
    if may_write:
        home.chmod(0o755)
    done = vret(home, "search", folder / "a.mp4", "-k", "1", may_write=may_write, code=none)
    assert done.returncode == 0, done.stderr
    code = f"{none}; import app.import_encoder; app.import_encoder.import_encoder = lambda *_: tempfile.mkdtemp()"
    done = vret(home, "encoders", "import", "r2plus1d_18", "x.pth", may_write=may_write, code=code)
    if may_write:
        assert (home / "temporary").is_dir()
    else:
        assert done.returncode == 1 and "Set TMPDIR" in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    new, empty, older = tmp_path / "new", tmp_path / "empty", tmp_path / "older"
    empty.mkdir(mode=0o755)
    (older / "vectors").mkdir(parents=True)
    (older / "catalog.db").touch()
    older.chmod(0o755)
    for home in (new, empty, older):
        with Workspace(Settings.at(home)) as ws:
            ws.make_home()
        assert mode_of(home) == 0o700, home


@pytest.mark.skipif(os.name != "posix", reason="POSIX modes")
def test_a_new_one_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)  # as some services have it
    try:
        Workspace(Settings.at(tmp_path / "home")).make_home()
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "home") == 0o700


def test_whom_else_somebody_let_in_stays_in(tmp_path: Path) -> None:
    shared, mixed, opened = tmp_path / "shared", tmp_path / "mixed", tmp_path / "opened"
    shared.mkdir()
    shared.chmod(0o2770)  # a folder for a group
    mixed.mkdir()
    mixed.chmod(0o755)
    (mixed / "thesis.txt").touch()  # not vret's alone
    Workspace(Settings.at(opened)).make_home()
    opened.chmod(0o755)  # after vret closed it
    for home, mode in ((shared, 0o2770), (mixed, 0o755), (opened, 0o755)):
        Workspace(Settings.at(home)).make_home()
        assert mode_of(home) == mode and (home / DATA_FOLDER_MARK).exists()
