"""Two encoder files become one, whose parts are the vectors of both."""

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from embedder.encoder_card import VectorPart
from embedder.onnx_encoder import OnnxEncoder
from pretrain.encoder_file import clip_sets, clip_spec, convert_file, in_precision
from pretrain.encoder_weights import load_backbone, read_encoder
from pretrain.errors import EncoderFileError
from pretrain.export_onnx import ExportSpec, export_colour
from pretrain.image_encoder import ImageEncoderSpec, ImageModel, export_image_encoder
from pretrain.join_encoders import join_encoders
from pretrain.parity import vectors_of
from pretrain.sample_clips import DrawnClips, drawn_batches
from tests.helpers.image_model import write_image_model
from tests.helpers.odd_encoders import edit, edit_card
from tests.helpers.tiny_encoder import write_tiny_encoder

CLIPS = np.random.default_rng(2).integers(0, 256, (5, 8, 32, 32, 3), dtype=np.uint8)


def image_encoder(folder: Path, *, size_px: int = 32, batch: int | str = "batch", opset: int = 17) -> Path:
    """An image model's encoder of the same clips as the tiny one."""
    assert size_px == 32
    model = write_image_model(folder / "model.onnx", answer="map", batch=batch, opset=opset)
    spec = ImageEncoderSpec(name="look", num_frames=8, spans_s=(2.0,), geometry="squash", image=ImageModel(size_px=size_px))
    export_image_encoder(model, folder / "look.onnx", spec)
    return folder / "look.onnx"


@pytest.mark.parametrize(("batch", "opset"), [("batch", 17), (1, 17), ("batch", 20), (1, 20), (1, 12)])
def test_join__parts_are_what_each_file_gives(tmp_path: Path, batch: int | str, opset: int) -> None:
    motion = write_tiny_encoder(tmp_path / "motion.onnx", dim=12, task="trajectory")
    look = image_encoder(tmp_path, batch=batch, opset=opset)
    card = join_encoders(motion, look, tmp_path / "both.onnx", name="both").card
    assert card.parts == (VectorPart("motion", 12), VectorPart("look", 24))
    assert (card.format_version, card.dim, card.name) == (2, 36, "both")
    assert (card.backbone, card.task) == ("colours+model", "trajectory+image model")
    assert card.training.keys() == {"motion", "look"}
    assert card.training["look"]["data"] == "imported image model"
    both = OnnxEncoder(tmp_path / "both.onnx")
    assert both.card == card
    vectors = both.encode(CLIPS)
    half = np.float32(1 / np.sqrt(2))
    np.testing.assert_allclose(vectors[:, :12], OnnxEncoder(motion).encode(CLIPS) * half, atol=1e-5)
    np.testing.assert_allclose(vectors[:, 12:], OnnxEncoder(look).encode(CLIPS) * half, atol=1e-5)


def test_join__three_parts_count_alike(tmp_path: Path) -> None:
    files = [write_tiny_encoder(tmp_path / f"{seed}.onnx", dim=12, seed=seed) for seed in range(3)]
    edit_card(files[2], format_version=2, parts=[{"name": "sound", "dim": 12}])
    join_encoders(files[0], files[1], tmp_path / "two.onnx", name="two")
    card = join_encoders(tmp_path / "two.onnx", files[2], tmp_path / "three.onnx", name="three").card
    assert [part.name for part in card.parts] == ["motion", "look", "sound"]
    vectors = OnnxEncoder(tmp_path / "three.onnx").encode(CLIPS)
    expected = np.concatenate([OnnxEncoder(file).encode(CLIPS) for file in files], axis=1) / np.sqrt(3)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_join__colours_take_a_share_of_look(tmp_path: Path) -> None:
    motion, look = write_tiny_encoder(tmp_path / "motion.onnx", dim=12), write_tiny_encoder(tmp_path / "l.onnx", dim=12, seed=1)
    colour = tmp_path / "colour.onnx"
    export_colour(colour, ExportSpec(name="c", num_frames=8, size_px=32, spans_s=(2.0,), whiten_dim=48, whiten_clips=64))
    join_encoders(motion, look, tmp_path / "two.onnx", name="two")
    card = join_encoders(tmp_path / "two.onnx", colour, tmp_path / "three.onnx", name="three").card
    assert [(part.name, part.dim) for part in card.parts] == [("motion", 12), ("look", 12), ("colour", 48)]
    shares = [part.share or 0 for part in card.parts]
    assert shares[0] == 0.5
    assert shares[1] > shares[2] > 0
    vectors = OnnxEncoder(tmp_path / "three.onnx").encode(CLIPS)
    alone = [OnnxEncoder(file).encode(CLIPS) * np.sqrt(share) for file, share in zip((motion, look, colour), shares, strict=True)]
    np.testing.assert_allclose(vectors, np.concatenate(alone, axis=1), atol=1e-5)


@pytest.mark.parametrize("larger_is", ["motion", "look"])
def test_join__smaller_pictures_are_made_in_the_graph(tmp_path: Path, larger_is: str) -> None:
    sizes = {"motion": 32, "look": 32} | {larger_is: 56}
    motion = write_tiny_encoder(tmp_path / "motion.onnx", dim=12, size_px=sizes["motion"])
    look = write_tiny_encoder(tmp_path / "look.onnx", dim=16, size_px=sizes["look"], seed=1, task="look")
    card = join_encoders(motion, look, tmp_path / "both.onnx", name="both").card
    assert (card.height_px, card.width_px) == (56, 56)
    (clips,) = drawn_batches(6, num_frames=8, size_px=56, seed=4)
    vectors = OnnxEncoder(tmp_path / "both.onnx").encode(clips)
    large, own = (motion, vectors[:, :12]) if larger_is == "motion" else (look, vectors[:, 12:])
    np.testing.assert_allclose(own, OnnxEncoder(large).encode(clips) / np.sqrt(2), atol=1e-5)


def test_join__what_does_not_fit_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    motion = write_tiny_encoder(tmp_path / "motion.onnx", dim=12)

    def refused(other: Path) -> str:
        with pytest.raises(EncoderFileError) as error:
            join_encoders(motion, other, tmp_path / "both.onnx", name="both")
        return str(error.value)

    assert "num_frames 8" in refused(write_tiny_encoder(tmp_path / "frames.onnx", num_frames=4))
    assert "has 2, 4; both must see the same clips" in refused(write_tiny_encoder(tmp_path / "spans.onnx", spans_s=(2, 4)))
    cropped = edit_card(write_tiny_encoder(tmp_path / "cropped.onnx"), geometry="centre_crop")
    assert "--geometry" in refused(cropped)
    named = edit_card(write_tiny_encoder(tmp_path / "named.onnx", dim=8), format_version=2, parts=_parts(motion=4, look=4))
    assert "both have a part motion" in refused(named)
    half = edit_card(write_tiny_encoder(tmp_path / "half.onnx"), precision="fp16")
    assert "join the fp32 files" in refused(half)
    newer = edit(write_tiny_encoder(tmp_path / "newer.onnx"), _own_operators)
    assert "cannot" in refused(newer) or "do not run" in refused(newer)
    assert "there is no encoder file" in refused(tmp_path / "none.onnx")
    assert not (tmp_path / "both.onnx").exists()


def _parts(**dims: int) -> list[dict[str, object]]:
    return [{"name": name, "dim": dim} for name, dim in dims.items()]


def _own_operators(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("somebody", 1))
    model.graph.node[-1].output[0] = "unit"
    model.graph.node.append(helper.make_node("Secret", ["unit"], ["embeddings"], domain="somebody"))


def test_join__of_other_operators_of_one_domain(tmp_path: Path) -> None:
    files = [write_tiny_encoder(tmp_path / f"{version}.onnx", seed=version) for version in (1, 2)]
    for version, file in enumerate(files, start=1):
        edit(file, lambda model, version=version: model.opset_import.append(helper.make_opsetid("somebody", version)))
    with pytest.raises(EncoderFileError, match="operators 'somebody' of versions 1 and 2"):
        join_encoders(*files, tmp_path / "both.onnx", name="both")


def test_join__crops_of_another_shape(tmp_path: Path) -> None:
    files = [write_tiny_encoder(tmp_path / f"{side}.onnx", size_px=side) for side in (32, 48)]
    for file in files:
        edit_card(file, geometry="centre_crop")
    join_encoders(*files, tmp_path / "both.onnx", name="both")
    edit_card(files[1], width_px=64)
    edit(files[1], lambda model: _wide(model, 64))
    with pytest.raises(EncoderFileError, match="neither can be made of the other"):
        join_encoders(*files, tmp_path / "other.onnx", name="other")


def _wide(model: onnx.ModelProto, width_px: int) -> None:
    shape = ["N", 8, 48, width_px, 3]
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("clips", TensorProto.UINT8, shape))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Encoder files as vret export writes them, of two untrained networks."""
    from pretrain.export_onnx import ExportSpec, export_untrained

    folder = tmp_path_factory.mktemp("networks")
    spec = ExportSpec(name="x", num_frames=8, size_px=32, spans_s=(2.0,), pooling="grid:1x2x2")
    for seed in (1, 2):
        export_untrained("r2plus1d_quarter", seed, folder / f"{seed}.onnx", dataclasses.replace(spec, name=str(seed)))
    return folder / "1.onnx", folder / "2.onnx"


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_join__then_in_another_precision(tmp_path: Path, trained: tuple[Path, Path], precision: str) -> None:
    join_encoders(*trained, tmp_path / "both.onnx", name="both")
    exported = convert_file(tmp_path / "both.onnx", tmp_path / "small.onnx", precision)
    assert exported.card.precision == precision
    assert [part.name for part in exported.card.parts] == ["motion", "look"]
    assert (tmp_path / "small.onnx").stat().st_size < 0.6 * (tmp_path / "both.onnx").stat().st_size
    (clips,) = drawn_batches(4, num_frames=8, size_px=32, seed=9)
    small, both = (OnnxEncoder(tmp_path / name).encode(clips) for name in ("small.onnx", "both.onnx"))
    assert (small * both).sum(axis=1).min() > 0.97


def test_join__with_an_image_model__then_in_half_precision(tmp_path: Path, trained: tuple[Path, Path]) -> None:
    look = image_encoder(tmp_path)
    join_encoders(trained[0], look, tmp_path / "both.onnx", name="both")
    convert_file(tmp_path / "both.onnx", tmp_path / "small.onnx", "fp16")
    (clips,) = drawn_batches(4, num_frames=8, size_px=32, seed=9)
    own = OnnxEncoder(tmp_path / "small.onnx").encode(clips)[:, -24:] * np.sqrt(2)
    assert (own * vectors_of(look.read_bytes(), clips)).sum(axis=1).min() > 0.9999


def test_in_precision__a_part_that_agrees_less_decides(trained: tuple[Path, Path], tmp_path: Path) -> None:
    """int8 of one network, whose agreement is not hidden by a second part that is not touched at all."""
    join_encoders(trained[0], image_encoder(tmp_path), tmp_path / "both.onnx", name="both")
    card, model = read_encoder(tmp_path / "both.onnx")
    clips = clip_sets(DrawnClips(), clip_spec(card))
    by_part, whole = (in_precision(model, "int8", clips, parts=parts)[1] for parts in (card.parts, ()))
    alone = in_precision(read_encoder(trained[0])[1], "int8", clips)[1]
    assert by_part.mean_cosine == pytest.approx(alone.mean_cosine, abs=2e-3)
    assert by_part.mean_cosine < whole.mean_cosine < 1


def test_join__the_network_of_movement_can_be_trained_on(tmp_path: Path, trained: tuple[Path, Path]) -> None:
    both = join_encoders(*trained, tmp_path / "both.onnx", name="both").card
    alone = read_encoder(trained[0])[0]
    assert both.task == "untrained+untrained"
    assert dataclasses.replace(both.motion_card, name=alone.name, weights_sha256=alone.weights_sha256) == alone
    third = edit_card(write_tiny_encoder(tmp_path / "third.onnx", dim=12), format_version=2, parts=_parts(sound=12))
    join_encoders(tmp_path / "both.onnx", third, tmp_path / "three.onnx", name="three")
    expected = load_backbone(trained[0])[1].state_dict()
    for file in ("both.onnx", "three.onnx"):
        name, backbone = load_backbone(tmp_path / file)
        assert name == "r2plus1d_quarter"
        own = backbone.state_dict()
        assert all(torch.equal(own[key], value) for key, value in expected.items())


def test_join__without_a_network_of_movement_there_is_none_to_train_on(tmp_path: Path, trained: tuple[Path, Path]) -> None:
    plain = write_tiny_encoder(tmp_path / "plain.onnx", dim=12)
    larger = write_tiny_encoder(tmp_path / "larger.onnx", dim=12, size_px=56, task="look")
    join_encoders(plain, trained[1], tmp_path / "none.onnx", name="none")
    join_encoders(trained[0], larger, tmp_path / "resized.onnx", name="resized")
    for file in ("none.onnx", "resized.onnx"):
        with pytest.raises(EncoderFileError, match="no network of movement can be taken out"):
            load_backbone(tmp_path / file)
