"""How many steps fit into some minutes here, measured before the run: its schedule must know them from the first step."""

import dataclasses
import math
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from accelerate import Accelerator

from pretrain.config import TrainConfig
from pretrain.errors import ConfigError
from pretrain.processes import gather_lists
from pretrain.train_run import TrainRun, cache_folder

_WARM_STEPS = 2
_TIMED_STEPS = 10
_FEWEST_STEPS = _WARM_STEPS + 3
_TIMED_S = 20.0  # slow machines take fewer steps, three at least besides the warm ones


def check_minutes(minutes: float) -> None:
    """Raises ConfigError for a time in which nothing can be done."""
    if not 0 < minutes < math.inf:
        raise ConfigError(f"minutes is {minutes:g}; it must be above 0")


def lasting(
    minutes: float, config: TrainConfig, run_dir: Path, accelerator: Accelerator, tell: Callable[[str], None]
) -> TrainConfig:
    """The config with as many steps as take about so many minutes, the measuring included. Takes a few steps for it, at a learning
    rate of 0, with a network that is then thrown away; decoded frames are kept. Every process of several must call it, and gets
    the same. Raises ConfigError.

    A first decoding does not count, since later rounds find the frames ready, if the cache has room for them; all else that
    examples cost does. So a run that sees every video once only lasts longer.
    """
    check_minutes(minutes)
    tell("Measuring how long a step takes here, which decides the number of steps.")
    began_s = time.perf_counter()
    step_s = max(gather_lists([_seconds_of_a_step(config, run_dir, accelerator)]))
    took_s = max(gather_lists([time.perf_counter() - began_s]))
    steps = max(1, round((60 * minutes - took_s) / step_s))
    if 60 * minutes - took_s < step_s:
        tell(
            f"The measuring took {took_s:.0f} s, and a step takes {step_s:.1f} s: {_counted(minutes, 'minute')} "
            "in all leaves time for one step only. Give more --minutes, or --steps."
        )
    else:
        tell(
            f"The measuring took {took_s:.0f} s, and a step takes {step_s:.2g} s: {_counted(steps, 'step')} fit into what is left "
            f"of {_counted(minutes, 'minute')}."
        )
    return dataclasses.replace(config, steps=steps)


def _counted(number: float, what: str) -> str:
    digits = str(number) if isinstance(number, int) else f"{number:g}"
    return f"{digits} {what}" + ("" if number == 1 else "s")


def _seconds_of_a_step(config: TrainConfig, run_dir: Path, accelerator: Accelerator) -> float:
    most = _WARM_STEPS + _TIMED_STEPS
    run = TrainRun(dataclasses.replace(config, steps=max(config.steps, most)), run_dir, accelerator)
    if config.reads_videos:
        most = _decoded_steps(run, cache_folder(config, run_dir), most)
    return _timed(run, cache_folder(config, run_dir), most)


def _decoded_steps(run: TrainRun, cache_dir: Path, most: int) -> int:
    """For how many first steps the frames are ready after this: examples are made and not used."""
    began_s = time.perf_counter()
    with closing(run.stream(cache_dir, 0)) as stream:
        for step in range(most):
            run.pieces(stream, step)
            if run.agree(step + 1 >= _FEWEST_STEPS and time.perf_counter() - began_s > _TIMED_S):
                return step + 1
    return most


def _timed(run: TrainRun, cache_dir: Path, most: int) -> float:
    """Seconds of a step, waiting for its examples included, on average over the steps that follow the warm ones."""
    take = run.step_taker(learns=False)
    began_s = warm_s = time.perf_counter()
    with closing(run.stream(cache_dir, 0)) as stream:
        for step in range(most):
            take(run.pieces(stream, step), step + 1)
            now_s = time.perf_counter()
            if step + 1 == _WARM_STEPS:
                warm_s = now_s
            if run.agree(step + 1 >= _FEWEST_STEPS and now_s - began_s > _TIMED_S):
                break
    return (now_s - warm_s) / (step + 1 - _WARM_STEPS)
