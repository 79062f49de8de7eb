"""How a stored picture is brought into the position in which players show it: its display matrix, mirroring included."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import cast

import av
import numpy as np
from av.sidedata.sidedata import SideData, SideDataContainer, Type
from numpy.typing import NDArray

_OFF_AXIS = 0.02
"""Tangent of one degree and a bit. Within that, as in FFmpeg, a matrix counts as one of the eight positions of a rectangle."""


@dataclass(frozen=True)
class Orientation:
    """One of the eight positions of a rectangle: rows and columns exchanged or not, then mirrored along either axis."""

    is_transposed: bool = False
    flips_columns: bool = False
    flips_rows: bool = False

    def upright(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A stored picture (H, W, 3) as shown; a view, not a copy."""
        if self.is_transposed:
            picture = picture.transpose(1, 0, 2)
        return picture[:: -1 if self.flips_rows else 1, :: -1 if self.flips_columns else 1]


AS_STORED = Orientation()
BY_QUARTER_TURNS = (
    AS_STORED,
    Orientation(is_transposed=True, flips_rows=True),
    Orientation(flips_columns=True, flips_rows=True),
    Orientation(is_transposed=True, flips_columns=True),
)
"""By counter-clockwise quarter turns."""


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """What the frame's display matrix says; as stored where it says nothing, or nothing that a rectangle can take.

    Matrices of angles between the quarters are left alone, as browsers do: FFmpeg alone turns by them, and cuts the corners
    off. A scale in the matrix is a matter of the pixels' aspect, which FFmpeg's demuxers work it into.
    """
    try:
        data = cast("SideData | None", side_data(frame).get(Type.DISPLAYMATRIX))
    except ValueError:
        # PyAV cannot list side data of kinds it has no name for, such as those of 3-D video; it still knows the angle.
        return BY_QUARTER_TURNS[round(frame.rotation / 90) % 4] if frame.rotation % 90 == 0 else AS_STORED
    return AS_STORED if data is None else orientation_of_matrix(bytes(data))


def side_data(frame: av.VideoFrame) -> SideDataContainer:
    """A frame's side data. Raises ValueError where some of it is of a kind that PyAV has no name for.

    Not ``frame.side_data``: that list and its frame hold on to each other, and the frame stays in memory until Python next looks
    for such pairs. Hundreds of large frames go by before it does, more than a decode worker has room for.
    """
    return SideDataContainer(frame)  # type: ignore[call-arg]  # PyAV's types leave its constructor out


def orientation_of_matrix(data: bytes) -> Orientation:
    """data: FFmpeg's display matrix, nine int32, rows (a, b, u), (c, d, v), (x, y, w).

    A stored point (p, q) is shown at (ap + cq, bp + dq)."""
    if len(data) < 36:
        return AS_STORED
    a, b, _, c, d = struct.unpack("=5i", data[:20])
    if abs(b) <= _OFF_AXIS * abs(a) and abs(c) <= _OFF_AXIS * abs(d) and a and d:
        return Orientation(flips_columns=a < 0, flips_rows=d < 0)
    if abs(a) <= _OFF_AXIS * abs(b) and abs(d) <= _OFF_AXIS * abs(c) and b and c:
        return Orientation(is_transposed=True, flips_columns=c < 0, flips_rows=b < 0)
    return AS_STORED
