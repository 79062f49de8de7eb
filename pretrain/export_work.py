"""An export takes minutes, most of them for looking at clips: how far it is, and clips made while the network sees those before."""

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pretrain.sample_clips import ClipSource, ClipSpec

OnWork = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""

T = TypeVar("T")
_AHEAD = 4  # batches: a long video gives many at once, then none for a while


def nobody(phase: str, done: int, total: int) -> None:
    """Is told when nobody asked."""


def batches_of(
    source: ClipSource, num_clips: int, spec: ClipSpec, *, seed: int, phase: str, on_work: OnWork
) -> Generator[NDArray[np.uint8]]:
    """The source's batches, told of one by one when the caller comes back for the next."""
    done = 0
    on_work(phase, done, num_clips)
    for batch in ahead(source.batches(num_clips, spec, seed=seed)):
        yield batch
        done += len(batch)
        on_work(phase, done, num_clips)


def ahead(made: Iterator[T]) -> Generator[T]:
    """The same items in order; a thread makes the next ones while the caller works. An error comes where the item would."""
    items: queue.Queue[list[T] | BaseException | None] = queue.Queue(_AHEAD)
    given_up = threading.Event()

    def hand_over(item: list[T] | BaseException | None) -> None:
        while not given_up.is_set():
            try:
                return items.put(item, timeout=0.2)
            except queue.Full:
                pass

    def make() -> None:
        try:
            for item in made:
                hand_over([item])
                if given_up.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - raised again where the caller is
            hand_over(error)
        hand_over(None)

    threading.Thread(target=make, daemon=True, name="clips ahead").start()
    try:
        while (item := items.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0]
    finally:
        given_up.set()
