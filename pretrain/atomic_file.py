"""Files that are there whole or not at all, whatever happens while they are written. Without torch."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A new file, open for writing bytes, that takes the place of `path` when the block ends well, and of which nothing stays
    when it does not: a reader sees the whole old file or the whole new one. Its mode is what the umask gives a new file.

    durable: on the disk before the old one goes, so that a power cut does not leave an empty one; False for what is written
    often, or can be made again. The folder must be there. Raises OSError, and whatever the block raises.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    # Not mkstemp, whose files nobody else may read.
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
