"""Use case: what is installed, what really runs, where the data lies, what is wrong and the command that mends it."""

import os
import shlex
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from app.data_folder import others_may_read
from app.encoder_files import list_encoders
from app.errors import AppError
from app.workspace import Workspace
from index.path_text import shown_path

_LOW_DISK_BYTES = 1_000_000_000
_MOST_DAMAGED = 5  # findings of one catalog
# In the folder of vret, which is on no package index.
_INSTALL, _INSTALL_TRAINING = (f"pip install '.[{extra}]' -c constraints.txt" for extra in ("cpu", "train"))

_PARTS = {  # distribution names that bring a part, best first; what it is for; the command that installs it; is it needed
    "ONNX Runtime": (("onnxruntime-gpu", "onnxruntime"), "embedding", _INSTALL, True),
    "FAISS": (("faiss-gpu", "faiss-cpu"), "searching", _INSTALL, True),
    "PyAV": (("av",), "reading videos", _INSTALL, True),
    "Streamlit": (("streamlit",), "the page", _INSTALL, True),
    "PyTorch": (("torch",), "training and exporting encoders", _INSTALL_TRAINING, False),
}


@dataclass(frozen=True)
class Finding:
    """One thing looked at. level: "ok", "note" (works without), "wrong". mend: the command that mends it, "" when none."""

    level: Literal["ok", "note", "wrong"]
    subject: str
    detail: str
    mend: str = ""


def examine(ws: Workspace) -> Iterator[Finding]:
    """Looks at everything, one after the other; finds, never raises for, what is wrong."""
    yield Finding("ok", "vret", f"{version('vret')}, Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    yield from _parts()
    yield from _data_folder(ws)
    yield from _encoders(ws)
    yield from _catalog(ws)
    yield from _vectors(ws)


def _parts() -> Iterator[Finding]:
    for part, (distributions, purpose, install, needed) in _PARTS.items():
        found = [f"{name} {text}" for name in distributions if (text := _version(name))]
        if len(found) > 1:
            clash = "they overwrite each other; keep one"
            yield Finding("wrong", part, f"{' and '.join(found)}: {clash}", f"pip uninstall {distributions[-1]}")
        elif found:
            yield Finding("ok", part, f"{found[0]}, for {purpose}")
        else:
            yield Finding("wrong" if needed else "note", part, f"not installed; needed for {purpose}", install)


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _data_folder(ws: Workspace) -> Iterator[Finding]:
    try:
        ws.make_home()
    except AppError as error:
        yield Finding("wrong", "data folder", str(error), "export VRET_HOME=~/vret-data")
        return
    where = shlex.quote(str(ws.home))
    if not os.access(ws.home, os.W_OK | os.X_OK):
        yield Finding("note", "data folder", f"{ws.home} is read-only: you can search, but not index", f"chmod u+wx {where}")
        return
    if others_may_read(ws.home):
        yield Finding("note", "data folder", f"{ws.home} can be read by every user of this machine", f"chmod o-rwx {where}")
    used = sum(_size_bytes(os.path.join(folder, name)) for folder, _, names in os.walk(ws.home) for name in names)
    free = shutil.disk_usage(ws.home).free
    detail = f"{ws.home}: {used / 1e6:.1f} MB used, {free / 1e9:.1f} GB free"
    if free < _LOW_DISK_BYTES:
        yield Finding("wrong", "data folder", detail, "export VRET_HOME=/a/folder/on/a/larger/disk")
    else:
        yield Finding("ok", "data folder", detail)


def _size_bytes(path: str) -> int:
    """Size of a file; none of what is no file, or vanished while we looked."""
    try:
        status = os.lstat(path)
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _encoders(ws: Workspace) -> Iterator[Finding]:
    from embedder.errors import EmbedderError

    files = list_encoders(ws.encoders_folder)
    if ws.settings.encoder_name not in {file.name for file in files} and not ws.settings.encoder_name.endswith(".onnx"):
        detail = f"there is no encoder {ws.settings.encoder_name!r}, which would be used where none is named"
        yield Finding("wrong", "encoder", detail, "vret encoders add FILE.onnx --name " + ws.settings.encoder_name)
    for file in files:
        try:
            card = file.read_card()
            detail = f"{card.task} on {card.backbone}, {card.dim} numbers a clip, {file.size_bytes / 1e6:.1f} MB"
            ws.encoder(file.name)
            if file.name == ws.settings.encoder_name:
                detail += f"; runs on {_provider_in_use(ws, file.name)}"
        except EmbedderError as error:
            yield Finding("wrong", f"encoder {file.name}", str(error), f"vret encoders add FILE.onnx --name {file.name} --replace")
        except OSError as error:
            yield Finding("wrong", f"encoder {file.name}", f"{file.path} cannot be read: {error.strerror or error}", "vret doctor")
        except ModuleNotFoundError as error:
            yield Finding("wrong", f"encoder {file.name}", f"cannot run: {error}", _INSTALL)
        else:
            yield Finding("ok", f"encoder {file.name}", detail)


def _provider_in_use(ws: Workspace, name: str) -> str:
    """The provider that a real run used, and the ones that ONNX Runtime merely offers."""
    import numpy as np
    import onnxruntime

    encoder = ws.encoder(name)
    card = encoder.card
    encoder.encode(np.zeros((1, card.num_frames, card.height_px, card.width_px, 3), dtype=np.uint8))
    note = f"; {encoder.provider_note}" if encoder.provider_note else ""
    return f"{encoder.provider} in {card.precision} (ONNX Runtime offers {', '.join(onnxruntime.get_available_providers())}{note})"


def _catalog(ws: Workspace) -> Iterator[Finding]:
    from index.errors import CatalogError

    try:
        libraries = ws.catalog.libraries()
        damage = ws.catalog.damage()
    except (CatalogError, AppError) as error:
        yield Finding("wrong", "catalog", str(error))
        return
    for what in damage[:_MOST_DAMAGED]:
        yield Finding("wrong", "catalog", what)
    if damage:
        detail = f"{ws.settings.shown_catalog_url} is damaged in {len(damage)} places or more; restore it from a backup"
        yield Finding("wrong", "catalog", f"{detail}, or move it away and index again")
        return
    clips = sum(library.num_clips for library in libraries)
    held = f"{len(libraries)} {'library' if len(libraries) == 1 else 'libraries'}, {clips} {'clip' if clips == 1 else 'clips'}"
    yield Finding("ok", "catalog", f"{ws.settings.shown_catalog_url}: {held}")
    for library in libraries:
        for folder in library.folders:
            if not os.path.isdir(folder):  # Path.is_dir raises where the folder above may not be entered
                mend = f"vret libraries remove {shlex.quote(library.name)} --folder {shlex.quote(shown_path(folder))}"
                detail = f"its folder {folder} is not there; connect its drive, or remove the folder if it is gone for good"
                yield Finding("wrong", f"library {library.name}", detail, mend)
        if library.num_missing:
            detail = f"{library.num_missing} videos are missing on disk"
            yield Finding("note", f"library {library.name}", detail, f"vret libraries purge {shlex.quote(library.name)}")
        if library.num_broken:
            detail = f"{library.num_broken} videos are broken"
            mend = f"vret videos --library {shlex.quote(library.name)} --outcome broken"
            yield Finding("note", f"library {library.name}", detail, mend)


def _vectors(ws: Workspace) -> Iterator[Finding]:
    """The files that searches read instead of the catalog: only what is wrong, which the next search mends."""
    from index.errors import CatalogError

    try:
        from index.vectors.files import UnusableIndexFile, manifest_of, read_index

        encoders = ws.catalog.encoders()
    except (CatalogError, AppError, ModuleNotFoundError):
        return  # `_catalog` and `_parts` have said why
    for encoder in encoders:
        try:
            if manifest_of(ws.vectors_folder, encoder.files_key).exists():
                read_index(ws.vectors_folder, encoder.files_key, encoder.dim)
        except UnusableIndexFile as reason:
            detail = f"the vector file cannot be used: {reason}. The next search makes it anew"
            yield Finding("note", f"vectors of {encoder.name}", detail)
        except OSError as error:
            detail = f"the vector file cannot be looked at: {error.strerror or error}"
            yield Finding("note", f"vectors of {encoder.name}", detail)
