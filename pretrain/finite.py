"""Find the layer where a number stopped being finite."""

import torch
from torch import Tensor, nn

from pretrain.pretrain_model import PretrainModel


def first_bad_layer(model: PretrainModel, clips: list[Tensor], targets: list[Tensor]) -> str:
    """Name of the first layer, in the order they run, whose output holds NaN or infinity for this batch; else where to look."""
    bad: list[str] = []

    def watch(name: str, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor) and not bool(torch.isfinite(output).all()):
                bad.append(name)

        return module.register_forward_hook(hook)

    handles = [watch(name, module) for name, module in model.named_modules() if not list(module.children())]
    with torch.no_grad():
        model(clips, targets)
    for handle in handles:
        handle.remove()
    return bad[0] if bad else "the loss itself"


def last_bad_gradient(model: nn.Module) -> str | None:
    """Name of the parameter nearest to the output whose gradient holds NaN or infinity: there the backward pass broke first."""
    for name, parameter in reversed(list(model.named_parameters())):
        if parameter.grad is not None and not bool(torch.isfinite(parameter.grad).all()):
            return name
    return None
