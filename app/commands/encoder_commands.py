"""`vret encoders`: which there are, what each says about itself, add one."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from app.commands.options import JsonOption
from app.commands.output import one_line, print_json, print_table, talk

encoders = typer.Typer(help="List the encoders, show one's card, add one.\n\nExample: vret encoders")


@encoders.callback(invoke_without_command=True)
def encoders_callback(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the encoders, show one's card, add one.

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
    from app.workspace import Workspace

    with Workspace() as ws:
        encoder = find_encoder(ws.encoders_folder, name)
    facts: dict[str, Any] = {"path": encoder.path, "origin": encoder.origin, "bytes": encoder.size_bytes}
    print_json(facts | json.loads(encoder.read_card().to_json()))


@encoders.command("add")
def add(
    file: Annotated[Path, typer.Argument(help="An .onnx file with a card, as vret export writes it.")],
    name: Annotated[str | None, typer.Option(help="What to call it. Default: as its card does.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of an added one of that name.")] = False,
) -> None:
    """Copy an encoder into the data folder, after trying that it works.

    Example: vret encoders add exported/pace.onnx --name pace
    """
    from app.encoder_files import add_encoder
    from app.workspace import Workspace

    with Workspace() as ws:
        added = add_encoder(ws.encoders_folder, file.expanduser(), name=name, replace=replace)
    talk(f"Added encoder {added.name!r}. Use it: vret index FOLDER --encoder {added.name}")


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
    columns = ("name", "origin", "MB", "task", "backbone", "clips of s", "frames", "picture", "dim", "precision")
    print_table({column: "right" if column in ("MB", "frames", "dim") else "left" for column in columns}, map(_cells, rows))


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    start = (row["name"], row["origin"], f"{row['bytes'] / 1e6:.1f}")
    card = row.get("card")
    if card is None:
        return (*start, f"unusable: {one_line(row['error'])}", *[""] * 6)
    return (
        *start,
        card["task"],
        card["backbone"],
        ", ".join(f"{span_s:g}" for span_s in card["spans_s"]),
        str(card["num_frames"]),
        f"{card['width_px']}x{card['height_px']}",
        str(card["dim"]),
        card["precision"],
    )
