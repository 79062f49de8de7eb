"""`vret export`: from a trained network, or an encoder file, to an encoder file. Needs torch."""

import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.commands import given
from app.commands.index_command import ProgressBar
from app.commands.options import MOST
from app.commands.output import say, talk
from app.index_report import IndexProgress

if TYPE_CHECKING:
    from pretrain.config import Start
    from pretrain.encoder_file import Exported

_PRECISIONS = ("fp32", "fp16", "int8")


def export(
    run: Annotated[str | None, typer.Argument(help="Name or folder of a training run. Default: the newest.")] = None,
    name: Annotated[
        str | None,
        typer.Option(parser=given.encoder_name, metavar="NAME", help="Name of the encoder. Default: the run's name."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(parser=given.path, metavar="PATH", help="An .onnx file. Default: among the encoders of the data folder."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of a file or added encoder, or hide a packaged one.")
    ] = False,
    precision: Annotated[
        str,
        typer.Option(help="fp32; fp16: half as large; int8: a third as large, quicker on a CPU, a little less exact."),
    ] = "fp32",
    calibrate_on: Annotated[
        list[Path] | None,
        typer.Option(
            parser=given.path,
            metavar="PATH",
            help="Footage, or a .txt that lists some, to calibrate int8 and compare with fp32. Default: drawn clips.",
        ),
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(help="No run, but an fp32 encoder, or .onnx file, to be written in another --precision.")
    ] = None,
    span: Annotated[
        list[float] | None,
        typer.Option(
            parser=given.positive, metavar="SECONDS", help="Clip length in seconds; repeat for a pyramid. Default: 2, 4, 8."
        ),
    ] = None,
    pooling: Annotated[
        str | None, typer.Option(help="avg, or grid:TxHxW such as grid:2x2x2. Default: grid:2x1x1; of a look run grid:1x2x2.")
    ] = None,
    whiten: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Numbers of a vector, by PCA-whitening; 0 for none. 256 at most by default; 128 of a look run; none of colour.",
        ),
    ] = None,
    whiten_on: Annotated[
        list[Path] | None,
        typer.Option(
            parser=given.path,
            metavar="PATH",
            help="Footage, or a .txt that lists some, to fit the whitening. Default: drawn clips.",
        ),
    ] = None,
    look: Annotated[
        str | None,
        typer.Option(metavar="ENCODER", help="Join it with this encoder of looks, so that vret search --look weighs the two."),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="No run, but something to compare with: colour, or a backbone's name, untrained.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=MOST, help="Seed of an untrained --baseline. Default: 1.")] = None,
    start: Annotated[
        Literal["motion", "default"] | None,
        typer.Option(help="How its weights are drawn: motion as most recipes do, or PyTorch's default. Default: motion."),
    ] = None,
) -> None:
    """Write a trained encoder as one .onnx file with its card, after checking that it gives the network's vectors.

    Example: vret export pace --name mine, then: vret index ~/Videos --encoder mine

    A quicker one of the encoder you have: vret export --encoder default --precision int8 --calibrate-on ~/Videos
    """
    from app.errors import WrongValue
    from app.export_encoder import ExportChoices
    from app.workspace import Workspace

    if precision not in _PRECISIONS:
        raise WrongValue(f"precision must be one of {', '.join(_PRECISIONS)}, got {precision!r}.")
    if sum(source is not None for source in (run, baseline, encoder)) > 1:
        raise typer.BadParameter("Give a run, or --baseline, or --encoder, not several.")
    if encoder is not None and (pooling is not None or whiten is not None or whiten_on):
        raise typer.BadParameter("An --encoder keeps its pooling and whitening; give a run to choose others.")
    if encoder is not None and look is not None:
        raise typer.BadParameter("Join two encoders with: vret encoders join")
    if whiten_on and (whiten == 0 or (baseline == "colour" and whiten is None)):
        raise typer.BadParameter("--whiten-on has no use without a whitening.")
    if calibrate_on and precision == "fp32":
        raise typer.BadParameter("--calibrate-on is for --precision int8 or fp16.")
    if seed is not None and baseline in (None, "colour"):
        raise typer.BadParameter("--seed is for an untrained --baseline.")
    if start is not None and baseline in (None, "colour"):
        raise typer.BadParameter("--start is for an untrained --baseline.")
    choices = ExportChoices(
        name=name,
        out=out,
        replace=replace,
        spans_s=span,
        pooling=pooling,
        whiten_dim=whiten,
        precision=precision,
        whiten_on=whiten_on or (),
        calibrate_on=calibrate_on or (),
        look=look,
    )
    with Workspace() as ws, ProgressBar() as bar:
        make = _maker(run=run, baseline=baseline, seed=1 if seed is None else seed, start=start or "motion", encoder=encoder)
        exported, path = make(ws=ws, choices=choices, on_work=_Work(bar))
    card = exported.card
    say(f"{path}: {card.task} on {card.backbone}, {card.precision}, {card.dim} numbers a clip, {path.stat().st_size / 1e6:.1f} MB")
    for note in exported.notes:
        talk(f"note: {note}")
    _tell_comparison(exported)
    talk(f"Use it: vret index FOLDER --encoder {shlex.quote(card.name if out is None else str(path))}")


class _Work:
    """Shows how far an export is: a bar at a terminal, elsewhere a line for each thing that is begun."""

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar
        self._doing = ""

    def __call__(self, doing: str, done: int, total: int) -> None:
        if sys.stderr.isatty():
            self._bar.show(IndexProgress(phase=doing, done=done, total=total))
        elif doing != self._doing:
            talk(f"{doing} ({total})" if total > 1 else doing)
        self._doing = doing


def _maker(
    *, run: str | None, baseline: str | None, seed: int, start: "Start", encoder: str | None
) -> "Callable[..., tuple[Exported, Path]]":
    """What makes the encoder that was asked for."""
    from app.export_encoder import export_baseline, export_encoder, export_in_precision

    if encoder is not None:
        return partial(export_in_precision, encoder=encoder)
    if baseline is not None:
        return partial(export_baseline, baseline=baseline, seed=seed, start=start)
    return partial(export_encoder, run=run)


def _tell_comparison(exported: "Exported") -> None:
    """How a file in lower precision compares with fp32, in two lines."""
    if exported.agreement is None:
        return
    say(f"against fp32: {exported.agreement}")
    before, after = exported.ms_per_clip["fp32"], exported.ms_per_clip[exported.card.precision]
    words = [
        f"{new:.1f} ms a clip instead of {old:.1f} with {threads} ({old / new:.1f} times as quick)"
        for old, new, threads in zip(before, after, ("one thread", "all cores"), strict=True)
    ]
    say(f"on this CPU: {', '.join(words)}")
