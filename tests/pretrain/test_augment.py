"""Changes of looks: against simple references, the same for all frames of a clip, each clip on its own draw."""

import colorsys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from pretrain.augment import (
    ColourJitter,
    GaussianBlur,
    Greyscale,
    HorizontalFlip,
    OneChannel,
    PixelNoise,
    RandomResizedCrop,
    Solarise,
    Tilt,
)

STRONG = ColourJitter(brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, share=1)
NOTHING = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0, "share": 1.0}
Change = Callable[[Tensor, torch.Generator], Tensor]
CHANGES: dict[str, Change] = {
    "jitter": STRONG,
    "greyscale": Greyscale(share=1),
    "solarise": Solarise(share=1),
    "blur": GaussianBlur(share=1, sigmas=(0.02, 0.1)),
    "noise": PixelNoise(share=1, sigmas=(0.02, 0.1)),
    "flip": HorizontalFlip(share=1),
    "tilt": Tilt(degrees=10),
    "crop": lambda clips, generator: RandomResizedCrop()(clips, 24, generator),
}
DRAWING = ("jitter", "blur", "noise", "tilt", "crop")  # the others do the same to every clip that they befall
PARTLY: dict[str, Change] = {
    "jitter": ColourJitter(brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, share=0.5),
    "greyscale": Greyscale(share=0.5),
    "solarise": Solarise(share=0.5),
    "blur": GaussianBlur(share=0.5, sigmas=(0.02, 0.1)),
    "noise": PixelNoise(share=0.5, sigmas=(0.02, 0.1)),
    "flip": HorizontalFlip(share=0.5),
}


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(num: int = 3, num_frames: int = 4, height: int = 33, width: int = 33) -> Tensor:
    return torch.rand(num, num_frames, height, width, 3, generator=seeded(9))


@pytest.mark.parametrize("name", CHANGES)
def test_change__static_clip_stays_static(name: str) -> None:
    still = noise(num=5, num_frames=1).expand(5, 7, 33, 33, 3)
    changed = CHANGES[name](still, seeded(1))
    assert torch.equal(changed, changed[:, :1].expand_as(changed))


@pytest.mark.parametrize("name", CHANGES)
def test_change__keeps_range_and_input(name: str) -> None:
    clips = noise()
    before = clips.clone()
    changed = CHANGES[name](clips, seeded(1))
    assert torch.equal(clips, before)
    assert changed.dtype == torch.float32
    assert changed.min() >= 0 and changed.max() <= 1
    assert not torch.equal(changed, clips)


@pytest.mark.parametrize("name", DRAWING)
def test_change__every_clip_has_its_own_draw(name: str) -> None:
    same = noise(num=1).expand(4, 4, 33, 33, 3)
    changed = CHANGES[name](same, seeded(1))
    for one in range(4):
        for other in range(one):
            assert (changed[one] - changed[other]).abs().max() > 1e-3


@pytest.mark.parametrize("name", CHANGES)
def test_change__is_the_same_for_many_clips_at_a_time_as_for_one_by_one(name: str) -> None:
    """Many large clips do not fit the cache at once; each must get its own draws nevertheless."""
    many = noise(num=6, num_frames=1).repeat_interleave(40, dim=1)
    few = many[:, :1]
    torch.testing.assert_close(CHANGES[name](many, seeded(2))[:, :1], CHANGES[name](few, seeded(2)), atol=1e-5, rtol=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", CHANGES)
def test_change__is_the_same_on_a_gpu(name: str) -> None:
    clips = noise()
    on_gpu = CHANGES[name](clips.cuda(), seeded(2))
    assert on_gpu.is_cuda
    torch.testing.assert_close(on_gpu.cpu(), CHANGES[name](clips, seeded(2)), atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", PARTLY)
def test_share__befalls_that_many_clips_and_leaves_the_others_alone(name: str) -> None:
    clips = noise(num=200, num_frames=1, height=21, width=21)
    changed = PARTLY[name](clips, seeded(3))
    untouched = sum(torch.equal(one, other) for one, other in zip(clips, changed, strict=True))
    assert 75 <= untouched <= 125


@pytest.mark.parametrize("strength", ["brightness", "contrast", "saturation"])
def test_jitter__factors_are_even_between_none_and_double(strength: str) -> None:
    """Faint colours, so that nothing is cut off: the factor can be read off."""
    clips = 0.25 + 0.05 * noise(num=400, num_frames=2, height=6, width=6)
    changed = ColourJitter(**{**NOTHING, strength: 1.0})(clips, seeded(4))
    grey = clips @ torch.tensor([0.299, 0.587, 0.114])
    origin = {
        "brightness": torch.zeros_like(clips),
        "contrast": grey.mean(dim=(1, 2, 3))[:, None, None, None, None].expand_as(clips),
        "saturation": grey[..., None].expand_as(clips),
    }[strength]
    away, was_away = changed - origin, clips - origin
    factors = (away * was_away).flatten(1).sum(1) / was_away.square().flatten(1).sum(1)
    torch.testing.assert_close(changed, origin + factors[:, None, None, None, None] * was_away, atol=1e-5, rtol=0)
    assert np.quantile(factors.numpy(), [0, 0.25, 0.5, 0.75, 1]) == pytest.approx([0, 0.5, 1, 1.5, 2], abs=0.12)


def test_jitter__hue_turns_the_colour_circle_and_leaves_grey_and_brightness() -> None:
    """A third of the circle turns red into about green or blue; not quite, as the circle of YIQ is another one than that of HSV."""
    turn = ColourJitter(**{**NOTHING, "hue": 1 / 3})
    faint = torch.tensor([0.53, 0.5, 0.5]).expand(400, 1, 2, 2, 3)
    changed = turn(faint, seeded(5))[:, 0, 0, 0]
    hues = np.array([colorsys.rgb_to_hsv(*map(float, colour))[0] for colour in changed])
    degrees = np.degrees(np.angle(np.exp(2j * np.pi * hues)))
    assert degrees.min() == pytest.approx(-120, abs=25) and degrees.max() == pytest.approx(120, abs=25)
    assert abs(np.median(degrees)) < 15
    weights = torch.tensor([0.299, 0.587, 0.114])
    torch.testing.assert_close(changed @ weights, faint[:, 0, 0, 0] @ weights, atol=1e-4, rtol=0)
    grey = torch.full((8, 1, 2, 2, 3), 0.4)
    torch.testing.assert_close(turn(grey, seeded(5)), grey, atol=1e-4, rtol=0)


def test_jitter__order_is_random() -> None:
    """Because of the cut at 1 between them, brightness and contrast give other results in the other order. The factors are read off
    runs of the same draws in which the other strength is 0.
    """
    num = 200
    pictures = torch.empty(num, 1, 1, 2, 3)
    pictures[..., 0, :], pictures[..., 1, :] = 0.2, 0.6

    def jittered(clips: Tensor, **strengths: float) -> Tensor:
        return ColourJitter(**{**NOTHING, **strengths})(clips, seeded(6))

    faint = pictures / 4
    brightness = (jittered(faint, brightness=0.9) / faint)[:, :1, :1, :1, :1]
    contrast = ((jittered(faint, contrast=0.9) - 0.1) / (faint - 0.1))[:, :1, :1, :1, :1]

    def stretched(clips: Tensor) -> Tensor:
        mean = clips.mean(dim=(1, 2, 3, 4), keepdim=True)
        return (mean + contrast * (clips - mean)).clamp(0, 1)

    brightness_first = stretched((pictures * brightness).clamp(0, 1))
    contrast_first = (stretched(pictures) * brightness).clamp(0, 1)
    both = jittered(pictures, brightness=0.9, contrast=0.9)
    is_first = (both - brightness_first).abs().flatten(1).amax(1) < 1e-4
    is_last = (both - contrast_first).abs().flatten(1).amax(1) < 1e-4
    assert (is_first | is_last).all()
    assert (is_first & ~is_last).sum() > 5 and (is_last & ~is_first).sum() > 5


def test_greyscale__is_brightness_three_times() -> None:
    clips = noise()
    changed = Greyscale(share=1)(clips, seeded(1))
    expected = clips @ torch.tensor([0.299, 0.587, 0.114])
    for colour in range(3):
        torch.testing.assert_close(changed[..., colour], expected)


def test_solarise__turns_bright_values_upside_down() -> None:
    clip = torch.tensor([0.0, 0.4, 0.5, 0.6, 1.0, 0.7]).view(1, 1, 1, 2, 3)
    changed = Solarise(share=1, threshold=0.5)(clip, seeded(1))
    torch.testing.assert_close(changed.flatten(), torch.tensor([0.0, 0.4, 0.5, 0.4, 0.0, 0.3]))


def test_flip__mirrors() -> None:
    clips = noise()
    assert torch.equal(HorizontalFlip(share=1)(clips, seeded(1)), clips.flip(3))


@pytest.mark.parametrize("border", ["cut", "dark"])
def test_blur__against_a_sum_over_neighbours(border: str) -> None:
    clips = noise(num=1, num_frames=1, height=41, width=43)
    sigma = 0.03 * 41
    changed = GaussianBlur(share=1, sigmas=(0.03, 0.03), border=border)(clips, seeded(1))  # type: ignore[arg-type]
    for row, column in [(20, 20), (0, 0), (40, 17), (3, 42)]:
        total, weights = torch.zeros(3), 0.0
        for i in range(row - 2, row + 3):
            for j in range(column - 2, column + 3):
                weight = float(np.exp(-((i - row) ** 2 + (j - column) ** 2) / (2 * sigma**2)))
                inside = 0 <= i < 41 and 0 <= j < 43
                if inside:
                    total = total + weight * clips[0, 0, i, j]
                if inside or border == "dark":
                    weights += weight
        torch.testing.assert_close(changed[0, 0, row, column], total / weights, atol=1e-5, rtol=0)


def test_blur__does_not_reach_other_frames() -> None:
    clip = torch.zeros(1, 3, 24, 24, 3)
    clip[:, 1] = 1
    changed = GaussianBlur(share=1, sigmas=(0.05, 0.1))(clip, seeded(1))
    assert (changed[:, [0, 2]] == 0).all()
    torch.testing.assert_close(changed[:, 1], clip[:, 1])


def test_blur__bad_sigmas() -> None:
    with pytest.raises(ValueError, match=r"sigmas must be a range above 0.*got \(0, 1\)"):
        GaussianBlur(share=1, sigmas=(0, 1))


def test_crop__of_everything_is_the_picture_itself() -> None:
    clips = noise()
    whole = RandomResizedCrop(areas=(1, 1), aspects=(1, 1))
    torch.testing.assert_close(whole(clips, 33, seeded(1)), clips, atol=1e-5, rtol=0)
    as_bytes = (clips * 255).round().to(torch.uint8)
    torch.testing.assert_close(whole(as_bytes, 33, seeded(1)), as_bytes / 255, atol=1e-5, rtol=0)


def test_crop__shows_its_box() -> None:
    """On a ramp a linear interpolation can be told in advance; near the frame's edge it can not look beyond."""
    rows, columns = torch.meshgrid(torch.arange(80.0), torch.arange(60.0), indexing="ij")
    ramp = torch.stack([rows / 100, columns / 100, torch.zeros(80, 60)], dim=-1).expand(20, 2, 80, 60, 3)
    crop = RandomResizedCrop()
    changed = crop(ramp, 16, seeded(7))
    top, left, tall, wide = crop.boxes(20, 80, 60, seeded(7))
    places = (torch.arange(16) + 0.5) / 16
    inner = slice(2, -2)
    expected_rows = (top[:, None] + tall[:, None] * places - 0.5) / 100
    expected_columns = (left[:, None] + wide[:, None] * places - 0.5) / 100
    torch.testing.assert_close(changed[:, 0, inner, 8, 0], expected_rows[:, inner], atol=2e-3, rtol=0)
    torch.testing.assert_close(changed[:, 1, 8, inner, 1], expected_columns[:, inner], atol=2e-3, rtol=0)


def test_crop__boxes_lie_in_the_frame_and_fill_their_ranges() -> None:
    top, left, tall, wide = RandomResizedCrop(areas=(0.3, 1), aspects=(0.5, 2)).boxes(2000, 50, 50, seeded(8))
    assert (top >= 0).all() and (left >= 0).all()
    assert (top + tall <= 50.001).all() and (left + wide <= 50.001).all()
    areas, aspects = tall * wide / 2500, wide / tall
    assert 0.3 <= areas.min() < 0.31 and 0.95 < areas.max() <= 1
    assert 0.5 <= aspects.min() < 0.52 and 1.9 < aspects.max() <= 2.001
    assert float(aspects.log().mean()) == pytest.approx(0, abs=0.03)


def test_crop__does_not_alias() -> None:
    """Fine stripes, shrunk to a quarter, become grey."""
    stripes = (torch.arange(64) % 2).float()[None, None, None, :, None].expand(1, 1, 64, 64, 3)
    changed = RandomResizedCrop(areas=(1, 1), aspects=(1, 1))(stripes, 16, seeded(1))
    torch.testing.assert_close(changed, torch.full_like(changed, 0.5), atol=0.05, rtol=0)


def test_crop__bad_ranges() -> None:
    with pytest.raises(ValueError, match=r"areas must be a range within 0 to 1.*got \(0.5, 1.5\)"):
        RandomResizedCrop(areas=(0.5, 1.5))
    with pytest.raises(ValueError, match=r"aspects must be a range above 0.*got \(2, 1\)"):
        RandomResizedCrop(aspects=(2, 1))


def test_tilt__turns_about_the_middle_and_brings_in_black() -> None:
    clips = torch.zeros(20, 2, 41, 41, 3)
    clips[:, :, 19:22, 33:36] = 1  # to the right of the middle
    turned = Tilt(degrees=90)(clips, seeded(0))
    offset = torch.arange(41) - 20.0
    mass = turned[:, 0, ..., 0]
    across, down = ((mass * axis).sum(dim=(1, 2)) / mass.sum(dim=(1, 2)) for axis in (offset, offset[:, None]))
    torch.testing.assert_close(torch.hypot(across, down), torch.full((20,), 14.0), atol=0.3, rtol=0)
    angles = torch.rad2deg(torch.atan2(down, across))
    assert float(angles.abs().max()) <= 91 and float(angles.min()) < -30 and float(angles.max()) > 30
    corners = Tilt(degrees=45)(torch.ones(20, 1, 41, 41, 3), seeded(1))[:, 0, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert float(corners.min()) == 0


def test_tilt__of_a_wide_frame_keeps_its_shapes() -> None:
    clips = torch.zeros(12, 1, 31, 61, 3)
    clips[:, :, 14:17, 39:42] = 1
    mass = Tilt(degrees=60)(clips, seeded(0))[:, 0, ..., 0]
    across = (mass * (torch.arange(61) - 30.0)).sum(dim=(1, 2)) / mass.sum(dim=(1, 2))
    down = (mass * (torch.arange(31) - 15.0)[:, None]).sum(dim=(1, 2)) / mass.sum(dim=(1, 2))
    torch.testing.assert_close(torch.hypot(across, down), torch.full((12,), 10.0), atol=0.3, rtol=0)


def test_one_channel__each_frame_shows_one_of_its_colours() -> None:
    clips = noise(num=40)
    changed = OneChannel(share=0.5)(clips, seeded(2))
    touched = (changed != clips).flatten(1).any(dim=1)
    assert 10 < int(touched.sum()) < 30
    assert torch.equal(changed[~touched], clips[~touched])
    seen = set()
    for clip, before in zip(changed[touched], clips[touched], strict=True):
        shown = clip.unsqueeze(-1) == before.unsqueeze(-2)  # colour now, colour before
        seen.add(tuple(shown.all(dim=(1, 2, 3)).int().argmax(dim=1).tolist()))
        assert bool(shown.all(dim=(1, 2, 3)).any(dim=1).all())
    assert {channel for which in seen for channel in which} == {0, 1, 2} and any(len(set(which)) > 1 for which in seen)


def test_noise__has_the_spread_that_was_drawn_and_no_bias() -> None:
    """On mid grey, where nothing is cut off: spreads are even between the two that were given."""
    grey = torch.full((400, 1, 16, 16, 3), 0.5)
    added = PixelNoise(share=1, sigmas=(0.02, 0.06))(grey, seeded(5)) - grey
    spread = added.flatten(1).std(dim=1)
    assert float(added.mean()) == pytest.approx(0, abs=1e-3)
    assert float(spread.min()) == pytest.approx(0.02, abs=3e-3) and float(spread.max()) == pytest.approx(0.06, abs=5e-3)
    assert float(spread.mean()) == pytest.approx(0.04, abs=2e-3)


@pytest.mark.parametrize("sigmas", [(-0.1, 0.1), (0.2, 0.1)])
def test_noise__refuses_what_is_no_range(sigmas: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="must be a range from 0 up"):
        PixelNoise(share=1, sigmas=sigmas)
