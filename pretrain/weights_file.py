"""Torch files of a backbone's weights: the one reader for all that come from outside, which refuses what does not fit in every key.

Understood are torchvision's files for `r3d_18`, `r2plus1d_18` and `s3d`, and state dicts of our own backbones, also inside the
usual wrappers (`state_dict`, `model`) and behind the usual prefixes (`module.`, `backbone.`). A classifier is left out, for no
backbone has one. SlowFast's files are not read: its "Slow" networks begin with another stem than any backbone here.
"""

import hashlib
import pickle
import struct
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pretrain.backbones import BACKBONES, Backbone, build_backbone
from pretrain.errors import WeightsError

State = dict[str, Tensor]

_WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model")
_CLASSIFIERS = ("fc.", "classifier.", "head.", "linear.")
_COUNTER = ".num_batches_tracked"  # older files lack it, and nothing here reads it
_SHOWN = 3
UNREADABLE = (
    pickle.UnpicklingError,
    struct.error,
    RuntimeError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    OSError,
    MemoryError,
)
"""What reading damaged and foreign torch files has been seen to raise."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A backbone's weights as a file has them. left_out: keys that were in the file and are no part of a backbone.

    sha256: of the whole file.
    """

    state: State
    left_out: tuple[str, ...]
    file: Path
    sha256: str


def read_weights(file: Path) -> Weights:
    """The tensors of a torch file, without wrappers, prefixes and classifier. Runs no code from the file. Raises WeightsError."""
    if not file.is_file():
        raise WeightsError(f"There is no file {file} to read weights from.")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")  # said of files that then cannot be read anyway
            content = torch.load(file, map_location="cpu", weights_only=True)
        with file.open("rb") as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    except UNREADABLE as error:
        raise WeightsError(
            f"{file} cannot be read as weights: it is damaged, or no file of plain tensors as torch.save writes them for a "
            "state_dict."
        ) from error
    state = _tensors(content, file)
    own, foreign = _without_prefixes(state)
    classifier = [key for key in own if key.startswith(_CLASSIFIERS)]
    kept = {key: value for key, value in own.items() if key not in classifier}
    return Weights(state=kept, left_out=(*foreign, *classifier), file=file, sha256=sha256)


def backbone_of(weights: Weights) -> str:
    """The name of the backbone that these weights are of; the widths tell those of one family apart. Raises WeightsError."""
    misfits = {name: _misfits(weights.state, without_weights(name).state_dict()) for name in BACKBONES.names()}
    for name, wrong in misfits.items():
        if not wrong:
            return name
    known = ", ".join(misfits)
    raise WeightsError(
        f"{weights.file} fits none of the backbones {known}: its weights ({_some(weights.state)}) have other names or shapes."
    )


def fill_backbone(name: str, weights: Weights) -> Backbone:
    """The backbone of that name with these weights, in eval mode. Raises UnknownName; WeightsError unless every key fits."""
    return filled(name, weights.state, weights.file)


def filled(name: str, state: State, file: Path) -> Backbone:
    """As `fill_backbone`. file: where they come from, for messages."""
    backbone = build_backbone(name)
    wanted = backbone.state_dict()
    if misfits := _misfits(state, wanted):
        others = [other for other in BACKBONES.names() if other != name]
        fitting = [other for other in others if not _misfits(state, without_weights(other).state_dict())]
        advice = f"They fit {' and '.join(fitting)}." if fitting else "Its keys fit no other backbone either."
        raise WeightsError(f"{file} does not fit {name}: {'; '.join(misfits)}. {advice}")
    spoilt = [key for key, value in state.items() if not torch.isfinite(value).all()]
    if spoilt:
        raise WeightsError(f"{file} has numbers that are NaN or infinite in {_some(spoilt)}; get an undamaged file.")
    counters = {key: value for key, value in wanted.items() if key.endswith(_COUNTER)}
    backbone.load_state_dict({**state, **counters})
    return backbone.eval()


def _tensors(content: Any, file: Path) -> State:
    """The innermost dictionary of tensors."""
    while isinstance(content, Mapping):
        inner = [content[key] for key in _WRAPPERS if isinstance(content.get(key), Mapping)]
        if not inner:
            break
        content = inner[0]
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(f"{file} holds no weights: a dictionary from names to tensors is needed, not {_kind(content)}.")
    odd = [str(key) for key, value in content.items() if not is_plain(key, value)]
    if odd:
        raise WeightsError(f"{file} is no plain state_dict: {_some(odd)} is no dense tensor of numbers under a name.")
    return dict(content)


def is_plain(key: object, value: object) -> bool:
    if not (isinstance(key, str) and isinstance(value, Tensor)):
        return False
    return value.layout == torch.strided and value.device.type == "cpu" and not value.is_quantized


def _kind(content: object) -> str:
    return "an empty one" if isinstance(content, Mapping) else f"a {type(content).__name__}"


def _without_prefixes(state: State) -> tuple[State, list[str]]:
    """The backbone's entries under their own names, and the keys of everything beside it."""
    if all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    backbone = {key.removeprefix("backbone."): value for key, value in state.items() if key.startswith("backbone.")}
    if not backbone:
        return state, []
    return backbone, [key for key in state if not key.startswith("backbone.")]


def _misfits(state: State, wanted: Mapping[str, Tensor]) -> list[str]:
    """What is wrong with the keys, in words; empty when all is right."""
    missing = [key for key in wanted if key not in state and not key.endswith(_COUNTER)]
    unknown = [key for key in state if key not in wanted]
    misshapen = [
        f"{key} is {_shape(state[key])} and should be {_shape(value)}"
        for key, value in wanted.items()
        if key in state and not key.endswith(_COUNTER) and _shape(state[key]) != _shape(value)
    ]
    parts = []
    if missing:
        parts.append(f"{len(missing)} of its {len(wanted)} weights are missing ({_some(missing)})")
    if unknown:
        parts.append(f"{len(unknown)} are not known to it ({_some(unknown)})")
    if misshapen:
        parts.append(f"{len(misshapen)} have another shape ({_some(misshapen)})")
    return parts


def without_weights(name: str) -> Backbone:
    """The shapes of the backbone of that name, on torch's `meta` device. Raises UnknownName."""
    with torch.device("meta"):
        return build_backbone(name)


def _shape(value: Tensor) -> str:
    """Such as 64x3x7x7; with the type where it is none that weights have. Halves and doubles become floats when loaded."""
    numbers = "x".join(map(str, value.shape)) or "a single number"
    return numbers if value.is_floating_point() else f"{numbers} {str(value.dtype).removeprefix('torch.')}"


def _some(words: Iterable[str]) -> str:
    listed = list(words)
    return ", ".join(listed[:_SHOWN]) + (", ..." if len(listed) > _SHOWN else "")
