"""Fine-tuning: what is cut, what is learnt, by what the epoch is chosen, and when the test videos are opened."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from embedder.errors import VideoRejected
from embedder.worker_messages import StretchesDone, StretchPlace, StretchPlan
from pretrain.backbones import Backbone
from pretrain.config import OptimiserConfig
from pretrain.downstream.finetune import FinetuneChoices, FinetuneResult, finetune
from pretrain.downstream.finetune_clips import clip_of, even_clips, plan_of, random_clip
from pretrain.downstream.finetune_model import FinetuneModel
from pretrain.downstream.finetune_recipes import FINETUNE_RECIPES, FinetuneRecipe
from pretrain.downstream.labelled_footage import CacheChoice, LabelledFile, LabelledFootage
from pretrain.downstream.networks import StartingPoint
from pretrain.errors import ConfigError, TrainingDataError, TrainingStopped
from pretrain.tasks.base import ClipShape
from tests.helpers.small_backbone import SmallBackbone

CLIP = ClipShape(num_frames=8, size_px=16)
SHORT_AND_QUICK = replace(
    FINETUNE_RECIPES["laptop"],
    optimiser=OptimiserConfig(name="sgd", learning_rate=0.05, weight_decay=0.0, schedule="constant", clip_norm=5.0),
    batch_size=4,
    epochs=6,
    held_out_share=0.25,
    test_clips=3,
    precision="fp32",
)


def numbered(num_frames: int, height_px: int = 18, width_px: int = 18) -> NDArray[np.uint8]:
    """Every frame is as bright as its number."""
    frames = np.zeros((num_frames, height_px, width_px, 3), np.uint8)
    frames[:] = np.arange(num_frames)[:, None, None, None]
    return frames


class Reader:
    """Stands for the decoder: `dim*` are dark videos, `lit*` bright ones, all a little unlike; `bad*` are none."""

    def __init__(self) -> None:
        self.decoded: list[str] = []

    def __call__(self, path: Path, plan: StretchPlan, only: StretchPlace | None = None) -> StretchesDone:
        self.decoded.append(path.name)
        if path.name.startswith("bad"):
            raise VideoRejected(path, "holds no pictures")
        rng = np.random.default_rng(list(path.name.encode()))
        level = 60 if path.name.startswith("dim") else 190
        frames = rng.integers(level - 40, level + 40, (20, *plan.frame_shape, 3), dtype=np.uint8)
        return StretchesDone(frames=frames, starts_s=(0.0,))


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    made = Reader()
    monkeypatch.setattr("pretrain.frame_cache.decode", made)
    return made


class Bright(Backbone):
    """How bright a clip is, and of what colour, with one weight to learn."""

    feature_dim = 3

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(3))

    def forward_map(self, clips_B3THW: Tensor) -> Tensor:
        return clips_B3THW * self.weight[:, None, None, None]


def files(folder: Path, *names: str) -> list[LabelledFile]:
    """Called LABEL-SCENE-NUMBER."""
    for name in names:
        (folder / name).touch()
    return [LabelledFile(path=folder / name, label=name[:3], scene=name[:-2]) for name in names]


def names(*scenes: str) -> list[str]:
    return [f"{label}-{scene}-{number}" for label in ("dim", "lit") for scene in scenes for number in (1, 2)]


def start(build: Callable[[], Backbone] = Bright) -> StartingPoint:
    return StartingPoint(backbone="fake", clip=CLIP, build=build)


def tuned(
    folder: Path, train: list[LabelledFile], test: list[LabelledFile], recipe: FinetuneRecipe = SHORT_AND_QUICK
) -> FinetuneResult:
    choices = FinetuneChoices(recipe=recipe, device="cpu")
    return finetune({"it": start()}, train, test, CacheChoice(folder=folder / "cache"), choices)["it"]


def test_it__learns_what_can_be_told_apart(tmp_path: Path, reader: Reader) -> None:
    result = tuned(tmp_path, files(tmp_path, *names("a", "b", "c", "d")), files(tmp_path, *names("x", "y")))
    assert result.labels == ("dim", "lit")
    assert [(answer.label, answer.rank) for answer in result.answers] == [("dim", 0)] * 4 + [("lit", 0)] * 4
    assert all(answer.answer == answer.label for answer in result.answers)
    assert result.learnt.held_out_loss is not None and result.learnt.held_out_loss < math.log(2) / 2  # guessing has ln 2


def test_held_out_scenes__are_never_learnt_from(tmp_path: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    lessons = []
    monkeypatch.setattr("pretrain.downstream.finetune.learn", lambda model, lesson, tell: lessons.append(lesson))
    train = files(tmp_path, *names("a", "b", "c", "d"))
    result = tuned(tmp_path, train, files(tmp_path, *names("x")))
    (lesson,) = lessons
    assert len(lesson.held_out) == 4
    assert {file.scene for file in lesson.held_out} & {file.scene for file in lesson.files} == set()
    assert len(lesson.files) + len(lesson.held_out) == len(train) == result.num_train_videos


def test_the_best_epoch__is_that_of_the_lowest_held_out_loss(
    tmp_path: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights: list[Tensor] = []
    told = iter([0.9, 0.5, 0.7, 0.5, 0.8, 0.6])

    def held_out_loss(epochs: object, epoch: int) -> float:
        weights.append(epochs._model.backbone.weight.detach().clone())  # type: ignore[attr-defined]
        return next(told)

    monkeypatch.setattr("pretrain.downstream.finetune_training._Epochs.held_out_loss", held_out_loss)
    network = Bright()
    choices = FinetuneChoices(recipe=SHORT_AND_QUICK, device="cpu")
    sides = files(tmp_path, *names("a", "b", "c", "d")), files(tmp_path, *names("x"))
    result = finetune({"it": start(lambda: network)}, *sides, CacheChoice(folder=tmp_path / "cache"), choices)["it"]
    assert (result.learnt.best_epoch, result.learnt.held_out_loss) == (2, 0.5)
    assert torch.equal(network.weight, weights[1])
    assert not torch.equal(weights[1], weights[5])


def test_test_videos__are_opened_after_all_training_and_once(tmp_path: Path, reader: Reader) -> None:
    before: dict[str, list[str]] = {}

    def on_phase(phase: str, done: int, total: int) -> None:
        if done == total:
            before[phase] = list(reader.decoded)

    train, test = files(tmp_path, *names("a", "b")), files(tmp_path, *names("x"))
    choices = FinetuneChoices(recipe=replace(SHORT_AND_QUICK, epochs=2), device="cpu")
    finetune({"one": start(), "two": start()}, train, test, CacheChoice(folder=tmp_path / "cache"), choices, on_phase)
    assert list(before) == [
        *(f"{name}: {phase}" for name in ("one", "two") for phase in ("decoding", "training")),
        "one: test videos",
        "two: test videos",
    ]
    assert sorted(before["two: training"]) == sorted(names("a", "b"))
    assert sorted(reader.decoded) == sorted(names("a", "b") + names("x"))


def test_the_same_seed__gives_the_same_result(tmp_path: Path, reader: Reader) -> None:
    sides = files(tmp_path, *names("a", "b")), files(tmp_path, *names("x"))
    one, other = (tuned(tmp_path, *sides, replace(SHORT_AND_QUICK, epochs=2)) for _ in range(2))
    assert one == other


def test_bad_videos__are_named_and_unknown_labels_cannot_be_answered(tmp_path: Path, reader: Reader) -> None:
    test = files(tmp_path, *names("x"), "bad-y-1", "new-z-1")
    result = tuned(tmp_path, files(tmp_path, *names("a", "b"), "bad-a-1"), test, replace(SHORT_AND_QUICK, epochs=1))
    assert {(Path(path).name, reason) for path, reason in result.rejected} == {
        ("bad-a-1", "holds no pictures"),
        ("bad-y-1", "holds no pictures"),
    }
    assert result.num_train_videos == 8
    assert [answer.rank for answer in result.answers if answer.label == "new"] == [None]


def test_a_cache_without_room__is_told_before_training_and_changes_nothing(tmp_path: Path, reader: Reader) -> None:
    sides = files(tmp_path, *names("a", "b")), files(tmp_path, *names("x"))
    choices = FinetuneChoices(recipe=replace(SHORT_AND_QUICK, epochs=2), device="cpu")
    events: list[str] = []
    full = CacheChoice(folder=tmp_path / "full", gigabytes=1e-9)
    result = finetune({"it": start()}, *sides, full, choices, lambda phase, done, total: events.append(phase), events.append)["it"]
    (said,) = [event for event in events if "cache of decoded frames is full" in event]
    assert events.index(said) < events.index("it: training")
    assert said in result.remarks
    roomy = finetune({"it": start()}, *sides, CacheChoice(folder=tmp_path / "roomy"), choices)["it"]
    assert replace(result, remarks=()) == roomy


def test_what_cannot_be_learnt_or_tested__is_said(tmp_path: Path, reader: Reader) -> None:
    with pytest.raises(TrainingDataError, match=r"^the 2 train video\(s\) .* have 1 label.*bad-a-1: holds no pictures"):
        tuned(tmp_path, files(tmp_path, "dim-a-1", "dim-b-1", "bad-a-1"), files(tmp_path, *names("x")))
    with pytest.raises(TrainingDataError, match=r"^none of the 1 test videos can be read"):
        tuned(tmp_path, files(tmp_path, *names("a")), files(tmp_path, "bad-x-1"), replace(SHORT_AND_QUICK, epochs=1))
    with pytest.raises(ConfigError, match="clips of 16 pixels a side cannot be cut out of frames of 20x12"):
        tuned(tmp_path, files(tmp_path, *names("a")), [], replace(SHORT_AND_QUICK, frames_px=(12, 20)))


def test_a_loss_that_is_not_finite__stops_it_and_names_the_epoch(tmp_path: Path, reader: Reader) -> None:
    wild = replace(SHORT_AND_QUICK, optimiser=replace(SHORT_AND_QUICK.optimiser, learning_rate=1e30, clip_norm=None))
    with pytest.raises(TrainingStopped, match=r"the loss of epoch [12] became (nan|inf).*lower learning rate than 1e\+30"):
        tuned(tmp_path, files(tmp_path, *names("a", "b")), files(tmp_path, *names("x")), wild)


def test_video_logits__are_the_mean_of_logits_in_eval_mode() -> None:
    torch.manual_seed(1)
    model = FinetuneModel(SmallBackbone(), 3, "fp32").train()
    clips = torch.randint(0, 256, (4, 8, 16, 16, 3), dtype=torch.uint8)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    found = model.video_logits(clips)
    assert model.training
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    model.eval()
    with torch.no_grad():
        one_by_one = [model.head(model.backbone(model.backbone.prepare(clip[None])))[0] for clip in clips]
    torch.testing.assert_close(found, sum(one_by_one[1:], one_by_one[0]) / 4)
    softmax_first = torch.stack(one_by_one).softmax(dim=1).mean(dim=0)
    assert not torch.allclose(found.softmax(dim=0), softmax_first, atol=1e-7)


@pytest.mark.parametrize("num_frames", [8, 20, 61, 200])
def test_even_clips__lie_where_the_paper_has_them(num_frames: int) -> None:
    clips = even_clips(numbered(num_frames), num_frames, CLIP, 10)
    assert clips.shape == (10, 8, 16, 16, 3)
    centres = np.linspace(4, num_frames - 4, 10)
    assert clips[:, 0, 0, 0, 0].tolist() == [int(centre - 4 + 1e-9) for centre in centres]
    assert (np.diff(clips[:, :, 0, 0, 0].astype(int), axis=1) == 1).all()


def test_even_clips__of_short_videos_single_ones_and_across_jumps() -> None:
    assert even_clips(numbered(3), 3, CLIP, 2)[:, :, 0, 0, 0].tolist() == [[0, 1, 2, 2, 2, 2, 2, 2]] * 2
    assert even_clips(numbered(20), 20, CLIP, 1)[0, :, 0, 0, 0].tolist() == list(range(6, 14))
    starts = even_clips(numbered(40), 10, CLIP, 9)[:, :, 0, 0, 0]
    assert (np.diff(starts.astype(int), axis=1) == 1).all()
    assert all(first // 10 == last // 10 for first, last in zip(starts[:, 0], starts[:, -1], strict=True))


def test_even_clips__are_the_middle_of_frames() -> None:
    frames = np.zeros((8, 20, 30, 3), np.uint8)
    frames[..., 0], frames[..., 1] = np.arange(20)[:, None], np.arange(30)
    (clip,) = even_clips(frames, 8, CLIP, 1)
    assert clip[0, :, 0, 0].tolist() == list(range(2, 18))
    assert clip[0, 0, :, 1].tolist() == list(range(7, 23))


def test_random_clips__are_consecutive_frames_of_one_crop_from_everywhere() -> None:
    frames = numbered(20, 18, 24)
    frames[..., 1], frames[..., 2] = np.arange(18)[:, None], np.arange(24)
    made = [random_clip(frames, 20, CLIP, np.random.default_rng(seed)) for seed in range(200)]
    assert {clip.shape for clip in made} == {(8, 16, 16, 3)}
    assert all((np.diff(clip[:, 0, 0, 0].astype(int)) == 1).all() for clip in made)
    assert all((clip[..., 1:] == clip[:1, ..., 1:]).all() for clip in made)
    assert {int(clip[0, 0, 0, 0]) for clip in made} == set(range(13))
    assert {int(clip[0, 0, 0, 1]) for clip in made} == set(range(3))
    assert {int(clip[0, 0, 0, 2]) for clip in made} == set(range(9))


def test_random_clips__do_not_jump_and_hold_the_last_frame_of_short_videos() -> None:
    made = [random_clip(numbered(25), 10, CLIP, np.random.default_rng(seed))[:, 0, 0, 0].tolist() for seed in range(100)]
    within = [list(range(first, first + 8)) for first in (0, 1, 2, 10, 11, 12)]
    assert {tuple(clip) for clip in made} == {tuple(clip) for clip in [*within, [20, 21, 22, 23, 24, 24, 24, 24]]}


def test_vcop__is_the_published_schedule() -> None:
    recipe = FINETUNE_RECIPES["vcop"]
    clip = clip_of(recipe, ClipShape(num_frames=8, size_px=64))
    plan = plan_of(recipe, clip)
    assert (clip.num_frames, clip.size_px, plan.frame_shape, recipe.test_clips) == (16, 112, (128, 171), 10)
    assert plan.max_frame_rate_hz == math.inf
    optimiser = recipe.optimiser
    assert (optimiser.name, optimiser.learning_rate, optimiser.momentum, optimiser.weight_decay) == ("sgd", 1e-3, 0.9, 5e-4)
    assert (optimiser.schedule, optimiser.clip_norm) == ("constant", None)
    assert (recipe.batch_size, recipe.epochs, recipe.held_out_most, recipe.precision) == (8, 150, 800, "fp32")


def test_laptop__takes_the_encoders_own_clips() -> None:
    recipe, own = FINETUNE_RECIPES["laptop"], ClipShape(num_frames=16, size_px=64)
    assert clip_of(recipe, own) == own
    assert plan_of(recipe, own).frame_shape == (73, 73)


def test_footage__tells_where_frames_of_a_long_video_may_jump(tmp_path: Path) -> None:
    plan = StretchPlan(size_px=16, max_frame_rate_hz=8, stretch_frames=10, max_stretches=3)
    footage = LabelledFootage([], plan, CacheChoice(folder=tmp_path))
    assert [footage.run_frames(numbered(count, 16, 16)) for count in (7, 29, 30)] == [7, 29, 10]
    assert [len(stretch) for stretch in footage.stretches(numbered(30, 16, 16))] == [10, 10, 10]
