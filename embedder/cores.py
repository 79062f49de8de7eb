"""How many CPU cores this process may use."""

from __future__ import annotations

import os


def num_cores() -> int:
    """Cores this process is allowed to run on; in a container that is often fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
