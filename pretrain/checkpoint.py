"""A run on disk: its config, and a checkpoint that is either the whole old one or the whole new one, also after kill -9.

Because example i is a function of the seed and i (`clip_dataset`), the step number is the place in the data.
"""

import errno
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pretrain.atomic_file import replacing
from pretrain.config import TrainConfig
from pretrain.errors import CheckpointError
from pretrain.pretrain_model import PretrainModel
from pretrain.run_files import CHECKPOINT_NAME as CHECKPOINT_NAME
from pretrain.run_files import CONFIG_NAME as CONFIG_NAME
from pretrain.run_files import METRICS_NAME as METRICS_NAME
from pretrain.run_files import Rejected, resume_command, train_on_command, write_whole
from pretrain.run_files import read_metrics as read_metrics

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
    """What `save_checkpoint` wrote, on the CPU. Raises CheckpointError."""
    path = run_dir / CHECKPOINT_NAME
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{run_dir} holds no {CHECKPOINT_NAME}; is it the folder of a run, and has it saved yet?") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, OSError) as error:  # all of them seen from cut files
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise CheckpointError(f"{path} cannot be read: {error.strerror}. Nothing was changed") from error
        raise CheckpointError(f"{path} is damaged and cannot be read. {_anew(run_dir)}") from error
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        raise CheckpointError(f"{path} is of another version of vret. {_anew(run_dir)}")
    return state


def restore(run_dir: Path, state: dict[str, Any], model: nn.Module, optimiser: torch.optim.Optimizer) -> Restored:
    """Put a loaded checkpoint into effect. Raises CheckpointError when it is of another network."""
    try:
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
    except (RuntimeError, ValueError) as error:
        raise _misfit(run_dir, error) from error
    torch.set_rng_state(state["torch_rng"])
    if torch.cuda.is_available() and len(state["cuda_rng"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda_rng"])
    rejected = tuple(Rejected(path, reason) for path, reason in state.get("rejected", ()))
    return Restored(step=int(state["step"]), rejected=rejected, window=state.get("window"))


def save_config(run_dir: Path, config: TrainConfig) -> None:
    """Write the run's config beside its checkpoints. Raises OSError."""
    write_whole(run_dir / CONFIG_NAME, config.to_json())


def load_config(run_dir: Path) -> TrainConfig:
    """The config of a run. Raises CheckpointError."""
    path = run_dir / CONFIG_NAME
    try:
        return TrainConfig.from_json(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{run_dir} is not the folder of a run: it holds no {CONFIG_NAME}") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} cannot be used: {error}") from error


def load_trained(run_dir: Path) -> tuple[TrainConfig, PretrainModel, int]:
    """Config, model in eval mode, and number of steps done. Raises CheckpointError."""
    config = load_config(run_dir)
    state = load_checkpoint(run_dir)
    model = PretrainModel(config)
    try:
        model.load_state_dict(state["model"])
    except RuntimeError as error:
        raise _misfit(run_dir, error) from error
    return config, model.eval(), int(state["step"])


def _misfit(run_dir: Path, error: Exception) -> CheckpointError:
    first = " ".join(str(error).split())[:300]
    return CheckpointError(
        f"{run_dir / CHECKPOINT_NAME} does not fit the network that this version of vret builds from {CONFIG_NAME} ({first}). "
        f"Its backbone may still do: {train_on_command(run_dir)}"
    )


def _anew(run_dir: Path) -> str:
    return f"Delete {run_dir / CHECKPOINT_NAME} and begin again at step 0 with: {resume_command(run_dir)}; or choose another --run"
