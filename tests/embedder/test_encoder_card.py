import dataclasses
import json
from typing import Any

import pytest

from embedder.encoder_card import EncoderCard, VectorPart
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
        ("format_version", 3),
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


PARTS = [{"name": "motion", "dim": 96}, {"name": "look", "dim": 32}]
JOINED: dict[str, Any] = GOOD | {"format_version": 2, "parts": PARTS}


def test_card__of_version_1_is_one_part() -> None:
    card = EncoderCard.from_json(json.dumps(GOOD))
    assert card.parts == (VectorPart("motion", 128),)
    assert "parts" not in json.loads(card.to_json())
    assert "parts" not in card.deciding


def test_card__of_two_parts_there_and_back() -> None:
    card = EncoderCard.from_json(json.dumps(JOINED))
    assert card.parts == (VectorPart("motion", 96), VectorPart("look", 32))
    assert json.loads(card.to_json()) == JOINED
    assert EncoderCard.from_json(card.to_json()) == card
    assert card.deciding["parts"] == [["motion", 96], ["look", 32]]


def test_card__of_parts_with_shares_there_and_back() -> None:
    parts = [{"name": "motion", "dim": 96, "share": 0.75}, {"name": "look", "dim": 32, "share": 0.25}]
    card = EncoderCard.from_json(json.dumps(JOINED | {"parts": parts}))
    assert card.parts == (VectorPart("motion", 96, 0.75), VectorPart("look", 32, 0.25))
    assert json.loads(card.to_json()) == JOINED | {"parts": parts}
    assert card.deciding["parts"] == [["motion", 96, 0.75], ["look", 32, 0.25]]


def test_card__version_follows_from_the_parts() -> None:
    card = EncoderCard.from_json(json.dumps(GOOD))
    look = dataclasses.replace(card, parts=(VectorPart("look", 128),))
    assert (card.format_version, look.format_version) == (1, 2)
    usual = EncoderCard.from_json(json.dumps(GOOD | {"format_version": 2, "parts": [{"name": "motion", "dim": 128}]}))
    assert usual == card
    assert usual.to_json() == card.to_json()
    assert look.deciding != card.deciding


def test_card__parts_belong_to_version_2() -> None:
    with pytest.raises(EncoderCardError, match="missing: parts"):
        EncoderCard.from_json(json.dumps(GOOD | {"format_version": 2}))
    with pytest.raises(EncoderCardError, match="unknown: parts"):
        EncoderCard.from_json(json.dumps(GOOD | {"parts": PARTS}))


@pytest.mark.parametrize(
    "parts",
    [
        [],
        None,
        "motion",
        [["motion", 128]],
        [{"name": "motion"}],
        [{"name": "motion", "dim": 128, "unit": "s"}],
        [{"name": "Motion", "dim": 128}],
        [{"name": "", "dim": 128}],
        [{"name": 3, "dim": 128}],
        [{"name": "motion", "dim": 128.0}],
        [{"name": "motion", "dim": 100}, {"name": "look", "dim": 20}],
        [{"name": "motion", "dim": 128}, {"name": "look", "dim": 0}],
        [{"name": "motion", "dim": 64}, {"name": "motion", "dim": 64}],
        [{"name": "motion", "dim": 64, "share": 0.5}, {"name": "look", "dim": 64}],
        [{"name": "motion", "dim": 64, "share": 0.5}, {"name": "look", "dim": 64, "share": 0.6}],
        [{"name": "motion", "dim": 64, "share": 0.0}, {"name": "look", "dim": 64, "share": 1.0}],
        [{"name": "motion", "dim": 64, "share": "half"}, {"name": "look", "dim": 64, "share": "half"}],
        [{"name": chr(97 + n), "dim": 8} for n in range(16)],
    ],
)
def test_card__wrong_parts_are_named(parts: object) -> None:
    with pytest.raises(EncoderCardError, match="parts is"):
        EncoderCard.from_json(json.dumps(JOINED | {"parts": parts}))
