"""`vret` run whole, from its arguments to its exit code, inside this process: starting one for each would take minutes."""

import io
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest

from app.main import main


@dataclass(frozen=True)
class Done:
    """What a run of `vret` left."""

    returncode: int
    stdout: str
    stderr: str


def vret(*arguments: object) -> Done:
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2)]
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(streams[0]), redirect_stderr(streams[1]):
            patch.setenv("PYTHONSAFEPATH", "1")  # which main sets, and which is to be as it was afterwards
            patch.setattr(sys, "argv", ["vret", *map(str, arguments)])
            with pytest.raises(SystemExit) as stop:
                main()
    finally:
        signal.signal(signal.SIGTERM, before)
    texts = []
    for stream in streams:
        stream.flush()
        stream.seek(0)
        texts.append(stream.read())
    assert isinstance(stop.value.code, int)
    return Done(stop.value.code, *texts)
