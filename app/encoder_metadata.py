"""Reads the card out of an ONNX file without ONNX Runtime, whose start alone takes longer than a search by stored vectors.

An ONNX file is one protocol buffer message: fields of (number, kind), each with a number or with so many bytes. The card is
among the fields `metadata_props`; all others, the weights too, are stepped over without being read.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embedder.encoder_card import EncoderCard

_METADATA_PROPS, _KEY, _VALUE = 14, 1, 2  # field numbers in onnx.proto: ModelProto, StringStringEntryProto
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


def read_card(path: Path) -> "EncoderCard":
    """The card of an encoder file. Raises EncoderNotFound, or EncoderCardError for a file that is no encoder."""
    from embedder.encoder_card import CARD_KEY, EncoderCard
    from embedder.errors import EncoderCardError, EncoderNotFound

    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for entry in _byte_fields(data, 0, len(data), _METADATA_PROPS):
                text = {number: data[start:stop].decode() for number, start, stop in _fields(data, *entry)}
                if text.get(_KEY) == CARD_KEY:
                    return EncoderCard.from_json(text.get(_VALUE, ""))
    except FileNotFoundError as error:
        raise EncoderNotFound(f"There is no encoder file {path}.") from error
    except (OSError, ValueError, IndexError) as error:  # ValueError: an empty file, or bytes that are no such message
        raise EncoderCardError(f"{path} is not an ONNX file that can be read: {error}") from error
    raise EncoderCardError(f"{path} has no {CARD_KEY!r} in its metadata, so it is no vret encoder. Make one with: vret export")


def _byte_fields(data: mmap.mmap, start: int, stop: int, wanted: int) -> Iterator[tuple[int, int]]:
    return ((first, last) for number, first, last in _fields(data, start, stop) if number == wanted)


def _fields(data: mmap.mmap, at: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """(number, start, stop) of each field that holds bytes. Raises ValueError or IndexError when it is no such message."""
    while at < stop:
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == _VARINT:
            _, at = _varint(data, at)
        elif kind == _BYTES:
            length, at = _varint(data, at)
            if at + length > stop:
                raise ValueError("it ends too early")
            yield tag >> 3, at, at + length
            at += length
        elif kind in (_FIXED_64, _FIXED_32):
            at += 8 if kind == _FIXED_64 else 4
        else:
            raise ValueError("it is no protocol buffer")


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:  # ten bytes hold 64 bits
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("it is no protocol buffer")
