"""How an evaluation compares two videos. A file of its own, because `vret --help` names them and must load nothing heavy."""

from typing import Literal, get_args

Way = Literal["mean", "sequence"]
"""mean: cosine of the means of their clip vectors. sequence: as the search does."""
WAYS: tuple[Way, ...] = get_args(Way)

Preset = Literal["library", "vcop", "gap"]
"""library: with the vectors in the index. vcop: ten clips of 16 frames in a row, the last stage's map max-pooled, mean, cosine
(Xu et al., CVPR 2019). gap: ten such clips, the map's global average, mean, unit length, cosine.
"""
PRESETS: tuple[Preset, ...] = get_args(Preset)
