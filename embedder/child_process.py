"""What a process does first that runs strangers' files or graphs for another: it bounds its memory and ends with its owner."""

from __future__ import annotations

import os
import sys
import threading
import time


def limit_memory(num_bytes: int) -> None:
    """Bounds heap and private memory of this process, where the system can. Beyond, allocations fail."""
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (num_bytes if hard == resource.RLIM_INFINITY else min(num_bytes, hard), hard))


def end_with_owner() -> None:
    """Ends this process when its owner was killed: stuck inside a codec or a graph, it would not notice that its pipe is closed."""
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(owner: int) -> None:
    while os.getppid() == owner:
        time.sleep(1.0)
    os._exit(0)
