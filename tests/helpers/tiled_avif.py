"""AVIF files whose picture is cut into tiles, as telephones' HEIC files are (ISO/IEC 23008-12, item type `grid`)."""

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def tiled_avif(picture: NDArray[np.uint8], *, with_preview: bool) -> bytes:
    """A file of a picture, uint8 (H, W, 3), in two tiles beside one another. with_preview: it has a small whole picture, too."""
    height, width = picture.shape[0], picture.shape[1] // 2
    tiles = [_coded(picture[:, :width]), _coded(picture[:, width:])]
    items = [(1, b"grid"), (2, b"av01"), (3, b"av01")]
    payloads = [struct.pack(">BBBBHH", 0, 0, 0, 1, 2 * width, height), *(data for _, data in tiles)]
    properties = [_size(2 * width, height), _size(width, height), tiles[0][0]]
    of_items = [(1, (1,)), (2, (2, 0x83)), (3, (2, 0x83))]  # numbers of properties from 1 on; 0x80: it must be understood
    references = [_box(b"dimg", struct.pack(">HHHH", 1, 2, 2, 3))]
    if with_preview:
        small = np.asarray(Image.fromarray(picture).resize((width, height // 2)))
        configuration, data = _coded(small)
        items.append((4, b"av01"))
        payloads.append(data)
        properties += [_size(width, height // 2), configuration]
        of_items.append((4, (4, 0x85)))
        references.append(_box(b"thmb", struct.pack(">HHH", 4, 1, 1)))

    def meta(offset: int) -> bytes:
        starts = offset + np.cumsum([0, *map(len, payloads)])
        places = [
            struct.pack(">HHHII", number, 0, 1, start, len(data))
            for (number, _), start, data in zip(items, starts[:-1].tolist(), payloads, strict=True)
        ]
        infos = [_full(b"infe", 2, struct.pack(">HH4s", number, 0, kind), b"\0") for number, kind in items]
        owned = [struct.pack(">HB", number, len(own)) + bytes(own) for number, own in of_items]
        return _full(
            b"meta",
            0,
            _full(b"hdlr", 0, struct.pack(">I4s12x", 0, b"pict"), b"\0"),
            _full(b"pitm", 0, struct.pack(">H", 1)),
            _full(b"iloc", 0, struct.pack(">BBH", 0x44, 0, len(items)), *places),
            _full(b"iinf", 0, struct.pack(">H", len(items)), *infos),
            _full(b"iref", 0, *references),
            _box(b"iprp", _box(b"ipco", *properties), _full(b"ipma", 0, struct.pack(">I", len(owned)), *owned)),
        )

    head = _box(b"ftyp", b"avif", struct.pack(">I", 0), b"avifmif1miaf")
    return head + meta(len(head) + len(meta(0)) + 8) + _box(b"mdat", *payloads)


def _coded(picture: NDArray[np.uint8]) -> tuple[bytes, bytes]:
    """A picture's configuration box and AV1 data, out of a file of it alone."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "AVIF", quality=95)
    return _found(file.getvalue(), b"av1C"), _found(file.getvalue(), b"mdat")[8:]


def _found(data: bytes, kind: bytes) -> bytes:
    at = data.index(kind) - 4
    return data[at : at + struct.unpack(">I", data[at : at + 4])[0]]


def _size(width: int, height: int) -> bytes:
    return _full(b"ispe", 0, struct.pack(">II", width, height))


def _full(kind: bytes, version: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24), *parts)


def _box(kind: bytes, *parts: bytes) -> bytes:
    data = b"".join(parts)
    return struct.pack(">I", 8 + len(data)) + kind + data
