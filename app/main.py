"""`vret`: the command line. Puts the verbs together, and turns what goes wrong into one line and an exit code."""

import os
import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn

import typer

from app.commands.encoder_commands import encoders
from app.commands.eval_commands import evaluation
from app.commands.export_command import export
from app.commands.index_command import index
from app.commands.library_commands import libraries, status, videos
from app.commands.search_command import search
from app.commands.system_commands import demo, doctor, ui
from app.commands.training_commands import pretrain

_HELP = """Find moments in your video collection by example: clip in, moments out.

Example: vret index ~/Videos, then: vret search clip.mp4 --start 3 --end 5.5

Everything vret keeps lies in one folder: VRET_HOME, else the platform's data folder. VRET_CATALOG_URL sets the catalog apart.

Exit codes: 0 done (broken videos are listed, they are no failure) · 1 it failed, one line says why · 2 wrong usage ·
4 another run holds the lock · 130 stopped by Ctrl-C
"""

cli = typer.Typer(
    help=_HELP, no_args_is_help=True, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"vret {version('vret')}")
        raise typer.Exit


@cli.callback()
def vret(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Options before the verb."""


cli.command()(index)
cli.command()(search)
cli.add_typer(libraries, name="libraries")
cli.command()(videos)
cli.add_typer(encoders, name="encoders")
cli.command()(status)
cli.add_typer(pretrain, name="pretrain")
cli.command()(export)
cli.add_typer(evaluation, name="eval")
cli.command()(doctor)
cli.command()(ui)
cli.command()(demo)


def main() -> NoReturn:
    """Runs the command line of this process. An error that a package raises on purpose is one line on stderr."""
    from app.data_folder import lacks_temporary_folder, provide_temporary_folder
    from app.errors import AppError
    from app.settings import Settings
    from embedder.errors import EmbedderError
    from index.errors import CatalogError
    from pretrain.errors import PretrainError

    os.environ["PYTHONSAFEPATH"] = "1"  # no process that is started from here runs a Python file for lying in the current folder
    signal.signal(signal.SIGTERM, _stop)  # as clean an end as Ctrl-C
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]  # file names may be any bytes
    try:
        provide_temporary_folder(lambda: Settings.from_environment().home)
        cli()
    except (AppError, EmbedderError, CatalogError, PretrainError) as error:
        _fail(str(error), error.exit_code if isinstance(error, AppError) else 1)
    except FileNotFoundError as error:
        if not lacks_temporary_folder(error):
            raise
        _fail("There is no temporary folder that can be written, nor can the data folder. Set TMPDIR to a folder that can.", 1)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA_OF:
            raise
        _fail(
            f"This needs {missing}, which is not installed. In the folder of vret: pip install '.[{_EXTRA_OF[missing]}]'",
            1,
        )
    sys.exit(0)


_EXTRA_OF = {
    "onnxruntime": "cpu",
    "faiss": "cpu",
    "psycopg": "postgres",
    "torch": "train",
    "accelerate": "train",
    "onnx": "train",
    "onnxscript": "train",
}


def _fail(message: str, exit_code: int) -> NoReturn:
    one_line = " ".join(message.split())
    typer.echo(f"vret: {one_line}", err=True)
    sys.exit(exit_code)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
