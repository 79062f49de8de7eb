"""The owner's side of a decode worker: start it, give it a job, read its replies, end it when it crashes or hangs."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from embedder.errors import EmbedderError, PreviewError, QueryTooLong, VideoRejected
from embedder.worker_messages import Alive, ClipsDone, Done, Job, QueryDone, Refused, Reply, receive, send


def _named(*names: str) -> list[signal.Signals]:
    """Signals that not every system has."""
    return [signal.Signals[name] for name in names if hasattr(signal, name)]


WORKER_COMMAND = (sys.executable, "-P", "-m", "embedder.decode_worker")
"""-P: the folder we happen to stand in may hold an av.py of a stranger."""

START_LIMIT_S = 60.0
SILENCE_LIMIT_S = 60.0
BASE_LIMIT_S = 120.0
LIMIT_S_PER_MB = 10.0
LIMIT_S_PER_MEDIA_S = 2.0
"""A file may take 120 s, and 10 s for each MB of it, and 2 s for each second of video got so far; and never be silent
for 60 s (a healthy worker says once a second how far it has come). Only waiting for the worker counts, not the time in
which it waits for us. The slowest sound files (8K on one busy core) take a tenth of that."""

CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, *_named("SIGBUS", "SIGSYS", "SIGTRAP")})
"""Signals by which a process ends of its own doing."""

_WATCH_EVERY_S = 0.25


class WorkerFailed(EmbedderError):
    """The worker crashed, hung, took too long, or was out of memory after other jobs; ``str()`` is the reason in words. It is of no
    use any more.

    try_another: the cause may lie before this job, so that a new worker may do it: this one died without a word on the job, or had
    no memory left after others. was_killed: from outside, mostly by the system for want of memory; it neither crashed nor hung.
    """

    def __init__(self, reason: str, *, try_another: bool, was_killed: bool = False) -> None:
        super().__init__(reason)
        self.try_another = try_another
        self.was_killed = was_killed


@dataclass
class _Watch:
    """What the watchdog looks at. until: when to end the worker (monotonic seconds), None while we do not wait for it."""

    until: float | None = None
    struck: bool = False


class DecodeWorker:
    """One worker process. Not for several threads at once. Use ``close`` or ``with``."""

    def __init__(self) -> None:
        self._errors = _file_without_name()
        # A session of its own: Ctrl-C at the terminal is for the owner, who ends the workers. Else they would die first,
        # and the files they were reading would look broken.
        self._process = subprocess.Popen(
            WORKER_COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=worker_environment(),
            start_new_session=True,
        )
        self._watch = _Watch()
        self._started = False
        self._num_jobs = 0
        self.is_between_jobs = True
        threading.Thread(target=_end_when_due, args=(self._process, self._watch), daemon=True).start()

    def __enter__(self) -> DecodeWorker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_usable(self) -> bool:
        """Whether it waits for the next job."""
        return self._process.poll() is None and not self._watch.struck

    def run(self, job: Job, *, time_limit_s: float | None = None) -> Iterator[Reply]:
        """Do a job; its replies, of which the last is ClipsDone, QueryDone, Done or Refused.

        time_limit_s: instead of the limits that grow with file and video. Raises WorkerFailed; the worker is of no use
        after that, nor when the replies are not read to the last.
        """
        waited_s, media_s, said_nothing = 0.0, 0.0, True
        size_mb = _size_mb(job.path)
        self.is_between_jobs = False
        self._num_jobs += 1
        try:
            assert self._process.stdin is not None, "started with a pipe"
            send(self._process.stdin, job)
        except BrokenPipeError:
            raise WorkerFailed(self._death(), try_another=True, was_killed=self._was_killed) from None
        while True:
            allowed_s = BASE_LIMIT_S + LIMIT_S_PER_MB * size_mb + LIMIT_S_PER_MEDIA_S * media_s
            left_s = min(SILENCE_LIMIT_S, allowed_s - waited_s)
            if time_limit_s is not None:
                left_s = time_limit_s - waited_s
            began = time.monotonic()
            reply = self._next_reply(left_s if self._started else left_s + START_LIMIT_S, said_nothing)
            said_nothing = False
            waited_s += time.monotonic() - began if self._started else 0.0
            self._started = True
            if isinstance(reply, Alive):
                media_s = reply.media_s
            if isinstance(reply, Refused) and reply.kind == "memory" and self._num_jobs > 1:
                raise WorkerFailed(reply.reason, try_another=True)
            is_last = isinstance(reply, ClipsDone | QueryDone | Done | Refused)
            self.is_between_jobs = is_last
            yield reply
            if is_last:
                return

    def kill(self) -> None:
        """End the process; whoever reads from it gets WorkerFailed. May be called from any thread."""
        self._process.kill()

    def close(self) -> None:
        """End the process, at once and whatever it does, and free what it held."""
        self._watch.until = None
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                # What was still on its way to a dead worker cannot be flushed.
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _next_reply(self, left_s: float, said_nothing: bool) -> Reply:
        assert self._process.stdout is not None, "started with a pipe"
        self._watch.until = time.monotonic() + left_s
        try:
            reply: Reply = receive(self._process.stdout)
        except EOFError:
            death = self._death()
            said_nothing = said_nothing and not self._watch.struck
            raise WorkerFailed(death, try_another=said_nothing, was_killed=self._was_killed) from None
        finally:
            self._watch.until = None
        return reply

    @property
    def _was_killed(self) -> bool:
        """Whether a signal ended it that is neither our watchdog's nor that of a crash."""
        code = self._process.returncode
        return not self._watch.struck and code is not None and code < 0 and -code not in CRASHES

    def _death(self) -> str:
        """Why the worker is gone, in words."""
        if self._watch.struck:
            return "decoding it took too long or hung; given up"
        code = self._process.wait()
        if self._was_killed:
            name = signal.Signals(-code).name
            return f"its decoder was killed from outside ({name}), most likely because memory ran out"
        if code < 0:
            known = {number.value: number.name for number in signal.Signals}
            return f"the decoder crashed on it ({known.get(-code, f'signal {-code}')})"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"the decoder failed on it (exit code {code}{': ' + lines[-1] if lines else ''})"


def replies_of(job: Job, *, time_limit_s: float | None = None, on_alive: Callable[[], None] = lambda: None) -> Iterator[Reply]:
    """Do one job in a worker that is kept for the next one; its replies but signs of life, the last being a good end.

    on_alive: called at every sign of life, once a second or so.

    Raises VideoRejected, FileNotFoundError, QueryTooLong, PreviewError, OSError by what the worker says.
    """
    for is_last_trial in (False, True):
        worker = DecodeWorker() if is_last_trial else _take_idle()
        num_given = 0
        try:
            for reply in _good_replies(worker, job, time_limit_s, on_alive):
                num_given += 1
                yield reply
        except WorkerFailed as error:
            if error.try_another and num_given == 0 and not is_last_trial:
                continue
            raise VideoRejected(job.path, str(error), transient=True, blames_machine=error.was_killed) from error
        finally:
            _give_back(worker)
        return


def _good_replies(worker: DecodeWorker, job: Job, time_limit_s: float | None, on_alive: Callable[[], None]) -> Iterator[Reply]:
    for reply in worker.run(job, time_limit_s=time_limit_s):
        if isinstance(reply, Refused):
            raise_refused(job.path, reply)
        if isinstance(reply, Alive):
            on_alive()
        else:
            yield reply


def raise_refused(path: Path, refused: Refused) -> None:
    """Raise what a refusal stands for."""
    if refused.kind == "missing":
        raise FileNotFoundError(2, refused.reason, str(path))
    if refused.kind == "range":
        raise PreviewError(refused.reason)
    if refused.kind == "too long":
        raise QueryTooLong(refused.reason)
    if refused.kind == "disk":
        raise OSError(refused.reason)
    raise VideoRejected(path, refused.reason, transient=refused.transient, blames_machine=refused.blames_machine)


# Workers that wait for the next preview or query: starting one takes 0.3 s, most of what a preview takes.
_MAX_IDLE = 2
_idle: list[DecodeWorker] = []
_idle_lock = threading.Lock()


@atexit.register
def close_idle_workers() -> None:
    """End the workers that wait for the next job; a new job starts one again."""
    while _idle:
        _idle.pop().close()


def _take_idle() -> DecodeWorker:
    with _idle_lock:
        while _idle:
            worker = _idle.pop()
            if worker.is_usable:
                return worker
            worker.close()
    return DecodeWorker()


def _give_back(worker: DecodeWorker) -> None:
    with _idle_lock:
        if worker.is_usable and worker.is_between_jobs and len(_idle) < _MAX_IDLE:
            _idle.append(worker)
            return
    worker.close()


def _end_when_due(process: subprocess.Popen[bytes], watch: _Watch) -> None:
    """The watchdog of one worker: ends it when a reply is overdue, which the reader sees as the end of the pipe."""
    while process.poll() is None:
        until = watch.until
        if until is not None and time.monotonic() > until:
            watch.struck = True
            process.kill()
            return
        time.sleep(_WATCH_EVERY_S)


def _file_without_name() -> BinaryIO:
    """What the worker says goes here. In memory where the system can: there may be no temporary folder, or no room in it."""
    make = getattr(os, "memfd_create", None)
    return tempfile.TemporaryFile() if make is None else os.fdopen(make("vret-worker"), "w+b")


def worker_environment() -> dict[str, str]:
    """Ours, with the folder of this package findable also where vret runs from a source tree."""
    root = str(Path(__file__).resolve().parent.parent)
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    # One thread for number work: as many workers as cores run beside one another.
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _size_mb(path: Path) -> float:
    try:
        return path.stat().st_size / 1e6
    except OSError:
        return 0.0  # the worker will say what is wrong with it
