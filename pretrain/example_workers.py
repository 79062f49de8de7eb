"""The processes that make examples, as torch's loader starts them: whoever stops the training stops them through it alone.

What they make they hand over as `hand_over` says. Whatever keeps them from it ends the training with an error, and never lets it
wait for ever: an error on the way is told, and so is it when none of them has given a sign of life for long.

Ctrl-C at a terminal, and what ends a service or a container, go to all processes of a group. Workers that died of it would take the
examples away for which the training waits, and it would fail where it should save.
"""

import atexit
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.popen_spawn_posix import Popen
from multiprocessing.queues import Queue
from typing import Any

import torch
from torch._utils import ExceptionWrapper
from torch.utils.data import DataLoader, Dataset

from embedder.worker_process import close_idle_workers
from pretrain import pulse
from pretrain.cache_remarks import Remark
from pretrain.hand_over import AHEAD, give_up_sharing
from pretrain.stop_signals import STOP_SIGNALS, postponed

LOOK_EVERY_S = 10.0
SILENT_LOOKS = 60
"""The training gives up after so many looks in a row at workers that made nothing and gave no sign. Looks are counted, and not the
time, which goes on while a machine sleeps or a shell holds all of them."""


class WorkersFailed(RuntimeError):
    """Workers cannot be started, or do nothing; `str()` is the reason in words."""


def make_loader(dataset: Dataset[Any], workers: int, **options: Any) -> "Loader":
    """torch's loader with everything that makes it safe here. Where the system has no room for the semaphores that workers need,
    there are none, and `remarks` says so.
    """
    remarks = []
    if workers and (why := _no_semaphores(8 * (workers + 1))):  # more than torch's queues and events take
        remarks.append(Remark("no workers", f"processes that make examples cannot be had ({why}); the training makes them itself"))
        workers = 0
    of_workers: dict[str, Any] = {"prefetch_factor": AHEAD, "timeout": LOOK_EVERY_S, "multiprocessing_context": _WorkerContext()}
    loader = Loader(
        dataset,
        num_workers=workers,
        # Else it takes a number from the global generator, and a resumed run no longer has the same.
        generator=torch.Generator(),
        **(of_workers if workers else {}),
        **options,
    )
    loader.remarks = remarks
    return loader


def _no_semaphores(number: int) -> str | None:
    """Why so many cannot be made, in words: they lie in /dev/shm, which may be full, missing, or forbidden."""
    context = _WorkerContext()
    try:
        made = [context.Lock() for _ in range(number)]
    except OSError as error:
        return f"no semaphore can be made in /dev/shm: {error.strerror or error}"
    del made
    return None


class Loader(DataLoader[Any]):
    """remarks: what the user should be told about the workers."""

    remarks: list[Remark]

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # torch's has no more methods that anybody calls
        """The workers end with this, also when it is broken off; torch's iterator lives as long as a traceback knows it.

        Raises WorkersFailed, and what torch raises for a worker that died.
        """
        made: Any = None
        with ExitStack() as held:
            signs = self._watched(held) if self.num_workers else None
            try:
                with postponed():
                    made = self._started()
                yield from made if signs is None else _patiently(made, signs)
            finally:
                if made is not None and self.num_workers:
                    with postponed():
                        made._shutdown_workers()  # as its __del__ does

    def _watched(self, held: ExitStack) -> Connection:
        """Where the workers' signs of life arrive."""
        signs, pulse_of_workers = _WorkerContext().Pipe(duplex=False)
        held.enter_context(signs)
        held.enter_context(pulse_of_workers)
        self.worker_init_fn = partial(_begin_worker, pulse_of_workers)
        return signs

    def _started(self) -> Any:
        try:
            return super().__iter__()
        except OSError as error:  # too many processes or files, or no room for what they share
            raise WorkersFailed(f"processes that make examples cannot be started: {error.strerror or error}") from error

    def check_worker_number_rationality(self) -> None:
        """No warning: two workers on one core are fine, while one waits for a disk the other works."""


def _patiently(made: Any, signs: Connection) -> Iterator[Any]:
    """What torch's iterator gives, which ends its waiting at every look."""
    silent = 0
    while True:
        try:
            item = next(made)
        except StopIteration:
            return
        except RuntimeError as error:
            if not str(error).startswith("DataLoader timed out"):
                raise
            silent = 0 if pulse.heard(signs) else silent + 1
            if silent >= SILENT_LOOKS:
                minutes = silent * LOOK_EVERY_S / 60
                raise WorkersFailed(
                    f"the processes that make examples have given no sign of life for {minutes:.3g} minutes"
                ) from error
            continue
        silent = 0
        pulse.heard(signs)
        yield item


class _TellingQueue(Queue):  # type: ignore[type-arg]  # it takes no type before Python 3.13
    """Python's own drops what it cannot pass on, and says so on stderr alone: the training would wait for it for ever."""

    def _on_queue_feeder_error(self, error: Exception, item: Any) -> None:
        """item: number of the batch, and the batch; or a message of torch's own."""
        number, batch = item
        if isinstance(batch, ExceptionWrapper):
            return
        if not getattr(batch, "was_refused", False):
            give_up_sharing(error)
            with suppress(AttributeError):  # it takes no marks
                object.__setattr__(batch, "was_refused", True)
                self.put(item)
                return
        failed = WorkersFailed(f"a batch could not be handed over: {' '.join(str(error).split())[:300]}")
        wrapped = ExceptionWrapper((WorkersFailed, failed, None), where="in DataLoader worker process")  # type: ignore[no-untyped-call]
        self.put((number, wrapped))


class _DeafPopen(Popen):
    """Both signals are blocked in it from its first instruction on, while it imports torch too; SIGKILL still ends it."""

    def _launch(self, process_obj: Any) -> None:
        resource_tracker.ensure_running()  # else it would be started on the way, which lifts the block
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            super()._launch(process_obj)  # type: ignore[misc]  # a child inherits what is blocked
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def terminate(self) -> None:
        """How a worker is ended that does not end by itself."""
        self.kill()


class _DeafProcess(SpawnProcess):
    @staticmethod
    def _Popen(process_obj: Any) -> Popen:
        return _DeafPopen(process_obj)


class _WorkerContext(SpawnContext):
    """Processes that are started afresh. A fork of a process whose torch has started threads can hang. And workers of a fork
    server outlive a killed training: they watch their parent, which is then the server, which in turn waits for them.
    """

    Process = _DeafProcess

    def Queue(self, maxsize: int = 0) -> _TellingQueue:
        return _TellingQueue(maxsize, ctx=self.get_context())


def _begin_worker(signs: Connection, worker: int) -> None:
    """signs: where to give signs of life. Workers share the cores with the training; threads of their own would only get in its
    way.
    """
    import cv2

    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid != os.getppid():
        os._exit(0)  # killed while this process was started; torch, which looks for a change of parents, would never see it
    pulse.begin(signs)
    pulse.beat()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    atexit.register(_leave_at_once)


def _leave_at_once() -> None:
    """A worker whose loader is given up may still be handing over a batch, in a thread inside of torch. Python's usual end
    stops such threads where they are, which C++ answers with an abort. Nothing is lost: what was asked for has been handed over.
    """
    close_idle_workers()  # registered before this, so its own turn would come after it
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)  # what goes wrong in a worker is told through its queue
