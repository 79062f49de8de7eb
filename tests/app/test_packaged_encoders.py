"""What ships in the package: encoders of movement, of look and of all together, and raw colour; small, and what their cards say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import app
from embedder.onnx_encoder import OnnxEncoder
from embedder.onnx_session import CPU
from embedder.vector_parts import shares
from pretrain.drawn_paths import Shape, make_shape
from pretrain.drawn_scenes import Scene, make_scene
from pretrain.encoder_weights import load_backbone
from pretrain.export_onnx import ExportSpec, export_colour
from pretrain.onnx_graph import weights_sha256
from pretrain.recipes import RECIPES
from pretrain.sample_clips import drawn_batches

FOLDER = Path(app.__file__).parent / "encoders"


@pytest.mark.parametrize("name", ["default", "motion", "look", "colour"])
def test_packaged_encoder__small_and_as_its_card_says(name: str) -> None:
    import onnx

    path = FOLDER / f"{name}.onnx"
    assert path.stat().st_size <= 21e6
    encoder = OnnxEncoder(path, providers=["CPUExecutionProvider"])
    card = encoder.card
    assert card.name == name
    assert card.weights_sha256 == weights_sha256(onnx.load(path))
    clips = np.random.default_rng(0).integers(0, 256, (3, card.num_frames, card.height_px, card.width_px, 3), np.uint8)
    vectors = encoder.encode(clips)
    assert vectors.shape == (3, card.dim)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


def test_motion_encoder__is_what_the_committed_recipe_trains() -> None:
    card = OnnxEncoder(FOLDER / "motion.onnx", providers=["CPUExecutionProvider"]).card
    recipe = RECIPES["default_encoder"]()
    assert card.backbone == recipe.backbone
    assert card.task == str(recipe.tasks)
    assert (card.num_frames, card.height_px) == (recipe.clip.num_frames, recipe.clip.size_px)
    training = card.training
    assert (training["recipe"], training["seed"], training["steps"]) == ("default_encoder", recipe.seed, recipe.steps)
    assert training["data"] == "drawn clips", "nobody's footage is in it"


@pytest.mark.parametrize(("name", "by", "least"), [("motion", "movement", 16), ("look", "look", 18)])
def test_packaged_encoder__puts_near_what_it_is_for(name: str, by: str, least: int) -> None:
    """By movement, a circle is nearer to a circle in another scene than to a swipe in its own; by look, the other way round."""
    encoder = OnnxEncoder(FOLDER / f"{name}.onnx", providers=["CPUExecutionProvider"])
    moved_alike = looked_alike = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        here, there = (make_scene(rng, background_px=2 * encoder.card.height_px) for _ in range(2))
        circle, again, swipe = encoder.encode(
            np.stack([_drawn(here, "circle", rng), _drawn(there, "circle", rng), _drawn(here, "swipe-right", rng)])
        )
        moved_alike += int(circle @ again > circle @ swipe)
        looked_alike += int(circle @ swipe > circle @ again)
    assert {"movement": moved_alike, "look": looked_alike}[by] >= least


def test_look_encoder__is_what_the_committed_recipe_trains() -> None:
    card = OnnxEncoder(FOLDER / "look.onnx", providers=["CPUExecutionProvider"]).card
    recipe = RECIPES["look"]()
    assert (card.backbone, card.task) == (recipe.backbone, str(recipe.tasks))
    training = card.training
    assert (training["recipe"], training["seed"], training["steps"]) == ("look", recipe.seed, recipe.steps)
    assert training["data"] == "drawn pictures", "nobody's footage is in it"


def test_default_encoder__is_motion_and_look_and_colour(tmp_path: Path) -> None:
    default, *alone = (OnnxEncoder(FOLDER / f"{name}.onnx", providers=[CPU]) for name in ("default", "motion", "look"))
    parts = default.card.parts
    assert [(part.name, part.dim) for part in parts] == [("motion", 256), ("look", 128), ("colour", 48)]
    (clips,) = drawn_batches(4, num_frames=16, size_px=64, seed=8)
    vectors = default.encode(clips) / np.repeat(np.sqrt(shares(parts)), [part.dim for part in parts])
    np.testing.assert_allclose(vectors[:, :384], np.concatenate([one.encode(clips) for one in alone], axis=1), atol=1e-4)
    assert default.card.training["colour"]["whitened_on"] == "drawn pictures", "nobody's footage is in it"
    export_colour(tmp_path / "grid.onnx", ExportSpec(name="grid", whiten_dim=48))
    grid = OnnxEncoder(tmp_path / "grid.onnx", providers=[CPU]).encode(clips)
    # By their cosines: directions of about equal spread may be turned among themselves by another machine's rounding.
    np.testing.assert_allclose(vectors[:, 384:] @ vectors[:, 384:].T, grid @ grid.T, atol=0.01)


def test_default_encoder__can_be_trained_on() -> None:
    """Its network of movement, weight for weight."""
    (name, joined), (_, alone) = (load_backbone(FOLDER / f"{name}.onnx") for name in ("default", "motion"))
    assert name == RECIPES["default_encoder"]().backbone
    expected, found = alone.state_dict(), joined.state_dict()
    assert all(torch.equal(found[key], value) for key, value in expected.items())


def _drawn(scene: Scene, shape: Shape, rng: np.random.Generator) -> NDArray[np.uint8]:
    mover = replace(scene.movers[0], path=make_shape(shape, rng) * np.float32(0.6))
    return replace(scene, movers=(mover,)).render((np.arange(16) + 0.5) / 16, 64, 64)
