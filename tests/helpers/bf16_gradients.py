"""Compares bfloat16 convolutions on the CPU with float32, in a process of its own: its environment must be set before it starts.

`python -m tests.helpers.bf16_gradients nets NAME...` takes whole backbones, `... kernels` single convolutions; both print one line
of JSON: by layer, how far it is off, as a share of the right one's length.
"""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.backbones import build_backbone
from pretrain.backbones.conv import Conv, Triple, put_channels_last

ROOT = Path(__file__).parents[2]
WITHOUT_AMX = "AVX512_CORE_BF16"
WITH_AMX = "AVX512_CORE_AMX"


def measure(*arguments: str, instructions: str) -> dict[str, float]:
    """Runs this module with memory that is never clean by chance, on no newer instructions than those named."""
    environment = os.environ | {"MALLOC_PERTURB_": "128", "ONEDNN_MAX_CPU_ISA": instructions}
    command = [sys.executable, "-m", "tests.helpers.bf16_gradients", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(arguments)} died: {done.returncode} {done.stderr[-500:]}"
    errors: dict[str, float] = json.loads(done.stdout)
    return errors


def net_errors(name: str, shape: tuple[int, ...]) -> dict[str, float]:
    """Every convolution's weight gradient in a bf16 pass, against fp32 from the very same input and output gradient."""
    torch.manual_seed(3)
    net = build_backbone(name)
    put_channels_last(net, torch.device("cpu"))
    seen: dict[str, tuple[nn.Conv2d | nn.Conv3d, Tensor, Tensor]] = {}
    for layer, module in net.named_modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            module.register_forward_hook(_note(layer, seen))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        map_ = net.forward_map(net.prepare(torch.randint(0, 256, shape, dtype=torch.uint8)))
    map_.float().mul(torch.randn(map_.shape)).sum().backward()
    errors = {}
    for layer, (conv, source, output) in seen.items():
        assert output.grad is not None
        assert conv.weight.grad is not None
        weight = conv.weight.detach().clone().requires_grad_()
        convolved = functional.conv2d if isinstance(conv, nn.Conv2d) else functional.conv3d
        convolved(source.float(), weight, None, conv.stride, conv.padding).backward(output.grad.float())  # type: ignore[operator]
        assert weight.grad is not None
        errors[f"{name} {layer}"] = _distance(conv.weight.grad, weight.grad)
    return errors


def kernel_errors() -> dict[str, float]:
    """Outputs and both gradients of the kernels that backbones have, over maps from one place on."""
    kernels: dict[tuple[Triple, Triple], list[tuple[Triple, ...]]] = {
        ((3, 1, 1), (1, 1, 1)): [tuple((t, 2, 2) for t in (1, 2, 3, 4))],
        ((3, 1, 1), (2, 1, 1)): [tuple((t, 2, 2) for t in (1, 2, 3, 4))],
        # S3D refuses clips of fewer than 8 frames: below, the gradient of this kernel spoils memory even in float32.
        ((7, 1, 1), (2, 1, 1)): [tuple((t, 4, 4) for t in (8, 9, 16))],
        ((1, 3, 3), (1, 1, 1)): [tuple((2, side, side) for side in (1, 2, 3))],
        ((1, 3, 3), (1, 2, 2)): [tuple((2, side, side) for side in (1, 2, 3, 4))],
        ((3, 3, 3), (1, 1, 1)): [tuple((t, side, side) for t in (1, 2, 4) for side in (1, 4))],
        ((3, 3, 3), (2, 2, 2)): [tuple((t, side, side) for t in (1, 2, 4) for side in (1, 4))],
    }
    errors = {}
    for (kernel, stride), groups in kernels.items():
        for places in groups[0]:
            for layout in (torch.contiguous_format, torch.channels_last_3d):
                errors[f"{kernel} by {stride} on {places}, {layout}"] = _kernel_error(kernel, stride, places, layout)
    return errors


def _kernel_error(kernel: Triple, stride: Triple, places: Triple, layout: torch.memory_format) -> float:
    conv = Conv(3, 45, kernel, stride).to(memory_format=layout)  # type: ignore[call-overload]
    source = torch.randn(3, 3, *places).bfloat16().contiguous(memory_format=layout).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = conv(source)
    gradient = torch.randn(output.shape).to(output.dtype).contiguous(memory_format=layout)
    output.backward(gradient)
    right_source = source.detach().float().requires_grad_()
    right_weight = conv.weight.detach().clone().requires_grad_()
    right = functional.conv3d(right_source, right_weight, None, stride, conv.padding)
    right.backward(gradient.float())
    pairs = ((output, right), (source.grad, right_source.grad), (conv.weight.grad, right_weight.grad))
    return max(_distance(got, wanted) for got, wanted in pairs if got is not None and wanted is not None)


def _note(layer, seen):  # type: ignore[no-untyped-def]
    def hook(module: nn.Conv3d, inputs: tuple[Tensor], output: Tensor) -> None:
        output.retain_grad()
        seen[layer] = (module, inputs[0].detach().clone(), output)

    return hook


def _distance(got: Tensor, wanted: Tensor) -> float:
    distance = float((got.detach().float() - wanted.detach()).norm() / wanted.detach().norm())
    return distance if math.isfinite(distance) else 1e9  # JSON has neither infinity nor NaN


if __name__ == "__main__":
    torch.set_num_threads(1)
    what, *names = sys.argv[1:]
    torch.manual_seed(3)
    if what == "kernels":
        print(json.dumps(kernel_errors()))
    else:
        deep = {"r3d_101", "r3d_152"}
        print(json.dumps({k: v for name in names for k, v in net_errors(name, (2, 8 if name in deep else 16, 32, 32, 3)).items()}))
