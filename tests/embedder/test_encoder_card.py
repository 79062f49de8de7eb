import json
from typing import Any

import pytest

from embedder.encoder_card import EncoderCard
from embedder.errors import EncoderCardError

GOOD: dict[str, Any] = {
    "format_version": 1,
    "name": "default",
    "backbone": "r2plus1d_quarter",
    "task": "trajectory",
    "num_frames": 16,
    "height_px": 64,
    "width_px": 64,
    "spans_s": [2.0, 4.0, 8.0],
    "geometry": "squash",
    "dim": 128,
    "precision": "fp32",
    "training": {"seed": 1},
    "weights_sha256": "0" * 64,
}


def test_card__there_and_back() -> None:
    card = EncoderCard.from_json(json.dumps(GOOD))
    assert card.spans_s == (2.0, 4.0, 8.0)
    assert json.loads(card.to_json()) == GOOD
    assert EncoderCard.from_json(card.to_json()) == card


@pytest.mark.parametrize("field", sorted(GOOD))
def test_card__missing_field_is_named(field: str) -> None:
    with pytest.raises(EncoderCardError, match=f"missing: {field}"):
        EncoderCard.from_json(json.dumps({key: value for key, value in GOOD.items() if key != field}))


def test_card__unknown_field_is_named() -> None:
    with pytest.raises(EncoderCardError, match="unknown: stride"):
        EncoderCard.from_json(json.dumps(GOOD | {"stride": 2}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format_version", 2),
        ("format_version", True),
        ("name", "two\nlines"),
        ("name", "x" * 201),
        ("spans_s", "248"),
        ("spans_s", [True]),
        ("spans_s", [1e-6]),
        ("spans_s", [1e300]),
        ("spans_s", [1 + n for n in range(33)]),
        ("name", ""),
        ("backbone", 3),
        ("num_frames", 0),
        ("num_frames", 1.5),
        ("height_px", True),
        ("dim", -1),
        ("spans_s", []),
        ("spans_s", [4, 2]),
        ("spans_s", ["a"]),
        ("spans_s", None),
        ("geometry", "stretch"),
        ("precision", "bf16"),
        ("training", "much"),
        ("weights_sha256", "abc"),
    ],
)
def test_card__wrong_value_is_named(field: str, value: object) -> None:
    with pytest.raises(EncoderCardError, match=field):
        EncoderCard.from_json(json.dumps(GOOD | {field: value}))


def test_card__of_clips_that_no_memory_holds() -> None:
    with pytest.raises(EncoderCardError, match=r"64 x 65536 x 65536.*at most 256 MiB"):
        EncoderCard.from_json(json.dumps(GOOD | {"num_frames": 64, "height_px": 65536, "width_px": 65536}))


@pytest.mark.parametrize("training", ['{"a": NaN}', '{"a": 1e999}', '{"a": "\\ud800"}', '{"a": ' + "9" * 5000 + "}"])
def test_card__of_what_could_not_be_stored(training: str) -> None:
    text = json.dumps(GOOD).replace('{"seed": 1}', training)
    with pytest.raises(EncoderCardError):
        EncoderCard.from_json(text)


@pytest.mark.parametrize("text", ["", "no json", "[1]", "null"])
def test_card__no_object(text: str) -> None:
    with pytest.raises(EncoderCardError, match="JSON"):
        EncoderCard.from_json(text)
