"""Use case: make an encoder of what is there: published weights, an image model, two encoders. It goes into the data folder."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.encoder_files import EncoderFile, add_encoder, new_encoder_path
from app.given_path import GivenPath, absolute_path
from app.training_runs import WrongUsage
from app.workspace import Workspace

if TYPE_CHECKING:
    from pretrain.encoder_file import Exported
    from pretrain.image_encoder import ImageEncoderSpec

DEFAULT_FRAMES = 16


@dataclass(frozen=True, kw_only=True)
class ImportChoices:
    """How the encoder shall be; None leaves the default. name: what `--encoder` calls it, by default as its backbone.

    replace: take the place of an added encoder of that name. num_frames: by default 16. size_px: side of the square pictures, by
    default what the backbone was published for (112; s3d 224). spans_s: clip lengths in seconds, by default 2, 4, 8.
    """

    name: str | None = None
    replace: bool = False
    num_frames: int = DEFAULT_FRAMES
    size_px: int | None = None
    spans_s: Sequence[float] | None = None


@dataclass(frozen=True, kw_only=True)
class Imported:
    """An encoder made of weights. left_out: what the file held besides the backbone, such as a classifier."""

    encoder: EncoderFile
    exported: "Exported"
    left_out: tuple[str, ...]


def import_encoder(ws: Workspace, backbone: str, file: GivenPath, choices: ImportChoices) -> Imported:
    """Reads the weights, exports them with a card, tries the encoder, and copies it into the data folder; or leaves nothing.

    The pictures are made otherwise than torchvision's preset for its video networks makes them. That squeezes the whole frame into
    171 x 128 pixels, whatever its shape, and cuts 112 x 112 out of the middle: the middle 7/8 of the height and 2/3 of the width.
    The card's `centre_crop` keeps the shape, brings the short side to 112 and cuts the middle out: of an upright frame's short side
    nothing is lost, things are an eighth smaller, and a 16:9 frame is not squeezed by a quarter. So the weights see about what they
    were trained on, not exactly. Theirs were 16 frames of about a second; `spans_s` may begin there. The vector is the mean over
    the last feature map, not whitened.

    Raises UnknownEncoder (a bad or taken name), WrongUsage (an unknown backbone, or sizes that it cannot take), WeightsError (the
    file does not fit), ExportError, DataFolderError; ModuleNotFoundError without the train extra.
    """
    from pretrain.export_onnx import ExportSpec
    from pretrain.import_weights import import_weights, published_px

    name = choices.name or backbone
    try:
        new_encoder_path(ws.encoders_folder, name, replace=choices.replace)
        spec = ExportSpec(
            name=name,
            num_frames=choices.num_frames,
            size_px=choices.size_px or published_px(backbone),
            geometry="centre_crop",
            spans_s=tuple(choices.spans_s) if choices.spans_s else ExportSpec.spans_s,
        )
        with tempfile.TemporaryDirectory() as folder:
            exported, weights = import_weights(backbone, absolute_path(file), Path(folder) / "encoder.onnx", spec)
            encoder = add_encoder(ws.encoders_folder, Path(folder) / "encoder.onnx", name=name, replace=choices.replace)
    except ValueError as error:
        raise WrongUsage(str(error)) from error
    return Imported(encoder=encoder, exported=exported, left_out=weights.left_out)


def import_image_encoder(ws: Workspace, file: GivenPath, spec: "ImageEncoderSpec", *, replace: bool = False) -> Imported:
    """Makes an encoder of an ONNX image model, tries it, and copies it into the data folder; or leaves nothing.

    It finds what looks alike, or shows alike things where the model knows such, and cannot tell one movement from another.
    replace: take the place of an added encoder of that name. Raises UnknownEncoder (a bad or taken name), WrongUsage (values that
    cannot be), EncoderFileError (the file is no such model), EncoderError (the trial failed), DataFolderError;
    ModuleNotFoundError without the train extra.
    """
    from pretrain.image_encoder import export_image_encoder

    try:
        new_encoder_path(ws.encoders_folder, spec.name, replace=replace)
        with tempfile.TemporaryDirectory() as folder:
            exported = export_image_encoder(absolute_path(file), Path(folder) / "encoder.onnx", spec)
            encoder = add_encoder(ws.encoders_folder, Path(folder) / "encoder.onnx", name=spec.name, replace=replace)
    except ValueError as error:
        raise WrongUsage(str(error)) from error
    return Imported(encoder=encoder, exported=exported, left_out=())


def join_two_encoders(ws: Workspace, motion: str, look: str, name: str, *, replace: bool = False) -> Imported:
    """Makes one encoder of two, by names or .onnx paths, whose vectors are those of both side by side; tries it, and copies it into
    the data folder; or leaves nothing.

    replace: take the place of an added encoder of that name. Raises UnknownEncoder (no such encoder; a bad or taken name),
    EncoderFileError (they do not fit together), ExportError, EncoderError (a trial failed), DataFolderError; ModuleNotFoundError
    without the train extra.
    """
    from pretrain.join_encoders import join_encoders

    new_encoder_path(ws.encoders_folder, name, replace=replace)
    files = [ws.tried_encoder_path(one) for one in (motion, look)]
    with tempfile.TemporaryDirectory() as folder:
        exported = join_encoders(files[0], files[1], Path(folder) / "encoder.onnx", name=name)
        encoder = add_encoder(ws.encoders_folder, Path(folder) / "encoder.onnx", name=name, replace=replace)
    return Imported(encoder=encoder, exported=exported, left_out=())
