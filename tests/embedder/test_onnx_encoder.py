from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from embedder.errors import EncoderCardError, EncoderError, EncoderNotFound, ProviderUnavailable
from embedder.onnx_encoder import OnnxEncoder
from embedder.vector_parts import part_slices
from tests.helpers.odd_encoders import edit_card
from tests.helpers.tiny_encoder import write_tiny_encoder

CLIPS = np.random.default_rng(0).integers(0, 256, (11, 8, 32, 32, 3), dtype=np.uint8)


def test_encode__unit_vectors_whatever_the_batch(encoder: OnnxEncoder) -> None:
    together = encoder.encode(CLIPS)
    assert together.shape == (11, encoder.card.dim)
    assert together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone = np.concatenate([encoder.encode(CLIPS[i : i + 1]) for i in range(11)])
    assert (alone * together).sum(axis=1).min() >= 0.9999


def test_encode__whatever_the_number_of_threads(encoder_path: Path) -> None:
    one, four = (OnnxEncoder(encoder_path, threads=threads).encode(CLIPS) for threads in (1, 4))
    assert (one * four).sum(axis=1).min() >= 0.9999


def test_encode__no_clips(encoder: OnnxEncoder) -> None:
    assert encoder.encode(CLIPS[:0]).shape == (0, encoder.card.dim)


@pytest.mark.parametrize("bad", [CLIPS.astype(np.float32), CLIPS[:, :7], CLIPS[..., :2], CLIPS[0]])
def test_encode__refuses_other_clips(encoder: OnnxEncoder, bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"uint8 \(N, 8, 32, 32, 3\)"):
        encoder.encode(bad)


def test_provider__is_the_one_in_use(encoder_path: Path) -> None:
    chosen = OnnxEncoder(encoder_path)
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        assert (chosen.provider, chosen.provider_note) == ("CPUExecutionProvider", "")
    elif chosen.provider == "CPUExecutionProvider":
        assert "CUDA" in chosen.provider_note


@pytest.mark.gpu
def test_provider__cuda_gives_the_vectors_of_the_cpu(encoder_path: Path) -> None:
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has no CUDA")
    cuda = OnnxEncoder(encoder_path, providers=["cuda"])
    assert cuda.provider == "CUDAExecutionProvider"
    assert (cuda.encode(CLIPS) * OnnxEncoder(encoder_path, providers=["cpu"]).encode(CLIPS)).sum(axis=1).min() >= 0.9999


@pytest.mark.gpu
def test_provider__cuda_gives_either_part_of_the_default_encoder_as_the_cpu_does() -> None:
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has no CUDA")
    path = Path(__file__).parents[2] / "app" / "encoders" / "default.onnx"
    cuda, cpu = (OnnxEncoder(path, providers=[name]) for name in ("cuda", "cpu"))
    clips = np.random.default_rng(1).integers(0, 256, (8, 16, 64, 64, 3), dtype=np.uint8)
    one, other = cuda.encode(clips), cpu.encode(clips)
    for where in part_slices(cpu.card.parts).values():
        assert (2 * one[:, where] * other[:, where]).sum(axis=1).min() >= 0.9999


@pytest.mark.parametrize("name", ["NoSuchExecutionProvider", "nonsense"])
def test_provider__asked_for_by_name_is_never_replaced(encoder_path: Path, name: str) -> None:
    with pytest.raises(ProviderUnavailable, match=name):
        OnnxEncoder(encoder_path, providers=[name])


def test_open__no_such_file(tmp_path: Path) -> None:
    with pytest.raises(EncoderNotFound, match=r"nowhere\.onnx"):
        OnnxEncoder(tmp_path / "nowhere.onnx")


@pytest.mark.parametrize("content", [b"", b"this is no model", bytes(1000)])
def test_open__no_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(EncoderError, match=r"bad\.onnx"):
        OnnxEncoder(path)


def test_open__cut_off(tmp_path: Path, encoder_path: Path) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(encoder_path.read_bytes()[:-2000])
    with pytest.raises(EncoderError, match=r"cut\.onnx"):
        OnnxEncoder(path)


def edited(source: Path, target: Path, **changes: object) -> Path:
    """A copy with other card fields; without any card when a value is None."""
    import json

    model = onnx.load(str(source))
    card = json.loads(model.metadata_props[0].value)
    del model.metadata_props[:]
    if None not in changes.values():
        helper.set_model_props(model, {"vret.card": json.dumps(card | changes)})
    onnx.save(model, str(target))
    return target


def test_open__without_a_card(tmp_path: Path, encoder_path: Path) -> None:
    with pytest.raises(EncoderCardError, match=r"vret\.card"):
        OnnxEncoder(edited(encoder_path, tmp_path / "plain.onnx", card=None))


def test_open__card_of_another_size(tmp_path: Path, encoder_path: Path) -> None:
    with pytest.raises(EncoderError, match="card promises"):
        OnnxEncoder(edited(encoder_path, tmp_path / "other.onnx", height_px=64))


def test_encode__card_of_another_dimension(tmp_path: Path, encoder_path: Path) -> None:
    other = OnnxEncoder(edited(encoder_path, tmp_path / "other.onnx", dim=7))
    with pytest.raises(EncoderError, match="dim 7"):
        other.encode(CLIPS)


def test_encode__parts_of_other_lengths(tmp_path: Path) -> None:
    path = write_tiny_encoder(tmp_path / "lopsided.onnx", dim=12)
    edit_card(path, format_version=2, parts=[{"name": "motion", "dim": 11}, {"name": "look", "dim": 1}])
    with pytest.raises(EncoderError, match=r"part \w+ has length .* should be 0.707"):
        OnnxEncoder(path).encode(CLIPS)


@pytest.mark.parametrize(("factor", "said"), [(2.0, "length 2"), (float("nan"), "length nan")])
def test_encode__vectors_that_are_no_unit_vectors(tmp_path: Path, factor: float, said: str) -> None:
    path = write_tiny_encoder(tmp_path / "long.onnx")
    model = onnx.load(str(path))
    model.graph.node[-1].output[0] = "unit"
    model.graph.initializer.append(helper.make_tensor("factor", TensorProto.FLOAT, [], [factor]))
    model.graph.node.append(helper.make_node("Mul", ["unit", "factor"], ["embeddings"]))
    onnx.save(model, str(path))
    with pytest.raises(EncoderError, match=said):
        OnnxEncoder(path).encode(CLIPS)
