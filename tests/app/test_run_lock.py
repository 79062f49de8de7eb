"""The lock between real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.errors import Busy, DataFolderError
from app.run_lock import LockHolder, lock_holder, run_lock
from tests.helpers.patience import PATIENCE_S

HOLD = """
import sys
from pathlib import Path
from app.run_lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def another_holder(home: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_second_is_told_who_holds_it(tmp_path: Path) -> None:
    with another_holder(tmp_path) as process, pytest.raises(Busy, match=rf"process {process.pid} on "), run_lock(tmp_path):
        pass


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/bin/vret", "libraries", "purge", "a b"], "vret libraries purge 'a b'"),
        (["/lib/app/__main__.py", "index", "/v"], "vret index /v"),
        (["/lib/app/ui/main_page.py"], "vret ui"),
    ],
)
def test_the_holder_is_named_as_it_would_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.setattr(sys, "argv", arguments)
    with run_lock(tmp_path):
        holder = lock_holder(tmp_path)
    assert holder is not None
    assert holder.command == said


def test_second_waits_and_is_told_for_whom(tmp_path: Path) -> None:
    told: list[LockHolder | None] = []

    def let_go(holder: LockHolder | None) -> None:
        told.append(holder)
        process.communicate("go\n")

    with another_holder(tmp_path) as process, run_lock(tmp_path, wait_s=PATIENCE_S, on_wait=let_go):
        assert told[0] is not None
        assert told[0].pid == process.pid
        mine = lock_holder(tmp_path)
        assert mine is not None
        assert mine.pid == os.getpid()


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    with another_holder(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with run_lock(tmp_path):
            assert lock_holder(tmp_path) is not None
    assert lock_holder(tmp_path) is None


def test_a_home_that_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(DataFolderError, match="Cannot write"), run_lock(file):
        pass
