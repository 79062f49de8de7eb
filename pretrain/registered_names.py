"""Which tasks, backbones and recipes there are, read off the source: importing them takes seconds, which a help text must not."""

import re
from pathlib import Path
from typing import Literal

_PLACES = {"task": ("TASKS", "tasks/*.py"), "backbone": ("BACKBONES", "backbones/*.py"), "recipe": ("RECIPES", "recipes.py")}


def registered_names(kind: Literal["task", "backbone", "recipe"]) -> list[str]:
    """The names that the registry of that kind will hold, in alphabetical order."""
    registry, files = _PLACES[kind]
    pattern = re.compile(rf'^@{registry}\.register\("([^"]+)"\)', re.MULTILINE)
    texts = [file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob(files)]
    return sorted(name for text in texts for name in pattern.findall(text))
