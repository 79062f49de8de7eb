"""One process or several that train together, by Accelerate: `torchrun --nproc-per-node 2 -m app pretrain ...` is all it takes."""

from collections.abc import Sequence
from typing import TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from pretrain.config import TrainConfig
from pretrain.keep_memory import keep_memory

T = TypeVar("T")


def make_accelerator(config: TrainConfig) -> Accelerator:
    """Device and process group of this process; alone unless a launcher (torchrun, accelerate launch) started several.

    Raises ValueError for a device that is not there.
    """
    device = _device(config.device)
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)
    accelerator = Accelerator(
        cpu=device.type == "cpu",
        mixed_precision="no",  # the model decides by itself what is safe in bfloat16
        gradient_accumulation_steps=config.accumulate,
    )
    if accelerator.device.type != device.type:
        raise ValueError(
            f"this process has trained on {accelerator.device.type} already and cannot change to {device.type}; start another one"
        )
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    if device.type == "cpu":
        keep_memory()
    return accelerator


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.partition(":")[0] not in ("cpu", "cuda"):
        raise ValueError(f"device is {name}; it must be cpu, cuda, or auto")
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device is {name}, but torch finds no usable GPU here; use cpu or auto")
    return device


def gather_lists(own: Sequence[T]) -> list[T]:
    """The items of all processes, in order of their rank. All must ask."""
    gathered: list[T] = gather_object(list(own))
    return gathered
