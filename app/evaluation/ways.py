"""How an evaluation compares two videos. A file of its own, because `vret --help` names them and must load nothing heavy."""

from typing import Literal, get_args

Way = Literal["mean", "stored", "sequence"]
"""mean: cosine of the means of their clip vectors. stored: by the search, asked with the query video's stored vectors ("more like
this"). sequence: by the search, asked with the query video as a file, embedded anew as any clip is.
"""
WAYS: tuple[Way, ...] = get_args(Way)
STORED_WAYS: tuple[Way, ...] = ("mean", "stored")
"""Those that need nothing but the index."""

Preset = Literal["library", "vcop", "gap"]
"""library: with the vectors in the index. vcop: ten clips of 16 frames in a row, the last stage's map max-pooled, mean, cosine
(Xu et al., CVPR 2019). gap: ten such clips, the map's global average, mean, unit length, cosine.
"""
Protocol = Literal["vcop", "gap"]
"""The presets that make features of their own."""
