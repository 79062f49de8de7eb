"""A run on disk: its config, and a checkpoint that is either the whole old one or the whole new one, also after kill -9.

Because example i is a function of the seed and i (`clip_dataset`), the step number is the place in the data.
"""

import errno
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pretrain.atomic_file import replacing
from pretrain.checkpoint_parts import misfit_of_optimiser, misfit_of_window, what_is_wrong
from pretrain.config import TrainConfig
from pretrain.errors import CheckpointError
from pretrain.pretrain_model import PretrainModel
from pretrain.run_files import CHECKPOINT_NAME as CHECKPOINT_NAME
from pretrain.run_files import CONFIG_NAME as CONFIG_NAME
from pretrain.run_files import METRICS_NAME as METRICS_NAME
from pretrain.run_files import Rejected, resume_command, train_on_command, write_whole
from pretrain.run_files import read_metrics as read_metrics
from pretrain.weights_file import UNREADABLE

_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Restored:
    """Where a run goes on. rejected: videos met so far that are no use. window: of a checkpoint within a log window, what was
    gathered in it (`LogWindow.kept`).
    """

    step: int
    rejected: tuple[Rejected, ...]
    window: dict[str, Any] | None


def save_checkpoint(
    run_dir: Path,
    *,
    step: int,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    rejected: Sequence[Rejected] = (),
    window: dict[str, Any] | None = None,
) -> None:
    """Everything that step number `step` starts from. It draws no random number and changes none. Raises OSError."""
    state = {
        "format": _FORMAT,
        "step": step,
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "torch_rng": torch.get_rng_state(),
        "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "rejected": [(bad.path, bad.reason) for bad in rejected],
        "window": window,
    }
    with replacing(run_dir / CHECKPOINT_NAME) as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:  # torch's own words for a file that could not be written, which hide the reason
            raise error.__context__ if isinstance(error.__context__, OSError) else error from error


def load_checkpoint(run_dir: Path) -> dict[str, Any]:
    """What `save_checkpoint` wrote, on the CPU, every part of its kind. Runs no code from the file. Raises CheckpointError."""
    path = run_dir / CHECKPOINT_NAME
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")  # said of files that then cannot be read anyway
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{run_dir} holds no {CHECKPOINT_NAME}; is it the folder of a run, and has it saved yet?") from None
    except UNREADABLE as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise CheckpointError(f"{path} cannot be read: {error.strerror}. Nothing was changed") from error
        raise CheckpointError(f"{path} is damaged or of another program, and cannot be read. {_anew(run_dir)}") from error
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        raise CheckpointError(f"{path} is of another program, or of another version of vret. {_anew(run_dir)}")
    state = {"rejected": [], "window": None, **state}  # which earlier versions did not keep
    if wrong := what_is_wrong(state):
        raise CheckpointError(f"{path} was damaged or edited: {wrong}. {_anew(run_dir)}")
    return state


def restore(run_dir: Path, state: dict[str, Any], model: PretrainModel, optimiser: torch.optim.Optimizer, steps: int) -> Restored:
    """Put a loaded checkpoint into effect. steps: of the run. Raises CheckpointError when it is of another network or run."""
    _check_step(run_dir, state, steps)
    options = [{name: value for name, value in group.items() if name != "params"} for group in optimiser.param_groups]
    try:
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        for group, own in zip(optimiser.param_groups, options, strict=True):
            group.update(own)  # they are the config's
        torch.set_rng_state(state["torch_rng"])
    except UNREADABLE as error:
        raise _misfit(run_dir, error) from error
    if wrong := misfit_of_optimiser(optimiser) or misfit_of_window(state["window"], model):
        raise _misfit(run_dir, ValueError(wrong))
    if torch.cuda.is_available() and len(state["cuda_rng"]) == torch.cuda.device_count():
        try:
            torch.cuda.set_rng_state_all(state["cuda_rng"])
        except UNREADABLE as error:
            raise _misfit(run_dir, error) from error
    rejected = tuple(Rejected(path, reason) for path, reason in state["rejected"])
    return Restored(step=state["step"], rejected=rejected, window=state["window"])


def _check_step(run_dir: Path, state: dict[str, Any], steps: int) -> None:
    if state["step"] > steps:
        raise CheckpointError(
            f"{run_dir / CHECKPOINT_NAME} was made after step {state['step']}, and by its {CONFIG_NAME} the run has {steps} steps: "
            f"one of the two is of another run, or was edited. {_anew(run_dir)}"
        )


def save_config(run_dir: Path, config: TrainConfig) -> None:
    """Write the run's config beside its checkpoints. Raises OSError."""
    write_whole(run_dir / CONFIG_NAME, config.to_json())


def load_config(run_dir: Path) -> TrainConfig:
    """The config of a run. Raises CheckpointError."""
    path = run_dir / CONFIG_NAME
    try:
        return TrainConfig.from_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{run_dir} is not the folder of a run: it holds no {CONFIG_NAME}") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be used: {error}") from error


def load_trained(run_dir: Path) -> tuple[TrainConfig, PretrainModel, int]:
    """Config, model in eval mode, and number of steps done. Raises CheckpointError."""
    config = load_config(run_dir)
    state = load_checkpoint(run_dir)
    _check_step(run_dir, state, config.steps)
    try:
        model = PretrainModel(config)
    except ValueError as error:
        raise CheckpointError(f"{run_dir / CONFIG_NAME} cannot be used: {error}") from error
    try:
        model.load_state_dict(state["model"])
    except UNREADABLE as error:
        raise _misfit(run_dir, error) from error
    return config, model.eval(), state["step"]


def _misfit(run_dir: Path, error: Exception) -> CheckpointError:
    first = " ".join(str(error).split())[:300]
    return CheckpointError(
        f"{run_dir / CHECKPOINT_NAME} does not fit the network that this version of vret builds from {CONFIG_NAME} ({first}). "
        f"Its backbone may still do: {train_on_command(run_dir)}"
    )


def _anew(run_dir: Path) -> str:
    return f"Delete {run_dir / CHECKPOINT_NAME} and begin again at step 0 with: {resume_command(run_dir)}; or choose another --run"
