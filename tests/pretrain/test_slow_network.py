"""The slow network is the average that its formula says."""

import pytest
import torch
from torch import nn

from pretrain.slow_network import SlowNetwork
from tests.helpers.small_backbone import SmallBackbone


def randomised(module: nn.Module, seed: int) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    for value in [*module.parameters(), *(buffer for buffer in module.buffers() if buffer.is_floating_point())]:
        value.data = torch.randn(value.shape, generator=generator)
    return module


def test_follow__keeps_its_share_of_every_weight_and_its_own_statistics() -> None:
    backbone, heads = SmallBackbone(), nn.ModuleDict({"one": nn.Linear(3, 2), "other": nn.Linear(2, 2)})
    randomised(backbone, 0), randomised(heads, 1)
    slow = SlowNetwork(backbone, {"one": heads["one"]}, 0.75)
    wanted = {f"backbone.{key}": value.clone() for key, value in backbone.state_dict().items()}
    wanted |= {f"heads.one.{key}": value.clone() for key, value in heads["one"].state_dict().items()}
    assert {key: bool(torch.equal(value, wanted[key])) for key, value in slow.state_dict().items()} == dict.fromkeys(wanted, True)
    for seed in (2, 4):
        randomised(backbone, seed), randomised(heads, seed + 1)
        trained = {f"backbone.{key}": value for key, value in backbone.named_parameters()}
        trained |= {f"heads.one.{key}": value for key, value in heads["one"].named_parameters()}
        for key, value in trained.items():
            wanted[key] = 0.75 * wanted[key] + 0.25 * value.detach()
        slow.follow(backbone, heads)
    for key, value in slow.state_dict().items():
        torch.testing.assert_close(value, wanted[key])
    assert not any(parameter.requires_grad for parameter in slow.parameters())


@pytest.mark.parametrize("momentum", [-0.1, 1.0])
def test_momentum__that_never_or_wrongly_follows_is_refused(momentum: float) -> None:
    with pytest.raises(ValueError, match=rf"slow network is {momentum}; .* such as 0\.996"):
        SlowNetwork(SmallBackbone(), {}, momentum)
