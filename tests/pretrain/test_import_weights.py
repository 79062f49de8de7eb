"""Files of weights, from outside: what is taken, and what each refusal says."""

import hashlib
import pickle
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.backbones import build_backbone
from pretrain.errors import WeightsError
from pretrain.export_onnx import ExportSpec
from pretrain.import_weights import import_weights, published_px
from pretrain.registry import UnknownName
from pretrain.weights_file import fill_backbone, read_weights
from tests.helpers.published_weights import random_weights

SPEC = ExportSpec(name="kinetics", num_frames=8, size_px=32, geometry="centre_crop")
SMALL = "r2plus1d_quarter"


def small_weights() -> dict[str, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        return build_backbone(SMALL).state_dict()


def saved(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


def refusal(path: Path, name: str = SMALL) -> str:
    with pytest.raises(WeightsError) as refused:
        fill_backbone(name, read_weights(path))
    assert path.name in str(refused.value)
    return str(refused.value)


def test_import__a_file_becomes_an_encoder_of_its_weights(tmp_path: Path) -> None:
    state, classifier = small_weights(), {"fc.weight": torch.zeros(400, 128), "fc.bias": torch.zeros(400)}
    file, out = saved(tmp_path / "small.pth", state | classifier), tmp_path / "kinetics.onnx"
    exported, weights = import_weights(SMALL, file, out, SPEC)
    assert weights.left_out == ("fc.weight", "fc.bias")
    card = exported.card
    assert (card.backbone, card.task, card.geometry, card.dim) == (SMALL, "imported", "centre_crop", 128)
    assert card.training["data"] == "imported weights"
    assert card.training["file"] == "small.pth"
    assert card.training["file_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    net = build_backbone(SMALL).eval()
    net.load_state_dict(state)
    clips = torch.randint(0, 256, (2, 8, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = functional.normalize(net(net.prepare(clips)), dim=1)
    (got,) = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"]).run(None, {"clips": clips.numpy()})
    torch.testing.assert_close(torch.from_numpy(got), wanted, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", ["r2plus1d_18", "r3d_18", "s3d"])
def test_read__published_keys_fit_without_the_classifier(name: str, tmp_path: Path) -> None:
    state = random_weights(name)
    weights = read_weights(saved(tmp_path / "x.pth", state))
    net = fill_backbone(name, weights)
    assert len(weights.left_out) == 2
    assert not net.training
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())


def in_data_parallel(state: dict[str, Tensor]) -> Any:
    return {"epoch": 3, "state_dict": {f"module.{key}": value for key, value in state.items()}}


def in_our_checkpoint(state: dict[str, Tensor]) -> Any:
    heads = {"heads.pace.weight": torch.zeros(4, 128)}
    return {"format": 1, "step": 9, "model": {f"backbone.{key}": value for key, value in state.items()} | heads}


def in_two_wrappers(state: dict[str, Tensor]) -> Any:
    return {"model": {"state_dict": {f"module.backbone.{key}": value for key, value in state.items()}}}


@pytest.mark.parametrize("wrap", [dict, in_data_parallel, in_our_checkpoint, in_two_wrappers])
def test_read__wrappers_and_prefixes_are_looked_through(wrap: Any, tmp_path: Path) -> None:
    state = small_weights()
    weights = read_weights(saved(tmp_path / "x.pt", wrap(state)))
    net = fill_backbone(SMALL, weights)
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())
    assert weights.left_out == (("heads.pace.weight",) if wrap is in_our_checkpoint else ())


def test_fill__counters_may_be_missing_and_numbers_may_be_halves(tmp_path: Path) -> None:
    state = {key: value.half() for key, value in small_weights().items() if not key.endswith("num_batches_tracked")}
    net = fill_backbone(SMALL, read_weights(saved(tmp_path / "x.pt", state)))
    assert torch.equal(net.state_dict()["stem.0.spatial.weight"], state["stem.0.spatial.weight"].float())


def test_fill__every_kind_of_misfit_is_named_with_what_would_be_right(tmp_path: Path) -> None:
    state = small_weights()
    whole = len(state)
    del state["stem.1.weight"]
    state["stem.9.weight"] = torch.zeros(1)
    state["stem.0.norm.bias"] = torch.zeros(7)
    said = refusal(saved(tmp_path / "x.pt", state))
    assert f"1 of its {whole} weights are missing (stem.1.weight)" in said
    assert "1 are not known to it (stem.9.weight)" in said
    assert "1 have another shape (stem.0.norm.bias is 7 and should be 36)" in said
    assert "fit no other backbone" in said


def test_fill__weights_of_another_backbone_say_of_which(tmp_path: Path) -> None:
    assert "They fit r2plus1d_quarter." in refusal(saved(tmp_path / "x.pt", small_weights()), "r2plus1d_half")


def test_fill__long_lists_are_cut(tmp_path: Path) -> None:
    said = refusal(saved(tmp_path / "x.pt", {"a": torch.zeros(1)}))
    assert said.count(",") < 10
    assert len(said) < 500


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_fill__weights_that_are_no_numbers_are_refused(bad: float, tmp_path: Path) -> None:
    state = small_weights()
    state["stem.1.weight"][3] = bad
    assert "NaN or infinite in stem.1.weight" in refusal(saved(tmp_path / "x.pt", state))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "an empty one"),
        ({"state_dict": {}}, "an empty one"),
        ([torch.zeros(1)], "a list"),
        (torch.zeros(3), "a Tensor"),
        ({"weights": [1, 2]}, "weights is no dense tensor"),
        ({3: torch.zeros(1)}, "3 is no dense tensor"),
        ({"a": torch.zeros(2, 2).to_sparse()}, "a is no dense tensor"),
    ],
)
def test_read__what_holds_no_weights_is_said(content: Any, said: str, tmp_path: Path) -> None:
    assert said in refusal(saved(tmp_path / "x.pt", content))


def test_read__damaged_files_are_refused(tmp_path: Path) -> None:
    whole = saved(tmp_path / "whole.pt", small_weights()).read_bytes()
    legacy = tmp_path / "legacy.pt"
    torch.save(small_weights(), legacy, _use_new_zipfile_serialization=False)
    old = legacy.read_bytes()
    middle = len(old) // 2
    contents = [b"", b"no weights", b"\x80\x02", b"\x80\x05\x95" + bytes(20), bytes(100), whole[:1000], whole[: len(whole) // 2]]
    contents += [whole[:-10], old[:50], old[:middle], pickle.dumps({"a": 1})[:-3], b"PK\x03\x04" + bytes(50)]
    for number, content in enumerate(contents):
        path = tmp_path / f"damaged{number}.pt"
        path.write_bytes(content)
        assert "cannot be read as weights" in refusal(path), content[:20]


def test_read__a_pickled_module_is_not_run(tmp_path: Path) -> None:
    assert "no file of plain tensors" in refusal(saved(tmp_path / "x.pt", nn.Linear(2, 2)))


def test_read__no_file(tmp_path: Path) -> None:
    assert "There is no file" in refusal(tmp_path / "nosuch.pth")
    assert "There is no file" in refusal(tmp_path)


def test_import__a_misfit_writes_nothing(tmp_path: Path) -> None:
    file, out = saved(tmp_path / "x.pt", {"a": torch.zeros(1)}), tmp_path / "x.onnx"
    with pytest.raises(WeightsError):
        import_weights(SMALL, file, out, SPEC)
    assert not out.exists()


def test_published_size() -> None:
    assert (published_px("r3d_18"), published_px("s3d")) == (112, 224)
    with pytest.raises(UnknownName, match="Did you mean r3d_18"):
        published_px("r3d18")
