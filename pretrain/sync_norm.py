"""Batch norm over the batch of all processes that train together.

torch's own takes CUDA tensors only; `SyncNorm` does the same on a CPU, for tests and for machines without a GPU.

Shapes: B examples here, C channels, ... places.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from pretrain.gather import mean_with_grad, world_size


class SyncNorm(_BatchNorm):
    """Mean and variance are those of every process's examples together; every process must have as many.

    Computed in float32 also within autocast (in float64 for such). Parameters, buffers and behaviour in eval mode are batch norm's.
    """

    def forward(self, input: Tensor) -> Tensor:  # the name that batch norm's callers may use
        """(B, C, ...) -> the same shape and dtype."""
        if not self.training or world_size() == 1:
            return super().forward(input)
        x_BCx = input if input.dtype == torch.float64 else input.float()
        dims = [0, *range(2, x_BCx.ndim)]
        as_channels = (1, -1, *[1] * (x_BCx.ndim - 2))
        mean_C = mean_with_grad(x_BCx.mean(dims))
        centred_BCx = x_BCx - mean_C.view(as_channels)
        variance_C = mean_with_grad(centred_BCx.square().mean(dims))
        self._follow(mean_C, variance_C, count=world_size() * x_BCx.numel() // x_BCx.shape[1])
        scale_C = torch.rsqrt(variance_C + self.eps)
        if self.affine:
            scale_C = scale_C * self.weight
        normed_BCx = centred_BCx * scale_C.view(as_channels)
        if self.affine:
            normed_BCx = normed_BCx + self.bias.view(as_channels)
        return normed_BCx.to(input.dtype)

    @torch.no_grad()
    def _follow(self, mean_C: Tensor, variance_C: Tensor, *, count: int) -> None:
        """The running statistics, which eval mode uses. count: numbers that went into each channel's mean."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean_C.detach(), share)
        self.running_var.lerp_(variance_C.detach() * (count / max(1, count - 1)), share)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"batch norm takes (B, C, ...), got the shape {tuple(input.shape)}")


def synchronise_norms(model: nn.Module, device_type: str) -> nn.Module:
    """The model with every batch norm replaced by one over all processes: the same parameters, the same state-dict keys."""
    if device_type == "cuda":
        return cast(nn.Module, nn.SyncBatchNorm.convert_sync_batchnorm(model))  # type: ignore[no-untyped-call]
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
                setattr(module, name, _synchronised(child))
    return model


def _synchronised(norm: Any) -> SyncNorm:
    twin = SyncNorm(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
    twin.train(norm.training)
    twin.weight, twin.bias = norm.weight, norm.bias
    twin.running_mean, twin.running_var = norm.running_mean, norm.running_var
    twin.num_batches_tracked = norm.num_batches_tracked
    return twin
