"""How a batch comes from the process that makes it to the one that trains: in shared memory, or where that is short, in a pipe.

Shared memory (/dev/shm) costs no copy, but a container has 64 MB of it unless told otherwise, and torch finds out that it is full
where an error gets lost and the training waits for ever. So each batch asks for its room here, before torch does.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import get_worker_info

from pretrain.cache_remarks import Remark

AHEAD = 2
"""Batches that each worker makes ahead, torch's `prefetch_factor`."""

_FOLDER = Path("/dev/shm")
_KEPT_FREE = 2
"""So many times its own size must be free for a batch, so that other workers and programs find some as well."""

Handed = Tensor | NDArray[np.generic]


_given_up: str | None = None
"""Why this process tries shared memory no more."""


def give_up_sharing(error: Exception) -> None:
    """Everything goes through pipes from now on: what lay in shared memory could not be passed on."""
    global _given_up
    _given_up = _in_words(error)


def hand_over(tensors: Sequence[Tensor]) -> tuple[list[Handed], Remark | None]:
    """The same numbers, ready to be handed over by a worker: tensors that lie in shared memory already, or arrays, which go through
    a pipe; then a remark says why. In the process that trains, the tensors as they are.
    """
    worker = get_worker_info()
    if worker is None:
        return list(tensors), None
    num_bytes = sum(tensor.nbytes for tensor in tensors)
    why = _given_up or _shortage(num_bytes)
    if why is None:
        try:
            return [tensor.share_memory_() for tensor in tensors], None  # type: ignore[no-untyped-call]
        except (RuntimeError, OSError) as error:  # torch has a RuntimeError for a folder that is full or missing
            why = _in_words(error)
    return [tensor.numpy().copy() for tensor in tensors], _remark(why, num_bytes, worker.num_workers)


def taken_over(handed: Sequence[Handed]) -> list[Tensor]:
    """What `hand_over` gave, as tensors."""
    return [item if isinstance(item, Tensor) else torch.from_numpy(item) for item in handed]


def _in_words(error: Exception) -> str:
    return f"cannot be used ({' '.join(str(error).split())[:200]})"


def _shortage(num_bytes: int) -> str | None:
    """Why there is no room for a batch, in words; None where there is. Elsewhere than on Linux it is not a folder."""
    if os.name != "posix" or os.uname().sysname != "Linux":
        return None
    try:
        status = os.statvfs(_FOLDER)
    except OSError as error:
        return f"cannot be used ({error.strerror})"
    free, size = status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize
    if not os.access(_FOLDER, os.W_OK | os.X_OK):
        return "cannot be written"
    if free < _KEPT_FREE * num_bytes:
        return f"has {free / 1e6:.3g} MB of {size / 1e6:.3g} MB free, too little for a batch of {num_bytes / 1e6:.3g} MB"
    return None


def _remark(why: str, num_bytes: int, workers: int) -> Remark:
    """workers: of each process that trains."""
    wanted = (AHEAD * workers + _KEPT_FREE) * num_bytes / 1e6
    gigabytes = max(1, round(wanted / 1e3 + 0.5))
    return Remark(
        "shared memory",
        f"the shared memory {_FOLDER} {why}; examples go through pipes, which takes longer. {workers} workers with {AHEAD} batches "
        f"each want about {wanted:.3g} MB of it: give a container more (docker run --shm-size={gigabytes}g, shm_size in a compose "
        "file, or --ipc=host), or train with fewer --workers",
    )
