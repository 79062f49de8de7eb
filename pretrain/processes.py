"""One process or several that train together, by Accelerate: `torchrun --nproc-per-node 2 -m app pretrain ...` is all it takes."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs, gather_object

from pretrain.config import TrainConfig
from pretrain.errors import ConfigError
from pretrain.keep_memory import keep_memory

T = TypeVar("T")

_WAIT_AT_MOST = timedelta(hours=12)
"""For one another: the first process alone reads the labelled videos, which may be long ones. When a process dies, the launcher
ends the others; waiting is not how that is found out."""


def make_accelerator(config: TrainConfig) -> Accelerator:
    """Device and process group of this process; alone unless a launcher (torchrun, accelerate launch) started several.

    Raises ConfigError for a device that is not there.
    """
    device = find_device(config.device)
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)
    accelerator = Accelerator(
        cpu=device.type == "cpu",
        mixed_precision="no",  # the model decides by itself what is safe in bfloat16
        gradient_accumulation_steps=config.accumulate,
        kwargs_handlers=[InitProcessGroupKwargs(timeout=_WAIT_AT_MOST)],
    )
    if accelerator.device.type != device.type:
        raise ConfigError(
            f"this process has trained on {accelerator.device.type} already and cannot change to {device.type}; start another one"
        )
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    if device.type == "cpu":
        keep_memory()
    return accelerator


def find_device(name: str) -> torch.device:
    """The device called `cpu`, `cuda`, `cuda:0` ...; `auto` is the GPU where there is one. Raises ConfigError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.partition(":")[0] not in ("cpu", "cuda"):
        raise ConfigError(f"device is {name}; it must be cpu, cuda, or auto")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device is {name}; a certain GPU is named by its number, such as cuda:0") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device is {name}, but torch finds no usable GPU here; use cpu or auto")
    if device.index is not None and device.type == "cuda" and device.index >= torch.cuda.device_count():
        raise ConfigError(f"device is {name}, but there are only {torch.cuda.device_count()} GPUs, the first of them cuda:0")
    return device


def gather_lists(own: Sequence[T]) -> list[T]:
    """The items of all processes, in order of their rank. All must ask."""
    gathered: list[T] = gather_object(list(own))
    return gathered
