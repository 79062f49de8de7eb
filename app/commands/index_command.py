"""`vret index`: the one verb that works for long, so it shows how far it is."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Self

import typer

from app.commands import given
from app.commands.options import EncoderOption, JsonOption
from app.commands.output import clock, one_line, print_json, say, talk

if TYPE_CHECKING:
    from rich.progress import Progress

    from app.index_report import IndexProgress, IndexReport

_BROKEN_SHOWN = 20


def index(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(parser=given.path, help="Folders to look through, with all that is below them. None: all of the library."),
    ] = None,
    library: Annotated[
        str | None,
        typer.Option(
            "--library", "-l", parser=given.text, metavar="NAME", help="Name of the library. Default: the name of the first folder."
        ),
    ] = None,
    encoder: EncoderOption = None,
    hop: Annotated[
        float | None,
        typer.Option(
            help="Distance of clip starts in clip lengths, for the videos embedded now. Default: 0.5. Not embedded, and so as they "
            "are: unchanged videos (--reembed takes them too) and copies of indexed ones, which take those clips with their hop."
        ),
    ] = None,
    wait: Annotated[
        float, typer.Option(help="Seconds to wait for another run to end; -1 for as long as it takes. Else exit code 4.")
    ] = 0.0,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            parser=given.text,
            metavar="PATTERN",
            help="Leave out files that match this pattern, as in .gitignore: '*.lrv', 'drafts/', '/only/here', '!keep this'. "
            "Repeatable. The library keeps it; see vret libraries exclude.",
        ),
    ] = None,
    reembed: Annotated[bool, typer.Option("--reembed", help="Embed every video anew, also the unchanged ones.")] = False,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="A quick first pass over new videos: reads key frames only, so that they can be found by their "
            "look. The next vret index without it reads them whole.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the videos of folders searchable; a second run does only what is new.

    Broken videos are listed with their reasons and do not stop the run. Hidden files and folders,
    trash, thumbnail folders of NAS (@eaDir), node_modules and vret's own data are left out, unless you name such a folder.

    Example: vret index ~/Videos --library holidays --exclude 'drafts/'
    """
    from app.index_library import index_library
    from app.library_scan import library_name_of
    from app.workspace import Workspace

    if hop is not None and not 0 < hop <= 1:
        raise typer.BadParameter(f"--hop must be more than 0 and at most 1 clip length, got {hop}.")
    if not folders and library is None:
        raise typer.BadParameter(
            "Which videos? Give a folder, vret index ~/Videos, or a library to bring up to date with --library NAME."
        )
    name = library if library is not None else library_name_of((folders or [])[0])
    with Workspace() as ws, ProgressBar() as bar:
        report = index_library(
            ws,
            name,
            folders or (),
            encoder_name=encoder,
            hop=hop,
            excludes=[_from_here(pattern, folders or ()) for pattern in exclude or ()],
            on_event=bar.show,
            wait_s=wait,
            reembed=reembed,
            quick=quick,
        )
    if as_json:
        print_json(report.to_dict())
    else:
        print_report(report)
    for folder, why in report.away:
        talk(f"away: {one_line(folder)} {one_line(why)}")
    for name, number in report.from_libraries.items():
        talk(f"moved: {number} of these videos were in library {one_line(name)} before")
    if report.stopped:
        rest = "with --reembed, the same command begins anew" if reembed else "the same command does the rest"
        talk(f"Stopped. What is done stays done; {rest}.")
        raise typer.Exit(130)


def _from_here(pattern: str, folders: Sequence[Path]) -> str:
    """A pattern as it was meant: a path that a shell completed from where it stands, and not one below the folder, made whole."""
    if "/" not in pattern.rstrip("/") or pattern.startswith(("/", "~", "!")):
        return pattern
    path = os.path.abspath(pattern)
    for folder in folders:
        root = os.path.abspath(folder)
        if path.startswith(root + os.sep) and os.path.lexists(path) and not os.path.lexists(os.path.join(root, pattern)):
            return path + ("/" if pattern.endswith("/") else "")
    return pattern


def print_report(report: "IndexReport") -> None:
    from app.index_report import clips_rate, rate_words

    say(f"{report.library}: {report.summary()}")
    if report.clips:
        rate = "".join(f"{words}, " for words in [rate_words(clips_rate(report.clips, report.seconds))] if words)
        say(f"{report.clips} clips of {clock(report.video_seconds)} of video in {report.seconds:.1f} s ({rate}{report.provider})")
    if report.by_key_frames:
        whole = f"vret index --library {shlex.quote(report.library)}"
        say(f"{report.by_key_frames} video(s) by their look only so far. To find their movement too: {whole}")
    for path, reason in report.broken[:_BROKEN_SHOWN]:
        say(f"broken: {one_line(path)}: {one_line(reason)}")
    if len(report.broken) > _BROKEN_SHOWN:
        more = len(report.broken) - _BROKEN_SHOWN
        say(f"and {more} more broken: vret videos --library {shlex.quote(report.library)} --outcome broken")
    for line in _not_taken(report):
        talk(line)
    for path, warning in report.warnings[:_BROKEN_SHOWN]:
        talk(f"warning: {one_line(path)}: {one_line(warning)}")


def _not_taken(report: "IndexReport") -> list[str]:
    """What was not taken for footage, a line a kind."""
    from app.library_scan import left_out_words, passed_over_words

    lines = [left_out_words(report.left_out), passed_over_words(report.passed_over)]
    if report.not_videos:
        path, reason = report.not_videos[0]
        lines.append(
            f"{len(report.not_videos)} file(s) have a video's name but are not videos, such as {path} ({reason}). "
            f"All: vret videos --library {shlex.quote(report.library)} --outcome not-video"
        )
    if report.excluded:
        lines.append(
            f"{report.excluded} indexed video(s) are now left out: kept, but not "
            f"searched. To forget them: vret libraries purge {shlex.quote(report.library)}"
        )
    return [one_line(line) for line in lines if line]


class ProgressBar:
    """Shows a run's progress on stderr. Does not even load Rich before there is something to show."""

    def __init__(self) -> None:
        self._progress: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, event: "IndexProgress") -> None:
        """Takes one event of the run."""
        if event.phase == "waiting":
            talk(f"Waiting for {event.current}")
        elif event.total:
            from app.index_report import rate_words

            progress = self._started()
            if event.message is not None:
                progress.console.print(one_line(event.message), markup=False, highlight=False, soft_wrap=True)
            left = "" if event.seconds_left is None else f"{_minutes(event.seconds_left)} left"
            progress.update(
                progress.task_ids[0],
                description=one_line(event.phase),
                completed=event.done,
                total=event.total,
                rate=rate_words(event.clips_per_s),
                left=left,
            )

    def _started(self) -> "Progress":
        if self._progress is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TextColumn("{task.fields[left]}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._progress.add_task("", rate="", left="")
            self._progress.start()
        return self._progress


def _minutes(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
