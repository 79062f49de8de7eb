"""How an evaluation compares two videos. A file of its own, because `vret --help` names them and must load nothing heavy."""

from typing import Literal, get_args

Way = Literal["mean", "sequence"]
"""mean: cosine of the means of their clip vectors. sequence: as the search does."""
WAYS: tuple[Way, ...] = get_args(Way)
