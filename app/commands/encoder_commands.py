"""`vret encoders`: which there are, what each says about itself, add one, make one of published weights, an image model, or two."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from app.commands import given
from app.commands.options import JsonOption
from app.commands.output import one_line, print_json, print_table, say, talk

if TYPE_CHECKING:
    from embedder.encoder_card import EncoderCard

encoders = typer.Typer(
    help="List encoders, show one's card, add one, make one of published weights, or join two.\n\nExample: vret encoders"
)


@encoders.callback(invoke_without_command=True)
def encoders_callback(context: typer.Context, as_json: JsonOption = False) -> None:
    """List encoders, show one's card, add one, make one of published weights, or join two.

    Example: vret encoders
    """
    if context.invoked_subcommand is None:
        _list(as_json)


@encoders.command("list")
def list_encoders(as_json: JsonOption = False) -> None:
    """List the encoders that can be used by name.

    Example: vret encoders list --json
    """
    _list(as_json)


@encoders.command("show")
def show(name: Annotated[str, typer.Argument(help="The encoder, or an .onnx file.")]) -> None:
    """Print an encoder's card: what it takes, what it gives, how it was trained. JSON.

    Example: vret encoders show default
    """
    from app.encoder_files import find_encoder
    from app.encoder_metadata import read_facts
    from app.workspace import Workspace

    with Workspace() as ws:
        encoder = find_encoder(ws.encoders_folder, name)
    found = read_facts(encoder.path)
    facts: dict[str, Any] = {"path": encoder.path, "origin": encoder.origin, "bytes": encoder.size_bytes}
    print_json(facts | {"identity": found.identity} | json.loads(found.card.to_json()))


@encoders.command("add")
def add(
    file: Annotated[Path, typer.Argument(parser=given.path, help="An .onnx file with a card, as vret export writes it.")],
    name: Annotated[
        str | None,
        typer.Option(parser=given.encoder_name, metavar="NAME", help="Name of the encoder. Default: the name on its card."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of one of that name.")] = False,
) -> None:
    """Copy an encoder into the data folder. The copy is tried first: it must give the same vectors twice, within a time limit.

    Example: vret encoders add exported/pace.onnx --name pace
    """
    from app.encoder_files import add_encoder
    from app.encoder_metadata import weights_sha256
    from app.workspace import Workspace

    with Workspace() as ws:
        added = add_encoder(ws.encoders_folder, file, name=name, replace=replace)
    if weights_sha256(added.path) not in (None, added.read_card().weights_sha256):
        talk("The weights' hash differs from the one on its card. vret uses the real one.")
    talk(f"Added encoder {added.name!r}. Use it: vret index FOLDER --encoder {added.name}")


@encoders.command("import")
def import_(
    backbone: Annotated[str, typer.Argument(help="The network that the weights are of: r2plus1d_18, r3d_18, s3d, or one of ours.")],
    file: Annotated[
        Path,
        typer.Argument(parser=given.path, help="A torch file of its weights, such as torchvision publishes. No code in it is run."),
    ],
    name: Annotated[
        str | None,
        typer.Option(parser=given.encoder_name, metavar="NAME", help="Name of the encoder. Default: the backbone's name."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of one of that name.")] = False,
    span: Annotated[
        list[float] | None,
        typer.Option(
            parser=given.positive, metavar="SECONDS", help="Clip length in seconds; repeat for a pyramid. Default: 2, 4, 8."
        ),
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Of a clip.")] = 16,
    size: Annotated[
        int | None, typer.Option(min=8, help="Side of the pictures in pixels. Default: as published, 112, and 224 for s3d.")
    ] = None,
) -> None:
    """Make an encoder of published weights, and put it into the data folder. Needs the train extra.

    Example: vret encoders import r2plus1d_18 r2plus1d_18-91a641e6.pth --name kinetics
    """
    from app.import_encoder import ImportChoices, import_encoder
    from app.workspace import Workspace

    choices = ImportChoices(name=name, replace=replace, num_frames=frames, size_px=size, spans_s=span)
    with Workspace() as ws:
        imported = import_encoder(ws, backbone, file, choices)
    if imported.left_out:
        talk(f"left out, no part of the backbone: {one_line(', '.join(imported.left_out))}")
    card = imported.exported.card
    say(f"{imported.encoder.path}: {card.backbone}, {card.dim} numbers a clip, {imported.encoder.size_bytes / 1e6:.1f} MB")
    talk(f"Use it: vret index FOLDER --encoder {imported.encoder.name}")


@encoders.command("import-image")
def import_image(
    file: Annotated[Path, typer.Argument(parser=given.path, help="An image model as an ONNX file. Nothing is downloaded.")],
    name: Annotated[
        str | None,
        typer.Option(parser=given.encoder_name, metavar="NAME", help="Name of the encoder. Default: the name of the file."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of one of that name.")] = False,
    size: Annotated[int, typer.Option(min=8, max=4096, help="Side of the pictures in pixels.")] = 224,
    mean: Annotated[
        tuple[float, float, float], typer.Option(metavar="R G B", help="Mean of the colours, 0 to 1. Default: ImageNet's.")
    ] = (0.485, 0.456, 0.406),
    std: Annotated[
        tuple[float, float, float], typer.Option(metavar="R G B", help="Standard deviation of the colours. Default: ImageNet's.")
    ] = (0.229, 0.224, 0.225),
    layout: Annotated[Literal["nchw", "nhwc"], typer.Option(help="Order of the input's axes: colours first, or last.")] = "nchw",
    output: Annotated[
        str | None,
        typer.Option(parser=given.text, metavar="NAME", help="Output to use. Default: the first that is one vector a picture."),
    ] = None,
    tokens: Annotated[
        Literal["first", "mean"], typer.Option(help="Of an output with many tokens: the first (class token), or the mean of all.")
    ] = "first",
    frames: Annotated[int, typer.Option(min=1, max=64, help="Frames of a clip that the model sees.")] = 4,
    geometry: Annotated[
        Literal["centre_crop", "squash"],
        typer.Option(
            help="How a frame becomes square: its middle, or all of it squeezed, as the encoders from vret export take it."
        ),
    ] = "centre_crop",
    span: Annotated[
        list[float] | None,
        typer.Option(
            parser=given.positive, metavar="SECONDS", help="Clip length in seconds; repeat for a pyramid. Default: 2, 4, 8."
        ),
    ] = None,
) -> None:
    """Make an encoder of an image model, such as DINOv2, SigLIP or MobileNet. Needs the train extra.

    It finds footage that looks alike. It does not see movement.

    Example: vret encoders import-image dinov2.onnx --size 224 --name dino
    """
    from app.import_encoder import import_image_encoder
    from app.training_runs import WrongUsage
    from app.workspace import Workspace
    from pretrain.image_encoder import ImageEncoderSpec, ImageModel

    try:
        image = ImageModel(size_px=size, mean=mean, std=std, layout=layout, output=output, tokens=tokens)
    except ValueError as error:
        raise WrongUsage(str(error)) from error
    spans = tuple(sorted(span)) if span else ImageEncoderSpec.spans_s
    spec = ImageEncoderSpec(name=name or file.stem, num_frames=frames, spans_s=spans, geometry=geometry, image=image)
    with Workspace() as ws:
        imported = import_image_encoder(ws, file, spec, replace=replace)
    card = imported.exported.card
    say(f"{imported.encoder.path}: {card.backbone}, {card.dim} numbers a clip, {imported.encoder.size_bytes / 1e6:.1f} MB")
    talk(f"Use it: vret index FOLDER --encoder {imported.encoder.name}")


@encoders.command("join")
def join(
    motion: Annotated[str, typer.Argument(help="An encoder that sees movement, by its name, or an .onnx file.")],
    look: Annotated[str, typer.Argument(help="An encoder that sees what things look like, such as import-image makes.")],
    name: Annotated[str, typer.Option(parser=given.encoder_name, metavar="NAME", help="Name of the new encoder.")],
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of one of that name.")] = False,
) -> None:
    """Make one encoder of two, so that a search can weigh movement against look (vret search --look). Needs the train extra.

    Both must take clips of the same length, number of frames and geometry.

    Example: vret encoders join motion dino --name both
    """
    from app.import_encoder import join_two_encoders
    from app.workspace import Workspace

    with Workspace() as ws:
        joined = join_two_encoders(ws, motion, look, name, replace=replace)
    say(f"{joined.encoder.path}: {_parts_of(joined.exported.card)}, {joined.encoder.size_bytes / 1e6:.1f} MB")
    talk(f"Use it: vret index FOLDER --encoder {joined.encoder.name}")


def _parts_of(card: "EncoderCard") -> str:
    """Such as `motion 256 + look 128 numbers a clip`."""
    return " + ".join(f"{part.name} {part.dim}" for part in card.parts) + " numbers a clip"


def _only_part(card: dict[str, Any]) -> str:
    """What the one part of a vector tells of, where the card does not say so."""
    from embedder.encoder_card import COLOUR, LOOK, MOTION

    return LOOK if card["task"] == LOOK else COLOUR if card["backbone"] == COLOUR else MOTION


def _list(as_json: bool) -> None:
    from app.encoder_files import list_encoders
    from app.workspace import Workspace
    from embedder.errors import EncoderError

    with Workspace() as ws:
        found = list_encoders(ws.encoders_folder)
    rows: list[dict[str, Any]] = []
    for encoder in found:
        row: dict[str, Any] = {
            "name": encoder.name,
            "origin": encoder.origin,
            "path": str(encoder.path),
            "bytes": encoder.size_bytes,
        }
        try:
            row["card"] = json.loads(encoder.read_card().to_json())
        except EncoderError as error:
            row["error"] = str(error)
        rows.append(row)
    if as_json:
        print_json(rows)
        return
    if not rows:
        talk("No encoder. Add one with: vret encoders add FILE.onnx")
        return
    columns = ("name", "origin", "MB", "task", "backbone", "clips of s", "frames", "picture", "dim", "parts", "precision")
    print_table({column: "right" if column in ("MB", "frames", "dim") else "left" for column in columns}, map(_cells, rows))


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    start = (row["name"], row["origin"], f"{row['bytes'] / 1e6:.1f}")
    card = row.get("card")
    if card is None:
        return (*start, f"unusable: {one_line(row['error'])}", *[""] * 7)
    return (
        *start,
        card["task"],
        card["backbone"],
        ", ".join(f"{span_s:g}" for span_s in card["spans_s"]),
        str(card["num_frames"]),
        f"{card['width_px']}x{card['height_px']}",
        str(card["dim"]),
        " + ".join(part["name"] for part in card.get("parts", [{"name": _only_part(card)}])),
        card["precision"],
    )
