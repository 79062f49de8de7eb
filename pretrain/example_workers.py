"""The processes that make examples, as torch's loader starts them: whoever stops the training stops them through it alone.

Ctrl-C at a terminal, and what ends a service or a container, go to all processes of a group. Workers that died of it would take the
examples away for which the training waits, and it would fail where it should save.
"""

import atexit
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.popen_spawn_posix import Popen
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from embedder.worker_process import close_idle_workers
from pretrain.stop_signals import STOP_SIGNALS, postponed


def make_loader(dataset: Dataset[Any], workers: int, **options: Any) -> DataLoader[Any]:
    """torch's loader with everything that makes it safe here. What the workers make, they hand over in shared memory."""
    return _Loader(
        dataset,
        num_workers=workers,
        worker_init_fn=_begin_worker if workers else None,
        multiprocessing_context=_WorkerContext() if workers else None,
        # Else it takes a number from the global generator, and a resumed run no longer has the same.
        generator=torch.Generator(),
        **options,
    )


class _Loader(DataLoader[Any]):
    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # torch's has no more methods that anybody calls
        """The workers end with this, also when it is broken off; torch's iterator lives as long as a traceback knows it."""
        made: Any = None
        try:
            with postponed():
                made = super().__iter__()
            yield from made
        finally:
            if made is not None and self.num_workers:
                with postponed():
                    made._shutdown_workers()  # as its __del__ does

    def check_worker_number_rationality(self) -> None:
        """No warning: two workers on one core are fine, while one waits for a disk the other works."""


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


def _begin_worker(worker: int) -> None:
    """Workers share the cores with the training; threads of their own would only get in its way."""
    import cv2

    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid != os.getppid():
        os._exit(0)  # killed while this process was started; torch, which looks for a change of parents, would never see it
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
