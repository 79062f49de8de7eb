"""Start from what was trained before."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pretrain.backbones import build_backbone
from pretrain.checkpoint import load_checkpoint, load_trained
from pretrain.config import OptimiserConfig, TrainConfig
from pretrain.errors import CheckpointError, PretrainError, WeightsError
from pretrain.initial_weights import find_backbone, initial_backbone
from pretrain.pretrain_model import PretrainModel
from pretrain.recipes import RECIPES
from pretrain.run_files import CHECKPOINT_NAME
from pretrain.train import train
from tests.helpers.two_processes import contrast_config


def small(**changes: object) -> TrainConfig:
    still = OptimiserConfig(learning_rate=1e-12, weight_decay=0.0)
    base = dataclasses.replace(RECIPES["smoke"](), workers=0, threads=1, precision="fp32", device="cpu", optimiser=still, steps=2)
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(7)
    torch.save(build_backbone("r2plus1d_quarter").state_dict(), tmp_path / "weights.pt")
    return tmp_path / "weights.pt"


def parameters_of(path: Path) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(path)
    return {key: value for key, value in state.items() if "running" not in key and "num_batches" not in key}


def test_train__starts_from_a_state_dict_and_another_run_from_that_run(weights: Path, tmp_path: Path) -> None:
    train(small(backbone="r2plus1d_quarter", init_from=str(weights)), tmp_path / "first")
    for source in (tmp_path / "first", tmp_path / "first" / CHECKPOINT_NAME):
        name, backbone = find_backbone(source)
        assert name == "r2plus1d_quarter"
        for key, value in parameters_of(weights).items():
            torch.testing.assert_close(backbone.state_dict()[key], value, rtol=0, atol=1e-9)
    train(small(backbone="r2plus1d_quarter", init_from=str(tmp_path / "first")), tmp_path / "second")
    _, model, _ = load_trained(tmp_path / "second")
    for key, value in parameters_of(weights).items():
        torch.testing.assert_close(model.backbone.state_dict()[key], value, rtol=0, atol=1e-9)


def test_resume__does_not_start_from_them_again(weights: Path, tmp_path: Path) -> None:
    learning = OptimiserConfig(learning_rate=1e-2)
    run = small(backbone="r2plus1d_quarter", init_from=str(weights), optimiser=learning)
    train(run, tmp_path / "run")
    before = load_checkpoint(tmp_path / "run")["model"]
    weights.unlink()  # and the file is no longer needed
    train(run, tmp_path / "run", resume=True)
    after = load_checkpoint(tmp_path / "run")["model"]
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_state_dict__names_its_backbone_by_its_shapes(tmp_path: Path) -> None:
    for name in ("r2plus1d_half", "r2plus1d_quarter"):
        torch.save(build_backbone(name).state_dict(), tmp_path / "weights.pt")
        assert find_backbone(tmp_path / "weights.pt")[0] == name


def test_finding__leaves_the_generator_alone(weights: Path) -> None:
    before = torch.get_rng_state()
    find_backbone(weights)
    assert torch.equal(torch.get_rng_state(), before)


def test_start_from__gives_the_slow_network_the_same(weights: Path) -> None:
    config = contrast_config()
    model = PretrainModel(config)
    from pretrain.slow_network import SlowNetwork

    model.slow = SlowNetwork(model.backbone, dict(model.heads.items()), 0.9)
    model.start_from(torch.load(weights))
    for key, value in parameters_of(weights).items():
        assert torch.equal(model.slow.backbone.state_dict()[key], value)


def published(state: dict[str, Tensor]) -> object:
    """As torchvision has them: a classifier, and in older files no counters."""
    bare = {key: value for key, value in state.items() if "num_batches" not in key}
    return bare | {"fc.weight": torch.zeros(400, 512), "fc.bias": torch.zeros(400)}


def wrapped(state: dict[str, Tensor]) -> object:
    return {"epoch": 3, "state_dict": {f"module.{key}": value for key, value in state.items()}}


def copied_checkpoint(state: dict[str, Tensor]) -> object:
    heads = {"heads.pace.weight": torch.zeros(4, 128)}
    return {"format": 1, "step": 9, "model": {f"backbone.{key}": value for key, value in state.items()} | heads}


@pytest.mark.parametrize("form", [published, wrapped, copied_checkpoint])
def test_find__whatever_import_takes(weights: Path, tmp_path: Path, form: Callable[[dict[str, Tensor]], object]) -> None:
    torch.save(form(torch.load(weights)), tmp_path / "other.pth")
    name, backbone = find_backbone(tmp_path / "other.pth")
    assert name == "r2plus1d_quarter"
    assert all(torch.equal(backbone.state_dict()[key], value) for key, value in parameters_of(weights).items())


def test_find__what_cannot_be_used_is_said(weights: Path, tmp_path: Path) -> None:
    whole = weights.read_bytes()
    torch.save({"a": torch.zeros(2)}, tmp_path / "other.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    for name, content in (
        ("empty.pt", b""),
        ("noise.pt", b"noise"),
        ("text.txt", b"a list of videos\n" * 9),
        ("picture.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(99)),
        ("cut.pt", whole[: len(whole) // 2]),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsError, match=r"cannot be read as weights: it is damaged") as refused:
            find_backbone(tmp_path / name)
        said = str(refused.value)
        assert name in said and "\x1b" not in said and "weights_only" not in said and len(said) < 400
    for name, words in [
        ("gone.pt", "does not exist; give an encoder"),
        ("other.pt", r"fits none of the backbones .* \(a\) have other names"),
        ("list.pt", "holds no weights"),
        (".", "holds no checkpoint"),
    ]:
        with pytest.raises(PretrainError, match=words):
            find_backbone(tmp_path / name)
    with pytest.raises(CheckpointError, match="holds the backbone r2plus1d_quarter, not r2plus1d"):
        initial_backbone(weights, "r2plus1d")
