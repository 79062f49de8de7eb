"""Flow of pictures whose motion is known."""

from typing import get_args

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pretrain.optical_flow import Flow, flow_of_clip


def texture(size: int) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(0).uniform(0, 255, (size // 4, size // 4, 3)).astype(np.float32)
    return np.clip(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


def panned(size: int, right: int, down: int, num_frames: int = 3) -> NDArray[np.uint8]:
    """What is seen moves by (right, down) pixels from frame to frame."""
    wide = texture(2 * size)
    places = [(size // 2 - down * t, size // 2 - right * t) for t in range(num_frames)]
    return np.stack([wide[top : top + size, left : left + size] for top, left in places])


@pytest.mark.parametrize("method", get_args(Flow))
@pytest.mark.parametrize("size", [32, 64, 112])
def test_flow__has_length_and_direction_of_the_motion(method: Flow, size: int) -> None:
    flow = flow_of_clip(panned(size, 2, -1), method)
    assert flow.shape == (2, size, size, 2) and flow.dtype == np.float32
    inner = flow[:, size // 4 : -size // 4, size // 4 : -size // 4].reshape(-1, 2)
    np.testing.assert_allclose(np.median(inner, axis=0), [2, -1], atol=0.25)


def test_flow__of_a_mirrored_clip_goes_the_other_way() -> None:
    mirrored = flow_of_clip(panned(64, 2, -1)[:, :, ::-1], "dis_medium")
    np.testing.assert_allclose(np.median(mirrored.reshape(-1, 2), axis=0), [-2, -1], atol=0.25)


@pytest.mark.parametrize("method", get_args(Flow))
def test_flow__of_a_still_clip_is_exactly_0(method: Flow) -> None:
    assert not flow_of_clip(panned(64, 0, 0), method).any()


@pytest.mark.parametrize("method", get_args(Flow))
def test_flow__does_not_depend_on_what_was_asked_before(method: Flow) -> None:
    large, small = panned(112, 2, 1), panned(32, 1, 1)
    first = flow_of_clip(large, method)
    flow_of_clip(small, method)
    np.testing.assert_array_equal(flow_of_clip(large, method), first)


def test_flow__of_too_small_pictures_says_what_is_needed() -> None:
    with pytest.raises(ValueError, match="16 pixels a side or more, got 8"):
        flow_of_clip(panned(8, 0, 0), "dis_fast")
