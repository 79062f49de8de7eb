"""A network out of an encoder file is the network that went in; files that do not hold one say so."""

import dataclasses
from pathlib import Path

import onnx
import pytest
import torch
from torch import Tensor

from pretrain.backbones import Backbone, build_backbone
from pretrain.backbones.base import BACKBONES
from pretrain.encoder_file import convert_file, write_in_precision
from pretrain.encoder_weights import load_backbone, read_encoder
from pretrain.errors import EncoderFileError
from pretrain.export_onnx import ExportSpec, export, export_colour
from pretrain.quantise import fold
from tests.helpers.given_clips import GivenClips, moving_squares
from tests.helpers.small_backbone import SmallBackbone

SPEC = ExportSpec(name="small", num_frames=8, size_px=32)
CLIPS = GivenClips((moving_squares(40, seed=1),))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKBONES._entries, "small", SmallBackbone)


@pytest.fixture(scope="module")
def network() -> Backbone:
    """As after some training: every weight has moved, and the batch norms have seen batches."""
    torch.manual_seed(5)
    backbone = SmallBackbone()
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter += 0.05 * torch.rand_like(parameter)
        for seed in range(3):
            backbone(inputs(backbone, seed))
    return backbone


@pytest.fixture(scope="module")
def file(network: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("encoders") / "small.onnx"
    export(network, out, SPEC, backbone_name="small", task_name="pace")
    return out


def inputs(backbone: Backbone, seed: int = 9) -> Tensor:
    return backbone.prepare(torch.from_numpy(moving_squares(4, seed=seed)))


def test_load_backbone__features_are_the_very_same(file: Path, network: Backbone) -> None:
    before = torch.get_rng_state()
    name, loaded = load_backbone(file)
    assert torch.equal(torch.get_rng_state(), before)
    assert name == "small"
    state, original = loaded.state_dict(), network.state_dict()
    assert state.keys() == original.keys()
    assert all(torch.equal(state[key], value) for key, value in original.items() if value.is_floating_point())
    with torch.no_grad():
        assert torch.equal(loaded.eval()(inputs(loaded)), network.eval()(inputs(network)))


def test_load_backbone__training_goes_on_from_where_it_was(file: Path, network: Backbone) -> None:
    """The first steps have the losses that they would have had without the detour over a file."""
    curves = []
    for backbone in (load_backbone(file)[1], SmallBackbone()):
        if not curves:
            assert backbone.training
        else:
            backbone.load_state_dict(network.state_dict())
        optimiser = torch.optim.SGD(backbone.parameters(), lr=0.01)
        losses = []
        for seed in range(3):
            loss = (backbone.train()(inputs(backbone, seed)) - 1).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        curves.append(losses)
    assert curves[0] == curves[1]
    assert curves[0][0] != curves[0][2]


def test_load_backbone__equal_weights_of_an_untrained_network_stay_apart(tmp_path: Path) -> None:
    """An optimiser of graphs keeps one of several equal weights; all its batch norms begin alike."""
    torch.manual_seed(1)
    backbone = build_backbone("r2plus1d_quarter")
    export(backbone, tmp_path / "a.onnx", SPEC, backbone_name="r2plus1d_quarter", task_name="untrained")
    _, loaded = load_backbone(tmp_path / "a.onnx")
    assert all(torch.equal(value, loaded.state_dict()[key]) for key, value in backbone.state_dict().items())


def test_load_backbone__fp16_is_the_network_rounded(file: Path, network: Backbone, tmp_path: Path) -> None:
    convert_file(file, tmp_path / "fp16.onnx", "fp16", calibrate_on=CLIPS)
    _, loaded = load_backbone(tmp_path / "fp16.onnx")
    for key, value in network.state_dict().items():
        if value.is_floating_point() and not key.startswith("idle"):
            assert torch.equal(loaded.state_dict()[key], value.half().float()), key


class Wide(SmallBackbone):
    def __init__(self) -> None:
        super().__init__()
        self.idle = torch.nn.Linear(3, 3)


def test_load_backbone__files_that_do_not_hold_a_network_say_so(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BACKBONES._entries, "wide", Wide)
    card, model = read_encoder(file)
    bad = tmp_path / "bad.onnx"
    convert_file(file, bad, "int8", calibrate_on=CLIPS)
    with pytest.raises(EncoderFileError, match=r"8-bit weights, .* Start from the fp32 file"):
        load_backbone(bad)
    write_in_precision(bad, fold(model), card, "fp32", None)
    with pytest.raises(EncoderFileError, match=r"lacks 23 of the 23 weights .* folded .* Export its training run again"):
        load_backbone(bad)
    write_in_precision(bad, model, dataclasses.replace(card, backbone="r2plus2d"), "fp32", None)
    with pytest.raises(EncoderFileError, match=r"no backbone is called 'r2plus2d'\. Did you mean r2plus1d"):
        load_backbone(bad)
    write_in_precision(bad, model, dataclasses.replace(card, backbone="wide"), "fp32", None)
    with pytest.raises(EncoderFileError, match=r"holds idle\.weight as \(2, 2\), wide has it as \(3, 3\)"):
        load_backbone(bad)
    export_colour(bad, SPEC)
    with pytest.raises(EncoderFileError, match="no backbone is called 'colour'"):
        load_backbone(bad)
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "none", [], [])), bad)
    with pytest.raises(EncoderFileError, match=r"no encoder that this vret can use \(no card\)"):
        load_backbone(bad)
    with pytest.raises(EncoderFileError, match="there is no encoder file"):
        load_backbone(tmp_path / "none.onnx")
