"""bfloat16 on a CPU, where its convolutions are known to be wrong: every backbone avoids the places."""

import pytest

from pretrain.backbones import BACKBONES
from pretrain.pretrain_model import quicker_in_bf16
from tests.helpers.bf16_gradients import WITH_AMX, WITHOUT_AMX, measure

pytestmark = pytest.mark.skipif(not quicker_in_bf16("cpu"), reason="nobody trains in bfloat16 on a CPU that has none")

ROUNDING = 0.02


@pytest.fixture(scope="module")
def gradients() -> dict[str, float]:
    """Of all backbones at once: most of the time goes into starting torch. Without AMX, as more kernels fail there."""
    return measure("nets", *BACKBONES.names(), instructions=WITHOUT_AMX)


@pytest.mark.parametrize("name", BACKBONES.names())
def test_backbone__bfloat16_gradients_are_right_layer_by_layer(name: str, gradients: dict[str, float]) -> None:
    layers = {key: error for key, error in gradients.items() if key.startswith(f"{name} ")}
    assert len(layers) >= 8
    assert {key: error for key, error in layers.items() if error > ROUNDING} == {}


@pytest.mark.parametrize("instructions", [WITHOUT_AMX, WITH_AMX])
def test_conv__bfloat16_is_right_also_where_the_kernel_outgrows_the_map(instructions: str) -> None:
    errors = measure("kernels", instructions=instructions)
    assert {key: error for key, error in errors.items() if error > ROUNDING} == {}
