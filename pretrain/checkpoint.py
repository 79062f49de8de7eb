"""A run on disk: its config, and a checkpoint that is either the whole old one or the whole new one, also after kill -9.

Because example i is a function of the seed and i (`clip_dataset`), the step number is the place in the data.
"""

import os
import pickle
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pretrain.config import TrainConfig
from pretrain.errors import CheckpointError
from pretrain.pretrain_model import PretrainModel
from pretrain.run_files import CHECKPOINT_NAME as CHECKPOINT_NAME
from pretrain.run_files import CONFIG_NAME as CONFIG_NAME
from pretrain.run_files import METRICS_NAME as METRICS_NAME
from pretrain.run_files import read_metrics as read_metrics
from pretrain.run_files import write_whole

_FORMAT = 1


def save_checkpoint(run_dir: Path, *, step: int, model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Everything that step number `step` starts from."""
    state = {
        "format": _FORMAT,
        "step": step,
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "torch_rng": torch.get_rng_state(),
        "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    handle, temporary = tempfile.mkstemp(dir=run_dir, prefix=".checkpoint-")
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, run_dir / CHECKPOINT_NAME)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load_checkpoint(run_dir: Path) -> dict[str, Any]:
    """What `save_checkpoint` wrote, on the CPU. Raises CheckpointError."""
    path = run_dir / CHECKPOINT_NAME
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{run_dir} holds no {CHECKPOINT_NAME}; is it the folder of a run, and has it saved yet?") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, OSError) as error:  # all of them seen from cut files
        raise CheckpointError(f"{path} is damaged and cannot be read; start the run anew") from error
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        raise CheckpointError(f"{path} is of another version of vret; start the run anew")
    return state


def restore(state: dict[str, Any], model: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    """Put a loaded checkpoint into effect; returns the step to go on with."""
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    torch.set_rng_state(state["torch_rng"])
    if torch.cuda.is_available() and len(state["cuda_rng"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda_rng"])
    return int(state["step"])


def save_config(run_dir: Path, config: TrainConfig) -> None:
    """Write the run's config beside its checkpoints."""
    write_whole(run_dir / CONFIG_NAME, config.to_json())


def load_config(run_dir: Path) -> TrainConfig:
    """The config of a run. Raises CheckpointError."""
    path = run_dir / CONFIG_NAME
    try:
        return TrainConfig.from_json(path.read_text())
    except FileNotFoundError:
        raise CheckpointError(f"{run_dir} is not the folder of a run: it holds no {CONFIG_NAME}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} cannot be used: {error}") from error


def load_trained(run_dir: Path) -> tuple[TrainConfig, PretrainModel, int]:
    """Config, model in eval mode, and number of steps done. Raises CheckpointError."""
    config = load_config(run_dir)
    state = load_checkpoint(run_dir)
    model = PretrainModel(config)
    model.load_state_dict(state["model"])
    return config, model.eval(), int(state["step"])
