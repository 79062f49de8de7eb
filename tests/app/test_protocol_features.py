"""Vectors by the retrieval protocols, as the use cases hand them on."""

from pathlib import Path

import numpy as np
import pytest

from app.encoder_files import PACKAGED_FOLDER
from app.errors import BadQuery
from app.evaluation.protocol_features import Colour, Untrained, features_of_networks
from tests.helpers.make_video import draw_moving_picture


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("videos")
    return [draw_moving_picture(folder / f"{seed}.mp4", seconds=2, seed=seed) for seed in (1, 2)]


def test_one_network_alone__is_as_among_several(tmp_path: Path, videos: list[Path]) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video" * 100)
    asked = [videos[0], broken, videos[1]]
    networks = [PACKAGED_FOLDER / "colour.onnx", Untrained(backbone="r3d_quarter", seed=5, size_px=32), Colour()]
    together = features_of_networks(networks, "gap", asked)
    alone = [features_of_networks([network], "gap", asked)[0] for network in networks]
    for one, other in zip(together, alone, strict=True):
        assert one.made == other.made
        assert list(one.vectors) == list(other.vectors) == videos
        assert [path for path, _ in one.left_out] == [path for path, _ in other.left_out] == [str(broken)]
        for video in videos:
            np.testing.assert_array_equal(one.vectors[video], other.vectors[video])
    assert [features.made for features in together] == ["file's vectors", "global average", "raw colour"]
    assert [features.vectors[videos[0]].shape for features in together] == [(48,), (128,), (48,)]


def test_raw_colour__is_what_the_packaged_encoder_gives(videos: list[Path]) -> None:
    """In either preset; so a table's row is of the same thing as that of an index."""
    packaged, drawn = features_of_networks([PACKAGED_FOLDER / "colour.onnx", Colour()], "gap", videos)
    (of_vcop,) = features_of_networks([Colour()], "vcop", videos)
    for video in videos:
        assert drawn.vectors[video] @ packaged.vectors[video] == pytest.approx(1.0, abs=1e-4)
        np.testing.assert_allclose(of_vcop.vectors[video], drawn.vectors[video], atol=1e-6)


def test_what_cannot_be__is_said_in_words(videos: list[Path]) -> None:
    with pytest.raises(BadQuery, match="no backbone is called 'r3d_qarter'"):
        features_of_networks([Untrained(backbone="r3d_qarter")], "vcop", videos)
    with pytest.raises(BadQuery, match="stride of a clip protocol is 0"):
        features_of_networks([PACKAGED_FOLDER / "default.onnx"], "vcop", videos, stride=0)
