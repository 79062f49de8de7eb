"""HDR pictures (PQ, HLG) as an ordinary screen shows them. Without this they look pale, and far from the same scene in SDR.

FFmpeg's own conversion (libswscale) builds a table for each file that takes seconds; on pictures of a few hundred pixels a
side the arithmetic itself takes milliseconds. Light is counted in units of diffuse white, 203 cd/m2 by ITU-R BT.2408.
"""

from __future__ import annotations

from functools import cache

import av
import numpy as np
from numpy.typing import NDArray

WHITE_NITS = 203.0
PEAK_NITS = 1000.0
"""What HDR footage is graded to nearly always, and HLG's nominal screen. Brighter lights become white."""

KNEE = 0.75
"""Up to here, in units of diffuse white, light is left as it is; what is brighter shares the rest."""

_PQ, _HLG = 16, 18  # AVCOL_TRC_SMPTE2084, AVCOL_TRC_ARIB_STD_B67
_BT709_PRIMARIES = 1
_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], dtype=np.float32
)  # from BT.2020, ITU-R BT.2087
_LUMA = np.array([0.2627, 0.6780, 0.0593], dtype=np.float32)
_LEVELS = 4096

Light = NDArray[np.float32]


def is_hdr(frame: av.VideoFrame) -> bool:
    """Whether the frame's levels mean light by PQ (SMPTE ST 2084) or HLG (ARIB STD-B67)."""
    return frame.color_trc in (_PQ, _HLG)


def tone_mapped(picture: NDArray[np.uint16], frame: av.VideoFrame) -> NDArray[np.uint8]:
    """A picture of an HDR frame, uint16 (H, W, 3) RGB of full range, as uint8 (H, W, 3) of BT.709 colours."""
    light = _hlg_light(picture) if frame.color_trc == _HLG else _pq_table()[picture >> 4]
    if frame.color_primaries != _BT709_PRIMARIES:
        light = np.maximum(light @ _TO_BT709.T, 0)
    brightest = light.max(axis=2, keepdims=True)
    # All three colours by one factor, so that bright things keep their hue.
    light = light * (_compressed(brightest) / np.maximum(brightest, 1e-6))
    shown: NDArray[np.uint8] = _sdr_table()[(np.clip(light, 0, 1) * (_LEVELS - 1) + 0.5).astype(np.intp)]
    return shown


def _compressed(light: Light) -> Light:
    """Light above the knee squeezed into what is left below 1, by a curve that leaves the knee smoothly and ends at the peak."""
    room, most = 1 - KNEE, PEAK_NITS / WHITE_NITS - KNEE
    over = np.maximum(light - KNEE, 0)
    # over / (1 + k over) starts with slope 1; k is such that the peak becomes 1.
    k = 1 / room - 1 / most
    squeezed: Light = np.minimum(light, KNEE) + over / (1 + k * over)
    return squeezed


@cache
def _pq_table() -> Light:
    """Light in units of diffuse white for each of 4096 levels."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    level = (np.arange(_LEVELS) / (_LEVELS - 1)) ** (1 / m2)
    nits = 10_000 * (np.maximum(level - c1, 0) / (c2 - c3 * level)) ** (1 / m1)
    return (nits / WHITE_NITS).astype(np.float32)


@cache
def _hlg_table() -> Light:
    """The scene's light, 0 to 1, for each of 4096 levels."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    level = np.arange(_LEVELS) / (_LEVELS - 1)
    return np.where(level <= 0.5, level**2 / 3, (np.exp((level - c) / a) + b) / 12).astype(np.float32)


def _hlg_light(picture: NDArray[np.uint16]) -> Light:
    scene = _hlg_table()[picture >> 4]
    luma = np.maximum(scene @ _LUMA, 1e-6)[..., None]
    light: Light = scene * luma**0.2 * (PEAK_NITS / WHITE_NITS)  # BT.2100: the system gamma of a screen of 1000 cd/m2 is 1.2
    return light


@cache
def _sdr_table() -> NDArray[np.uint8]:
    """Levels of an ordinary screen for light from 0 to 1."""
    return np.round(255 * (np.arange(_LEVELS) / (_LEVELS - 1)) ** (1 / 2.2)).astype(np.uint8)
