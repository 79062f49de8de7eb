"""What an encoder file says about itself: the JSON object under the metadata key ``vret.card``."""

from __future__ import annotations

import itertools
import json
import re
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from embedder.errors import EncoderCardError

CARD_KEY = "vret.card"
FORMAT_VERSION = 1
GEOMETRIES = ("squash", "centre_crop")
PRECISIONS = ("fp32", "fp16", "int8")

MAX_CARD_BYTES = 1 << 20
MAX_CLIP_BYTES = 1 << 28
"""Pixels of one clip: 128 frames of 800 x 800. A batch has several, and several batches are under way at once."""
MAX_NAME_LENGTH = 200
MAX_SPANS = 32
SHORTEST_SPAN_S, LONGEST_SPAN_S = 0.05, 86_400.0
"""A clip length outside of these would make millions of windows of a video, or none."""


@dataclass(frozen=True, kw_only=True)
class EncoderCard:
    """One encoder's facts. Raises EncoderCardError, naming the field, when one of them cannot be right.

    spans_s: clip lengths in seconds the encoder is meant for, ascending. The T = num_frames frames of a clip are spread
    evenly over its span. geometry: ``squash`` resizes the whole picture to height_px x width_px; ``centre_crop`` resizes
    until it covers that and cuts the middle out. dim: D, the length of a vector. weights_sha256: SHA-256 over the weights as
    whoever wrote the file had it; a claim, by which nothing is recognised.
    """

    format_version: int = FORMAT_VERSION
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

    def __post_init__(self) -> None:
        if type(self.format_version) is not int or self.format_version != FORMAT_VERSION:
            raise EncoderCardError(
                f"encoder card: format_version is {self.format_version!r}, this vret reads {FORMAT_VERSION}. "
                "Use the vret that wrote the encoder, or export it again."
            )
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

    @property
    def deciding(self) -> dict[str, Any]:
        """What of the card decides a vector, beside the graph: which pixels go in, and the clips that a vector is made of.

        Part of an encoder's identity. A field that is added here must be left out where it has the value that older cards
        stand for, or all encoders would become new ones.
        """
        names = ("num_frames", "height_px", "width_px", "geometry", "dim")
        return {name: getattr(self, name) for name in names} | {"spans_s": list(self.spans_s)}

    def _check_spans(self) -> None:
        spans: Any = self.spans_s
        wanted = f"1 to {MAX_SPANS} clip lengths of {SHORTEST_SPAN_S} to {LONGEST_SPAN_S:.0f} s, ascending"
        good = isinstance(spans, list | tuple) and 0 < len(spans) <= MAX_SPANS
        good = good and all(type(span_s) in (int, float) and SHORTEST_SPAN_S <= span_s <= LONGEST_SPAN_S for span_s in spans)
        _check(good and all(a < b for a, b in itertools.pairwise(spans)), "spans_s", spans, wanted)
        object.__setattr__(self, "spans_s", tuple(map(float, spans)))

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
        known = {field.name for field in fields(cls)}
        if missing := sorted(known - values.keys()):
            raise EncoderCardError(f"encoder card: field missing: {', '.join(missing)}. Export the encoder again.")
        if unknown := sorted(values.keys() - known):
            raise EncoderCardError(f"encoder card: field unknown: {', '.join(unknown)}. Is it from a newer vret?")
        return cls(**values)

    def to_json(self) -> str:
        """The card as JSON text, keys sorted, so that equal cards are equal texts."""
        values = asdict(self) | {"training": dict(self.training), "spans_s": list(self.spans_s)}
        return json.dumps(values, sort_keys=True, ensure_ascii=False)


def _check(good: bool, field: str, value: object, wanted: str) -> None:
    if not good:
        raise EncoderCardError(f"encoder card: {field} is {reprlib.repr(value)}, should be {wanted}")
