"""`vret encoders import-image`: from somebody's image model to search results, and refusals that leave nothing."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from embedder.onnx_encoder import OnnxEncoder
from pretrain.image_encoder import ImageEncoderSpec, ImageModel, export_image_encoder
from tests.app.test_commands import failed, ok
from tests.helpers.image_model import DIM, SIDE, Answer, write_image_model

SMALL = ("--size", SIDE, "--frames", "3", "--span", "1", "--span", "2")


def expected(model: Path, clips: np.ndarray, image: ImageModel) -> np.ndarray:
    """What the encoder should give, worked out one picture at a time."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    kind = np.float16 if "float16" in session.get_inputs()[0].type else np.float32
    vectors = []
    for clip in clips:
        frames = []
        for frame in clip:
            scaled = (frame / 255 - np.array(image.mean)) / np.array(image.std)
            picture = scaled.transpose(2, 0, 1) if image.layout == "nchw" else scaled
            answer = session.run(None, {"pixels": picture[None].astype(kind)})[0][0].astype(np.float64)
            if answer.ndim == 3:
                answer = answer.mean(axis=(1, 2))
            elif answer.ndim == 2:
                answer = answer.mean(axis=0) if image.tokens == "mean" else answer[0]
            frames.append(answer / np.linalg.norm(answer))
        mean = np.mean(frames, axis=0)
        vectors.append(mean / np.linalg.norm(mean))
    return np.array(vectors)


@pytest.mark.parametrize("batch", ["batch", 1])
@pytest.mark.parametrize(
    ("answer", "layout", "tokens", "opset", "kind"),
    [
        ("vector", "nchw", "first", 17, "float"),
        ("vector", "nhwc", "first", 12, "float"),
        ("tokens", "nchw", "first", 18, "float"),
        ("tokens", "nchw", "mean", 20, "float"),
        ("map", "nchw", "first", 13, "float"),
        ("map", "nchw", "first", 18, "half"),
    ],
)
def test_encoder_gives_the_mean_over_its_frames(
    tmp_path: Path, batch: int | str, answer: Answer, layout: str, tokens: str, opset: int, kind: str
) -> None:
    model = write_image_model(tmp_path / "m.onnx", answer=answer, layout=layout, batch=batch, opset=opset, kind=kind)
    image = ImageModel(size_px=SIDE, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4), layout=layout, tokens=tokens)  # type: ignore[arg-type]
    spec = ImageEncoderSpec(name="look", num_frames=3, spans_s=(1.0, 2.0), image=image)
    card = export_image_encoder(model, tmp_path / "look.onnx", spec).card
    assert card.dim == (DIM * 16 if answer == "vector" else DIM)
    clips = np.random.default_rng(1).integers(0, 256, (5, 3, SIDE, SIDE, 3), dtype=np.uint8)
    got = OnnxEncoder(tmp_path / "look.onnx").encode(clips)
    np.testing.assert_allclose(got, expected(model, clips, image), atol=2e-2 if kind == "half" else 1e-4)


def test_a_black_clip_has_a_vector_even_of_a_model_that_answers_zeros(tmp_path: Path) -> None:
    model = onnx.load(str(write_image_model(tmp_path / "m.onnx")))
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == "bias")
    bias.CopyFrom(onnx.numpy_helper.from_array(np.zeros(DIM, np.float32), "bias"))
    onnx.save(model, str(tmp_path / "m.onnx"))
    spec = ImageEncoderSpec(name="look", image=ImageModel(size_px=SIDE, mean=(0, 0, 0), std=(1, 1, 1)))
    export_image_encoder(tmp_path / "m.onnx", tmp_path / "look.onnx", spec)
    black = np.zeros((1, 4, SIDE, SIDE, 3), np.uint8)
    assert np.isfinite(OnnxEncoder(tmp_path / "look.onnx").encode(black)).all()


def test_weights_in_a_file_beside_the_model_come_along(tmp_path: Path) -> None:
    whole = write_image_model(tmp_path / "whole.onnx")
    (tmp_path / "parted").mkdir()
    parted = tmp_path / "parted" / "m.onnx"
    onnx.save(onnx.load(str(whole)), str(parted), save_as_external_data=True, location="weights.bin", size_threshold=0)
    spec = ImageEncoderSpec(name="look", image=ImageModel(size_px=SIDE))
    clips = np.random.default_rng(1).integers(0, 256, (2, 4, SIDE, SIDE, 3), dtype=np.uint8)
    vectors = []
    for source in (whole, parted):
        export_image_encoder(source, tmp_path / "look.onnx", spec)
        (tmp_path / "parted" / "weights.bin").unlink(missing_ok=source == parted) if source == parted else None
        vectors.append(OnnxEncoder(tmp_path / "look.onnx").encode(clips))
    np.testing.assert_array_equal(*vectors)


def test_from_a_model_to_results(home: Path, folder: Path, tmp_path: Path) -> None:
    model = write_image_model(tmp_path / "my model.onnx", batch=1)
    ok("encoders", "import-image", model, "--name", "scenes", *SMALL)
    card = json.loads(ok("encoders", "show", "scenes"))
    assert (card["task"], card["num_frames"], card["width_px"], card["geometry"]) == ("image model", 3, SIDE, "centre_crop")
    assert (card["origin"], card["spans_s"], card["training"]["file"]) == ("added", [1.0, 2.0], "my model.onnx")
    ok("index", folder, "--library", "home", "--encoder", "scenes")
    (best, *_) = json.loads(ok("search", folder / "b.mp4", "--encoder", "scenes", "--json"))["hits"]
    assert best["path"] == str(folder / "b.mp4")
    assert best["score"] > 0.99


def test_what_cannot_be_is_one_line_and_leaves_nothing(home: Path, tmp_path: Path) -> None:
    def refused(*arguments: object, code: int = 1) -> str:
        return failed("encoders", "import-image", *arguments, code=code)

    before = {path.name for path in (home / "encoders").iterdir()}
    good = write_image_model(tmp_path / "good.onnx")
    two_at_once = write_image_model(tmp_path / "two.onnx", batch=2)
    text = tmp_path / "text.onnx"
    text.write_text("no model")
    bytes_in = tmp_path / "bytes.onnx"
    graph = helper.make_graph(
        [helper.make_node("Cast", ["pixels"], ["features"], to=TensorProto.FLOAT)],
        "bytes",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(bytes_in))
    assert "cannot be read as an ONNX model" in refused(text)
    assert "There is no file" in refused(tmp_path / "none.onnx")
    assert "takes pictures of shape ? x 3 x 32 x 32, not ? x 3 x 224 x 224" in refused(good)
    assert "Give its --size and --layout" in refused(good, "--size", SIDE, "--layout", "nhwc")
    assert "has no output 'x'. It has: features" in refused(good, "--size", SIDE, "--output", "x")
    assert "takes 2 pictures at once" in refused(two_at_once, "--size", SIDE)
    assert "takes UINT8 pictures" in refused(bytes_in, "--size", SIDE)
    assert "std must be above 0" in refused(good, "--size", SIDE, "--std", "0", "1", "1", code=2)
    assert "name has letters" in refused(good, "--name", "a/b", "--size", SIDE, code=2)
    assert {path.name for path in (home / "encoders").iterdir()} == before
