"""Networks that turn clips into features. Every module in this folder is imported, so a new backbone is one new file."""

import pkgutil
from importlib import import_module

from pretrain.backbones.base import BACKBONES, Backbone

for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")


def build_backbone(name: str) -> Backbone:
    """A freshly initialised backbone. Draws from torch's global generator: seed it first. Raises UnknownName."""
    return BACKBONES[name]()


__all__ = ["BACKBONES", "Backbone", "build_backbone"]
