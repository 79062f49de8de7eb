import pytest
import torch

from pretrain.backbones import build_backbone
from pretrain.motion_start import start_with_motion


@pytest.mark.parametrize("name", ["r2plus1d_quarter", "r3d_quarter"])
def test_start_with_motion__a_still_clip_moves_only_the_averaging_channels(name: str) -> None:
    net = build_backbone(name)
    start_with_motion(net, share=0.5)
    convs = [module for module in net.modules() if isinstance(module, torch.nn.Conv3d) and module.kernel_size[0] > 1]
    assert convs
    for conv in convs:
        still = torch.randn(1, conv.in_channels, 1, 9, 9).expand(-1, -1, 5, -1, -1)
        middle = conv(still)[:, :, conv(still).shape[2] // 2]  # away from the padded ends
        half = round(0.5 * conv.out_channels)
        assert middle[:, :half].abs().max() < 1e-4 * middle[:, half:].abs().max()


def test_start_with_motion__keeps_the_size_of_what_passes_through() -> None:
    torch.manual_seed(0)
    conv = torch.nn.Conv3d(64, 128, (3, 3, 3), padding=1, bias=False)
    start_with_motion(conv)
    out = conv(torch.randn(2, 64, 8, 12, 12))[:, :, 1:-1, 1:-1, 1:-1]
    assert float(out.detach().var()) == pytest.approx(2.0, rel=0.1)


def test_start_with_motion__leaves_purely_spatial_layers_alone() -> None:
    conv = torch.nn.Conv3d(3, 8, (1, 3, 3))
    before = conv.weight.clone()
    start_with_motion(conv)
    assert torch.equal(conv.weight, before)
