"""A task's knobs as text: `contrast=same_context,paces=0.5,1,2,jitter.hue=0.1` and back. Only what differs from the defaults is
written.

What a knob may be is read off the dataclass: its fields, and their types.
"""

import dataclasses
import types
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Knobs = TypeVar("Knobs")
_Tree = dict[str, "str | _Tree"]


def with_knobs(defaults: Knobs, text: str, *, of: str) -> Knobs:
    """A copy of a dataclass instance with the knobs in `text` set.

    Knobs are parted by commas, and so are the numbers of one that takes several; a knob with parts of its own is set part by
    part, `jitter.hue=0.1`. of: whose knobs, for messages. Raises ValueError, which lists the knobs or says what a value may be.
    """
    tree: _Tree = {}
    for name, value in _assignments(text, of):
        _plant(tree, name.split("."), value, f"{of} knob {name}")
    made: Knobs = _changed(defaults, tree, of)
    return made


def knobs_of(instance: Any, defaults: Any) -> str:
    """What `with_knobs(defaults, text)` makes `instance` of; empty where nothing differs."""
    return ",".join(f"{name}={_written(value)}" for name, value in _differences(instance, defaults))


def _assignments(text: str, of: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for piece in text.split(","):
        name, equals, value = (part.strip() for part in piece.partition("="))
        if equals:
            found.append((name, value))
        elif found:  # a further number of the knob before
            found[-1] = (found[-1][0], f"{found[-1][1]},{name}")
        else:
            raise ValueError(f"{piece.strip()!r} sets no knob of {of}; write knob=value, parted by commas")
    return found


def _plant(tree: _Tree, path: list[str], value: str, what: str) -> None:
    *parents, last = path
    for parent in parents:
        branch = tree.setdefault(parent, {})
        if isinstance(branch, str):
            raise ValueError(f"{what} is set twice")
        tree = branch
    if last in tree:
        raise ValueError(f"{what} is set twice")
    tree[last] = value


def _changed(instance: Any, tree: Mapping[str, Any], of: str) -> Any:
    hints = get_type_hints(type(instance))
    names = [field.name for field in dataclasses.fields(instance)]
    values = {}
    for name, value in tree.items():
        if name not in names:
            near = get_close_matches(name, names, n=1)
            guess = f" Did you mean {near[0]}?" if near else ""
            raise ValueError(f"{of} has no knob {name!r}.{guess} There are: {', '.join(names)}")
        what, now = f"{of} knob {name}", getattr(instance, name)
        has_parts = dataclasses.is_dataclass(now)
        if isinstance(value, str):
            if has_parts:
                parts = ", ".join(f"{name}.{field.name}" for field in dataclasses.fields(now))
                raise ValueError(f"{what} has parts; set one of them: {parts}")
            values[name] = _read(hints[name], value, what)
        elif has_parts:
            values[name] = _changed(now, value, what)
        else:
            raise ValueError(f"{what} has no parts; write {name}=value")
    return dataclasses.replace(instance, **values)


def _read(hint: Any, text: str, what: str) -> Any:
    """The value that `text` stands for in a field of this type."""
    kind, arms = get_origin(hint), get_args(hint)
    if kind in (Union, types.UnionType):
        if text == "none":
            return None
        return _read(next(arm for arm in arms if arm is not type(None)), text, what)
    if kind is Literal:
        if text not in arms:
            raise ValueError(f"{what} is {text!r}; it can be {', '.join(map(str, arms))}")
        return text
    if kind is tuple:
        pieces = text.split(",")
        wanted = [arms[0]] * len(pieces) if arms[-1] is Ellipsis else list(arms)
        if len(pieces) != len(wanted):
            raise ValueError(f"{what} is {text!r}; it takes {len(wanted)} values, parted by commas")
        return tuple(_read(arm, piece.strip(), what) for arm, piece in zip(wanted, pieces, strict=True))
    if hint is bool:
        if text not in ("true", "false"):
            raise ValueError(f"{what} is {text!r}; it can be true, false")
        return text == "true"
    try:
        return hint(text)
    except ValueError:
        raise ValueError(f"{what} is {text!r}; it must be {'a whole number' if hint is int else 'a number'}") from None


def _differences(instance: Any, defaults: Any) -> list[tuple[str, Any]]:
    found = []
    for field in dataclasses.fields(instance):
        value, default = getattr(instance, field.name), getattr(defaults, field.name)
        if value == default:
            continue
        if dataclasses.is_dataclass(value):
            found += [(f"{field.name}.{part}", inner) for part, inner in _differences(value, default)]
        else:
            found.append((field.name, value))
    return found


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_written, value))
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
