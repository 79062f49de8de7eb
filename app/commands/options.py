"""Options that several verbs share, so that they mean the same everywhere."""

from typing import Annotated

import typer

from app.commands import given

MOST = 1_000_000_000
"""Of what is counted or numbered: more is a slip, and no number of every database."""

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")]
EncoderOption = Annotated[
    str | None,
    typer.Option("--encoder", "-e", help="Name of the encoder, or an .onnx file. Default: VRET_ENCODER, else 'default'."),
]
LibraryOption = Annotated[str | None, typer.Option("--library", "-l", parser=given.text, metavar="NAME", help="Only this library.")]
