import numpy as np

from pretrain.drawn_scenes import make_scene
from pretrain.frame_source import DrawnFrames, FrameSource, StoredFrames


def sources() -> list[FrameSource]:
    drawn = DrawnFrames(scene=make_scene(np.random.default_rng(4), background_px=64), num_frames=12, size_px=32)
    return [drawn, StoredFrames(drawn.take(np.arange(12)))]


def test_take__gives_the_frames_asked_for_in_that_order() -> None:
    for source in sources():
        assert (len(source), source.size_px) == (12, 32)
        everything = source.take(np.arange(12))
        assert everything.shape == (12, 32, 32, 3) and everything.dtype == np.uint8
        places = np.array([7, 2, 2, 11])
        np.testing.assert_array_equal(source.take(places), everything[places])


def test_take__a_drawn_stretch_runs_through_the_whole_scene() -> None:
    drawn, _ = sources()
    everything = drawn.take(np.arange(12)).astype(int)
    assert np.abs(everything[0] - everything[-1]).mean() > np.abs(everything[0] - everything[1]).mean()
