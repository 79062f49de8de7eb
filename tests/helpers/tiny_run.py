"""A training of four steps on tiny clips, and how its curve is compared."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from pretrain.config import TrainConfig
from pretrain.progress import Progress
from pretrain.recipes import RECIPES
from pretrain.run_files import read_metrics
from pretrain.tasks.base import ClipShape

TIMES = {"clips_per_s", "data_wait", "seconds_left", "line_s"}


def tiny(**changes: Any) -> TrainConfig:
    """Four steps of four examples, 8 frames of 32 pixels, in this process, saved every second step."""
    base = dataclasses.replace(
        RECIPES["smoke"](),
        clip=ClipShape(num_frames=8, size_px=32),
        steps=4,
        save_every=2,
        workers=0,
        threads=1,
        device="cpu",
        precision="fp32",
    )
    return dataclasses.replace(base, **changes)


def curve(run_dir: Path) -> list[dict[str, Any]]:
    """All that the log lines say, but how long it took."""
    return [{name: value for name, value in entry.items() if name not in TIMES} for entry in read_metrics(run_dir)]


def stop_after(step: int, error: type[BaseException]) -> Callable[[Progress], None]:
    """Raises it when the training tells of that step."""

    def on_progress(progress: Progress) -> None:
        if progress.step == step:
            raise error

    return on_progress


@contextmanager
def torch_as_before() -> Iterator[None]:
    """Training seeds torch's generator and sets its threads."""
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    yield
    torch.set_rng_state(state)
    torch.set_num_threads(threads)
