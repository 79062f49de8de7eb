"""Writes a FAISS index to disk so that a reader always finds a whole one, and reads it back only if it is unharmed.

An index is two or three data files under a name of their own, and a manifest that names them, with sizes and check sums. The
manifest is renamed into place last: before that instant readers see the old index, after it the new one. Data files are never
written again under the same name, so whoever has the old ones open keeps them.
"""

import errno
import json
import logging
import os
import re
import secrets
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from index.vectors.clip_rows import ROW, ClipRows
from index.vectors.faiss_index import FaissIndex, FlatSegment, IvfSegment, faiss

_FORMAT = 3
_FULLY_CHECKED = 256 << 20  # bytes; of larger files only the ends are summed, so that opening stays quick
_ENDS = 8 << 20
_STRAY_AFTER_S = 3600.0  # data files without a manifest are another process' unfinished work until this old

_OWN_NAME = re.compile(r"[0-9a-f]{16}-\d+-[0-9a-f]{8}\.(faiss|rows\.npy|halves\.npy|json\.tmp)")
"""Only files of such names are removed: others may lie in the folder."""

logger = logging.getLogger(__name__)


class UnusableIndexFile(Exception):
    """The files are missing, damaged, of another encoder or of another format. They are only a cache: rebuild."""


class UnwritableIndex(Exception):
    """The files could not be written; the message says why in words, and what to do."""


@dataclass(frozen=True)
class IndexMark:
    """Which clips a file holds: those of an encoder in one state of one catalog."""

    encoder_sha256: str
    revision: int
    token: str


def write_index(folder: Path, mark: IndexMark, index: FaissIndex) -> None:
    """Write a compacted index (one segment). Raises UnwritableIndex; what was there before stays whole then."""
    try:
        _write_index(folder, mark, index)
    except (OSError, MemoryError, RuntimeError) as error:  # FAISS's own errors are bare RuntimeErrors
        raise UnwritableIndex(_in_words(error)) from error


def _write_index(folder: Path, mark: IndexMark, index: FaissIndex) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stem = f"{mark.encoder_sha256[:16]}-{mark.revision}-{secrets.token_hex(4)}"
    manifest_path = manifest_of(folder, mark.encoder_sha256)
    old = _named_files(manifest_path)
    paths = {"faiss": folder / f"{stem}.faiss", "rows": folder / f"{stem}.rows.npy"}
    if isinstance(index.base, IvfSegment):
        paths["halves"] = folder / f"{stem}.halves.npy"
    pending = folder / f"{stem}.json.tmp"
    try:
        _write_faiss(index.base.index, paths["faiss"])
        _write_array(index.rows.table(np.arange(len(index.rows))), paths["rows"])
        if isinstance(index.base, IvfSegment):
            _write_array(index.base.halves, paths["halves"])
        manifest = {
            "format": _FORMAT,
            "encoder_sha256": mark.encoder_sha256,
            "revision": mark.revision,
            "token": mark.token,
            "dim": index.dim,
            "num_clips": len(index),
            "files": {role: _described(path) for role, path in paths.items()},
        }
        pending.write_text(json.dumps(manifest, indent=1))
        _sync(pending)
        os.replace(pending, manifest_path)
    except BaseException:
        for path in (*paths.values(), pending):
            path.unlink(missing_ok=True)
        raise
    _sync_folder(folder)
    _sweep(folder, mark.encoder_sha256, old - {path.name for path in paths.values()})


def read_index(folder: Path, encoder_sha256: str, dim: int) -> tuple[FaissIndex, IndexMark]:
    """Read an index, mapped into memory. Raises UnusableIndexFile with the reason."""
    manifest = _read_manifest(manifest_of(folder, encoder_sha256))
    try:
        mark = IndexMark(str(manifest["encoder_sha256"]), int(manifest["revision"]), str(manifest["token"]))
        if (manifest["format"], mark.encoder_sha256, manifest["dim"]) != (_FORMAT, encoder_sha256, dim):
            raise UnusableIndexFile("it belongs to another encoder or another version of vret")
        paths = {role: _checked(folder, facts) for role, facts in manifest["files"].items()}
        rows = np.load(paths["rows"], allow_pickle=False)
        base = _read_base(paths)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnusableIndexFile(f"its manifest does not make sense ({error!r})") from error
    except OSError as error:
        raise UnusableIndexFile(f"{error}") from error
    if rows.dtype != ROW or not len(rows) == len(base) == manifest["num_clips"] or base.index.d != dim:
        raise UnusableIndexFile("its files do not fit together")
    index = FaissIndex(dim, ClipRows(rows), base)
    index.revision = mark.revision
    return index, mark


def manifest_of(folder: Path, encoder_sha256: str) -> Path:
    """Where the manifest of an encoder's index lies."""
    return folder / f"{encoder_sha256[:16]}.json"


def _read_base(paths: Mapping[str, Path]) -> FlatSegment | IvfSegment:
    try:
        index = _read_faiss(paths["faiss"])
    except RuntimeError as error:
        raise UnusableIndexFile(f"FAISS cannot read it ({_last_line(error)})") from error
    except MemoryError as error:
        raise UnusableIndexFile(f"{paths['faiss'].name} does not fit into memory") from error
    wanted = faiss.IndexIVFPQFastScan if "halves" in paths else faiss.IndexFlatIP
    if not isinstance(index, wanted):
        raise UnusableIndexFile(f"it holds a {type(index).__name__}")
    if "halves" not in paths:
        return FlatSegment(index)
    return IvfSegment(index, np.load(paths["halves"], mmap_mode="r", allow_pickle=False))


def _read_faiss(path: Path) -> Any:
    """The index in a file, mapped into memory where the system knows open files by number: FAISS maps files only by name, and
    takes a name for a C string, in which not every name of a folder can stand."""
    with path.open("rb") as file:
        by_number = f"/dev/fd/{file.fileno()}"
        if os.path.exists(by_number):
            return faiss.read_index(by_number, faiss.IO_FLAG_MMAP_IFC)
        return faiss.read_index(faiss.PyCallbackIOReader(file.read))


def _write_faiss(index: Any, path: Path) -> None:
    """As bytes through our own hands, some at a time: so any name will do, and what fails has the system's number."""
    with path.open("xb") as file:
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))
        file.flush()
        os.fsync(file.fileno())


def _in_words(error: Exception) -> str:
    """Why the files could not be written, and what helps."""
    if isinstance(error, MemoryError):
        return "the memory does not suffice to write it"
    if not isinstance(error, OSError):
        return f"FAISS failed ({_last_line(error)})"
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full ({reason}); free some space"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"you may not write there ({reason})"
    return reason


def _last_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[-1]


def _write_array(array: np.ndarray[Any, Any], path: Path) -> None:
    with path.open("xb") as file:
        np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())


def _described(path: Path) -> dict[str, Any]:
    return {"name": path.name, "size": path.stat().st_size, "crc32": _check_sum(path)}


def _checked(folder: Path, facts: Mapping[str, Any]) -> Path:
    name = str(facts["name"])
    if Path(name).name != name:
        raise UnusableIndexFile(f"its manifest names {name!r}, which is no plain file name")
    path = folder / name
    if path.stat().st_size != facts["size"] or _check_sum(path) != facts["crc32"]:
        raise UnusableIndexFile(f"{name} is damaged")
    return path


def _check_sum(path: Path) -> int:
    size = path.stat().st_size
    crc = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            crc = zlib.crc32(block, crc)
            if size > _FULLY_CHECKED and _ENDS <= file.tell() < size - _ENDS:
                file.seek(size - _ENDS)
    return crc


def _read_manifest(path: Path) -> Mapping[str, Any]:
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise UnusableIndexFile("there is none yet") from error
    except (OSError, ValueError) as error:
        raise UnusableIndexFile(f"its manifest {path.name} cannot be read ({error})") from error
    if not isinstance(manifest, dict):
        raise UnusableIndexFile(f"its manifest {path.name} is no JSON object")
    return manifest


def _named_files(manifest_path: Path) -> set[str]:
    """Plain names of the files a manifest speaks of; none if it cannot be read."""
    try:
        files = _read_manifest(manifest_path).get("files")
    except UnusableIndexFile:
        return set()
    entries = files.values() if isinstance(files, dict) else ()
    names = {str(entry.get("name")) for entry in entries if isinstance(entry, dict)}
    return {name for name in names if Path(name).name == name}


def _sweep(folder: Path, encoder_sha256: str, names: set[str]) -> None:
    """Remove data files that were replaced, and those that a killed process left long ago. Failing to is no harm."""
    current = _named_files(manifest_of(folder, encoder_sha256))
    strays = {path.name for path in folder.glob(f"{encoder_sha256[:16]}-*") if _age_s(path) > _STRAY_AFTER_S}
    for name in (names | strays) - current:
        if not _OWN_NAME.fullmatch(name):
            continue
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            logger.info("The old vector file %s could not be removed: %s", folder / name, error)


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0  # another process removed it just now


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the rename last through a power cut, where folders can be synced (not on Windows)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
