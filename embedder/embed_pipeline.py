"""The machinery of ``embed_videos``: decode workers, encoding threads, and the bounded queue between them.

    paths ──> jobs ──> reader threads (one decode worker process each) ──> clips (bounded) ──> encoding threads ──> results

Memory, beside the encoder: the queue of clips holds QUEUE_BYTES; each encoding thread one batch; each worker process some
60 MB, and what its codec needs; each video under way its vectors and thumbnails, 4 kB for a clip.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from embedder.video_facts import VideoFacts
from embedder.worker_messages import Clip, ClipsDone, ClipsJob, Refused
from embedder.worker_process import DecodeWorker, WorkerFailed

if TYPE_CHECKING:
    from embedder.onnx_encoder import OnnxEncoder

QUEUE_BYTES = 64 * 2**20
"""Clips that wait for the encoder: 100 of 16 x 112 x 112, enough to bridge the opening of slow files."""

BATCH_WAIT_S = 0.05
"""How long an encoding thread that has some clips waits for more. It only ever waits when decoding is the slower part."""

VIDEOS_AHEAD_PER_WORKER = 3
_POLL_S = 0.2

T = TypeVar("T")


@dataclass(frozen=True)
class Assembled:
    """All clips of one video, in the order read, and which vector is whose: ``vectors[clip.same_as]``."""

    path: Path
    facts: VideoFacts
    warnings: tuple[str, ...]
    clips: list[Clip]
    vectors: dict[int, NDArray[np.float32]]
    is_by_key_frames: bool = False


@dataclass(frozen=True)
class Failed:
    """One file that gives nothing, and why. transient, blames_machine: as in ``VideoRejected``."""

    path: Path
    reason: str
    transient: bool
    blames_machine: bool = False


@dataclass
class _UnderWay:
    """A video of which clips are being read and encoded. Guarded by ``lock``."""

    path: Path
    clips: list[Clip] = field(default_factory=list)
    vectors: dict[int, NDArray[np.float32]] = field(default_factory=dict)
    num_waiting: int = 0
    done: ClipsDone | None = None
    given_up: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def finished(self) -> Assembled | None:
        if self.done is None or self.num_waiting > 0:
            return None
        return Assembled(self.path, self.done.facts, self.done.warnings, self.clips, self.vectors, self.done.is_by_key_frames)


@dataclass(frozen=True)
class _Waiting:
    """A clip on its way to the encoder."""

    video: _UnderWay
    number: int
    pixels: NDArray[np.uint8]


class Stopped(Exception):
    """The run is over: everybody goes home."""


class EmbedPipeline:
    """One run over many files. ``results`` may be walked once; leaving it early ends all processes and threads."""

    def __init__(
        self,
        encoder: OnnxEncoder,
        make_job: Callable[[Path], ClipsJob],
        *,
        num_workers: int,
        batch_size: int,
        time_limit_s: float | None,
    ) -> None:
        self._encoder = encoder
        self._make_job = make_job
        self._num_workers = num_workers
        self._batch_size = batch_size
        self._time_limit_s = time_limit_s
        card = encoder.card
        clip_bytes = card.num_frames * card.height_px * card.width_px * 3
        self._jobs: queue.Queue[Path] = queue.Queue()
        self._clips: queue.Queue[_Waiting] = queue.Queue(max(2 * batch_size, QUEUE_BYTES // clip_bytes))
        self._results: queue.Queue[Assembled | Failed] = queue.Queue()
        self._stop = threading.Event()
        self._workers: list[DecodeWorker] = []
        self._workers_lock = threading.Lock()

    def results(self, paths: Iterable[Path]) -> Generator[Assembled | Failed]:
        """What becomes of each file. Raises what a thread raised, EncoderError above all."""
        num_threads = self._num_workers + self._encoder.lanes
        with ThreadPoolExecutor(num_threads, thread_name_prefix="embed") as pool:
            try:
                loops = [pool.submit(self._until_stopped, self._read) for _ in range(self._num_workers)]
                loops += [pool.submit(self._until_stopped, self._encode) for _ in range(self._encoder.lanes)]
                yield from self._fed(iter(paths), loops)
            finally:
                self._stop.set()
                with self._workers_lock:
                    for worker in self._workers:
                        worker.kill()

    def _fed(self, paths: Iterator[Path], loops: list[Future[None]]) -> Iterator[Assembled | Failed]:
        num_ahead, path = 0, next(paths, None)
        while path is not None or num_ahead > 0:
            while path is not None and num_ahead < self._num_workers * VIDEOS_AHEAD_PER_WORKER:
                self._jobs.put(path)
                num_ahead, path = num_ahead + 1, next(paths, None)
            yield self._next_result(loops)
            num_ahead -= 1

    def _next_result(self, loops: list[Future[None]]) -> Assembled | Failed:
        while True:
            try:
                return self._results.get(timeout=_POLL_S)
            except queue.Empty:
                for loop in loops:
                    if loop.done():
                        loop.result()  # raises what ended it

    def _until_stopped(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Stopped:
            return

    def _read(self) -> None:
        """A reader thread: takes paths, has its worker read them, restarts the worker when a file has killed it."""
        worker = self._start_worker()
        try:
            while True:
                path = self._get(self._jobs)
                for is_last_trial in (False, True):
                    video = _UnderWay(path)
                    try:
                        self._read_video(worker, video)
                    except WorkerFailed as error:
                        self._end_worker(worker)
                        worker = self._start_worker()
                        if error.try_another and not is_last_trial:
                            with video.lock:
                                video.given_up = True  # so that nobody encodes the clips of the first trial
                            continue
                        self._give_up(video, str(error), transient=True, blames_machine=error.was_killed)
                    break
        finally:
            worker.close()

    def _read_video(self, worker: DecodeWorker, video: _UnderWay) -> None:
        for reply in worker.run(self._make_job(video.path), time_limit_s=self._time_limit_s):
            if isinstance(reply, Clip):
                self._take_clip(video, reply)
            elif isinstance(reply, Refused):
                self._give_up(video, reply.reason, transient=reply.transient, blames_machine=reply.blames_machine)
            elif isinstance(reply, ClipsDone):
                with video.lock:
                    video.done = reply
                    finished = video.finished()
                if finished:
                    self._results.put(finished)

    def _take_clip(self, video: _UnderWay, clip: Clip) -> None:
        with video.lock:
            number = len(video.clips)
            # The pixels go to the encoder and must not stay here.
            video.clips.append(replace(clip, pixels=None))
            video.num_waiting += clip.pixels is not None
        if clip.pixels is not None:
            self._put(self._clips, _Waiting(video, number, clip.pixels))

    def _give_up(self, video: _UnderWay, reason: str, *, transient: bool, blames_machine: bool) -> None:
        with video.lock:
            video.given_up = True
        self._results.put(Failed(video.path, reason, transient, blames_machine))

    def _encode(self) -> None:
        """An encoding thread: takes clips of whatever videos, encodes them, hands back the vectors."""
        while True:
            batch = [clip for clip in self._batch() if not clip.video.given_up]
            if not batch:
                continue
            vectors = self._encoder.run(np.stack([clip.pixels for clip in batch]))
            for clip, vector in zip(batch, vectors, strict=True):
                with clip.video.lock:
                    clip.video.vectors[clip.number] = vector
                    clip.video.num_waiting -= 1
                    finished = clip.video.finished()
                if finished:
                    self._results.put(finished)

    def _batch(self) -> list[_Waiting]:
        batch = [self._get(self._clips)]
        while len(batch) < self._batch_size:
            try:
                batch.append(self._clips.get(timeout=BATCH_WAIT_S))
            except queue.Empty:
                break
        return batch

    def _start_worker(self) -> DecodeWorker:
        with self._workers_lock:
            if self._stop.is_set():
                raise Stopped
            worker = DecodeWorker()
            self._workers.append(worker)
            return worker

    def _end_worker(self, worker: DecodeWorker) -> None:
        with self._workers_lock:
            self._workers.remove(worker)
        worker.close()

    def _get(self, source: queue.Queue[T]) -> T:
        while not self._stop.is_set():
            try:
                return source.get(timeout=_POLL_S)
            except queue.Empty:
                continue
        raise Stopped

    def _put(self, target: queue.Queue[T], item: T) -> None:
        while not self._stop.is_set():
            try:
                target.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
            return
        raise Stopped
