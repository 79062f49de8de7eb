"""`vret`: the command line. Puts the verbs together, and turns what goes wrong into one line and an exit code."""

import os
import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn

import typer

from app.commands.duplicates_command import duplicates
from app.commands.encoder_commands import encoders
from app.commands.eval_commands import evaluation
from app.commands.export_command import export
from app.commands.index_command import index
from app.commands.library_commands import libraries, status, videos
from app.commands.output import say, talk
from app.commands.search_command import search
from app.commands.streams import safe_streams
from app.commands.system_commands import demo, doctor, ui
from app.commands.training_commands import pretrain

_HELP = """Find moments in your video collection by example: clip in, moments out.

Example: vret index ~/Videos, then: vret search clip.mp4 --start 3 --end 5.5

Everything vret keeps lies in one folder: VRET_HOME, else the platform's data folder. VRET_CATALOG_URL sets the catalog apart.

Exit codes: 0 done (broken videos are listed and are no failure) · 1 failed, with one line that says why · 2 wrong usage ·
4 another run is at work · 130 stopped by Ctrl-C

Write times as 12.5, 0:35.00 or 1:04:07.25. JSON and CSV are UTF-8. A path that is not valid UTF-8 is written, and accepted by every
option, as bytes:/videos/%FF.mp4, with %FF for each invalid byte and %25 for %.
"""

cli = typer.Typer(
    help=_HELP, no_args_is_help=True, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        say(f"vret {version('vret')}")
        raise typer.Exit


@cli.callback()
def vret(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Options before the verb."""


cli.command()(index)
cli.command()(search)
cli.command()(duplicates)
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
    signal.signal(signal.SIGTERM, _stop)  # as clean an end as Ctrl-C
    with safe_streams() as output:
        exit_code = _run()
        failure = output.failure()
        if failure:
            exit_code = exit_code or _failed(failure)
        sys.stderr.flush()
    sys.exit(exit_code)


def _run() -> int:
    """Runs a command; returns its exit code."""
    from app.data_folder import lacks_temporary_folder, provide_temporary_folder
    from app.errors import AppError
    from app.settings import Settings
    from embedder.errors import EmbedderError
    from index.errors import CatalogError
    from pretrain.errors import PretrainError

    os.environ["PYTHONSAFEPATH"] = "1"  # no process that is started from here runs a Python file for lying in the current folder
    try:
        provide_temporary_folder(lambda: Settings.from_environment().home)
        return cli(prog_name="vret", standalone_mode=False) or 0
    except typer.TyperException as error:  # wrong usage
        return _failed(_usage(error), error.exit_code)
    except typer.Abort:  # answered no, or nobody there to answer
        sys.stderr.write("\n")  # the question had none
        return _failed("Cancelled. Nothing was changed.")
    except (AppError, EmbedderError, CatalogError, PretrainError) as error:
        return _failed(str(error), error.exit_code if isinstance(error, AppError) else 1)
    except FileNotFoundError as error:
        if not lacks_temporary_folder(error):
            raise
        return _failed(
            "Neither the temporary folder nor the data folder can be written. Set TMPDIR to a folder that you may write."
        )
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA_OF:
            raise
        install = f"pip install '.[{_EXTRA_OF[missing]}]' -c constraints.txt"
        return _failed(f"This needs {missing}, which is not installed. In the folder of vret: {install}")


def _usage(error: typer.TyperException) -> str:
    """What is wrong with a command line, and where the right one stands. Empty for a group without a verb: its help was shown."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return ""
    context: typer.Context | None = getattr(error, "ctx", None)
    where = "" if context is None else f" See: {context.command_path} --help"
    # What pydantic, by which typer reads values, puts before the words of our own readers.
    return error.format_message().replace("Value error, ", "", 1).rstrip(".") + f".{where}"


_EXTRA_OF = {
    "onnxruntime": "cpu",
    "faiss": "cpu",
    "psycopg": "postgres",
    "torch": "train",
    "accelerate": "train",
    "onnx": "train",
    "onnxscript": "train",
}


def _failed(message: str, exit_code: int = 1) -> int:
    if message:
        talk(f"vret: {' '.join(message.split())}")
    return exit_code


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
