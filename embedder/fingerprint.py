"""The fingerprint of a file's content: how a moved or copied video is known again."""

from __future__ import annotations

import hashlib
from pathlib import Path


def hash_file(path: Path) -> str:
    """BLAKE2b-256 of the whole file as 64 hexadecimal digits, read in pieces. Raises OSError as ``open`` does."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).hexdigest()
