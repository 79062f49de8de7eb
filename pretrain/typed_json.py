"""Dataclasses out of plain JSON values, every one of which must be of its field's type: whoever edited a file is told which value
is wrong, instead of meeting it where it is used. Without torch.
"""

import dataclasses
import math
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def build(kind: type[Any], values: Any, where: str = "", **ready: Any) -> Any:
    """An instance of the dataclass `kind`. Unknown names are errors; missing ones take their default. where: of the values, for
    messages. ready: values that are none of JSON. Raises ValueError.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{where or kind.__name__} is {_shown(values)}; it must be an object with names and values")
    hints = get_type_hints(kind)
    known = {field.name for field in dataclasses.fields(kind)}
    if unknown := sorted(map(str, values.keys() - known)):
        raise ValueError(f"{kind.__name__} has no {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    needed = {field.name for field in dataclasses.fields(kind) if _is_needed(field)}
    if missing := sorted(needed - values.keys() - ready.keys()):
        raise ValueError(f"{where or kind.__name__} lacks {', '.join(missing)}")
    prefix = f"{where}." if where else ""
    return kind(**{name: convert(hints[name], value, prefix + name) for name, value in values.items()}, **ready)


def convert(hint: Any, value: Any, where: str) -> Any:
    """A value of this type. Raises ValueError that names what is wrong."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return build(hint, value, where)
    if get_origin(hint) in (Union, types.UnionType):
        return None if value is None else convert(next(arm for arm in get_args(hint) if arm is not type(None)), value, where)
    if get_origin(hint) is tuple:
        return _tuple(get_args(hint), value, where)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ValueError(f"{where} is {_shown(value)}; it must be one of {', '.join(map(str, get_args(hint)))}")
        return value
    if not _is(hint, value):
        raise ValueError(f"{where} is {_shown(value)}; it must be {_NAMES[hint]}")
    return value


def _tuple(hints: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{where} is {_shown(value)}; it must be a list")
    if hints[-1] is Ellipsis:
        hints = hints[:1] * len(value)
    if len(hints) != len(value):
        raise ValueError(f"{where} is {_shown(value)}; it must be a list of {len(hints)}")
    return tuple(convert(hint, item, f"{where}[{place}]") for place, (hint, item) in enumerate(zip(hints, value, strict=True)))


_NAMES: dict[Any, str] = {int: "a whole number", float: "a number", str: "a text without NUL", bool: "true or false"}


def _is(hint: Any, value: Any) -> bool:
    """Of a plain type. In Python True is a whole number, and a whole number will do for any other."""
    if hint is bool or isinstance(value, bool):
        return hint is bool and isinstance(value, bool)
    if hint is float:
        return isinstance(value, int) or (isinstance(value, float) and not math.isnan(value))
    if hint is str:
        return isinstance(value, str) and "\0" not in value
    return isinstance(value, hint)


def _is_needed(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
