"""Encoder files, as a reader of them sees them: ONNX Runtime and the card."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from embedder.encoder_card import CARD_KEY, EncoderCard
from pretrain.baselines import RawColour
from pretrain.errors import ExportError
from pretrain.export_onnx import ExportSpec, Footage, build_encoder, export, export_colour, export_run, export_untrained
from pretrain.recipes import RECIPES
from pretrain.train import train
from tests.helpers.given_clips import GivenClips

SPEC = ExportSpec(name="small", num_frames=8, size_px=32)


def clips(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(count).integers(0, 256, (count, 8, 32, 32, 3), dtype=np.uint8)


def vectors(path: Path, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [node.name for node in session.get_inputs()] == ["clips"]
    assert [node.name for node in session.get_outputs()] == ["embeddings"]
    (embeddings,) = session.run(None, {"clips": batch})
    return np.asarray(embeddings)


def card_in(path: Path) -> EncoderCard:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return EncoderCard.from_json(session.get_modelmeta().custom_metadata_map[CARD_KEY])


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The untrained encoder of seed 1; exporting a network takes seconds, so the tests share it."""
    out = tmp_path_factory.mktemp("encoders") / "untrained.onnx"
    export_untrained("r2plus1d_quarter", 1, out, SPEC)
    return out


def test_untrained__card_and_vectors_hold_what_they_promise(untrained: Path) -> None:
    card = card_in(untrained)
    assert (card.name, card.backbone, card.task, card.dim) == ("small", "r2plus1d_quarter", "untrained", 128)
    assert (card.num_frames, card.height_px, card.width_px) == (8, 32, 32)
    assert card.training["seed"] == 1
    batch = clips(5)
    together = vectors(untrained, batch)
    assert together.shape == (5, 128)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone = np.concatenate([vectors(untrained, batch[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(alone, together, atol=1e-5)


def test_untrained__the_seed_is_the_encoder(untrained: Path, tmp_path: Path) -> None:
    again = export_untrained("r2plus1d_quarter", 1, tmp_path / "again.onnx", SPEC).card
    other = export_untrained("r2plus1d_quarter", 2, tmp_path / "other.onnx", SPEC).card
    assert card_in(untrained).weights_sha256 == again.weights_sha256 != other.weights_sha256
    assert untrained.read_bytes() == (tmp_path / "again.onnx").read_bytes()


def test_export__says_nothing_about_the_machine_it_was_made_on(tmp_path: Path) -> None:
    export_colour(tmp_path / "a.onnx", SPEC)
    content = (tmp_path / "a.onnx").read_bytes()
    assert str(Path(__file__).resolve().parents[2]).encode() not in content
    assert b".py" not in content


def test_export__batch_norms_are_kept_for_training_and_folded_when_the_file_is_loaded(untrained: Path, tmp_path: Path) -> None:
    kinds = [node.op_type for node in onnx.load(untrained).graph.node]
    assert kinds.count("Conv") == kinds.count("BatchNormalization") == 24
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "loaded.onnx")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    onnxruntime.InferenceSession(str(untrained), options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(tmp_path / "loaded.onnx").graph.node]
    assert kinds.count("Conv") == 24
    assert "BatchNormalization" not in kinds


def test_colour__tells_colours_apart_and_places_too(tmp_path: Path) -> None:
    card = export_colour(tmp_path / "colour.onnx", dataclasses.replace(SPEC, name="colour")).card
    assert (card.backbone, card.dim) == ("colour", 48)
    batch = np.full((4, 8, 32, 32, 3), 20, np.uint8)
    batch[0, ..., 0] = batch[1, ..., 0] = 200
    batch[2, ..., 2] = 200
    batch[3, :, :, :16, 0] = 200
    red, red_too, blue, half_red = vectors(tmp_path / "colour.onnx", batch)
    assert red @ red_too == pytest.approx(1, abs=1e-6)
    assert red @ blue < red @ half_red < 0.9


def test_pooling_and_whitening__are_in_the_file(tmp_path: Path) -> None:
    spec = dataclasses.replace(SPEC, pooling="grid:1x2x2", whiten_dim=6, whiten_strength=1.0, whiten_clips=64)
    card = export(RawColour(), tmp_path / "a.onnx", spec, backbone_name="colour", task_name="untrained").card
    assert card.dim == 6
    assert (card.training["pooling"], card.training["whiten_dim"]) == ("grid:1x2x2", 6)
    plain = export(
        RawColour(),
        tmp_path / "b.onnx",
        dataclasses.replace(spec, whiten_dim=None),
        backbone_name="colour",
        task_name="untrained",
    ).card
    assert plain.dim == 12
    assert plain.weights_sha256 != card.weights_sha256


def test_pooling__another_grid_is_another_encoder(tmp_path: Path) -> None:
    cards = [
        export(
            RawColour(),
            tmp_path / "a.onnx",
            dataclasses.replace(SPEC, pooling=pooling),
            backbone_name="colour",
            task_name="untrained",
        ).card
        for pooling in ("avg", "grid:1x1x2", "grid:1x2x1")
    ]
    assert len({card.weights_sha256 for card in cards}) == 3


def test_whitening__at_most_so_many(tmp_path: Path) -> None:
    spec = dataclasses.replace(SPEC, whiten_dim=256)
    with pytest.raises(ValueError, match="cannot whiten 3 features"):
        build_encoder(RawColour(), spec, whiten_on=GivenClips((clips(20),)))
    spec = dataclasses.replace(spec, whiten_at_most=True)
    footage = Footage(whiten_on=GivenClips((clips(20),)))
    exported = export(RawColour(), tmp_path / "c.onnx", spec, backbone_name="colour", task_name="none", footage=footage)
    assert exported.notes == (), "so few features are the network's, and no news"
    card = exported.card
    assert (card.dim, card.training["whiten_dim"]) == (3, 3)
    assert card.training["whitened_on"] == "given clips"


def test_whitening__few_clips_give_fewer_numbers_and_that_is_said(tmp_path: Path) -> None:
    spec = dataclasses.replace(SPEC, pooling="grid:1x4x4", whiten_dim=40, whiten_at_most=True)
    footage = Footage(whiten_on=GivenClips((clips(10), clips(12))))
    exported = export(RawColour(), tmp_path / "c.onnx", spec, backbone_name="colour", task_name="none", footage=footage)
    assert (exported.card.dim, exported.card.training["whiten_dim"]) == (21, 21)
    assert exported.notes == ("21 numbers a clip instead of 40: the whitening had only 22 given clips; more footage gives more",)
    with pytest.raises(ValueError, match="cannot whiten 48 features of 22 clips to 40 numbers"):
        build_encoder(RawColour(), dataclasses.replace(spec, whiten_at_most=False), whiten_on=footage.whiten_on)
    with pytest.raises(ExportError, match="one clip is not enough to fit a whitening"):
        build_encoder(RawColour(), spec, whiten_on=GivenClips((clips(1),)))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"precision": "int4"}, "precision must be one of fp32, fp16, int8, got 'int4'"),
        ({"pooling": "grid"}, "pooling is 'grid'"),
        ({"spans_s": (4.0, 2.0)}, "ascending"),
    ],
)
def test_spec__what_can_never_be_is_said_before_anything_is_done(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        dataclasses.replace(SPEC, **wrong)


def test_export__a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").mkdir()
    with pytest.raises(ExportError, match=r"a\.onnx cannot be written: Is a directory"):
        export_colour(tmp_path / "a.onnx", SPEC)


def test_whitening__is_fitted_on_the_clips_that_are_given() -> None:
    spec = dataclasses.replace(SPEC, whiten_dim=2, whiten_strength=1.0)
    encoder = build_encoder(RawColour(), spec, whiten_on=GivenClips((clips(20), clips(30))))
    assert encoder.projection is not None
    with torch.no_grad():
        pooled = encoder.pooled(torch.from_numpy(np.concatenate([clips(20), clips(30)])))
        white = encoder.projection(pooled)
    torch.testing.assert_close(white.mean(dim=0), torch.zeros(2), atol=1e-2, rtol=0)


class Fickle(RawColour):
    """A network that an exporter gets wrong: what it writes down is not what runs."""

    def forward_map(self, clips_B3THW: torch.Tensor) -> torch.Tensor:
        map_ = super().forward_map(clips_B3THW)
        return map_.flip(4) * 2 if torch.compiler.is_exporting() else map_


def test_export__an_encoder_that_differs_is_not_written(tmp_path: Path) -> None:
    out = tmp_path / "a.onnx"
    out.write_bytes(b"the good one of yesterday")
    spec = dataclasses.replace(SPEC, pooling="grid:1x4x4")
    with pytest.raises(ExportError, match=r"differs from its network: cosine .* 0\.9999 is asked; nothing was written"):
        export(Fickle(), out, spec, backbone_name="fickle", task_name="untrained")
    assert out.read_bytes() == b"the good one of yesterday"
    assert list(tmp_path.iterdir()) == [out]


def test_export_run__tells_how_it_was_trained(tmp_path: Path) -> None:
    config = dataclasses.replace(RECIPES["smoke"](), workers=0, threads=1)
    train(config, tmp_path / "run")
    card = export_run(tmp_path / "run", tmp_path / "a.onnx", ExportSpec(name="mine")).card
    assert (card.num_frames, card.height_px) == (16, 32)
    assert (card.backbone, card.task) == ("r2plus1d_quarter", "trajectory")
    training = card.training
    assert (training["data"], training["recipe"], training["seed"]) == ("drawn clips", "smoke", 1)
    assert (training["steps"], training["clips"]) == (8, 32)
    assert training["reached"].startswith("path error")
    assert vectors(tmp_path / "a.onnx", clips(2).repeat(2, axis=1)).shape == (2, card.dim)
