"""Train a backbone: the one function that starts a run or goes on with one."""

from collections.abc import Callable
from pathlib import Path

from pretrain.checkpoint import load_config, save_config
from pretrain.config import TrainConfig
from pretrain.errors import CheckpointError
from pretrain.progress import Progress as Progress
from pretrain.progress import TrainResult as TrainResult
from pretrain.run_files import CHECKPOINT_NAME, RunState, at_work
from pretrain.run_length import lasting
from pretrain.train_run import TrainRun


def train(
    config: TrainConfig,
    run_dir: Path,
    *,
    resume: bool = False,
    minutes: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> TrainResult:
    """Train, leaving config, checkpoint, metrics and curves in `run_dir`.

    With `resume`, a run that was broken off goes on from its last checkpoint, on the same curve; one that never saved
    starts again. minutes: instead of `config.steps`, about as many as take so long here; the number is measured before the
    first step and kept in the run's config. Started by torchrun or accelerate launch, each process calls this alike; the
    first one writes and calls `on_progress`. Seeds torch's global generator. Raises CheckpointError (a run is there already,
    or another one), TrainingStopped (NaN or infinity), TrainingDataError (no usable video), ValueError (what the config asks
    cannot be).
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    _check_run_dir(run_dir, config, resume=resume)
    if minutes is not None and not (run_dir / CHECKPOINT_NAME).exists():
        config = lasting(minutes, config, run_dir)
    run = TrainRun(config, run_dir)
    if not run.is_main:
        return run.go(_nobody, None)
    with at_work(run_dir, RunState(step=0, steps=config.steps)) as state:
        save_config(run_dir, config)
        return run.go(on_progress or _nobody, state)


def _nobody(progress: Progress) -> None:
    """Is told of progress when nobody asked."""


def _check_run_dir(run_dir: Path, config: TrainConfig, *, resume: bool) -> None:
    if not (run_dir / CHECKPOINT_NAME).exists():
        return
    if not resume:
        raise CheckpointError(f"{run_dir} holds a run already; resume it, or choose another folder")
    if load_config(run_dir) != config:
        raise CheckpointError(f"{run_dir} holds a run with another config; resume it with its own ({run_dir}/config.json)")
