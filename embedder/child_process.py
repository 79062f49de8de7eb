"""What a process does first that runs strangers' files or graphs for another: it bounds its memory and ends with its owner."""

from __future__ import annotations

import errno
import mmap
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


def has_room_for(num_bytes: int) -> bool:
    """Whether so much memory could be had at this moment. FFmpeg's decoders go on without the frame that found no room, or call its
    data invalid."""
    if sys.platform == "win32":
        return True
    try:
        mmap.mmap(-1, num_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except OSError as error:
        if error.errno == errno.ENOMEM:
            return False
        raise
    return True


def end_with_owner() -> None:
    """Ends this process when its owner was killed: stuck inside a codec or a graph, it would not notice that its pipe is closed."""
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(owner: int) -> None:
    while os.getppid() == owner:
        time.sleep(1.0)
    os._exit(0)
