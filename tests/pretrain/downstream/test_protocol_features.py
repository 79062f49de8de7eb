"""The vectors of the retrieval protocols against slow, plain references."""

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from embedder.encoder_card import CARD_KEY, EncoderCard
from embedder.onnx_encoder import OnnxEncoder
from pretrain.backbones import Backbone
from pretrain.downstream import protocol_clips as clips_module
from pretrain.downstream.protocol_clips import ClipProtocol, protocol_clips
from pretrain.downstream.protocol_features import VideoVectors, vectors_of_videos
from pretrain.downstream.protocol_networks import ProtocolNetwork, network_of_file, untrained_network
from pretrain.encoder_weights import load_backbone
from pretrain.errors import EncoderFileError
from pretrain.registry import UnknownName
from pretrain.untrained import untrained_backbone
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.tiny_encoder import write_tiny_encoder

PACKAGED = Path(__file__).parents[3] / "app" / "encoders" / "default.onnx"


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two of 2 s, of which no two of the ten clips are alike, and one of a single frame."""
    folder = tmp_path_factory.mktemp("videos")
    drawn = [draw_moving_picture(folder / f"{seed}.mp4", seconds=2, rate=15, seed=seed) for seed in (1, 2)]
    return [*drawn, draw_moving_picture(folder / "frame.mp4", seconds=0.1, seed=3)]


def slow_vcop(backbone: Backbone, clips_KTHW3: NDArray[np.uint8]) -> NDArray[np.float64]:
    """One clip after another, pixels scaled and maps pooled by hand."""
    rows = []
    for clip_THW3 in clips_KTHW3:
        scaled = (clip_THW3.astype(np.float32) / 255 - backbone.pixel_mean) / backbone.pixel_std
        with torch.no_grad():
            batch = torch.from_numpy(scaled.astype(np.float32).transpose(3, 0, 1, 2)[None])
            map_DTHW = backbone.eval().forward_map(batch)[0].tolist()
        rows.append(
            [
                max(plane[2 * y][2 * x], plane[2 * y][2 * x + 1], plane[2 * y + 1][2 * x], plane[2 * y + 1][2 * x + 1])
                for channel in map_DTHW
                for plane in channel
                for y in range(len(plane) // 2)
                for x in range(len(plane[0]) // 2)
            ]
        )
    return np.array(rows).mean(axis=0)


def test_vcop__of_a_full_width_network_has_9216_numbers_and_equals_the_reference(videos: list[Path]) -> None:
    network = untrained_network("r2plus1d", 3, "vcop")
    assert network.protocol == ClipProtocol()
    two_clips = protocol_clips(videos[0])[[0, 9]]
    vector = network.video_vector(two_clips)
    assert vector.shape == (9216,) and vector.dtype == np.float32
    np.testing.assert_allclose(vector, slow_vcop(untrained_backbone("r2plus1d", 3), two_clips), rtol=1e-3, atol=1e-4)


def test_vcop__of_videos_is_the_mean_of_ten_clips(videos: list[Path]) -> None:
    found = vectors_of_videos([untrained_network("r2plus1d_quarter", 3, "vcop")], videos[:1])
    vector = found.vectors[0][videos[0]]
    assert vector.shape == (2304,)
    wanted = slow_vcop(untrained_backbone("r2plus1d_quarter", 3), protocol_clips(videos[0]))
    np.testing.assert_allclose(vector, wanted, rtol=1e-3, atol=1e-4)


def test_gap__of_an_encoder_file_is_the_mean_map_at_its_own_size(videos: list[Path]) -> None:
    network = network_of_file(PACKAGED, "gap", stride=2)
    protocol = ClipProtocol(stride=2, resize_height_px=73, resize_width_px=98, crop_height_px=64, crop_width_px=64)
    assert network.protocol == protocol and network.made == "global average"
    short_and_long = [videos[2], videos[0]]
    found = vectors_of_videos([network], short_and_long)
    assert list(found.vectors[0]) == short_and_long and found.left_out == [], "a single frame is a video, too"

    backbone = load_backbone(PACKAGED)[1].eval()
    for video, different in zip(short_and_long, (1, 10), strict=True):
        clips = torch.from_numpy(protocol_clips(video, protocol)[:different])
        with torch.no_grad():
            maps = [backbone.forward_map(backbone.prepare(clip[None]))[0].numpy() for clip in clips]
        mean = np.mean([map_DTHW.reshape(256, -1).mean(axis=1) for map_DTHW in maps], axis=0)
        vector = found.vectors[0][video]
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), rtol=1e-3, atol=1e-5)


def test_gap__takes_what_a_file_gives_where_its_network_is_not_known(tmp_path: Path, videos: list[Path]) -> None:
    path = write_tiny_encoder(tmp_path / "tiny.onnx")
    network = network_of_file(path, "gap")
    assert network.made == "file's vectors"
    clips = protocol_clips(videos[0], network.protocol)
    assert clips.shape == (10, 8, 32, 32, 3)
    mean = OnnxEncoder(path, providers=["cpu"]).encode(clips).mean(axis=0)
    found = vectors_of_videos([network], videos[:1]).vectors[0][videos[0]]
    np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-6)


def test_vcop__refuses_files_without_a_map_and_says_why(tmp_path: Path) -> None:
    path = write_tiny_encoder(tmp_path / "tiny.onnx")
    with pytest.raises(EncoderFileError, match=r"needs the last feature map of tiny.*no backbone is called 'colours'.*Preset gap"):
        network_of_file(path, "vcop")
    model = onnx.load(path)
    card = EncoderCard.from_json({entry.key: entry.value for entry in model.metadata_props}[CARD_KEY])
    as_int8 = dataclasses.replace(card, backbone="r2plus1d_quarter", precision="int8")
    onnx.helper.set_model_props(model, {CARD_KEY: as_int8.to_json()})
    onnx.save(model, path)
    with pytest.raises(EncoderFileError, match=r"its weights are 8-bit\. Take the fp32 file that it was made from\. Preset gap"):
        network_of_file(path, "vcop")
    assert network_of_file(path, "gap").made == "file's vectors"


def test_vectors__do_not_depend_on_what_came_before(videos: list[Path]) -> None:
    """As they would if batch norm still learnt from what it is shown."""
    network = tiny_floor(seed=1)
    one_way = vectors_of_videos([network], videos).vectors[0]
    other_way = vectors_of_videos([network], videos[::-1]).vectors[0]
    for video in videos:
        np.testing.assert_array_equal(one_way[video], other_way[video])
    assert not np.array_equal(one_way[videos[0]], one_way[videos[1]])


def test_several_networks__decode_each_video_once(videos: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    networks = [tiny_floor(seed=1), tiny_floor(seed=2)]
    alone = [vectors_of_videos([network], videos) for network in networks]
    jobs: list[Path] = []
    real = clips_module.replies_of
    monkeypatch.setattr(clips_module, "replies_of", lambda job: (jobs.append(job.path), real(job))[1])
    together = vectors_of_videos(networks, [*videos, videos[0]])
    assert sorted(jobs) == sorted(2 * videos), "once to count its frames, once for its pictures"
    for number, single in enumerate(alone):
        for video in videos:
            np.testing.assert_array_equal(together.vectors[number][video], single.vectors[0][video])
    assert not np.array_equal(together.vectors[0][videos[0]], together.vectors[1][videos[0]])


def test_bad_videos__are_named_and_the_others_survive(tmp_path: Path, videos: list[Path]) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video" * 100)
    told: list[tuple[int, int]] = []
    found: VideoVectors = vectors_of_videos(
        [tiny_floor(seed=1)], [broken, videos[0], tmp_path / "gone.mp4", videos[1]], on_video=lambda *done: told.append(done)
    )
    assert [path for path, _ in found.left_out] == [str(broken), str(tmp_path / "gone.mp4")]
    assert all(reason for _, reason in found.left_out)
    assert list(found.vectors[0]) == [videos[0], videos[1]]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_networks__that_cannot_be() -> None:
    with pytest.raises(UnknownName, match="no backbone is called 'r2plus2d'"):
        untrained_network("r2plus2d", 1, "gap")
    with pytest.raises(ValueError, match="preset is 'vco', should be vcop or gap"):
        untrained_network("r2plus1d", 1, "vco")  # type: ignore[arg-type]
    with pytest.raises(EncoderFileError, match=r"there is no encoder file gone\.onnx"):
        network_of_file(Path("gone.onnx"), "gap")


def tiny_floor(*, seed: int) -> ProtocolNetwork:
    return untrained_network("r2plus1d_quarter", seed, "gap", num_frames=8, size_px=32)
