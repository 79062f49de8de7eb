"""Vectors by the retrieval protocols, as the use cases hand them on."""

from pathlib import Path

import numpy as np
import pytest

from app.encoder_files import PACKAGED_FOLDER
from app.errors import BadQuery
from app.evaluation.protocol_features import Untrained, features_of_networks, protocol_features, untrained_features
from tests.helpers.make_video import draw_moving_picture


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("videos")
    return [draw_moving_picture(folder / f"{seed}.mp4", seconds=2, seed=seed) for seed in (1, 2)]


def test_one_network_alone__is_as_among_several(tmp_path: Path, videos: list[Path]) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video" * 100)
    asked = [videos[0], broken, videos[1]]
    colour = PACKAGED_FOLDER / "colour.onnx"
    floor = Untrained(backbone="r3d_quarter", seed=5, size_px=32)
    together = features_of_networks([colour, floor], "gap", asked)
    alone = [protocol_features(colour, "gap", asked), untrained_features("r3d_quarter", 5, "gap", asked, size_px=32)]
    for one, other in zip(together, alone, strict=True):
        assert one.made == other.made
        assert list(one.vectors) == list(other.vectors) == videos
        assert [path for path, _ in one.left_out] == [path for path, _ in other.left_out] == [str(broken)]
        for video in videos:
            np.testing.assert_array_equal(one.vectors[video], other.vectors[video])
    assert [features.made for features in together] == ["file's vectors", "global average"]
    assert [features.vectors[videos[0]].shape for features in together] == [(48,), (128,)]


def test_what_cannot_be__is_said_in_words(videos: list[Path]) -> None:
    with pytest.raises(BadQuery, match="no backbone is called 'r3d_qarter'"):
        untrained_features("r3d_qarter", 1, "vcop", videos)
    with pytest.raises(BadQuery, match="stride of a clip protocol is 0"):
        protocol_features(PACKAGED_FOLDER / "default.onnx", "vcop", videos, stride=0)
