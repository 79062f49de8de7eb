"""Train a backbone: the one function that starts a run or goes on with one."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

from accelerate import Accelerator

from pretrain.checkpoint import load_config, save_config
from pretrain.config import TrainConfig
from pretrain.errors import CheckpointError, RunBusy, RunFolderError, TrainingStopped
from pretrain.machine_errors import explained
from pretrain.origin import keep_origin
from pretrain.processes import make_accelerator
from pretrain.progress import Progress as Progress
from pretrain.progress import TrainResult as TrainResult
from pretrain.run_beginning import beginning, check_run_folder, remove_lock
from pretrain.run_files import CHECKPOINT_NAME, CONFIG_NAME, LOCK_NAME, RunState, keeping_state, resume_command, train_on_command
from pretrain.run_length import check_minutes, lasting
from pretrain.run_lock import at_work
from pretrain.shares import Share
from pretrain.train_run import TrainRun, check_config


def train(
    config: TrainConfig,
    run_dir: Path,
    *,
    resume: bool = False,
    minutes: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_news: Callable[[str], None] | None = None,
) -> TrainResult:
    """Train, leaving config, checkpoint, metrics and curves in `run_dir`.

    With `resume`, a run that was broken off goes on from its last checkpoint, on the same curve, with a config that may differ in
    device, threads, workers and cache; one that never saved starts again. minutes: instead of `config.steps`, about as many as
    take so long here; the number is measured before the first step and kept in the run's config. on_progress: told after every
    step; on_news: told in sentences what happens besides steps. Started by torchrun or accelerate launch, each process calls this
    alike; the first one writes and tells. Seeds torch's global generator.

    Ctrl-C and SIGTERM: the step in progress is finished, a checkpoint saved, and KeyboardInterrupt raised; before the first
    step, the new run's files are removed.

    Raises ConfigError (what the config asks cannot be), CheckpointError (a run is there already, or another one), RunBusy,
    RunFolderError (it cannot be written), TrainingDataError (no usable video), TrainingStopped (NaN or infinity),
    TrainingFailed (no memory).
    """
    if minutes is not None:
        check_minutes(minutes)
    with explained(run_dir, config):
        accelerator = make_accelerator(config)
        tell = on_news if on_news is not None and accelerator.is_main_process else _nobody
        run_dir.mkdir(parents=True, exist_ok=True)
        with _alone(run_dir, config, accelerator, tell) if accelerator.is_main_process else nullcontext():
            _check_run_dir(run_dir, config, resume=resume)
            if minutes is not None and not (run_dir / CHECKPOINT_NAME).exists():
                config = lasting(minutes, config, run_dir, accelerator, tell)
            return _go(config, run_dir, accelerator, on_progress or _nobody, tell)


@contextmanager
def _alone(run_dir: Path, config: TrainConfig, accelerator: Accelerator, tell: Callable[[str], None]) -> Iterator[None]:
    """Holds the run's folder. Where another process has it, options that cannot be are told first: no waiting mends them."""
    had_lock = os.path.lexists(run_dir / LOCK_NAME)
    with ExitStack() as held:
        try:
            held.enter_context(at_work(run_dir))
        except RunBusy:
            check_config(config, Share(accelerator.process_index, accelerator.num_processes))
            raise
        try:
            check_run_folder(run_dir)
        except RunFolderError:
            if not had_lock:
                remove_lock(run_dir)
            raise
        held.enter_context(beginning(run_dir, tell))
        yield


def _go(
    config: TrainConfig,
    run_dir: Path,
    accelerator: Accelerator,
    on_progress: Callable[[Progress], None],
    tell: Callable[[str], None],
) -> TrainResult:
    run = TrainRun(config, run_dir, accelerator)
    restored = run.restore()
    if not accelerator.is_main_process:
        with _advised(config, run_dir):
            return run.go(_nobody, None, _nobody)
    keep_origin(run_dir, config)
    save_config(run_dir, config)
    done, tasks = restored.step, str(config.tasks)
    state = RunState(step=done, saved_step=done, steps=config.steps, rejected=restored.rejected, tasks=tasks)
    with keeping_state(run_dir, state) as file, explained(run_dir, config), _advised(config, run_dir):
        return run.go(on_progress, file, tell)


@contextmanager
def _advised(config: TrainConfig, run_dir: Path) -> Iterator[None]:
    """A training that ends for bad numbers says what helps."""
    try:
        yield
    except TrainingStopped as error:
        raise TrainingStopped(f"{error}. {_after_bad_numbers(config, run_dir)}") from error


def _after_bad_numbers(config: TrainConfig, run_dir: Path) -> str:
    slower = f"--lr {config.optimiser.learning_rate / 3:.2g}"
    exact = "" if config.precision == "fp32" else " or with --precision fp32"
    if not (run_dir / CHECKPOINT_NAME).exists():
        return f"Nothing was saved yet: begin again with a lower learning rate, such as {slower},{exact} and without --resume"
    return (
        f"Going on would come to the same place. Start another run from the last checkpoint, with the same options and a lower "
        f"learning rate{exact}: {train_on_command(run_dir)} {slower}"
    )


def _nobody(news: object) -> None:
    """Is told when nobody asked."""


def _check_run_dir(run_dir: Path, config: TrainConfig, *, resume: bool) -> None:
    if not (run_dir / CHECKPOINT_NAME).exists():
        return
    if not resume:
        raise CheckpointError(
            f"{run_dir} holds a run already. Go on with it: {resume_command(run_dir)}; or choose another name with --run NAME; or "
            "delete the folder to begin anew"
        )
    if not load_config(run_dir).same_curve(config):
        raise CheckpointError(f"{run_dir} holds a run with another config; resume it with its own ({run_dir / CONFIG_NAME})")
