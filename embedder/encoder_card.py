"""What an encoder file says about itself: the JSON object under the metadata key ``vret.card``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from embedder.clip_plan import check_spans
from embedder.errors import EncoderCardError

CARD_KEY = "vret.card"
FORMAT_VERSION = 1
GEOMETRIES = ("squash", "centre_crop")
PRECISIONS = ("fp32", "fp16", "int8")


@dataclass(frozen=True, kw_only=True)
class EncoderCard:
    """One encoder's facts. Raises EncoderCardError, naming the field, when one of them cannot be right.

    spans_s: clip lengths in seconds the encoder is meant for, ascending. The T = num_frames frames of a clip are spread
    evenly over its span. geometry: ``squash`` resizes the whole picture to height_px x width_px; ``centre_crop`` resizes
    until it covers that and cuts the middle out. dim: D, the length of a vector. weights_sha256: the encoder's identity.
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
        if self.format_version != FORMAT_VERSION:
            raise EncoderCardError(
                f"encoder card: format_version is {self.format_version!r}, this vret reads {FORMAT_VERSION}. "
                "Use the vret that wrote the encoder, or export it again."
            )
        for field in ("name", "backbone", "task"):
            _check(isinstance(value := getattr(self, field), str) and value != "", field, value, "a word")
        for field in ("num_frames", "height_px", "width_px", "dim"):
            value = getattr(self, field)
            _check(type(value) is int and 0 < value <= 65536, field, value, "a whole number from 1 to 65536")
        try:
            object.__setattr__(self, "spans_s", tuple(float(span_s) for span_s in self.spans_s))
            check_spans(self.spans_s)
        except (TypeError, ValueError) as error:
            raise EncoderCardError(
                f"encoder card: spans_s is {self.spans_s!r}, should be clip lengths in seconds, ascending"
            ) from error
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

    @classmethod
    def from_json(cls, text: str) -> EncoderCard:
        """The card in this text. Raises EncoderCardError that names a missing, unknown or wrong field."""
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
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
        raise EncoderCardError(f"encoder card: {field} is {value!r}, should be {wanted}")
