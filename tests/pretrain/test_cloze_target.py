"""Cloze as a target task: what is asked, what is counted, and that nothing but the head learns."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from embedder.errors import VideoRejected
from embedder.worker_messages import StretchesDone, StretchPlace, StretchPlan
from pretrain.backbones import Backbone
from pretrain.downstream.cloze_answers import VideoAnswers, confusion, mean_recall, recalls, rotation_recalls
from pretrain.downstream.cloze_head import weights_of
from pretrain.downstream.cloze_target import ClozeChoices, ClozeResult, measure_cloze
from pretrain.downstream.cloze_tuples import tuples_to_answer, tuples_to_learn
from pretrain.downstream.held_out_part import hold_out
from pretrain.downstream.labelled_footage import CacheChoice, LabelledFile
from pretrain.downstream.networks import StartingPoint
from pretrain.errors import ConfigError, TrainingDataError, TrainingStopped
from pretrain.tasks.base import ClipShape
from pretrain.tasks.cloze import OPERATIONS, Cloze, Operation
from tests.helpers.small_backbone import SmallBackbone

CLIP = ClipShape(num_frames=16, size_px=16)
LONG, SHORT = 96, 60  # frames: just enough for a remote clip, and too few


def ruled_frames(num_frames: int, size_px: int) -> NDArray[np.uint8]:
    """Every pixel says where it is: red the frame, green the row, blue the column."""
    frames = np.zeros((num_frames, size_px, size_px, 3), np.uint8)
    frames[..., 0] = np.arange(num_frames)[:, None, None]
    frames[..., 1] = np.arange(size_px)[:, None]
    frames[..., 2] = np.arange(size_px)
    return frames


class Reader:
    """Stands for the decoder: `long*` and `short*` are videos, `bad*` are none. decoded: names, in order."""

    def __init__(self) -> None:
        self.decoded: list[str] = []

    def __call__(self, path: Path, plan: StretchPlan, only: StretchPlace | None = None) -> StretchesDone:
        self.decoded.append(path.name)
        if path.name.startswith("bad"):
            raise VideoRejected(path, "holds no pictures")
        frames = ruled_frames(LONG if path.name.startswith("long") else SHORT, plan.size_px)
        return StretchesDone(frames=frames, starts_s=(0.0,))


@pytest.fixture(autouse=True)
def short_lessons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pretrain.downstream.cloze_head.MOST_STEPS", 250)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    made = Reader()
    monkeypatch.setattr("pretrain.frame_cache.decode", made)
    return made


class Seeing(Backbone):
    """Reads off the pixels what was done to a clip: whether it jumps in time, is turned, is cut, and at which frame it begins."""

    feature_dim = 3 + LONG

    def prepare(self, clips_BTHW3: Tensor) -> Tensor:
        return clips_BTHW3.float().permute(0, 4, 1, 2, 3)

    def forward_map(self, clips_B3THW: Tensor) -> Tensor:
        time_BT, rows_BHW, columns_BHW = clips_B3THW[:, 0, :, 0, 0], clips_B3THW[:, 1, 0], clips_B3THW[:, 2, 0]
        steps = time_BT.diff(dim=1)
        jumps = ((steps < 0) | (steps > 1)).any(dim=1)
        seams = [picture.diff(dim=dim).abs().flatten(1).amax(dim=1) for picture in (rows_BHW, columns_BHW) for dim in (1, 2)]
        cut = torch.stack(seams).amax(dim=0) > 1
        turned = ~cut & (rows_BHW[:, 1, 0] != rows_BHW[:, 0, 0] + 1)
        begins = torch.nn.functional.one_hot(time_BT[:, 0].long(), LONG)
        features = torch.cat([torch.stack([jumps, turned, cut], dim=1), begins], dim=1).float()
        return features[:, :, None, None, None]


class Blind(Backbone):
    """All clips look alike to it."""

    feature_dim = 4

    def forward_map(self, clips_B3THW: Tensor) -> Tensor:
        return torch.ones(len(clips_B3THW), 4, 1, 1, 1)


def files(folder: Path, *names: str) -> list[LabelledFile]:
    for name in names:
        (folder / name).touch()
    return [LabelledFile(path=folder / name, label="any", scene=name[:-1]) for name in names]


def measured(backbone: Callable[[], Backbone], folder: Path, train: list[LabelledFile], test: list[LabelledFile]) -> ClozeResult:
    start = StartingPoint(backbone="fake", clip=CLIP, build=backbone)
    return measure_cloze(start, train, test, CacheChoice(folder=folder / "cache"), ClozeChoices(device="cpu", precision="fp32"))


def long_names(side: str) -> list[str]:
    return [f"long-{side}-{scene}{number}" for scene in "abcdef" for number in (1, 2)]


def test_features_that_say_it__are_answered_rightly_throughout(tmp_path: Path, reader: Reader) -> None:
    train = files(tmp_path, *long_names("train"), "short-y1", "short-z1")
    test = files(tmp_path, *long_names("test"), "short-x1")
    result = measured(Seeing, tmp_path, train, test)
    counts = confusion(result.answers)
    assert counts.tolist() == np.diag([13, 13, 13, 13, 12]).tolist()  # the short one has no remote clip
    assert set(recalls(counts).values()) == {1.0}
    assert mean_recall(counts) == 1.0
    assert rotation_recalls(result.answers) == {90: 1.0, 180: 1.0, 270: 1.0}
    assert [video.path for video in result.answers] == [file.path for file in test]
    assert (result.num_train_videos, result.num_train_tuples) == (14, 12 * 2 * 5 + 2 * 2 * 4)
    assert result.held_out.by == "scene"


def test_remote__is_not_asked_where_too_few_train_videos_have_room(tmp_path: Path, reader: Reader) -> None:
    short = [f"short-train-{scene}{number}" for scene in "abc" for number in (1, 2)]
    result = measured(Seeing, tmp_path, files(tmp_path, *long_names("train")[:9], *short), files(tmp_path, *long_names("test")))
    assert (result.num_train_with_room, result.num_train_videos, result.num_train_tuples) == (9, 15, 15 * 2 * 4)
    counts = confusion(result.answers)
    assert counts.sum(axis=1).tolist() == [12, 12, 12, 12, 0]
    assert counts[:, OPERATIONS.index("remote")].sum() == 0
    assert rotation_recalls(result.answers) == {90: 1.0, 180: 1.0, 270: 1.0}


def test_features_that_say_nothing__are_answered_by_chance(tmp_path: Path, reader: Reader) -> None:
    result = measured(Blind, tmp_path, files(tmp_path, *long_names("train")), files(tmp_path, *long_names("test")))
    counts = confusion(result.answers)
    assert counts.sum(axis=1).tolist() == [12] * 5
    assert mean_recall(counts) == pytest.approx(0.2)


def test_the_backbone__stays_as_it_was_to_the_last_bit(tmp_path: Path, reader: Reader) -> None:
    network = SmallBackbone()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    measured(lambda: network, tmp_path, files(tmp_path, "long-a1", "long-b1", "short-c1"), files(tmp_path, "long-d1"))
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_test_videos__are_read_after_the_head_is_trained_and_once(tmp_path: Path, reader: Reader) -> None:
    events: list[str] = []

    def on_phase(phase: str, done: int, total: int) -> None:
        if (phase, done) == ("head", 1):
            events.extend(reader.decoded)

    train, test = files(tmp_path, "long-a1", "long-b1", "long-c1"), files(tmp_path, "long-y1", "short-z1")
    start = StartingPoint(backbone="fake", clip=CLIP, build=Blind)
    choices = ClozeChoices(device="cpu", precision="fp32")
    measure_cloze(start, train, test, CacheChoice(folder=tmp_path / "cache"), choices, on_phase)
    assert sorted(events) == ["long-a1", "long-b1", "long-c1"]
    assert sorted(reader.decoded) == ["long-a1", "long-b1", "long-c1", "long-y1", "short-z1"]


def test_the_same_seed__gives_the_same_answers(tmp_path: Path, reader: Reader) -> None:
    torch.manual_seed(3)
    network = SmallBackbone()
    train, test = files(tmp_path, "long-a1", "long-b1", "short-c1"), files(tmp_path, "long-d1", "long-e1")
    one, other = (measured(lambda: network, tmp_path, train, test) for _ in range(2))
    assert one == other


def test_bad_videos__are_named_and_the_rest_goes_on(tmp_path: Path, reader: Reader) -> None:
    train = files(tmp_path, "long-a1", "bad-b1", "long-c1")
    gone = LabelledFile(path=tmp_path / "gone", label="any", scene="")
    result = measured(Blind, tmp_path, train, [*files(tmp_path, "long-d1", "bad-e1"), gone])
    assert dict(result.rejected)[str(tmp_path / "bad-b1")] == "holds no pictures"
    assert {Path(path).name for path, _ in result.rejected} == {"bad-b1", "bad-e1", "gone"}
    assert result.num_train_videos == 2
    assert [video.path.name for video in result.answers] == ["long-d1"]


def test_too_few_readable_videos__are_said_with_the_first_bad_one(tmp_path: Path, reader: Reader) -> None:
    with pytest.raises(TrainingDataError, match=r"^1 train video\(s\) can be read, two are .*bad-b1: holds no pictures"):
        measured(Blind, tmp_path, files(tmp_path, "long-a1", "bad-b1"), files(tmp_path, "long-d1"))
    with pytest.raises(TrainingDataError, match=r"^0 test video\(s\) can be read, one is"):
        measured(Blind, tmp_path, files(tmp_path, "long-a1", "long-b1"), files(tmp_path, "bad-d1"))


def test_features_that_are_not_finite__stop_it(tmp_path: Path, reader: Reader) -> None:
    class Broken(Blind):
        def forward_map(self, clips_B3THW: Tensor) -> Tensor:
            return super().forward_map(clips_B3THW) * float("nan")

    with pytest.raises(TrainingStopped, match="long-a1 are not finite"):
        measured(Broken, tmp_path, files(tmp_path, "long-a1", "long-b1"), files(tmp_path, "long-d1"))


def test_clips_that_cannot_be_rearranged__are_refused(tmp_path: Path) -> None:
    start = StartingPoint(backbone="fake", clip=ClipShape(num_frames=16, size_px=15), build=Blind)
    with pytest.raises(ConfigError, match="16 frames of 15 pixels a side cannot be rearranged"):
        measure_cloze(start, [], [], CacheChoice(folder=tmp_path), ClozeChoices())


def test_tuples__differ_in_the_middle_clip_alone() -> None:
    stretches, task = [ruled_frames(130, 18)], Cloze()
    own = tuples_to_answer(task, Path("a.mp4"), stretches, CLIP, seed=1)
    assert [OPERATIONS[number] for number in own.operations_N] == [*OPERATIONS, "rotation", "rotation"]
    assert sorted(own.quarters_N[own.operations_N == 1]) == [1, 2, 3]
    assert {(first, last) for first, _, last in own.places_N3.tolist()} == {(0, 1)}
    first, original, last = own.clips_MTSSC[own.places_N3[0]]
    assert original[0, 0, 0, 0] - first[0, 0, 0, 0] == last[0, 0, 0, 0] - original[0, 0, 0, 0] == 24
    for number, quarters in zip(own.places_N3[:, 1], own.quarters_N, strict=True):
        if quarters:
            np.testing.assert_array_equal(own.clips_MTSSC[number], np.rot90(original, quarters, axes=(1, 2)))
    remote = own.clips_MTSSC[own.places_N3[4, 1]]
    assert abs(int(remote[0, 0, 0, 0]) - int(original[0, 0, 0, 0])) >= 24 + 16 + 16


def test_tuples__depend_on_the_file_name_and_the_seed_alone() -> None:
    stretches, task = [ruled_frames(130, 18)], Cloze()

    def clips(path: str, seed: int) -> NDArray[np.uint8]:
        return tuples_to_answer(task, Path(path), stretches, CLIP, seed=seed).clips_MTSSC

    np.testing.assert_array_equal(clips("/here/a.mp4", 1), clips("/there/a.mp4", 1))
    assert (clips("a.mp4", 1) != clips("a.mp4", 2)).any()
    assert (clips("a.mp4", 1) != clips("b.mp4", 1)).any()


def test_tuples__to_learn_from_are_of_all_operations_alike() -> None:
    roomy = tuples_to_learn(Cloze(), Path("a"), [ruled_frames(LONG, 18)], CLIP, count=3, seed=1)
    assert np.bincount(roomy.operations_N).tolist() == [3, 3, 3, 3, 3]
    narrow = tuples_to_learn(Cloze(), Path("a"), [ruled_frames(SHORT, 18)], CLIP, count=3, seed=1)
    assert np.bincount(narrow.operations_N, minlength=5).tolist() == [3, 3, 3, 3, 0]
    assert weights_of(np.array([0, 0, 0, 1, 2, 2])).tolist() == pytest.approx([2, 6, 3, 0, 0])


def test_counts__as_by_hand() -> None:
    def video(answers: list[Operation], turned: list[Operation]) -> VideoAnswers:
        of_operation, of_rotation = dict(zip(OPERATIONS, answers, strict=False)), dict(zip((90, 180, 270), turned, strict=True))
        return VideoAnswers(path=Path(), scene="", of_operation=of_operation, of_rotation=of_rotation)

    answers = [
        video(["original", "rotation", "original", "adjacent", "remote"], ["rotation", "original", "rotation"]),
        video(["original", "permutation", "permutation", "original"], ["permutation", "rotation", "rotation"]),
    ]
    counts = confusion(answers)
    assert counts.tolist() == [[2, 0, 0, 0, 0], [0, 1, 1, 0, 0], [1, 0, 1, 0, 0], [1, 0, 0, 1, 0], [0, 0, 0, 0, 1]]
    assert recalls(counts) == {"original": 1.0, "rotation": 0.5, "permutation": 0.5, "adjacent": 0.5, "remote": 1.0}
    assert mean_recall(counts) == pytest.approx(0.7)
    assert rotation_recalls(answers) == {90: 0.5, 180: 0.5, 270: 1.0}
    without_remote = confusion(answers[1:])
    assert recalls(without_remote)["remote"] is None
    assert mean_recall(without_remote) == pytest.approx((1 + 0 + 1 + 0) / 4)


def labelled(*pairs: str) -> list[LabelledFile]:
    """`label/scene` of each."""
    return [LabelledFile(path=Path(str(number)), label=pair[0], scene=pair[2:] or str(number)) for number, pair in enumerate(pairs)]


@pytest.mark.parametrize("seed", range(5))
def test_held_out__whole_scenes_within_the_share(seed: int) -> None:
    own = labelled(*[f"a/s{number // 2}" for number in range(20)], *[f"b/t{number // 3}" for number in range(18)])
    part = hold_out(own, share=0.2, keep_labels=True, seed=seed)
    outside = {own[place].scene for place in set(range(len(own))) - set(part.places)}
    assert part.by == "scene"
    assert 5 <= len(part.places) <= 7
    assert {own[place].scene for place in part.places} & outside == set()
    assert len(hold_out(own, share=0.2, at_most=2, keep_labels=True, seed=seed).places) <= 2


def test_held_out__what_remains_to_learn_from() -> None:
    one_scene = hold_out(labelled(*["a/s"] * 8, *["b/s"] * 2), share=0.3, keep_labels=True, seed=1)
    assert (one_scene.by, len(one_scene.places)) == ("video", 3)
    assert len({place for place in one_scene.places if place >= 8}) <= 1
    large = hold_out(labelled(*["a/s"] * 6, *["a/t"] * 3), share=0.1, keep_labels=True, seed=1)
    assert (large.by, large.places) == ("scene", (6, 7, 8))
    assert hold_out(labelled("a/s", "b/t"), share=0.1, keep_labels=True, seed=1).places == ()
    assert len(hold_out(labelled("a/s", "b/t"), share=0.1, keep_labels=False, seed=1).places) == 1
