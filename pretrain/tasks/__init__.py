"""Pretext tasks. Every module in this folder is imported, so a new task is one new file."""

import pkgutil
from importlib import import_module

from pretrain.tasks.base import TASKS, PretextTask

for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["TASKS", "PretextTask"]
