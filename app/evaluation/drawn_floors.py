"""Untrained networks measured beside encoders without files of their own: which, how they are called, what is recorded."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from app.evaluation.protocol_features import Untrained


def drawn_floors(likes: Iterable[Untrained], seeds: Sequence[int], *, taken: Collection[str]) -> dict[str, Untrained]:
    """By name, one for each kind of network and seed. likes: of any seed, the same one as often as may be. taken: names of what is
    measured anyway; such a network is not drawn again, for files of untrained networks have the same names.
    """
    floors: dict[str, Untrained] = {}
    for like in likes:
        usual = (like.num_frames, like.size_px) == (16, 64)
        size = "" if usual else f"-{like.num_frames}x{like.size_px}"
        for seed in seeds:
            name = f"untrained-{like.backbone}{size}-{seed}"
            if name not in taken:
                floors[name] = replace(like, seed=seed)
    return floors


def floor_facts(floor: Untrained) -> dict[str, Any]:
    """As `encoder_facts` has them of a file."""
    return {
        "sha256": "",
        "backbone": floor.backbone,
        "task": "untrained",
        "precision": "fp32",
        "floor": True,
        "seed": floor.seed,
        "start": floor.start,
    }
