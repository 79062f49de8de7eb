import numpy as np
import pytest
import torch

from pretrain.baselines import RawColour
from pretrain.encoder_module import ClipEncoder, Pooling, fit_whitening


class Places(RawColour):
    """A map of the clip itself: every pixel of every frame is a place."""

    def forward_map(self, clips_B3THW: torch.Tensor) -> torch.Tensor:
        return clips_B3THW


def random_clips(size_px: int = 8) -> torch.Tensor:
    shape = (3, 4, size_px, size_px, 3)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("text", ["avg", "grid:2x2x2", "grid:1x4x4"])
def test_pooling__is_written_as_it_is_read(text: str) -> None:
    assert str(Pooling.parse(text)) == text


@pytest.mark.parametrize("text", ["max", "grid:2x2", "grid:0x1x1", "grid:2x2x2x2"])
def test_pooling__errors_say_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match=r"should be avg or grid:TxHxW, such as grid:2x2x2"):
        Pooling.parse(text)


def test_pooled__avg_is_the_mean_over_all_places() -> None:
    clips = random_clips()
    encoder = ClipEncoder(Places(), pooling=Pooling(), num_frames=4, size_px=8)
    torch.testing.assert_close(encoder.pooled(clips), Places().prepare(clips).mean(dim=(2, 3, 4)))


def test_pooled__grid_is_the_mean_over_each_cell() -> None:
    clips = random_clips()
    encoder = ClipEncoder(Places(), pooling=Pooling((2, 1, 4)), num_frames=4, size_px=8)
    expected = torch.nn.functional.avg_pool3d(Places().prepare(clips), (2, 8, 2)).flatten(1)
    torch.testing.assert_close(encoder.pooled(clips), expected)


def test_pooled__a_place_between_two_cells_counts_half_for_each() -> None:
    clips = random_clips(size_px=7)
    encoder = ClipEncoder(Places(), pooling=Pooling((1, 1, 2)), num_frames=4, size_px=7)
    weights = torch.tensor([1, 1, 1, 0.5, 0, 0, 0]) / 3.5
    by_column = Places().prepare(clips).mean(dim=(2, 3))
    expected = torch.stack([by_column @ weights, by_column @ weights.flip(0)], dim=2).flatten(1)
    torch.testing.assert_close(encoder.pooled(clips), expected)


def test_pooled__a_grid_finer_than_the_map_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"the pooling grid \(5, 1, 1\) is finer than the backbone's map \(4, 8, 8\)"):
        ClipEncoder(Places(), pooling=Pooling((5, 1, 1)), num_frames=4, size_px=8)


def test_forward__is_of_unit_length() -> None:
    encoder = ClipEncoder(Places(), pooling=Pooling((2, 2, 2)), num_frames=4, size_px=8)
    torch.testing.assert_close(encoder(random_clips()).norm(dim=1), torch.ones(3))


def correlated_features() -> np.ndarray:  # type: ignore[type-arg]
    rng = np.random.default_rng(2)
    return (rng.normal(size=(400, 6)) @ rng.normal(size=(6, 12)) + 3).astype(np.float32)


def test_whitening__at_full_strength_gives_uncorrelated_numbers_of_equal_spread() -> None:
    features = correlated_features()
    with torch.no_grad():
        white = fit_whitening(features, 4, strength=1.0, floor=0.0)(torch.from_numpy(features)).numpy()
    assert white.shape == (400, 4)
    np.testing.assert_allclose(np.cov(white, rowvar=False), np.eye(4), atol=0.01)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=0.01)


def test_whitening__without_strength_only_centres_and_turns() -> None:
    features = correlated_features()
    with torch.no_grad():
        turned = fit_whitening(features, 6, strength=0.0)(torch.from_numpy(features)).numpy()
    centred = features - features.mean(axis=0)
    np.testing.assert_allclose(turned @ turned.T, centred @ centred.T, rtol=1e-3, atol=0.02)


def test_whitening__asks_for_enough_clips() -> None:
    with pytest.raises(ValueError, match="cannot whiten 12 features of 5 clips to 8 numbers: at most 4"):
        fit_whitening(correlated_features()[:5], 8)
