from pathlib import Path

import onnx
import pytest

from app.encoder_files import add_encoder, find_encoder, list_encoders
from app.encoder_metadata import read_card
from app.errors import UnknownEncoder
from embedder.errors import EncoderCardError, EncoderError, EncoderNotFound
from embedder.onnx_encoder import OnnxEncoder
from tests.helpers.tiny_encoder import write_tiny_encoder


def test_card_is_the_one_that_onnx_runtime_reads(tmp_path: Path) -> None:
    path = write_tiny_encoder(tmp_path / "a.onnx", name="a", spans_s=(1.5, 3.0))
    assert read_card(path) == OnnxEncoder(path).card


@pytest.mark.parametrize("content", [b"", b"no onnx at all", b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f"])
def test_card__of_something_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    with pytest.raises(EncoderCardError, match=r"x\.onnx"):
        read_card(path)


def test_card__of_half_a_file(tmp_path: Path) -> None:
    path = write_tiny_encoder(tmp_path / "a.onnx")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(EncoderCardError, match="ends too early"):
        read_card(path)


def test_card__of_an_onnx_file_without_one(tmp_path: Path) -> None:
    path = write_tiny_encoder(tmp_path / "a.onnx")
    model = onnx.load(str(path))
    del model.metadata_props[:]
    onnx.save(model, str(path))
    with pytest.raises(EncoderCardError, match=r"vret\.card"):
        read_card(path)


def test_card__of_no_file(tmp_path: Path) -> None:
    with pytest.raises(EncoderNotFound, match=r"x\.onnx"):
        read_card(tmp_path / "x.onnx")


def test_add_then_use_by_name(tmp_path: Path) -> None:
    source = write_tiny_encoder(tmp_path / "some.onnx", name="mine")
    folder = tmp_path / "encoders"
    assert add_encoder(folder, source).name == "mine"
    assert add_encoder(folder, source, name="other").path == folder / "other.onnx"
    assert {"mine", "other"} <= {encoder.name for encoder in list_encoders(folder)}
    assert find_encoder(folder, "mine").read_card().name == "mine"
    assert find_encoder(folder, str(source)).origin == "file"


def test_add__takes_no_place(tmp_path: Path) -> None:
    folder = tmp_path / "encoders"
    first = write_tiny_encoder(tmp_path / "1.onnx", seed=1)
    second = write_tiny_encoder(tmp_path / "2.onnx", seed=2)
    add_encoder(folder, first)
    with pytest.raises(UnknownEncoder, match="already"):
        add_encoder(folder, second)
    add_encoder(folder, second, replace=True)
    assert find_encoder(folder, "tiny").read_card() == read_card(second)


def test_add__hides_no_packaged_one_unasked(tmp_path: Path) -> None:
    folder, source = tmp_path / "encoders", write_tiny_encoder(tmp_path / "1.onnx", name="default")
    with pytest.raises(UnknownEncoder, match="'default', which came with vret"):
        add_encoder(folder, source)
    add_encoder(folder, source, replace=True)
    assert find_encoder(folder, "default").origin == "added"


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "x.onnx"])
def test_add__bad_names_leave_nothing(tmp_path: Path, name: str) -> None:
    source = write_tiny_encoder(tmp_path / "a.onnx", name="a b" if not name else "tiny")
    with pytest.raises(UnknownEncoder, match="name has letters"):
        add_encoder(tmp_path / "encoders", source, name=name or None)
    assert not (tmp_path / "encoders").exists()


def test_add__what_is_no_encoder_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "bad.onnx"
    source.write_bytes(b"not an encoder")
    with pytest.raises(EncoderError, match=r"bad\.onnx is not an ONNX file that can be read: it is no protocol buffer$"):
        add_encoder(tmp_path / "encoders", source)
    assert not (tmp_path / "encoders").exists()


def test_find__unknown_name_lists_the_known(tmp_path: Path) -> None:
    write_tiny_encoder(tmp_path / "known.onnx")
    with pytest.raises(UnknownEncoder, match=r"'nosuch'.*known"):
        find_encoder(tmp_path, "nosuch")
    with pytest.raises(UnknownEncoder, match=r"no/such\.onnx"):
        find_encoder(tmp_path, "no/such.onnx")
