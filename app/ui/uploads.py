"""Clips that were uploaded, kept as files for as long as somebody may search by them."""

import hashlib
import os
import re
from collections.abc import Collection
from pathlib import Path

from app.errors import DataFolderError

_KEPT = 20  # the newest; an older one is uploaded again if it is wanted again
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")


def keep_upload(folder: Path, name: str, content: bytes | memoryview, *, needed: Collection[str] = ()) -> Path:
    """Writes an upload to a file named by its content, whole or not at all, and drops old ones. Raises DataFolderError.

    needed: names of files that stay, however old they are.
    """
    suffix = Path(name).suffix
    suffix = suffix.lower() if _SUFFIX.fullmatch(suffix) else ".video"
    target = folder / f"{hashlib.blake2b(content, digest_size=16).hexdigest()}{suffix}"
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(content)
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise DataFolderError(f"Cannot keep the uploaded clip in {folder}: {error.strerror}.") from error
    _drop_old(folder, needed)
    return target


def _drop_old(folder: Path, needed: Collection[str]) -> None:
    files = sorted((path for path in folder.glob("[!.]*") if path.name not in needed), key=lambda path: path.stat().st_mtime)
    for path in files[:-_KEPT]:
        path.unlink(missing_ok=True)
