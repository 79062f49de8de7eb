"""Encoder files by name: those that came with vret and those that were added to the data folder."""

import contextlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from app.errors import BadEncoderName, DataFolderError, UnknownEncoder
from app.given_path import GivenPath, absolute_path

if TYPE_CHECKING:
    from embedder.encoder_card import EncoderCard

PACKAGED_FOLDER = Path(__file__).parent / "encoders"

_IN_8_BITS = ".int8.onnx"

_GOOD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class EncoderFile:
    """One encoder that can be used by name.

    origin: "packaged" came with vret, "added" lies in the data folder, "file" was given by its path.
    """

    name: str
    path: Path
    origin: Literal["packaged", "added", "file"]

    @property
    def in_8_bits(self) -> Path | None:
        """The file of the same encoder in 8 bits; None if vret ships none."""
        beside = self.path.with_suffix(_IN_8_BITS)
        return beside if self.origin == "packaged" and beside.is_file() else None

    @property
    def size_bytes(self) -> int:
        """0 of what is gone, or a link to nowhere; reading the card says so."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def read_card(self) -> "EncoderCard":
        """The card inside the file. Raises EncoderError when there is none or it is wrong."""
        from app.encoder_metadata import read_card

        return read_card(self.path)


def list_encoders(encoders_folder: Path) -> list[EncoderFile]:
    """All encoders by name, sorted; an added one hides a packaged one of the same name."""
    packaged = [path for path in PACKAGED_FOLDER.glob("*.onnx") if not path.name.endswith(_IN_8_BITS)]
    found = {path.stem: EncoderFile(path.stem, path, "packaged") for path in packaged}
    found |= {path.stem: EncoderFile(path.stem, path, "added") for path in encoders_folder.glob("*.onnx")}
    return [found[name] for name in sorted(found)]


def find_encoder(encoders_folder: Path, name: str) -> EncoderFile:
    """The encoder of that name; a name that ends in .onnx is the path of a file. Raises UnknownEncoder with the known names."""
    if name.endswith(".onnx"):
        path = absolute_path(name)
        if not os.path.isfile(path):  # unlike Path.is_file, it bears names that are too long
            raise UnknownEncoder(f"{path} is no file." if os.path.exists(path) else f"There is no encoder file {path}.")
        return EncoderFile(path.stem, path, "file")
    encoders = list_encoders(encoders_folder)
    for encoder in encoders:
        if encoder.name == name:
            return encoder
    known = ", ".join(encoder.name for encoder in encoders) or "none"
    raise UnknownEncoder(f"There is no encoder {name!r}. Known: {known}. Add one with: vret encoders add FILE.onnx")


def new_encoder_path(encoders_folder: Path, name: str, *, replace: bool = False) -> Path:
    """Where an added encoder of that name goes. Raises UnknownEncoder for a bad name, or for one that an added or packaged
    encoder has, unless `replace`; DataFolderError where nothing can be written.
    """
    check_encoder_name(name)
    target = encoders_folder / f"{name}.onnx"
    if target.exists() and not replace:
        raise UnknownEncoder(f"There already is an encoder {name!r}. Use another --name, or --replace.")
    if (PACKAGED_FOLDER / target.name).exists() and not replace:
        raise UnknownEncoder(
            f"There already is an encoder {name!r}, which came with vret. Use another --name, or --replace to hide it."
        )
    _check_writable(target)
    return target


def new_encoder_file(path: GivenPath, *, replace: bool = False) -> Path:
    """The absolute path of an encoder file to be written outside of the data folder. Raises UnknownEncoder for a name that
    `--encoder` would not take for a file, or for a file that is there, unless `replace`; DataFolderError.
    """
    path = absolute_path(path)
    if os.path.isdir(path):
        raise UnknownEncoder(f"{path} is a folder. Give the file to write, such as {path / 'mine.onnx'}.")
    if path.suffix != ".onnx":
        raise BadEncoderName(f"An encoder file's name ends in .onnx, got {path.name!r}. Write {path}.onnx, for instance.")
    if os.path.exists(path) and not replace:
        raise UnknownEncoder(f"There already is a file {path}. Choose another one, or --replace.")
    _check_writable(path)
    return path


def check_encoder_name(name: str) -> None:
    """Raises BadEncoderName for what cannot be an encoder's name."""
    if not _GOOD_NAME.fullmatch(name) or name.endswith(".onnx"):
        raise BadEncoderName(
            f"An encoder's name has letters, digits, '.', '_' and '-' only, 100 at most, got {name!r}. Give another with --name."
        )


def _check_writable(path: Path) -> None:
    """Raises DataFolderError where a file can surely not be written; its folder may be still to be made."""
    folder = path.parent
    while not os.path.exists(folder):
        folder = folder.parent
    if not os.path.isdir(folder):
        raise DataFolderError(f"Cannot write {path}: {folder} is no folder.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DataFolderError(f"Cannot write {path}: you may not write in {folder}.")


_proven: set[str] = set()
"""Identities of what was tried in this process: other folders and names of the same make no difference."""


def prove(encoder: EncoderFile, identity: str) -> None:
    """Tries an encoder file, once for each identity: it is whole, and in a process of its own it gives the vectors that its card
    promises. What came with vret was tried before it was packed.

    Raises EncoderError, which says what is wrong.
    """
    if encoder.origin != "packaged" and identity not in _proven:
        _try(encoder.path)
        _proven.add(identity)


def _try(path: Path) -> None:
    from app.encoder_metadata import check_self_contained
    from embedder.encoder_trial import try_encoder

    check_self_contained(path)
    try_encoder(path)


def add_encoder(encoders_folder: Path, given: GivenPath, *, name: str | None = None, replace: bool = False) -> EncoderFile:
    """Copies an encoder into the data folder, whole or not at all, after the copy has proved, alone, that it works.

    given: an .onnx file with a card. name: what to call it; by default as its card does.
    Raises UnknownEncoder (no such file, a bad or taken name), EncoderError (no valid encoder), DataFolderError.
    """
    from embedder.errors import EncoderError

    source = absolute_path(given)
    if not os.path.isfile(source):
        raise UnknownEncoder(f"{source} is no file." if os.path.exists(source) else f"There is no encoder file {source}.")
    card = EncoderFile(source.stem, source, "file").read_card()  # says better than ONNX Runtime what is no encoder
    name = name or card.name
    target = new_encoder_path(encoders_folder, name, replace=replace)
    had_folder = encoders_folder.is_dir()
    try:
        encoders_folder.mkdir(parents=True, exist_ok=True)
        # In a folder of its own: nothing that lies beside the source, or beside other encoders, can help it.
        with tempfile.TemporaryDirectory(prefix=".trying-", dir=encoders_folder) as alone:
            copy = Path(alone) / "encoder.onnx"
            with copy.open("wb") as file, source.open("rb") as opened:
                shutil.copyfileobj(opened, file)
                file.flush()
                os.fsync(file.fileno())
            try:
                _try(copy)
            except EncoderError as error:
                raise type(error)(str(error).replace(str(copy), str(source))) from error
            os.replace(copy, target)
    except OSError as error:
        raise DataFolderError(f"Cannot write {target}: {error.strerror}.") from error
    finally:
        if not had_folder:
            with contextlib.suppress(OSError):  # it holds the encoder now
                encoders_folder.rmdir()
    return EncoderFile(name, target, "added")
