"""`vret duplicates`: which videos are copies of one another, and which one to keep."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands import given
from app.commands.options import CsvOption, EncoderOption, JsonOption, LibraryOption
from app.commands.output import check_one_format, clock, one_line, print_csv, print_json, print_table, say, talk

if TYPE_CHECKING:
    from app.find_duplicates import DuplicateReport, DuplicateVideo

_COLUMNS = (
    "group", "keep", "kept_for", "score", "identical", "path", "libraries", "size", "width", "height", "duration_s", "modified",
    "video_id", "other_paths",
)  # fmt: skip
_MOMENT_COLUMNS = (
    "score", "path", "start_s", "end_s", "other_path", "other_start_s", "other_end_s", "video_id", "other_video_id",
)  # fmt: skip


def duplicates(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(parser=given.path, metavar="PATH", help="With --not or --undo-not: two videos or more."),
    ] = None,
    library: LibraryOption = None,
    encoder: EncoderOption = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            parser=given.share, metavar="0..1", help="From which mean cosine on videos are copies. Lower finds more. Default: 0.88."
        ),
    ] = None,
    moments: Annotated[
        bool,
        typer.Option(
            "--moments", help="Also list seconds (3 or more) shared by videos that are no copies; with --csv, only these."
        ),
    ] = False,
    are_none: Annotated[
        bool,
        typer.Option("--not", help="Remember that these videos are no duplicates of one another; they are not listed so again."),
    ] = False,
    undo_not: Annotated[bool, typer.Option("--undo-not", help="Take back what --not said of these videos.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List videos that are copies of one another, and which one to keep. Deletes nothing.

    Copies are files with the same content, and videos that were encoded anew, resized, cropped a little, or given a logo or another
    frame rate. The one to keep comes first in its group: the largest picture, of those the longest, then the largest file, then the
    oldest.

    Example: vret duplicates --library holidays

    Example: vret duplicates --not beach-1.mp4 beach-2.mp4
    """
    check_one_format(as_json, as_csv)
    if are_none and undo_not:
        raise typer.BadParameter("Give --not or --undo-not, not both.")
    if are_none or undo_not:
        _part(paths or [], undo=undo_not, as_json=as_json, as_csv=as_csv)
        return
    if paths:
        raise typer.BadParameter("Paths go with --not or --undo-not. To list the duplicates of one library: --library NAME.")
    from app.find_duplicates import find_duplicates
    from app.workspace import Workspace

    with Workspace() as ws:
        report = find_duplicates(ws, library=library, encoder_name=encoder, min_score=min_score, moments=moments)
    if as_json:
        print_json(report.to_dict())
    elif as_csv and report.moments is not None:
        print_csv(_MOMENT_COLUMNS, [moment.to_dict() for moment in report.moments])
    elif as_csv:
        print_csv(_COLUMNS, _rows(report))
    else:
        _print_groups(report)
        _print_moments(report)
    _talk_about(report)


def _part(paths: list[Path], *, undo: bool, as_json: bool, as_csv: bool) -> None:
    if as_json or as_csv:
        raise typer.BadParameter("--json and --csv are for the list, not for --not and --undo-not.")
    if len(paths) < 2:
        raise typer.BadParameter(f"{'--undo-not' if undo else '--not'} needs two paths or more.")
    from app.find_duplicates import part_videos
    from app.workspace import Workspace

    with Workspace() as ws:
        pairs = part_videos(ws, paths, undo=undo)
    say(f"forgotten {pairs}" if undo else f"remembered {pairs}")
    if not pairs:
        talk("These videos were not marked before." if undo else "That was known already.")


def _rows(report: "DuplicateReport") -> list[dict[str, Any]]:
    """A row for each video, the one to keep first in its group."""
    return [
        {
            **video.to_dict(),
            "group": number,
            "keep": video is group.keep,
            "kept_for": group.kept_for if video is group.keep else None,
        }
        for number, group in enumerate(report.groups, start=1)
        for video in (group.keep, *group.others)
    ]


def _print_groups(report: "DuplicateReport") -> None:
    if not report.groups:
        return
    columns = {"group": "right", "": "left", "score": "right", "picture": "right", "length": "right", "size": "right",
               "changed": "left", "video": "left"}  # fmt: skip
    rows = []
    for number, group in enumerate(report.groups, start=1):
        rows.append(_cells(number, f"keep: {group.kept_for}", "", group.keep))
        for video in group.others:
            rows.append(_cells(number, "", "identical" if video.identical else f"{video.score:.3f}", video))
    print_table(columns, rows)


def _print_moments(report: "DuplicateReport") -> None:
    if not report.moments:
        return
    columns = {"score": "right", "from": "right", "to": "right", "video": "left", "there from": "right", "there to": "right",
               "other video": "left"}  # fmt: skip
    rows = [
        (
            f"{moment.score:.3f}",
            clock(moment.start_s),
            clock(moment.end_s),
            one_line(moment.path),
            clock(moment.other_start_s),
            clock(moment.other_end_s),
            one_line(moment.other_path),
        )
        for moment in report.moments
    ]
    print_table(columns, rows)


def _cells(number: int, keep: str, score: str, video: "DuplicateVideo") -> tuple[str, ...]:
    return (
        str(number),
        keep,
        score,
        "" if video.width is None else f"{video.width}x{video.height}",
        "" if video.duration_s is None else clock(video.duration_s),
        _size(video.size),
        video.modified.astimezone().strftime("%Y-%m-%d %H:%M"),
        one_line(video.path),
    )


def _size(size: int) -> str:
    """Bytes for people."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"


def _talk_about(report: "DuplicateReport") -> None:
    others = [video for group in report.groups for video in group.others]
    if report.groups:
        spare = f"{len(others)} of them could go, {_size(sum(video.size for video in others))}"
        talk(f"{len(report.groups)} group(s) among {report.compared} videos; {spare}. Found in {report.seconds:.2f} s.")
        talk("Watch them before you delete. Where some are no duplicates: vret duplicates --not PATH PATH")
    else:
        talk(f"No duplicates among {report.compared} videos (encoder {report.encoder}, score from {report.min_score:g}).")
    if report.moments is not None:
        talk(
            f"{len(report.moments)} shared moment(s), to about a second. Finer indexes find more: vret index --hop 0.125 --reembed"
        )
    if report.without_vectors:
        talk(
            f"{report.without_vectors} video(s) are not indexed with {report.encoder}, or only by --quick: only identical files of "
            "them are found."
        )
    if report.away:
        talk(f"{report.away} video(s) are not at their path now and were left out.")
    if report.changed:
        talk(f"{report.changed} video(s) have changed since they were indexed and were left out. Run vret index.")
    if report.parted:
        talk(f"{report.parted} pair(s) are marked as no duplicates.")
