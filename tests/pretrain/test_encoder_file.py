"""Encoder files in lower precision, as a reader of them sees them: vectors, card, size; and files that must not be written."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from embedder.encoder_card import EncoderCard
from embedder.onnx_encoder import OnnxEncoder
from pretrain.encoder_file import Exported, convert_file, write_in_precision
from pretrain.encoder_weights import read_encoder
from pretrain.errors import EncoderFileError, ExportError
from pretrain.export_onnx import ExportSpec, Footage, export, export_colour
from pretrain.half import HEADROOM, LARGEST
from pretrain.onnx_graph import weights_sha256
from pretrain.quantise import fold, largest_value, to_int8
from tests.helpers.given_clips import GivenClips, moving_squares
from tests.helpers.small_backbone import NUM_CONVS, SmallBackbone

SPEC = ExportSpec(name="small", num_frames=8, size_px=32, whiten_dim=24)
CLIPS = GivenClips((moving_squares(100, seed=1),))
OTHERS = moving_squares(24, seed=2)


@pytest.fixture(scope="module")
def fp32(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("encoders") / "small.onnx"
    torch.manual_seed(1)
    export(SmallBackbone(), out, SPEC, backbone_name="small", task_name="untrained", footage=Footage(whiten_on=CLIPS))
    return out


@pytest.fixture(scope="module")
def int8(fp32: Path) -> tuple[Path, Exported]:
    out = fp32.with_name("int8.onnx")
    return out, convert_file(fp32, out, "int8", calibrate_on=CLIPS)


@pytest.fixture(scope="module")
def fp16(fp32: Path) -> tuple[Path, Exported]:
    out = fp32.with_name("fp16.onnx")
    return out, convert_file(fp32, out, "fp16", calibrate_on=CLIPS)


def encode(path: Path) -> np.ndarray:  # type: ignore[type-arg]
    return OnnxEncoder(path, providers=["CPUExecutionProvider"]).encode(OTHERS)


def types_in(path: Path) -> dict[str, int]:
    return {tensor.name: tensor.data_type for tensor in onnx.load(path).graph.initializer}


def test_int8__is_a_smaller_encoder_that_gives_nearly_the_same_vectors(fp32: Path, int8: tuple[Path, Exported]) -> None:
    path, exported = int8
    assert path.stat().st_size < 0.7 * fp32.stat().st_size
    cosines = (encode(fp32) * encode(path)).sum(axis=1)
    assert cosines.mean() > 0.98
    assert cosines.min() < 0.999999, "it is the fp32 network"
    card = OnnxEncoder(path).card
    assert card == exported.card
    assert (card.name, card.precision, card.dim) == ("small-int8", "int8", 24)
    assert card.weights_sha256 == weights_sha256(onnx.load(path))


def test_int8__the_card_tells_how_it_was_made_and_how_near_it_comes(fp32: Path, int8: tuple[Path, Exported]) -> None:
    _, exported = int8
    original, _ = read_encoder(fp32)
    training = exported.card.training
    assert training["made_from"] == original.weights_sha256 != exported.card.weights_sha256
    assert training["calibrated_on"] == "37 given clips"
    told = training["agreement_with_fp32"]
    assert told["clips"] == "63 given clips"
    assert exported.agreement is not None
    assert told["mean_cosine"] == pytest.approx(exported.agreement.mean_cosine, abs=1e-6)
    assert 0.98 < told["mean_cosine"] < 1
    assert 0.5 < told["top10"] <= 1
    assert original.training.items() <= training.items()
    assert {name: len(numbers) for name, numbers in exported.ms_per_clip.items()} == {"fp32": 2, "int8": 2}


def test_int8__weights_are_7_bits_a_channel_the_first_and_the_projection_stay_float(int8: tuple[Path, Exported]) -> None:
    """Full 8 bits overflow 16-bit sums on a CPU without VNNI: the file would give other vectors there."""
    model = onnx.load(int8[0])
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    weights = [array for array in tensors.values() if array.dtype == np.int8 and array.ndim == 5]
    assert len(weights) == NUM_CONVS - 1, "the first sees pixels"
    assert all(np.abs(array.astype(int)).max() <= 64 for array in weights)
    assert tensors["projection.weight"].dtype == np.float32
    scales = [array for name, array in tensors.items() if name.endswith("_scale") and array.ndim == 1 and array.size > 1]
    assert len(scales) >= NUM_CONVS - 1, "one scale a channel"
    assert max(np.ptp(array) for array in scales) > 0


def test_int8__the_same_file_again(fp32: Path, int8: tuple[Path, Exported], tmp_path: Path) -> None:
    convert_file(fp32, tmp_path / "again.onnx", "int8", calibrate_on=CLIPS)
    assert (tmp_path / "again.onnx").read_bytes() == int8[0].read_bytes()


def test_fp16__is_smaller_and_gives_the_same_vectors_to_three_digits(fp32: Path, fp16: tuple[Path, Exported]) -> None:
    path, exported = fp16
    assert path.stat().st_size < 0.75 * fp32.stat().st_size
    assert (encode(fp32) * encode(path)).sum(axis=1).min() > 0.9999
    assert exported.card.precision == "fp16"
    assert exported.card.training["agreement_with_fp32"]["mean_cosine"] > 0.9999
    types = types_in(path)
    half, single = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    assert {types[name] for name in types if name in ("backbone.first.0.weight", "backbone.second.0.bias")} == {half}
    assert {types[name] for name in ("projection.weight", "projection.bias", "pool_MG", "backbone.pixel_shift")} == {single}


def test_a_file_with_folded_batch_norm_can_be_written_in_int8_too(fp32: Path, tmp_path: Path) -> None:
    card, model = read_encoder(fp32)
    write_in_precision(tmp_path / "folded.onnx", fold(model), card, "fp32", None)
    assert "BatchNormalization" not in {node.op_type for node in onnx.load(tmp_path / "folded.onnx").graph.node}
    convert_file(tmp_path / "folded.onnx", tmp_path / "int8.onnx", "int8", calibrate_on=CLIPS)
    assert (encode(fp32) * encode(tmp_path / "int8.onnx")).sum(axis=1).mean() > 0.98


def test_int8__calibrated_on_what_tells_nothing_is_not_written(fp32: Path, tmp_path: Path) -> None:
    grey_then_other = GivenClips((np.full((36, 8, 32, 32, 3), 115, np.uint8), moving_squares(60)))
    out = tmp_path / "int8.onnx"
    out.write_bytes(b"the good one of yesterday")
    with pytest.raises(ExportError, match=r"in int8 .* 0\.97 is asked.*; nothing was written\. Calibrate it on more videos"):
        convert_file(fp32, out, "int8", calibrate_on=grey_then_other)
    assert out.read_bytes() == b"the good one of yesterday"
    assert list(tmp_path.iterdir()) == [out]


def changed(model: onnx.ModelProto, name: str, change: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> None:
    """Another weight of that name in the graph."""
    (tensor,) = (tensor for tensor in model.graph.initializer if tensor.name == f"backbone.{name}")
    array = change(onnx.numpy_helper.to_array(tensor)).astype(np.float32)
    tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))


def backwards(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same encoder, whose vectors come out in the order of clips turned round."""
    (last,) = (node for node in model.graph.node if "embeddings" in node.output)
    last.output[0] = "in_order"
    for name, value in (("from", -1), ("to", -(2**62)), ("axis", 0), ("by", -1)):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([value], np.int64), name))
    model.graph.node.append(onnx.helper.make_node("Slice", ["in_order", "from", "to", "axis", "by"], ["embeddings"]))
    return model


def test_int8__vectors_of_other_clips_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All vectors of a network that is not whitened can be alike: then those of other clips have high cosines, too."""
    torch.manual_seed(1)
    network, spec = SmallBackbone(), dataclasses.replace(SPEC, whiten_dim=None)
    torch.nn.init.constant_(network.second[1].bias, 3.0)
    export(network, tmp_path / "fp32.onnx", spec, backbone_name="small", task_name="untrained")
    alike = encode(tmp_path / "fp32.onnx")
    assert (alike @ alike.T).mean() > 0.98
    convert_file(tmp_path / "fp32.onnx", tmp_path / "good.onnx", "int8", calibrate_on=CLIPS)
    monkeypatch.setattr("pretrain.encoder_file.to_int8", lambda model, clips: backwards(to_int8(model, clips)))
    with pytest.raises(ExportError, match=r"in int8 .* differs too much from fp32: mean_cosine"):
        convert_file(tmp_path / "fp32.onnx", tmp_path / "int8.onnx", "int8", calibrate_on=CLIPS)
    assert not (tmp_path / "int8.onnx").exists()


def test_fp16__what_would_overflow_on_plain_clips_is_not_written(fp32: Path, tmp_path: Path) -> None:
    """Clips of the footage at hand may all be dim; a library holds black and white as well."""
    card, model = read_encoder(fp32)
    dim = np.random.default_rng(3).integers(110, 120, (60, 8, 32, 32, 3), dtype=np.uint8)
    changed(model, "stem.1.weight", lambda weights: weights * 1e4)
    assert largest_value(model, dim) < LARGEST / HEADROOM
    with pytest.raises(ExportError, match="half precision holds up to 65504"):
        write_in_precision(tmp_path / "fp16.onnx", model, card, "fp16", GivenClips((dim,)))


@pytest.mark.parametrize(
    "factors",
    [{"stem.1.weight": 1e3, "first.1.weight": 1e3}, {"first.1.weight": 1e6, "first.1.running_var": 1e12}],
    ids=["between the convolutions", "in the weights"],
)
def test_fp16__what_would_overflow_on_a_gpu_is_not_written(fp32: Path, tmp_path: Path, factors: dict[str, float]) -> None:
    """A CPU, which computes in fp32, would not notice the one, nor any clip the other."""
    card, model = read_encoder(fp32)
    for name, factor in factors.items():
        changed(model, name, lambda weights, factor=factor: weights * factor)  # type: ignore[misc]
    with pytest.raises(ExportError, match="half precision holds up to 65504"):
        write_in_precision(tmp_path / "fp16.onnx", model, card, "fp16", CLIPS)
    assert list(tmp_path.iterdir()) == []


def test_too_few_clips_are_an_error(fp32: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="only 20 given clips, at least 32 are needed"):
        convert_file(fp32, tmp_path / "int8.onnx", "int8", calibrate_on=GivenClips((moving_squares(20),)))


def test_only_fp32_files_become_others(fp32: Path, int8: tuple[Path, Exported], tmp_path: Path) -> None:
    out = tmp_path / "a.onnx"
    with pytest.raises(EncoderFileError, match="is int8 already; give the fp32 file that it was made from"):
        convert_file(int8[0], out, "fp16")
    with pytest.raises(EncoderFileError, match="is fp32 already; ask for fp16 or int8"):
        convert_file(fp32, out, "fp32")
    with pytest.raises(ValueError, match="precision must be one of fp32, fp16, int8, got 'int4'"):
        convert_file(fp32, out, "int4")
    with pytest.raises(EncoderFileError, match="there is no encoder file"):
        convert_file(tmp_path / "none.onnx", out, "int8")
    (tmp_path / "broken.onnx").write_bytes(b"\xff" * 50)
    with pytest.raises(EncoderFileError, match=r"broken\.onnx cannot be read as an ONNX file"):
        convert_file(tmp_path / "broken.onnx", out, "int8")


def test_raw_colours_have_nothing_to_store_in_fewer_bits(tmp_path: Path) -> None:
    export_colour(tmp_path / "colour.onnx", SPEC)
    for precision in ("fp16", "int8"):
        with pytest.raises(ExportError, match="no convolutions"):
            convert_file(tmp_path / "colour.onnx", tmp_path / "a.onnx", precision, calibrate_on=CLIPS)


def test_card_of_a_converted_file_is_otherwise_the_encoders(fp32: Path, fp16: tuple[Path, Exported]) -> None:
    original, _ = read_encoder(fp32)
    changed = {"name", "precision", "training", "weights_sha256"}
    for field in set(EncoderCard.__dataclass_fields__) - changed:
        assert getattr(fp16[1].card, field) == getattr(original, field), field
