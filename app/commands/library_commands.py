"""`vret libraries`, `vret videos`, `vret status`: what is there."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from app.commands import given
from app.commands.options import MOST, CsvOption, JsonOption, LibraryOption
from app.commands.output import check_one_format, clock, one_line, print_csv, print_json, print_table, say, talk

libraries = typer.Typer(
    help="List libraries, choose what they leave out, remove them, or forget missing videos.\n\nExample: vret libraries"
)

_LIBRARY_COLUMNS = ("name", "folders", "videos", "clips", "seconds", "broken", "missing")
_VIDEO_COLUMNS = (
    "id", "library", "path", "outcome", "reason", "duration_s", "width", "height", "frame_rate", "codec", "container",
    "num_clips", "warnings",
)  # fmt: skip


_IN_TABLE = 100  # more are no use to who reads them; a program gets all

Outcome = Literal["indexed", "broken", "not-video", "missing"]


@libraries.callback(invoke_without_command=True)
def list_libraries(context: typer.Context, as_json: JsonOption = False, as_csv: CsvOption = False) -> None:
    """List libraries, choose what they leave out, remove them, or forget missing videos.

    Example: vret libraries --json
    """
    if context.invoked_subcommand is not None:
        return
    check_one_format(as_json, as_csv)
    from app.on_disk import folder_trouble
    from app.workspace import Workspace

    with Workspace() as ws:
        summaries = ws.catalog.libraries()
    rows = [
        {
            "name": library.name,
            "folders": [str(folder) for folder in library.folders],
            "away": [str(folder) for folder in library.folders if folder_trouble(folder) is not None],
            "videos": library.num_indexed,
            "clips": library.num_clips,
            "seconds": round(library.seconds, 2),
            "broken": library.num_broken,
            "missing": library.num_missing,
            "not_videos": library.num_not_videos,
            "by_key_frames": library.num_by_key_frames,
            "excludes": list(library.excludes),
        }
        for library in summaries
    ]
    if as_json:
        print_json(rows)
    elif as_csv:
        print_csv(_LIBRARY_COLUMNS, rows)
    elif not rows:
        talk("No library yet. Make one with: vret index FOLDER")
    else:
        columns = ("library", "videos", "clips", "length", "broken", "missing", "folders", "left out")
        print_table(
            {name: "left" if name in ("library", "folders", "left out") else "right" for name in columns},
            [
                (
                    library.name,
                    str(library.num_indexed),
                    str(library.num_clips),
                    clock(library.seconds),
                    str(library.num_broken),
                    str(library.num_missing),
                    ", ".join(one_line(folder) + (" (away)" if folder_trouble(folder) else "") for folder in library.folders),
                    ", ".join(one_line(pattern) for pattern in library.excludes),
                )
                for library in summaries
            ],
        )


@libraries.command("remove")
def remove_library(
    name: Annotated[str, typer.Argument(parser=given.text, metavar="NAME", help="The library.")],
    folder: Annotated[Path | None, typer.Option(parser=given.path, metavar="PATH", help="Remove only this folder from it.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a library, or one of its folders, from the catalog. The video files stay.

    Example: vret libraries remove holidays --yes
    """
    from app.maintain import remove_library as remove
    from app.workspace import Workspace

    what = f"folder {folder} of library {name!r}" if folder else f"library {name!r}"
    if not yes:
        typer.confirm(one_line(f"Forget {what} and its vectors? The video files stay."), abort=True, err=True)
    with Workspace() as ws:
        remove(ws, name, folder)
    talk(f"Removed {what}.")


@libraries.command("exclude")
def exclude(
    name: Annotated[str, typer.Argument(parser=given.text, metavar="NAME", help="The library.")],
    patterns: Annotated[
        list[str] | None,
        typer.Argument(
            parser=given.text,
            metavar="PATTERN",
            help="Patterns of files to leave out, as in .gitignore: '*.lrv', 'drafts/', '!keep this'. Without patterns: list them.",
        ),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove these patterns.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List or change the patterns of files that a library leaves out. They apply from the next `vret index` on.

    Example: vret libraries exclude holidays 'drafts/' '*.lrv'
    """
    from app.maintain import change_excludes
    from app.workspace import Workspace

    with Workspace() as ws:
        before = ws.catalog.library(name).excludes
        kept = change_excludes(ws, name, [] if remove else patterns or (), patterns or () if remove else ()) if patterns else before
    if as_json:
        print_json(kept)
    else:
        for pattern in kept:
            say(one_line(pattern))
    if kept != before:
        talk(f"Applies from the next run on: vret index --library {shlex.quote(name)}")
    elif not kept:
        talk("No patterns. Hidden files, trash and thumbnail folders are always left out.")


@libraries.command("purge")
def purge(
    name: Annotated[str, typer.Argument(parser=given.text, metavar="NAME", help="The library.")],
    away: Annotated[
        bool, typer.Option("--away", help="Also forget the videos in folders that are missing, empty or unreadable now.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget the videos of a library that are missing on disk.

    Keeps videos whose files are back, and videos in a folder that is missing or empty, as when a drive is disconnected. Asks first
    when run at a terminal.

    Example: vret libraries purge holidays
    """
    from app.maintain import purge_missing
    from app.workspace import Workspace

    with Workspace() as ws:
        missing = ws.catalog.count_videos(name, outcome="missing")
        if (missing or away) and not yes and sys.stdin is not None and sys.stdin.isatty():
            also = " and all videos in its missing or empty folders" if away else ""
            question = f"Forget {missing} missing video(s) of library {name!r}{also}, with their ratings? Are all drives connected?"
            typer.confirm(question, abort=True, err=True)
        purged = purge_missing(ws, name, away=away)
    say(f"purged {purged.forgotten}")
    for where, number in purged.left.items():
        talk(f"kept {number}: {one_line(where)}")
    if purged.left and not away:
        talk("To forget these too, add --away. Videos whose files are back are kept.")


def videos(
    library: LibraryOption = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only videos that stand so.")] = None,
    text: Annotated[
        str | None,
        typer.Option(
            parser=given.text, metavar="TEXT", help="Only paths that contain this text; upper and lower case are the same."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="Show at most N. Default: 100 in a table, all in JSON and CSV.")
    ] = None,
    offset: Annotated[int, typer.Option(min=0, max=MOST, help="Skip the first N.")] = 0,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List videos with their facts; broken ones with the reason.

    Example: vret videos --library holidays --outcome broken
    """
    check_one_format(as_json, as_csv)
    from dataclasses import asdict

    from app.workspace import Workspace

    with Workspace() as ws:
        if library is not None:
            ws.catalog.library(library)
        shown = limit if limit is not None or as_json or as_csv else _IN_TABLE
        found = ws.catalog.videos(library, outcome=outcome, text=text, limit=shown, offset=offset)
        more = len(found) == shown and ws.catalog.count_videos(library, outcome=outcome, text=text) > offset + len(found)
    rows = [asdict(video) for video in found]
    if as_json:
        print_json(rows)
    elif as_csv:
        print_csv(_VIDEO_COLUMNS, rows)
    else:
        columns = {"id": "right", "outcome": "left", "length": "right", "size": "right", "fps": "right", "codec": "left",
                   "clips": "right", "video": "left", "note": "left"}  # fmt: skip
        print_table(
            columns,
            [
                (
                    str(video.id),
                    video.outcome,
                    "" if video.duration_s is None else clock(video.duration_s),
                    "" if video.width is None else f"{video.width}x{video.height}",
                    "" if video.frame_rate is None else f"{video.frame_rate:.2f}",
                    video.codec or "",
                    str(video.num_clips),
                    one_line(video.path),
                    one_line(video.reason or "; ".join(video.warnings)),
                )
                for video in found
            ],
        )
    if more:
        talk(f"Only {len(found)} are shown. For the next ones: --offset {offset + len(found)}; for more: --limit.")


def status(as_json: JsonOption = False) -> None:
    """Show what is running, how far it is, and how the last runs ended.

    Example: vret status
    """
    from app.maintain import job_rows
    from app.run_lock import lock_holder
    from app.workspace import Workspace

    with Workspace() as ws:
        rows = job_rows(ws, limit=None) if as_json else job_rows(ws)
        holder = lock_holder(ws.home) if any(row["state"] == "running" for row in rows) else None
        if as_json:
            print_json({"home": ws.home, "catalog": ws.settings.shown_catalog_url, "jobs": rows})
            return
        say(f"data folder: {ws.home}")
    if holder is not None:
        say(f"running: {holder}")
    columns = ("job", "what", "library", "state", "started", "done", "note")
    print_table(
        {name: "right" if name in ("job", "done") else "left" for name in columns},
        [
            (
                str(row["id"]),
                row["kind"],
                row["library"] or "",
                row["state"],
                row["started_at"].astimezone().strftime("%Y-%m-%d %H:%M:%S"),
                row["done"],
                one_line(row["message"] or row["current"]),
            )
            for row in rows
        ],
    )
