import numpy as np

from pretrain.drawn_scenes import make_scene
from pretrain.frame_source import DrawnFrames, FrameSource, SmallerFrames, StoredFrames


def sources() -> list[FrameSource]:
    drawn = DrawnFrames(scene=make_scene(np.random.default_rng(4), background_px=64), num_frames=12, size_px=32)
    twice = drawn.take(np.arange(12)).repeat(2, axis=1).repeat(2, axis=2)
    return [drawn, StoredFrames(drawn.take(np.arange(12))), SmallerFrames(source=StoredFrames(twice), size_px=32)]


def test_take__gives_the_frames_asked_for_in_that_order() -> None:
    for source in sources():
        assert (len(source), source.size_px) == (12, 32)
        everything = source.take(np.arange(12))
        assert everything.shape == (12, 32, 32, 3) and everything.dtype == np.uint8
        places = np.array([7, 2, 2, 11])
        np.testing.assert_array_equal(source.take(places), everything[places])


def test_take__a_drawn_stretch_runs_through_the_whole_scene() -> None:
    drawn, *_ = sources()
    everything = drawn.take(np.arange(12)).astype(int)
    assert np.abs(everything[0] - everything[-1]).mean() > np.abs(everything[0] - everything[1]).mean()


def test_smaller__frames_are_means_over_areas() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 12, 12, 3), dtype=np.uint8)
    smaller = SmallerFrames(source=StoredFrames(frames), size_px=4)
    wanted = frames.reshape(3, 4, 3, 4, 3, 3).mean(axis=(2, 4))
    assert len(smaller) == 3 and smaller.size_px == 4
    np.testing.assert_allclose(smaller.take(np.array([2, 0])), wanted[[2, 0]], atol=0.51)
