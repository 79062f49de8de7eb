"""Look: what its drawn pictures are like, that it learns from them, and what its network looks at."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from pretrain import drawn_textures
from pretrain.augment import ColourJitter, GaussianBlur, PixelNoise, RandomResizedCrop
from pretrain.backbones.look import LookNet, places_seen
from pretrain.clip_dataset import Batch, Item, collate
from pretrain.config import TrainConfig
from pretrain.contrastive import info_nce
from pretrain.drawn_pictures import MOST_SHAPES, draw_picture
from pretrain.encoder_module import ClipEncoder, Pooling
from pretrain.export_onnx import ExportSpec, export_run
from pretrain.onnx_graph import to_onnx
from pretrain.optimiser import build_optimiser
from pretrain.pretrain_model import PretrainModel
from pretrain.processes import make_accelerator
from pretrain.recipes import RECIPES
from pretrain.sample_clips import DrawnPictures
from pretrain.task_sum import TaskSum, WeightedTask, parse_task_sum
from pretrain.tasks.base import ClipShape, FeatureShape
from pretrain.tasks.look import Look, held_by_hand
from pretrain.train import train
from pretrain.train_step import TrainStep
from tests.helpers.tiny_run import tiny, torch_as_before

CLIP = ClipShape(num_frames=6, size_px=32)
PLAIN = Look(
    crop=RandomResizedCrop(areas=(1, 1), aspects=(1, 1)),
    flip=0,
    jitter=ColourJitter(brightness=0, contrast=0, saturation=0, hue=0, share=0),
    grey=0,
    blur=GaussianBlur(share=0),
    noise=PixelNoise(share=0),
)


def pictures(num: int, size_px: int = 48) -> list[np.ndarray]:
    return [draw_picture(np.random.default_rng([5, seed]), size_px)[0] for seed in range(num)]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# Drawn pictures


def test_draw_picture__same_seed_same_picture_in_any_order() -> None:
    forwards = pictures(20)
    backwards = [draw_picture(np.random.default_rng([5, seed]), 48)[0] for seed in reversed(range(20))]
    assert all(np.array_equal(one, other) for one, other in zip(forwards, reversed(backwards), strict=True))


def test_draw_picture__same_in_every_process() -> None:
    """The bank of noise is made once in a process; it must not depend on what was drawn before."""
    before = pictures(5)
    drawn_textures._noise_bank.cache_clear()
    assert all(np.array_equal(one, other) for one, other in zip(before, pictures(5), strict=True))


@pytest.mark.parametrize("size_px", [8, 17, 96, 300])
def test_draw_picture__has_its_size_and_all_brightnesses(size_px: int) -> None:
    """300 is more than a noise field has."""
    drawn = [draw_picture(np.random.default_rng(seed), size_px)[0] for seed in range(12)]
    assert {(picture.shape, picture.dtype) for picture in drawn} == {((size_px, size_px, 3), np.dtype(np.uint8))}
    assert min(picture.min() for picture in drawn) < 30 and max(picture.max() for picture in drawn) > 225


def test_draw_picture__no_two_are_alike() -> None:
    drawn = np.stack(pictures(60)).astype(np.float32)
    distances = [np.abs(one - other).mean() for one, other in combinations(drawn, 2)]
    assert min(distances) > 8 and np.mean(distances) > 50
    colours = drawn.mean(axis=(1, 2))
    assert colours.std(axis=0).min() > 25
    greyness = drawn.std(axis=3).mean(axis=(1, 2))  # pale ones and colourful ones
    assert np.quantile(greyness, 0.1) < 15 and np.quantile(greyness, 0.9) > 40


def test_draw_picture__shapes_are_none_to_most() -> None:
    counts = [draw_picture(np.random.default_rng(seed), 16)[1] for seed in range(300)]
    assert set(counts) == set(range(MOST_SHAPES + 1))


def test_draw_picture__spectra_fall_as_those_of_natural_pictures() -> None:
    """Amplitudes about as 1 / f: on average by some power between a half and two."""
    grey_NHW = np.stack(pictures(200, 64)).mean(axis=3)
    amplitudes = np.abs(np.fft.fft2(grey_NHW - grey_NHW.mean(axis=(1, 2), keepdims=True))).mean(axis=0)
    away = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64)[None])
    within = (away > 0.03) & (away < 0.4)
    slope, _ = np.polyfit(np.log(away[within]), np.log(amplitudes[within]), 1)
    assert -2 < slope < -0.5


def test_draw_picture__too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="of 7 pixels has no room"):
        draw_picture(np.random.default_rng(0), 7)


# Examples


@pytest.mark.parametrize("num_frames", [1, 6])
def test_example__is_two_clips_of_one_picture_larger_than_a_clip(num_frames: int) -> None:
    made = Look().make_example(replace(CLIP, num_frames=num_frames), np.random.default_rng(3))
    assert made.clips_KTHWC.shape == (2, num_frames, 48, 48, 3) and made.clips_KTHWC.dtype == np.uint8
    again = Look().make_example(replace(CLIP, num_frames=num_frames), np.random.default_rng(3))
    assert np.array_equal(made.clips_KTHWC, again.clips_KTHWC)
    assert np.array_equal(made.clips_KTHWC[0], made.clips_KTHWC[1]) == (num_frames == 1)  # each is held by a hand of its own


def test_held_by_hand__goes_from_one_place_to_another_in_whole_pixels() -> None:
    where = np.stack(np.broadcast_arrays(np.arange(30)[:, None], np.arange(30)[None], 0), axis=2).astype(np.uint8)
    starts = set()
    for seed in range(40):
        frames = held_by_hand(where, 9, 3, np.random.default_rng(seed))
        assert frames.shape == (9, 24, 24, 3)
        corners = frames[:, 0, 0, :2].astype(int)
        assert corners.min() >= 0 and corners.max() <= 6
        assert np.array_equal(frames[:, -1, -1, :2], corners + 23)
        assert np.abs(np.diff(corners, axis=0)).max() <= 1
        starts.add(tuple(corners[0]))
    assert len(starts) > 20


def test_augment__without_any_change_gives_the_clips_back() -> None:
    clips = torch.randint(0, 256, (3, 2, 4, 32, 32, 3), dtype=torch.uint8, generator=seeded(1))
    torch.testing.assert_close(PLAIN.augment(clips, CLIP, seeded(1)), clips.float(), atol=1e-3, rtol=0)


def test_augment__every_clip_has_looks_of_its_own_and_stands_still() -> None:
    picture = torch.from_numpy(draw_picture(np.random.default_rng(4), 48)[0])
    seen = Look().augment(picture.expand(4, 2, 3, 48, 48, 3), CLIP, seeded(2))
    assert seen.shape == (4, 2, 3, 32, 32, 3) and seen.dtype == torch.float32
    assert seen.min() >= 0 and 100 < seen.max() <= 255
    assert torch.equal(seen, seen[:, :, :1].expand_as(seen))
    for one, other in combinations(seen[:, :, 0].flatten(0, 1), 2):
        assert (one - other).abs().mean() > 2


def test_describe__says_how_many_shapes() -> None:
    words = [Look().describe(np.asarray(number)) for number in (0, 1, 12)]
    assert ["a texture alone" in words[0], "one with 1 shape)" in words[1], "with 12 shapes" in words[2]] == [True] * 3


@pytest.mark.parametrize(("knob", "value"), [("hidden", 0), ("out", -1), ("temperature", 0), ("margin", 0.9), ("shake", 0.5)])
def test_knobs__out_of_range_are_named(knob: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{knob} is {value}"):
        Look(**{knob: value})  # type: ignore[arg-type]


def test_config__goes_to_json_and_back() -> None:
    task = Look(grey=0.5, noise=PixelNoise(share=0.1, sigmas=(0.01, 0.02)))
    config = TrainConfig(tasks=TaskSum((WeightedTask("look", task, 1.0),)), backbone="look")
    assert TrainConfig.from_json(config.to_json()) == config


# Learning


def test_loss__is_info_nce_of_the_projections() -> None:
    torch.manual_seed(0)
    task = Look(hidden=16, out=8, temperature=0.2)
    head = task.build_head(FeatureShape(dim=9, places=(1, 1, 1)), CLIP)
    assert [tuple(weight.shape) for weight in head.parameters()] == [(16, 9), (16,), (8, 16), (8,)]
    features = torch.randn(5, 2, 9)
    torch.testing.assert_close(task.loss(head, features, torch.zeros(5))["loss"], info_nce(head(features), 0.2)["loss"])


def test_training__a_few_steps_lower_the_loss_and_beat_chance() -> None:
    """On pictures it has not seen, 32 pairs at a time: chance is 1 in 63. In training mode throughout, as the norms' averages
    lag behind quick steps.
    """
    clip = ClipShape(num_frames=1, size_px=32)
    config = replace(RECIPES["look"](), clip=clip, batch_size=32, precision="fp32", device="cpu", threads=1)
    task = config.tasks.parts[0].task
    assert isinstance(task, Look)

    def batch(first: int) -> Batch:
        made = collate([Item([task.make_example(clip, np.random.default_rng([2, first + i]))], []) for i in range(32)])
        assert isinstance(made, Batch)
        return replace(made, clips=model.augment(made.clips, seeded(first)))

    def on_new_pictures() -> dict[str, float]:
        with torch.no_grad():
            new = [batch(10_000 + 32 * number) for number in range(4)]
            scalars = [model(made.clips, made.targets).scalars for made in new]
        return {name: float(torch.stack([found[name] for found in scalars]).mean()) for name in scalars[0]}

    with torch_as_before():
        torch.manual_seed(1)
        model = PretrainModel(config)
        take = TrainStep(make_accelerator(config), model, build_optimiser(model, config.optimiser), clip_norm=None)
        before = on_new_pictures()
        for step in range(30):
            take([batch(32 * step)], step + 1)
        after = on_new_pictures()
    assert after["look/loss"] < before["look/loss"] - 0.15
    assert after["look/accuracy"] > max(4 * after["look/chance"], before["look/accuracy"])
    judgement = task.judge({name.partition("/")[2]: value for name, value in after.items()})
    assert judgement.score > 0 and judgement.words.startswith("same-picture accuracy 0.")


# The network


def clips(num_frames: int, size_px: int, num: int = 3) -> Tensor:
    return torch.randint(0, 256, (num, num_frames, size_px, size_px, 3), dtype=torch.uint8, generator=seeded(6))


@pytest.fixture(scope="module")
def net() -> LookNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        return LookNet().eval()


@pytest.mark.parametrize(
    ("num_frames", "places"), [(1, [0]), (2, [0, 1]), (3, [0, 1, 2]), (4, [0, 1, 2, 3]), (7, [0, 2, 4, 6]), (16, [2, 6, 10, 14])]
)
def test_places_seen__four_evenly_spread_or_all(num_frames: int, places: list[int]) -> None:
    assert places_seen(num_frames) == places


def test_net__looks_at_those_frames_and_no_others(net: LookNet) -> None:
    given = clips(16, 32)
    other = clips(16, 32, num=6)[3:]
    other[:, [2, 6, 10, 14]] = given[:, [2, 6, 10, 14]]
    with torch.no_grad():
        assert torch.equal(net(net.prepare(given)), net(net.prepare(other)))
        other[:, 6] = 0
        assert not torch.equal(net(net.prepare(given)), net(net.prepare(other)))


def test_net__one_frame_or_the_same_one_sixteen_times_is_the_same(net: LookNet) -> None:
    picture = clips(1, 64)
    with torch.no_grad():
        map_ = net.forward_map(net.prepare(picture.expand(3, 16, 64, 64, 3)))
        assert map_.shape == (3, 256, 4, 4, 4)
        torch.testing.assert_close(map_.mean(dim=2), net.forward_map(net.prepare(picture))[:, :, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(128, 64), (64, 192), (224, 224), (100, 90)])
def test_net__averages_larger_pictures_down_to_64(net: LookNet, height: int, width: int) -> None:
    large = torch.randint(0, 256, (2, 1, height, width, 3), dtype=torch.uint8, generator=seeded(6))
    prepared = net.prepare(large)
    small = functional.interpolate(prepared[:, :, 0], (min(height, 64), min(width, 64)), mode="area")
    reached: list[Tensor] = []
    handle = net.stem.register_forward_pre_hook(lambda _, inputs: reached.append(inputs[0]))
    with torch.no_grad():
        net.forward_map(prepared)
    handle.remove()
    assert reached[0].shape == small.shape
    if height % 64 == width % 64 == 0:
        torch.testing.assert_close(reached[0], small, rtol=1e-4, atol=1e-4)
    # Else torch's own counts a pixel that two share for both of them, whole; with shares all pixels count alike.
    torch.testing.assert_close(reached[0].mean(), prepared.mean(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("num_frames", "size_px", "grid"), [(16, 64, (1, 2, 2)), (3, 112, (1, 1, 1))])
def test_net__exports_with_any_number_of_clips(net: LookNet, num_frames: int, size_px: int, grid: tuple[int, int, int]) -> None:
    encoder = ClipEncoder(net, pooling=Pooling(grid), num_frames=num_frames, size_px=size_px).eval()
    content = to_onnx(encoder, num_frames=num_frames, size_px=size_px).SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for num in (1, 5):
        given = clips(num_frames, size_px, num)
        with torch.no_grad():
            wanted = encoder(given)
        (got,) = session.run(None, {"clips": given.numpy()})
        assert got.shape == (num, 256 * grid[1] * grid[2])
        torch.testing.assert_close(torch.from_numpy(got), wanted, rtol=1e-3, atol=1e-5)


def test_run__of_single_pictures_gives_an_encoder_of_clips_whitened_on_pictures(tmp_path: Path) -> None:
    """So that it fits beside an encoder of movement, and nobody's footage is in it."""
    config = tiny(tasks=parse_task_sum("look"), backbone="look", clip=ClipShape(num_frames=1, size_px=32))
    with torch_as_before():
        train(config, tmp_path / "run")
    spec = ExportSpec(name="mine", pooling="grid:1x2x2", whiten_dim=8, whiten_clips=40)
    card = export_run(tmp_path / "run", tmp_path / "a.onnx", spec).card
    assert (card.num_frames, card.height_px, card.dim, card.backbone, card.task) == (16, 32, 8, "look", "look")
    assert (card.training["data"], card.training["whitened_on"]) == ("drawn pictures", "drawn pictures")


def test_drawn_pictures__are_held_for_a_whole_clip_and_the_same_for_a_seed() -> None:
    spec = ExportSpec(name="mine", size_px=24, num_frames=5).clips
    first, second = (list(DrawnPictures().batches(20, spec, seed=seed)) for seed in (1, 2))
    assert [batch.shape for batch in first] == [(16, 5, 24, 24, 3), (4, 5, 24, 24, 3)]
    assert all(np.array_equal(batch, np.repeat(batch[:, :1], 5, axis=1)) for batch in first)
    assert not np.array_equal(first[0], second[0]) and not np.array_equal(first[0][0], first[0][1])
    again = DrawnPictures().batches(20, spec, seed=1)
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
