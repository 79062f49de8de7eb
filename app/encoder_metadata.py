"""Reads an ONNX file without ONNX Runtime, whose start alone takes longer than a search by stored vectors: the card, what the
encoder is (a hash over all that decides a vector), and whether all of it is in the file.

An ONNX file is one protocol buffer message: fields of (number, kind), each with a number or with so many bytes.
"""

import hashlib
import itertools
import json
import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from app.on_disk import FileState, file_state

if TYPE_CHECKING:
    from embedder.encoder_card import EncoderCard

# Field numbers in onnx.proto.
_PRODUCER_NAME, _PRODUCER_VERSION, _DOMAIN, _MODEL_VERSION, _DOC_STRING, _METADATA_PROPS = 2, 3, 4, 5, 6, 14  # ModelProto
_ABOUT_THE_FILE = {_PRODUCER_NAME, _PRODUCER_VERSION, _DOMAIN, _MODEL_VERSION, _DOC_STRING, _METADATA_PROPS}
_KEY, _VALUE = 1, 2  # StringStringEntryProto
_GRAPH, _INITIALIZER = 7, 5  # of ModelProto, of GraphProto
_DIMS, _DATA_TYPE, _NAME, _RAW_DATA, _EXTERNAL_DATA = 1, 2, 8, 9, 13  # TensorProto
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5

# Which fields of a message hold which messages, as far as tensors can lie in them.
_INSIDE = {
    "model": {_GRAPH: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", _INITIALIZER: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}

_MOST_FIELDS = 1_000_000  # of a message, and messages of a graph: more would be a file made to keep us busy
_IDENTITY_FORMAT = b"vret encoder 1\n"
_TYPE_NAMES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64"}


@dataclass(frozen=True)
class EncoderFacts:
    """What an encoder file is. identity: SHA-256 in hexadecimal over all that decides a vector: the graph with its weights,
    the operators' versions, and of the card what pixels and clips go in. What the file is called, who made it and how it was
    trained is not part of it. It is worked out from the file; nothing that the file claims to be is believed.
    """

    card: "EncoderCard"
    identity: str

    @cached_property
    def card_json(self) -> str:
        """The card as the catalog keeps it."""
        return self.card.to_json()


def read_card(path: Path) -> "EncoderCard":
    """The card of an encoder file. Raises EncoderNotFound, or EncoderCardError for a file that is no encoder."""
    with _opened(path) as data:
        return _card_in(path, data)


def read_facts(path: Path) -> EncoderFacts:
    """Card and identity of an encoder file; reads all of it, some 10 ms for each 10 MB. Raises what `read_card` does."""
    with _opened(path) as data:
        card = _card_in(path, data)
        digest = hashlib.sha256(_IDENTITY_FORMAT)
        digest.update(json.dumps(card.deciding, sort_keys=True).encode())
        view = memoryview(data)
        try:
            # A field may come in several pieces, and fields in any order; that of the pieces of one counts.
            fields = [field for field in _fields(data, 0, len(data)) if field[0] not in _ABOUT_THE_FILE]
            for number, kind, start, stop in sorted(fields, key=lambda field: field[0]):
                digest.update(f"\n{number} {kind} {stop - start}\n".encode())
                digest.update(view[start:stop])
        finally:
            view.release()
        return EncoderFacts(card, digest.hexdigest())


def check_self_contained(path: Path) -> None:
    """Raises EncoderError where weights lie in another file: it can be missing, change, or be any file of this computer."""
    from embedder.errors import EncoderError

    with _opened(path) as data:
        waiting = [("model", 0, len(data))]
        for seen in itertools.count(1):
            if not waiting:
                return
            if seen > _MOST_FIELDS:
                raise ValueError(f"it has more than {_MOST_FIELDS} parts")
            kind, start, stop = waiting.pop()
            if kind == "tensor":
                if any(number == _EXTERNAL_DATA for number, _, _, _ in _fields(data, start, stop)):
                    raise EncoderError(
                        f"{path} keeps weights in a second file, but an encoder must be one file. Put all into one file with: "
                        "python -c \"import onnx; onnx.save(onnx.load('IN.onnx'), 'OUT.onnx')\""
                    )
                continue
            for number, wire, first, last in _fields(data, start, stop):
                if wire == _BYTES and number in _INSIDE[kind]:
                    waiting.append((_INSIDE[kind][number], first, last))


def weights_sha256(path: Path) -> str | None:
    """The hash that a card should have as `weights_sha256`: over the initialisers in name order, with name, type and shape. None
    where they are stored otherwise than `vret export` stores them. Raises what `read_card` does.
    """
    with _opened(path) as data:
        tensors = {}
        for graph in _messages(data, (0, len(data)), _GRAPH):
            for span in _messages(data, graph, _INITIALIZER):
                tensor = _tensor(data, *span)
                if tensor is None or tensor[0] in tensors:
                    return None
                tensors[tensor[0]] = tensor
        digest = hashlib.sha256()
        for name in sorted(tensors):
            _, type_name, dims, start, stop = tensors[name]
            digest.update(json.dumps([name, type_name, dims]).encode())
            digest.update(data[start:stop])
        return digest.hexdigest()


def encoder_state(path: Path) -> FileState:
    """Another one whenever a file was written or replaced, its old time stamp put back or not. Raises EncoderNotFound."""
    from embedder.errors import EncoderNotFound

    try:
        return file_state(path)
    except OSError as error:
        raise EncoderNotFound(f"There is no encoder file {path} ({error.strerror or error}).") from error


@contextmanager
def _opened(path: Path) -> Iterator[mmap.mmap]:
    """The bytes of a file. Raises EncoderNotFound, EncoderCardError, the latter also for what the block stumbles on."""
    from embedder.errors import EncoderCardError, EncoderNotFound

    try:
        # Not blocking: opening a pipe would wait for somebody to write into it.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise EncoderCardError(f"{path} is no file but a folder, a pipe or a device.")
            with mmap.mmap(handle, 0, access=mmap.ACCESS_READ) as data:
                yield data
        finally:
            os.close(handle)
    except FileNotFoundError as error:
        raise EncoderNotFound(f"There is no encoder file {path}.") from error
    except (OSError, ValueError, IndexError) as error:  # ValueError: an empty file, or bytes that are no such message
        raise EncoderCardError(f"{path} is not an ONNX file that can be read: {error}") from error


def _card_in(path: Path, data: mmap.mmap) -> "EncoderCard":
    from embedder.encoder_card import CARD_KEY, MAX_CARD_BYTES, EncoderCard
    from embedder.errors import EncoderCardError

    key, cards = CARD_KEY.encode(), []
    for entry in _messages(data, (0, len(data)), _METADATA_PROPS):
        parts = {number: (start, stop) for number, _, start, stop in _fields(data, *entry)}
        first, last = parts.get(_KEY, (0, 0))
        if last - first == len(key) and data[first:last] == key:
            cards.append(parts.get(_VALUE, (0, 0)))
    if not cards:
        raise EncoderCardError(f"{path} has no {CARD_KEY!r} in its metadata, so it is no vret encoder. Make one with: vret export")
    if len(cards) > 1:
        raise EncoderCardError(f"{path} has {len(cards)} cards, should have one. Export it again.")
    start, stop = cards[0]
    if stop - start > MAX_CARD_BYTES:
        raise EncoderCardError(f"{path} has a card of {stop - start} bytes, should be at most {MAX_CARD_BYTES}")
    try:
        return EncoderCard.from_json(data[start:stop].decode())
    except EncoderCardError as error:
        raise EncoderCardError(f"{path}: {error}") from error


def _tensor(data: mmap.mmap, start: int, stop: int) -> tuple[str, str, list[int], int, int] | None:
    """Name, type, shape and where the raw values lie; None where they are stored in another way."""
    name, type_name, dims, raw = "", None, [], None
    for number, kind, first, last in _fields(data, start, stop):
        if number == _NAME and kind == _BYTES:
            name = data[first:last].decode()
        elif number == _DATA_TYPE and kind == _VARINT:
            type_name = _TYPE_NAMES.get(_varint(data, first)[0])
        elif number == _DIMS and kind == _VARINT:
            dims.append(_varint(data, first)[0])
        elif number == _DIMS and kind == _BYTES:  # packed
            while first < last:
                dim, first = _varint(data, first)
                dims.append(dim)
        elif number == _RAW_DATA and kind == _BYTES:
            raw = first, last
    return None if type_name is None or raw is None else (name, type_name, dims, *raw)


def _messages(data: mmap.mmap, within: tuple[int, int], wanted: int) -> Iterator[tuple[int, int]]:
    return ((start, stop) for number, kind, start, stop in _fields(data, *within) if number == wanted and kind == _BYTES)


def _fields(data: mmap.mmap, at: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
    """(number, kind, start, stop) of each field's value. Raises ValueError or IndexError when it is no such message."""
    for number_of_fields in itertools.count(1):
        if at >= stop:
            return
        if number_of_fields > _MOST_FIELDS:
            raise ValueError(f"it has a part of more than {_MOST_FIELDS} fields")
        tag, at = _varint(data, at)
        kind, start = tag & 7, at
        if kind == _VARINT:
            _, at = _varint(data, at)
        elif kind == _BYTES:
            length, start = _varint(data, at)
            at = start + length
        elif kind in (_FIXED_64, _FIXED_32):
            at += 8 if kind == _FIXED_64 else 4
        else:
            raise ValueError("it is no protocol buffer")
        if at > stop:
            raise ValueError("it ends too early")
        yield tag >> 3, kind, start, at


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:  # ten bytes hold 64 bits
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("it is no protocol buffer")
