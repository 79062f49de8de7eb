"""One contract for every backbone there is, now and later; and what is known of each from its publication."""

import copy
import math
from collections.abc import Iterator

import onnxruntime
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from pretrain.backbones import BACKBONES, Backbone, build_backbone
from pretrain.backbones.resnet_3d import Bottleneck
from pretrain.backbones.s3d import RoundUpMaxPool, SelfGate
from pretrain.encoder_module import ClipEncoder, Pooling
from pretrain.onnx_graph import to_onnx
from tests.helpers.published_weights import torchvision_keys, with_classifier

FRAMES, SIDE = 8, 32

PARAMETERS = {
    "c3d": 27_661_440,
    "c3d_half": 6_918_720,
    "c3d_quarter": 1_731_360,
    "look": 1_227_936,
    "r2plus1d": 14_365_303,
    "r2plus1d_18": 31_300_125,
    "r2plus1d_half": 3_600_948,
    "r2plus1d_quarter": 905_306,
    "r3d": 14_361_792,
    "r3d_101": 59_577_152,
    "r3d_152": 82_036_544,
    "r3d_18": 33_166_272,
    "r3d_50": 31_672_128,
    "r3d_half": 3_598_944,
    "r3d_quarter": 903_984,
    "s3d": 7_910_048,
    "s3d_g": 9_125_072,
}

# Map of a clip of 16 frames of 112 pixels, as the papers have it.
MAPS = {
    "c3d": (512, 2, 7, 7),
    "look": (256, 4, 4, 4),
    "r2plus1d": (512, 2, 7, 7),
    "r2plus1d_18": (512, 2, 7, 7),
    "r3d": (512, 2, 7, 7),
    "r3d_18": (512, 2, 7, 7),
    "r3d_50": (2048, 8, 4, 4),
    "s3d": (1024, 2, 3, 3),
    "s3d_g": (1024, 2, 4, 4),
}


@pytest.fixture(scope="module", params=BACKBONES.names())
def name(request: pytest.FixtureRequest) -> str:
    """All tests of one network come after one another, so that each is built once."""
    return str(request.param)


@pytest.fixture(scope="module")
def net(name: str) -> Iterator[Backbone]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        yield build_backbone(name)


def random_clips(num_clips: int = 2) -> Tensor:
    shape = (num_clips, FRAMES, SIDE, SIDE, 3)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(7))


def test_backbone__has_the_published_number_of_parameters(name: str, net: Backbone) -> None:
    assert sum(parameter.numel() for parameter in net.parameters()) == PARAMETERS[name]


def test_backbone__map_and_pooled_features_agree(net: Backbone) -> None:
    net.eval()
    with torch.no_grad():
        inputs = net.prepare(random_clips())
        map_, pooled = net.forward_map(inputs), net(inputs)
    assert map_.shape[:2] == (2, net.feature_dim)
    assert pooled.shape == (2, net.feature_dim)
    assert torch.isfinite(map_).all()
    torch.testing.assert_close(map_.mean(dim=(2, 3, 4)), pooled)


def test_backbone__every_parameter_gets_a_gradient(net: Backbone) -> None:
    net.train().zero_grad()
    net(net.prepare(random_clips())).square().sum().backward()
    lengths = {name: 0.0 if p.grad is None else float(p.grad.norm()) for name, p in net.named_parameters()}
    net.zero_grad()
    # A batch norm takes away what the bias of the convolution before it adds.
    convs = {name for name, module in net.named_modules() if isinstance(module, torch.nn.Conv3d)}
    least = {name: 0.0 if name.removesuffix(".bias") in convs else 1e-6 for name in lengths}
    assert [name for name, length in lengths.items() if not least[name] <= length < math.inf] == []


def test_backbone__state_dict_carries_everything(net: Backbone) -> None:
    other = copy.deepcopy(net)
    for value in other.state_dict().values():
        value.zero_()
    other.load_state_dict(net.state_dict())
    with torch.no_grad():
        inputs = net.prepare(random_clips())
        assert torch.equal(net.eval()(inputs), other.eval()(inputs))


def test_backbone__onnx_gives_what_torch_gives(name: str, net: Backbone) -> None:
    if name in ("r3d_101", "r3d_152"):
        pytest.skip("more of the blocks of r3d_50, and slow")
    clips = random_clips(3)
    with torch.no_grad():
        wanted = functional.normalize(net.eval()(net.prepare(clips)), dim=1)
    encoder = ClipEncoder(net, pooling=Pooling(), num_frames=FRAMES, size_px=SIDE).eval()
    content = to_onnx(encoder, num_frames=FRAMES, size_px=SIDE).SerializeToString()
    (got,) = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, {"clips": clips.numpy()})
    torch.testing.assert_close(torch.from_numpy(got), wanted, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", sorted(MAPS))
def test_backbone__map_of_the_papers_clip_size(name: str) -> None:
    with torch.device("meta"):
        map_ = build_backbone(name).eval().forward_map(torch.zeros(1, 3, 16, 112, 112))
    assert map_.shape == (1, *MAPS[name])


@pytest.mark.parametrize(("name", "published"), [("r3d_18", 33_371_472), ("r2plus1d_18", 31_505_325), ("s3d", 8_320_048)])
def test_backbone__with_the_classifier_it_has_torchvisions_keys_and_count(name: str, published: int) -> None:
    with torch.device("meta"):
        net = build_backbone(name)
        state = with_classifier(name, net)
    assert set(net.state_dict()) == torchvision_keys(name)
    classifier = sum(state[key].numel() for key in set(state) - set(net.state_dict()))
    assert sum(parameter.numel() for parameter in net.parameters()) + classifier == published


def test_backbone__published_weights_get_the_pixels_they_were_trained_on() -> None:
    for name in ("r3d_18", "r2plus1d_18", "s3d"):
        net = build_backbone(name)
        mean, std = torch.tensor([0.43216, 0.394666, 0.37645]), torch.tensor([0.22803, 0.22145, 0.216989])
        prepared = net.prepare(torch.tensor([0, 51, 255], dtype=torch.uint8).expand(1, 1, 1, 1, 3))
        torch.testing.assert_close(prepared.flatten(), (torch.tensor([0.0, 0.2, 1.0]) - mean) / std)


def test_r2plus1d__middle_widths_are_worked_out_per_convolution() -> None:
    net = build_backbone("r2plus1d")
    widths = [module.out_channels for name, module in net.named_modules() if name.endswith("spatial")]
    assert widths == [83, 144, 144, 230, 288, 42, 460, 576, 85, 921, 1152, 170]


def test_r2plus1d_18__middle_widths_are_one_per_block() -> None:
    state = build_backbone("r2plus1d_18").state_dict()
    blocks = [f"layer{layer}.{block}" for layer in (1, 2, 3, 4) for block in (0, 1)]
    widths = [[len(state[f"{block}.{conv}.0.0.weight"]) for conv in ("conv1", "conv2")] for block in blocks]
    assert widths == [[144] * 2, [144] * 2, [230] * 2, [288] * 2, [460] * 2, [576] * 2, [921] * 2, [1152] * 2]


def test_r3d_50__time_is_mixed_in_every_block_of_the_last_two_stages_only() -> None:
    net = build_backbone("r3d_50")
    frames = [module.residual[0].kernel_size[0] for module in net.modules() if isinstance(module, Bottleneck)]
    assert frames == [1] * (3 + 4) + [3] * (6 + 3)


def test_s3d__epsilon_is_the_published_one_and_momentum_is_not() -> None:
    norms = [module for module in build_backbone("s3d").modules() if isinstance(module, torch.nn.BatchNorm3d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.1)}


def test_s3d_g__every_branch_is_gated() -> None:
    gates = [name for name, module in build_backbone("s3d_g").named_modules() if isinstance(module, SelfGate)]
    assert len(gates) == 1 + 9 * 4


def test_self_gate__scales_each_channel_by_one_number() -> None:
    gate, source = SelfGate(5), torch.randn(2, 5, 2, 3, 3, generator=torch.Generator().manual_seed(1))
    scale = gate(source) / source
    wanted = torch.sigmoid(source.mean(dim=(2, 3, 4)) @ gate.weigh.weight.T + gate.weigh.bias)
    torch.testing.assert_close(scale, wanted[:, :, None, None, None].expand_as(scale))


@pytest.mark.parametrize(("side", "kernel", "stride"), [(7, 3, 2), (8, 3, 2), (5, 2, 2), (6, 2, 2), (1, 2, 2), (1, 3, 2)])
def test_round_up_max_pool__is_tensorflows_same(side: int, kernel: int, stride: int) -> None:
    row = torch.arange(side) % 3 + 1.0
    pool = RoundUpMaxPool((kernel, 1, 1), (stride, 1, 1))
    padding = max(0, (-(-side // stride) - 1) * stride + kernel - side) // 2
    starts = [place * stride - padding for place in range(-(-side // stride))]
    wanted = [max(row[i] for i in range(start, start + kernel) if 0 <= i < side) for start in starts]
    assert pool(row.reshape(1, 1, -1, 1, 1)).flatten().tolist() == wanted


@pytest.mark.parametrize(("name", "shape"), [("c3d_quarter", (7, 32, 32)), ("s3d", (7, 32, 32)), ("s3d", (8, 16, 32))])
def test_backbone__says_when_a_clip_is_too_small(name: str, shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=f"8 frames and 1[67] pixels a side at least, got {'x'.join(map(str, shape))}"):
        build_backbone(name).forward_map(torch.zeros(1, 3, *shape))
