"""What the user is told when decoded frames cannot be kept, and what would help."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Remark:
    """Something that the user should know; of each kind it is enough to say one."""

    kind: str
    text: str


def cache_full(max_bytes: int, num_videos: int, own_bytes: Sequence[int], others_bytes: int, wanted_bytes: int) -> Remark:
    """own_bytes: of each of this run's entries. others_bytes: of all others together. wanted_bytes: of the one without room."""
    num_videos = max(num_videos, len(own_bytes) + 1)
    whole = (sum(own_bytes) + wanted_bytes) / (len(own_bytes) + 1) * num_videos + others_bytes
    wanted_gb = max(math.ceil(whole / 1e9), math.ceil(max_bytes * 1.1 / 1e9))
    return Remark(
        "cache full",
        f"the cache of decoded frames is full: {max_bytes / 1e9:g} GB hold {len(own_bytes)} of {num_videos} videos, the others are "
        f"decoded at each visit; raise --cache-gb to about {wanted_gb}",
    )


def disk_full(folder: Path, keep_free_bytes: int) -> Remark:
    """keep_free_bytes: what decoded frames leave to others."""
    return Remark(
        "disk full",
        f"decoded frames have no room left on the disk of {folder}, of which {keep_free_bytes / 1e9:g} GB are left to others, such "
        "as checkpoints; videos are decoded at each visit: make room, or choose another --cache-dir",
    )


def not_writable(folder: Path, error: OSError) -> Remark:
    """error: why."""
    return Remark(
        "cache not writable",
        f"decoded frames cannot be kept in {folder} ({error.strerror or error}), videos are decoded at each visit; choose another "
        "--cache-dir",
    )


def not_ours(error: OSError) -> Remark:
    """error: says what stands where the folder should be."""
    return Remark("cache not ours", f"{error}, or choose another --cache-dir; until then videos are decoded at each visit")
