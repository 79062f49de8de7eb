"""docs/tasks.md: a page for every task, out of what its code says of itself, with pictures of examples.

python -m pretrain.task_pages docs
"""

import dataclasses
import inspect
import sys
from pathlib import Path

from pretrain.task_pictures import draw_examples, write_picture
from pretrain.tasks import TASKS

_PICTURES = "pictures/tasks"

_INTRODUCTION = """\
# Pretext tasks

What a network can be made to learn without labels: each task asks it something about clips that has an answer in the clips
themselves. Use one alone or several in a weighted sum, and turn its knobs where you name it:

```
vret pretrain --task pace --data ~/Videos
vret pretrain --task 'trajectory+0.5*cvrl'
vret pretrain --task 'pace(contrast=same_context)+0.5*statistics(targets=published)' --data ~/Videos
```

Which task taught how much, as far as it has been measured, is in [results.md](results.md). Without `--data` all of them learn
from drawn footage; `trajectory` always does, because only drawn footage knows where its movers are, and `look` from drawn still
pictures.

Each picture shows one example as the network gets it: a row for every clip, every second frame of each; below it, what the network
must answer. Where a knob departs from what was published, its default is what we think right, and the text says which
side was published: by that we mean what the authors' released code does. What is only remembered of a paper is called recalled,
not checked. The recipes that are called published (`vret pretrain --recipe pace_published`) have every knob on that side.

*This page is made by `python -m pretrain.task_pages docs`.*
"""


def task_page(name: str, answers: list[str]) -> str:
    """The Markdown section of one task; `answers` are those of its pictures."""
    kind = TASKS[name]
    about = _paragraphs(inspect.getdoc(sys.modules[kind.__module__]) or "")
    knobs = _paragraphs(inspect.getdoc(kind) or "")
    parts = [f"## {name}", *(text for text in about if not text.startswith("Shapes:"))]
    for number, answer in enumerate(answers, 1):
        parts += [f"![An example of {name}]({_PICTURES}/{name}-{number}.jpg)", f"*Answer: {answer}.*"]
    parts += knobs
    defaults = [f"`{field.name}={_short(field)}`" for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    parts.append("Defaults: " + ", ".join(defaults) + ".")
    return "\n\n".join(parts) + "\n"


def write_pages(folder: Path) -> None:
    """Write tasks.md and its pictures into `folder`."""
    pages = [_INTRODUCTION]
    for name in TASKS.names():
        answers = []
        for number, (picture, answer) in enumerate(draw_examples(name), 1):
            write_picture(folder / _PICTURES / f"{name}-{number}.jpg", picture)
            answers.append(answer)
        pages.append(task_page(name, answers))
    (folder / "tasks.md").write_text("\n".join(pages), encoding="utf-8")


def _paragraphs(docstring: str) -> list[str]:
    return [paragraph.strip() for paragraph in docstring.split("\n\n")]


def _short(field: "dataclasses.Field[object]") -> str:
    value = field.default
    if value is dataclasses.MISSING:
        assert field.default_factory is not dataclasses.MISSING
        value = field.default_factory()
    if dataclasses.is_dataclass(value):
        return f"{type(value).__name__}(…)"
    return str(value)


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
