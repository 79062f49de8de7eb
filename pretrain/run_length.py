"""How many steps fit into some minutes here, measured before the run: its schedule must know them from the first step."""

import dataclasses
import statistics
import time
from pathlib import Path

from pretrain.config import TrainConfig
from pretrain.processes import gather_lists
from pretrain.train_run import TrainRun, cache_folder

_WARM_STEPS = 2
_TIMED_STEPS = 10
_TIMED_S = 20.0  # slow machines take fewer steps, three at least


def lasting(minutes: float, config: TrainConfig, run_dir: Path) -> TrainConfig:
    """The config with as many steps as take about so many minutes, the measuring included. Trains a few steps for it on a
    network that is then thrown away; decoded frames are kept. Every process of several must call it, and gets the same.

    Waiting for drawn footage counts; waiting for a first decoding does not, since later rounds find the frames ready. So a run
    that sees every video once only lasts longer.
    """
    if not minutes > 0:
        raise ValueError(f"minutes is {minutes:g}; it must be above 0")
    began_s = time.perf_counter()
    step_s = max(gather_lists([_seconds_of_a_step(config, run_dir)]))
    left_s = max(gather_lists([60 * minutes - (time.perf_counter() - began_s)]))
    return dataclasses.replace(config, steps=max(1, round(left_s / step_s)))


def _seconds_of_a_step(config: TrainConfig, run_dir: Path) -> float:
    endless = dataclasses.replace(config, steps=max(config.steps, _WARM_STEPS + _TIMED_STEPS))
    run = TrainRun(endless, run_dir)
    take = run.step_taker()
    stream = run.stream(cache_folder(config, run_dir), 0)
    took_s: list[float] = []
    began_s = time.perf_counter()
    for step in range(_WARM_STEPS + _TIMED_STEPS):
        asked_s = time.perf_counter()
        pieces = run.pieces(stream, step)
        have_s = time.perf_counter()
        take(pieces, step + 1)
        took_s.append(time.perf_counter() - (have_s if config.footage.paths else asked_s))
        enough = len(took_s) >= _WARM_STEPS + 3 and time.perf_counter() - began_s > _TIMED_S
        if run.agree(enough):
            break
    return statistics.median(took_s[_WARM_STEPS:])
