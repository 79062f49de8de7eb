"""Files of weights as they are published: torchvision's keys by rule, and random numbers under them."""

from collections.abc import Iterator

import torch
from torch import Tensor

from pretrain.backbones import Backbone, build_backbone

KINETICS_CLASSES = 400
CLASSIFIER = {"r3d_18": "fc", "r2plus1d_18": "fc", "s3d": "classifier.1"}
_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def with_classifier(name: str, backbone: Backbone) -> dict[str, Tensor]:
    """What torchvision's file for this network holds: the backbone's entries and a classifier of 400 classes."""
    key, dim = CLASSIFIER[name], backbone.feature_dim
    shape = (KINETICS_CLASSES, dim, 1, 1, 1) if name == "s3d" else (KINETICS_CLASSES, dim)
    return {**backbone.state_dict(), f"{key}.weight": torch.randn(shape), f"{key}.bias": torch.randn(KINETICS_CLASSES)}


def random_weights(name: str, seed: int = 5) -> dict[str, Tensor]:
    """A published file's content with numbers drawn from `seed`, also for the running statistics."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        state = with_classifier(name, build_backbone(name))
        for key, value in state.items():
            if key.endswith("running_mean"):
                value.uniform_(-0.1, 0.1)
            elif key.endswith("running_var"):
                value.uniform_(0.5, 1.5)
    return state


def torchvision_keys(name: str) -> set[str]:
    """All keys of the published file but the classifier's."""
    rule = {"r3d_18": _r3d_18, "r2plus1d_18": _r2plus1d_18, "s3d": _s3d}[name]
    return set(rule())


def _conv(key: str) -> Iterator[str]:
    yield f"{key}.weight"


def _norm(key: str) -> Iterator[str]:
    yield from (f"{key}.{part}" for part in _NORM)


def _conv_norm(key: str) -> Iterator[str]:
    yield from (*_conv(f"{key}.0"), *_norm(f"{key}.1"))


def _r3d_18() -> Iterator[str]:
    yield from _conv_norm("stem")
    for layer in (1, 2, 3, 4):
        for block in (0, 1):
            yield from (*_conv_norm(f"layer{layer}.{block}.conv1"), *_conv_norm(f"layer{layer}.{block}.conv2"))
        if layer > 1:
            yield from _conv_norm(f"layer{layer}.0.downsample")


def _r2plus1d_18() -> Iterator[str]:
    yield from (*_conv("stem.0"), *_norm("stem.1"), *_conv("stem.3"), *_norm("stem.4"))
    for layer in (1, 2, 3, 4):
        for block in (0, 1):
            for conv in (f"layer{layer}.{block}.conv1", f"layer{layer}.{block}.conv2"):
                yield from (*_conv(f"{conv}.0.0"), *_norm(f"{conv}.0.1"), *_conv(f"{conv}.0.3"), *_norm(f"{conv}.1"))
        if layer > 1:
            yield from _conv_norm(f"layer{layer}.0.downsample")


def _s3d() -> Iterator[str]:
    for separable in ("features.0", "features.3"):
        yield from (*_conv_norm(f"{separable}.0"), *_conv_norm(f"{separable}.1"))
    yield from _conv_norm("features.2")
    for block in (5, 6, 8, 9, 10, 11, 12, 14, 15):
        yield from _conv_norm(f"features.{block}.branch0")
        for branch in (1, 2):
            key = f"features.{block}.branch{branch}"
            yield from (*_conv_norm(f"{key}.0"), *_conv_norm(f"{key}.1.0"), *_conv_norm(f"{key}.1.1"))
        yield from _conv_norm(f"features.{block}.branch3.1")
