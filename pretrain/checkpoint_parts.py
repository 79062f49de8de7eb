"""Whether every part of a loaded checkpoint is what it should be: a file may be damaged in places, edited, or put together."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pretrain.pretrain_model import PretrainModel
from pretrain.weights_file import is_plain

_PARTS = ("step", "model", "optimiser", "torch_rng", "cuda_rng", "rejected", "window")
_OF_PARAMETER = {"AdamW": {"step", "exp_avg", "exp_avg_sq"}, "SGD": {"momentum_buffer"}}
"""What torch's optimisers keep for each weight."""


def what_is_wrong(state: Mapping[str, Any]) -> str:
    """In words, without knowing the network; empty when nothing is."""
    missing = [name for name in _PARTS if name not in state]
    if missing:
        return f"it lacks {', '.join(missing)}"
    if not _is_count(state["step"]):
        return f"its step is {state['step']!r:.40}"
    checks = {
        "model": _is_model(state["model"]),
        "optimiser": _is_optimiser(state["optimiser"]),
        "torch_rng": _is_rng(state["torch_rng"]),
        "cuda_rng": isinstance(state["cuda_rng"], list) and all(map(_is_rng, state["cuda_rng"])),
        "rejected": _is_rejected(state["rejected"]),
        "window": state["window"] is None or _is_window(state["window"]),
    }
    wrong = [name for name, good in checks.items() if not good]
    if wrong:
        return f"its {' and '.join(wrong)} {'is' if len(wrong) == 1 else 'are'} of another kind"
    spoilt = [name for name, value in state["model"].items() if not _is_finite(value)]
    return f"numbers are NaN or infinite in {', '.join(spoilt[:3])}" if spoilt else ""


def misfit_of_optimiser(optimiser: torch.optim.Optimizer) -> str:
    """What does not fit its weights, in words; empty when all does."""
    names = _OF_PARAMETER[type(optimiser).__name__]
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            kept = optimiser.state.get(parameter) or {}
            if kept and set(kept) != names:
                has, wanted = ", ".join(sorted(map(str, kept))), ", ".join(sorted(names))
                return f"the optimiser keeps {has} for a weight, and should keep {wanted}"
            for name, value in kept.items():
                if value is None and name == "momentum_buffer":
                    continue
                shape = torch.Size([]) if name == "step" else parameter.shape
                if not isinstance(value, Tensor) or value.shape != shape or not value.is_floating_point() or not _is_finite(value):
                    return f"the optimiser's {name} of a weight of {tuple(parameter.shape)} is none"
    return ""


def misfit_of_window(window: Mapping[str, Any] | None, model: PretrainModel) -> str:
    """As above, of what was gathered since the last log line."""
    dim = model.backbone.feature_dim
    for name, parts in (window or {}).get("features", {}).items():
        if any(part.ndim != 3 or part.shape[1:] != parts[0].shape[1:] or part.shape[2] != dim for part in parts):
            return f"the features of {name} gathered for the next log line have other shapes than the network's {dim}"
    return ""


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_model(value: Any) -> bool:
    return isinstance(value, Mapping) and all(is_plain(key, item) for key, item in value.items())


def _is_optimiser(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("state"), dict) or not isinstance(value.get("param_groups"), list):
        return False
    groups_good = all(isinstance(group, dict) and isinstance(group.get("params"), list) for group in value["param_groups"])
    return groups_good and all(isinstance(kept, dict) for kept in value["state"].values())


def _is_rng(value: Any) -> bool:
    return is_plain("", value) and value.dtype == torch.uint8 and value.ndim == 1


def _is_rejected(value: Any) -> bool:
    """Pairs of path and reason."""
    pairs = isinstance(value, (list, tuple)) and all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in value)
    return pairs and all(isinstance(text, str) for pair in value for text in pair)


def _is_window(value: Any) -> bool:
    """As `LogWindow.kept` has it."""
    if not isinstance(value, dict) or value.keys() != {"sums", "features", "steps"}:
        return False
    sums, features = value["sums"], value["features"]
    return (
        _is_count(value["steps"])
        and isinstance(sums, dict)
        and all(isinstance(name, str) and type(total) in (int, float) and math.isfinite(total) for name, total in sums.items())
        and isinstance(features, dict)
        and all(isinstance(name, str) and isinstance(parts, list) for name, parts in features.items())
        and all(is_plain(name, part) and part.is_floating_point() for name, parts in features.items() for part in parts)
    )


def _is_finite(value: Tensor) -> bool:
    return not value.is_floating_point() or bool(torch.isfinite(value).all())
