"""One run at a time writes in a data folder: indexing, or tidying up. The lock dies with its process, however that ends."""

import json
import os
import shlex
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.errors import Busy, DataFolderError

_PROGRAMS = {"__main__.py": ("vret",), "main_page.py": ("vret", "ui")}
"""What was typed where it is not the program's name: `python -m app`, as the page starts its runs, and the page itself."""


@dataclass(frozen=True)
class LockHolder:
    """Who holds the lock, as the holder wrote it down."""

    pid: int
    host: str
    command: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}: {self.command}"


@contextmanager
def run_lock(
    home: Path,
    *,
    wait_s: float = 0.0,
    on_wait: Callable[[LockHolder | None], None] | None = None,
    advice: str = "Wait for its end, or stop it; then try again.",
) -> Iterator[None]:
    """Holds the data folder's run lock.

    wait_s: how long to wait for another run; negative waits for ever. on_wait: told once, who is waited for. advice: what who
    cannot have it is told to do.
    Raises Busy, which names the holder, and DataFolderError when the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(home / "index.lock")
    note = home / "index.lock.json"
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if wait_s != 0 and on_wait is not None:
                on_wait(lock_holder(home))
            lock.acquire(timeout=wait_s)
    except Timeout:
        holder = lock_holder(home)
        who = f" ({holder})" if holder else ""
        raise Busy(f"Another run is at work in {home}{who}. {advice}") from None
    except OSError as error:
        raise DataFolderError(f"Cannot write in the data folder {home}: {error.strerror or error}.") from error
    try:
        _write_note(note)
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def lock_holder(home: Path) -> LockHolder | None:
    """Who last wrote down that it holds the lock, or None. True only while the lock is held."""
    try:
        return LockHolder(**json.loads((home / "index.lock.json").read_text()))
    except (OSError, ValueError, TypeError):  # not written yet, half written, or by a later version
        return None


def _write_note(note: Path) -> None:
    program = Path(sys.argv[0]).name
    command = shlex.join([*_PROGRAMS.get(program, (program,)), *sys.argv[1:]])
    holder = LockHolder(os.getpid(), socket.gethostname(), command, datetime.now(UTC).isoformat(timespec="seconds"))
    try:
        note.write_text(json.dumps(asdict(holder)))
    except OSError as error:
        raise DataFolderError(f"Cannot write in the data folder {note.parent}: {error.strerror}.") from error
