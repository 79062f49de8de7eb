"""Use case: make an encoder file that `vret index` can use."""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.encoder_files import check_encoder_name, new_encoder_file, new_encoder_path
from app.errors import BadFolder
from app.given_path import GivenPath, absolute_path
from app.training_runs import WrongUsage, find_run, newest_run
from app.workspace import Workspace

if TYPE_CHECKING:
    from pretrain.config import Start
    from pretrain.encoder_file import Exported
    from pretrain.export_onnx import ExportSpec, Footage
    from pretrain.sample_clips import ClipSource

OnWork = Callable[[str, int, int], None]


@dataclass(frozen=True)
class _Usual:
    """Default pooling and whitening of an export, chosen by measurement (docs/results.md)."""

    pooling: str
    whiten_dim: int
    whiten_strength: float


# Of movement the map's two time steps are kept apart, centred, half whitened; of looks the four quarters of the picture, whitened.
_LOOK_NETWORK = "look"
_OF_MOVEMENT, _OF_LOOK = _Usual("grid:2x1x1", 256, 0.5), _Usual("grid:1x2x2", 128, 1.0)


@dataclass(frozen=True, kw_only=True)
class ExportChoices:
    """How an encoder file shall be; None, or empty, leaves the default.

    name: what `--encoder` calls it. out: an .onnx file, by default one among the data folder's encoders, for use by name.
    replace: it may take the place of another file, or hide a packaged encoder of its name.
    pooling: by default the map's two time steps are kept apart, of a network trained on drawn pictures the quarters of the
    picture. whiten_dim: numbers of a vector, by default 256, of such a network 128, or as many as there are features or clips for;
    0 for no whitening. precision: fp32, fp16 or int8. whiten_on, calibrate_on: folders and
    files with footage, and text files that list some, on which the whitening is fitted, and on which int8 is calibrated and
    compared with fp32; drawn clips when empty. look: an encoder, by name or path, whose vectors the file shall give beside its own.
    """

    name: str | None = None
    out: GivenPath | None = None
    replace: bool = False
    spans_s: Sequence[float] | None = None
    pooling: str | None = None
    whiten_dim: int | None = None
    precision: str = "fp32"
    whiten_on: Sequence[GivenPath] = ()
    calibrate_on: Sequence[GivenPath] = ()
    look: str | None = None


def _nobody(doing: str, done: int, total: int) -> None:
    """Is told when nobody asked."""


def export_encoder(ws: Workspace, run: str | None, choices: ExportChoices, *, on_work: OnWork = _nobody) -> "tuple[Exported, Path]":
    """Makes an encoder file of a run, by default the newest, called like the run, and returns what it is and where it lies.
    on_work: told what is being done, how much of it is done, and of how much.

    What can be known to be wrong is said before the work begins. Raises BadTraining (no such run; WrongUsage for choices that
    cannot be), BadFolder, UnknownEncoder (a bad or taken name), DataFolderError, CheckpointError, TrainingDataError, ExportError
    (the file would differ from the network; nothing is written), UnknownEncoder and EncoderFileError (no such look, or it does not
    fit).
    """
    from pretrain.checkpoint import load_config
    from pretrain.export_onnx import export_run
    from pretrain.origin import trained_on
    from pretrain.sample_clips import DrawnPictures

    folder = newest_run(ws, configured=True) if run is None else find_run(ws, run)
    target = _target(ws, choices, folder.name)
    try:
        usual = _OF_LOOK if trained_on(load_config(folder)) == DrawnPictures.words else _OF_MOVEMENT
        spec, footage = _spec(choices, folder.name, usual), _footage(choices)

        def make(out: Path, spec: "ExportSpec") -> "Exported":
            return export_run(folder, out, spec, footage=footage, on_work=on_work)

        return _written(ws, choices, target, spec, make, on_work), target
    except ValueError as error:
        raise WrongUsage(str(error)) from error


def export_baseline(
    ws: Workspace,
    baseline: str,
    choices: ExportChoices,
    *,
    seed: int = 1,
    start: "Start" = "motion",
    on_work: OnWork = _nobody,
) -> "tuple[Exported, Path]":
    """Makes an encoder to compare with: `colour` for raw colours, whitened only where `choices` asks for it, or a backbone's name
    for that network untrained, from `seed`, pooled and whitened as `export_encoder` would. start: how its weights are drawn,
    `motion` as the default recipe does, or PyTorch's `default`. Raises what that does.
    """
    from pretrain.export_onnx import export_colour, export_untrained
    from pretrain.sample_clips import DrawnPictures

    name = "raw-colour" if baseline == "colour" else f"untrained-{baseline}-{start}-{seed}"
    target = _target(ws, choices, name)
    try:
        footage = _footage(choices)
        if baseline == _LOOK_NETWORK and footage.whiten_on is None:
            footage = replace(footage, whiten_on=DrawnPictures())
        spec = _spec(choices, name, _OF_LOOK if baseline == _LOOK_NETWORK else _OF_MOVEMENT)

        def make(out: Path, spec: "ExportSpec") -> "Exported":
            if baseline == "colour":
                spec = replace(spec, whiten_dim=choices.whiten_dim or None)
                return export_colour(out, spec, footage=footage, on_work=on_work)
            return export_untrained(baseline, seed, out, spec, start=start, footage=footage, on_work=on_work)

        return _written(ws, choices, target, spec, make, on_work), target
    except ValueError as error:
        raise WrongUsage(str(error)) from error


def export_in_precision(
    ws: Workspace, encoder: str, choices: ExportChoices, *, on_work: OnWork = _nobody
) -> "tuple[Exported, Path]":
    """Makes an fp16 or int8 file of an fp32 encoder file, by its name or path; pooling and whitening stay as they are.

    Raises UnknownEncoder, EncoderFileError, and what `export_encoder` raises.
    """
    from pretrain.encoder_file import convert_file

    source = ws.tried_encoder_path(encoder)
    name = choices.name or f"{source.stem}-{choices.precision}"
    target = _target(ws, choices, name)
    calibrate_on = _source(choices.calibrate_on)
    try:
        exported = convert_file(
            source, target, choices.precision, name=name, spans_s=choices.spans_s, calibrate_on=calibrate_on, on_work=on_work
        )
        return exported, target
    except ValueError as error:
        raise WrongUsage(str(error)) from error


def _written(
    ws: Workspace,
    choices: ExportChoices,
    target: Path,
    spec: "ExportSpec",
    make: "Callable[[Path, ExportSpec], Exported]",
    on_work: OnWork,
) -> "Exported":
    """What `make` writes at a path, joined with the look that was chosen, if one was."""
    if choices.look is None:
        return make(target, spec)
    from pretrain.encoder_file import convert_file
    from pretrain.errors import EncoderFileError
    from pretrain.join_encoders import join_encoders

    look, card = ws.tried_encoder_path(choices.look), ws.encoder_card(choices.look)
    if card.spans_s != spec.spans_s:  # said before the work of minutes, not after it
        spans = " ".join(f"--span {span_s:g}" for span_s in card.spans_s)
        raise EncoderFileError(f"{look} is for clips of other lengths. Export with: {spans}")
    with tempfile.TemporaryDirectory() as folder:
        motion, joined = Path(folder) / "motion.onnx", Path(folder) / "joined.onnx"
        exported = make(motion, replace(spec, precision="fp32"))
        if spec.precision == "fp32":
            both = join_encoders(motion, look, target, name=spec.name)
        else:
            join_encoders(motion, look, joined, name=spec.name)
            calibrate_on = _source(choices.calibrate_on)
            both = convert_file(joined, target, spec.precision, name=spec.name, calibrate_on=calibrate_on, on_work=on_work)
    return replace(both, notes=(*exported.notes, *both.notes))


def _spec(choices: ExportChoices, default_name: str, usual: _Usual = _OF_MOVEMENT) -> "ExportSpec":
    from pretrain.export_onnx import ExportSpec

    spec = ExportSpec(
        name=choices.name or default_name,
        pooling=choices.pooling or usual.pooling,
        whiten_dim=usual.whiten_dim if choices.whiten_dim is None else choices.whiten_dim or None,
        # A small network has fewer features than the default; who asks for more is told.
        whiten_at_most=choices.whiten_dim is None,
        whiten_strength=usual.whiten_strength,
        precision=choices.precision,
    )
    return spec if choices.spans_s is None else replace(spec, spans_s=tuple(choices.spans_s))


def _target(ws: Workspace, choices: ExportChoices, default_name: str) -> Path:
    name = choices.name or default_name
    if choices.out is None:
        return new_encoder_path(ws.encoders_folder, name, replace=choices.replace)
    check_encoder_name(name)
    return new_encoder_file(choices.out, replace=choices.replace)


def _footage(choices: ExportChoices) -> "Footage":
    from pretrain.export_onnx import Footage

    return Footage(whiten_on=_source(choices.whiten_on), calibrate_on=_source(choices.calibrate_on))


def _source(given: Sequence[GivenPath]) -> "ClipSource | None":
    from pretrain.sample_clips import FootageClips

    paths = [absolute_path(path) for path in given]
    for path in paths:
        if not os.path.exists(path):
            raise BadFolder(f"There is no folder or file {path} to take clips from.")
    return FootageClips(tuple(paths)) if paths else None
