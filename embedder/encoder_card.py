"""What an encoder file says about itself: the JSON object under the metadata key ``vret.card``.

A vector may have several parts side by side, such as `motion` and `look`: see `VectorPart` here and `vector_parts`.
"""

from __future__ import annotations

import itertools
import json
import re
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from embedder.errors import EncoderCardError

CARD_KEY = "vret.card"
FORMAT_VERSIONS = (1, 2)
"""1: a vector of one part, `motion`, and no field `parts`. 2: with `parts`, and written only where they are others than that; a
part has a `share` where the parts do not count alike. (No release knew version 2 without shares.)"""
GEOMETRIES = ("squash", "centre_crop")
PRECISIONS = ("fp32", "fp16", "int8")

MAX_CARD_BYTES = 1 << 20
MAX_CLIP_BYTES = 1 << 28
"""Pixels of one clip: 128 frames of 800 x 800. A batch has several, and several batches are under way at once."""
MAX_NAME_LENGTH = 200
MAX_SPANS = 32
MAX_PARTS = 8
MOTION, LOOK, COLOUR = "motion", "look", "colour"
DEFAULT_LOOK = 0.35
"""How much of a search's score is look, where an encoder sees movement and look and nobody says otherwise."""
SHORTEST_SPAN_S, LONGEST_SPAN_S = 0.05, 86_400.0
"""A clip length outside of these would make millions of windows of a video, or none."""


@dataclass(frozen=True)
class VectorPart:
    """One part of every vector. name: letters a to z. dim: how many numbers it has. share: its share of the vector's squared
    length, more than 0; None where all P parts have the same, 1 / P."""

    name: str
    dim: int
    share: float | None = None


@dataclass(frozen=True, kw_only=True)
class EncoderCard:
    """One encoder's facts. Raises EncoderCardError, naming the field, when one of them cannot be right.

    spans_s: clip lengths in seconds the encoder is meant for, ascending. The T = num_frames frames of a clip are spread
    evenly over its span. geometry: ``squash`` resizes the whole picture to height_px x width_px; ``centre_crop`` resizes
    until it covers that and cuts the middle out. dim: D, the length of a vector. weights_sha256: SHA-256 over the weights as
    whoever wrote the file had it; a claim, by which nothing is recognised. parts: what a vector is made of, in this order; their
    dims sum to D, their shares to 1: a part has length sqrt(share), the whole vector length one. Empty stands for one part,
    `motion`, over all of D. format_version: follows from the parts, whatever was given.
    """

    format_version: int = FORMAT_VERSIONS[0]
    name: str
    backbone: str
    task: str
    num_frames: int
    height_px: int
    width_px: int
    spans_s: tuple[float, ...]
    geometry: str
    dim: int
    precision: str
    training: Mapping[str, Any]
    weights_sha256: str
    parts: tuple[VectorPart, ...] = ()

    def __post_init__(self) -> None:
        _check_version(self.format_version)
        for field in ("name", "backbone", "task"):
            value = getattr(self, field)
            good = isinstance(value, str) and value.isprintable() and 0 < len(value) <= MAX_NAME_LENGTH
            _check(good, field, value, f"a word of at most {MAX_NAME_LENGTH} characters that can be printed")
        for field in ("num_frames", "height_px", "width_px", "dim"):
            value = getattr(self, field)
            _check(type(value) is int and 0 < value <= 65536, field, value, "a whole number from 1 to 65536")
        clip_bytes = self.num_frames * self.height_px * self.width_px * 3
        shape = f"{self.num_frames} x {self.height_px} x {self.width_px}"
        wanted = f"clips of at most {MAX_CLIP_BYTES >> 20} MiB of pixels"
        _check(clip_bytes <= MAX_CLIP_BYTES, "num_frames x height_px x width_px", shape, wanted)
        self._check_spans()
        _check(self.geometry in GEOMETRIES, "geometry", self.geometry, " or ".join(GEOMETRIES))
        _check(self.precision in PRECISIONS, "precision", self.precision, " or ".join(PRECISIONS))
        _check(isinstance(self.training, Mapping), "training", self.training, "an object")
        sha = self.weights_sha256
        _check(
            isinstance(sha, str) and re.fullmatch(r"[0-9a-f]{64}", sha) is not None,
            "weights_sha256",
            sha,
            "64 hexadecimal digits in lower case",
        )
        self._check_parts()

    @property
    def has_usual_parts(self) -> bool:
        """Whether a vector is one part, `motion`, as it is of every encoder from before there were parts."""
        return self.parts == (VectorPart(MOTION, self.dim),)

    @property
    def motion_card(self) -> EncoderCard:
        """The card of the part `motion` as if it stood alone, with the backbone, task and training of that network; this card
        where there is but one part, or none of that name.
        """
        by_part = self.training.get(MOTION)
        if len(self.parts) == 1 or not isinstance(by_part, Mapping) or not {"backbone", "task"} <= by_part.keys():
            return self
        training = {key: value for key, value in by_part.items() if key not in ("backbone", "task")}
        (dim,) = (part.dim for part in self.parts if part.name == MOTION)
        return replace(self, backbone=by_part["backbone"], task=by_part["task"], training=training, dim=dim, parts=())

    @property
    def deciding(self) -> dict[str, Any]:
        """What of the card decides a vector, beside the graph: which pixels go in, and the clips that a vector is made of.

        Part of an encoder's identity. A field that is added here must be left out where it has the value that older cards
        stand for, or all encoders would become new ones.
        """
        names = ("num_frames", "height_px", "width_px", "geometry", "dim")
        parts = {} if self.has_usual_parts else {"parts": _listed(self.parts)}
        return {name: getattr(self, name) for name in names} | {"spans_s": list(self.spans_s)} | parts

    def _check_spans(self) -> None:
        spans: Any = self.spans_s
        wanted = f"1 to {MAX_SPANS} clip lengths of {SHORTEST_SPAN_S} to {LONGEST_SPAN_S:.0f} s, ascending"
        good = isinstance(spans, list | tuple) and 0 < len(spans) <= MAX_SPANS
        good = good and all(type(span_s) in (int, float) and SHORTEST_SPAN_S <= span_s <= LONGEST_SPAN_S for span_s in spans)
        _check(good and all(a < b for a, b in itertools.pairwise(spans)), "spans_s", spans, wanted)
        object.__setattr__(self, "spans_s", tuple(map(float, spans)))

    def _check_parts(self) -> None:
        parts: Any = self.parts if self.parts != () else (VectorPart(MOTION, self.dim),)
        good = isinstance(parts, tuple) and len(parts) <= MAX_PARTS and all(isinstance(part, VectorPart) for part in parts)
        good = good and all(isinstance(part.name, str) and re.fullmatch("[a-z]{1,32}", part.name) for part in parts)
        good = good and all(type(part.dim) is int and part.dim > 0 for part in parts)
        good = good and len({part.name for part in parts}) == len(parts) and sum(part.dim for part in parts) == self.dim
        good = good and (all(part.share is None for part in parts) or _are_shares([part.share for part in parts]))
        wanted = (
            f"1 to {MAX_PARTS} parts, each with a name of its own (a to z) and its dim, which sum to {self.dim}, and all or none "
            "of them with a share over 0, which sum to 1"
        )
        _check(good, "parts", parts, wanted)
        object.__setattr__(self, "parts", parts)
        object.__setattr__(self, "format_version", 1 if self.has_usual_parts else 2)

    @classmethod
    def from_json(cls, text: str) -> EncoderCard:
        """The card in this text. Raises EncoderCardError that names a missing, unknown or wrong field."""
        if len(text) > MAX_CARD_BYTES:
            raise EncoderCardError(f"encoder card: {len(text)} characters long, should be at most {MAX_CARD_BYTES}")
        try:
            values = json.loads(text)
            text.encode()
            # Escapes may stand for what is no text, and could not be stored.
            json.dumps(values, ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError as error:
            raise EncoderCardError("encoder card: holds half of a character (a lone surrogate)") from error
        except RecursionError as error:
            raise EncoderCardError("encoder card: nested too deeply") from error
        except ValueError as error:  # no JSON, NaN, infinity, or a number of thousands of digits
            raise EncoderCardError(f"encoder card: not JSON ({error})") from error
        if not isinstance(values, dict):
            raise EncoderCardError(f"encoder card: should be a JSON object, is a {type(values).__name__}")
        _check_version(values.get("format_version", FORMAT_VERSIONS[0]))
        known = {field.name for field in fields(cls)}
        if values.get("format_version") != 2:
            known.remove("parts")
        if missing := sorted(known - values.keys()):
            raise EncoderCardError(f"encoder card: field missing: {', '.join(missing)}. Export the encoder again.")
        if unknown := sorted(values.keys() - known):
            raise EncoderCardError(f"encoder card: field unknown: {', '.join(unknown)}. Is it from a newer vret?")
        if "parts" in values:
            values["parts"] = _read_parts(values["parts"])
        return cls(**values)

    def to_json(self) -> str:
        """The card as JSON text, keys sorted, so that equal cards are equal texts."""
        values: dict[str, Any] = asdict(self) | {"training": dict(self.training), "spans_s": list(self.spans_s)}
        values["parts"] = [{key: value for key, value in asdict(part).items() if value is not None} for part in self.parts]
        if self.has_usual_parts:
            del values["parts"]  # an older vret reads such a card, too
        return json.dumps(values, sort_keys=True, ensure_ascii=False)


def _check_version(version: object) -> None:
    if type(version) is not int or version not in FORMAT_VERSIONS:
        raise EncoderCardError(
            f"encoder card: format_version is {version!r}, this vret reads {' and '.join(map(str, FORMAT_VERSIONS))}. "
            "Use the vret that wrote the encoder, or export it again."
        )


def _read_parts(listed: object) -> tuple[VectorPart, ...]:
    """The parts as JSON has them: a list of objects with `name`, `dim`, perhaps `share`. The values are checked with the card."""
    wanted = 'a list such as [{"name": "motion", "dim": 256}, {"name": "look", "dim": 128}]'
    _check(isinstance(listed, list) and bool(listed), "parts", listed, wanted)
    assert isinstance(listed, list)
    good = all(isinstance(one, dict) and {"name", "dim"} <= one.keys() <= {"name", "dim", "share"} for one in listed)
    _check(good, "parts", listed, wanted)
    return tuple(VectorPart(**one) for one in listed)


def _are_shares(values: list[Any]) -> bool:
    good = all(type(value) in (int, float) and value > 0 for value in values)
    return good and abs(sum(values) - 1) <= 1e-5


def _listed(parts: tuple[VectorPart, ...]) -> list[list[str | int | float]]:
    return [[part.name, part.dim, *([] if part.share is None else [part.share])] for part in parts]


def _check(good: bool, field: str, value: object, wanted: str) -> None:
    if not good:
        raise EncoderCardError(f"encoder card: {field} is {reprlib.repr(value)}, should be {wanted}")
