"""The optimiser and its learning rate."""

import torch

from pretrain.config import OptimiserConfig
from pretrain.schedules import learning_rate_factor


def build_optimiser(model: torch.nn.Module, config: OptimiserConfig) -> torch.optim.Optimizer:
    """Weight decay acts on weights of convolutions and linear layers, not on biases and norms. A slow network is left out."""
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    weights = [parameter for parameter in learnt if parameter.ndim > 1]
    others = [parameter for parameter in learnt if parameter.ndim <= 1]
    groups = [{"params": weights, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    if config.name == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.momentum)
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def set_learning_rate(optimiser: torch.optim.Optimizer, config: OptimiserConfig, *, step: int, steps: int) -> None:
    """What the schedule says for this step (from 0) of a run of `steps`."""
    factor = learning_rate_factor(step, steps=steps, warmup_steps=config.warmup_steps, schedule=config.schedule)
    for group in optimiser.param_groups:
        group["lr"] = config.learning_rate * factor
