"""`vret search`: a clip in, moments out."""

from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.clip_times import RANGE_MARK, parse_range, parse_seconds
from app.commands import given
from app.commands.options import MOST, CsvOption, EncoderOption, JsonOption, LibraryOption
from app.commands.output import check_one_format, clock, one_line, print_csv, print_json, print_table, talk
from embedder.encoder_card import DEFAULT_LOOK

if TYPE_CHECKING:
    from app.find_similar import ClipQuery, MomentQuery, SearchResult

_COLUMNS = ("rank", "score", "path", "start_s", "end_s", "library", "video_id", "flagged", "missing", "copies")
_AWAY = " (not there now)"


def search(
    clip: Annotated[Path | None, typer.Argument(parser=given.path, help="A video file, indexed or not.")] = None,
    start: Annotated[
        float | None,
        typer.Option(parser=given.seconds, metavar="TIME", help="Start of the query in the file, such as 12.5 or 0:12.50."),
    ] = None,
    end: Annotated[float | None, typer.Option(parser=given.seconds, metavar="TIME", help="End of the query in the file.")] = None,
    like: Annotated[
        str | None,
        typer.Option(
            metavar="PATH@TIME",
            help="Search with a moment of an indexed video: path@12.5, path@12.5-15 or path@0:12.50. Fast, since its vectors are "
            "stored. The last @ in the text counts.",
        ),
    ] = None,
    top: Annotated[int, typer.Option("--top", "-k", min=1, max=MOST, help="Number of results.")] = 10,
    library: LibraryOption = None,
    folder: Annotated[Path | None, typer.Option(parser=given.path, metavar="PATH", help="Only videos below this folder.")] = None,
    between: Annotated[
        str | None,
        typer.Option(
            metavar="TIME-TIME",
            help="Only moments within this time range of their videos: 10-60, 0:10-1:00, or 10- for 10 s to the end.",
        ),
    ] = None,
    encoder: EncoderOption = None,
    look: Annotated[
        float | None,
        typer.Option(
            parser=given.share,
            metavar="0..1",
            help="How much look counts against movement, with an encoder that keeps both apart: 0 is movement alone, 1 look alone. "
            f"Default: {DEFAULT_LOOK}.",
        ),
    ] = None,
    one_per_video: Annotated[bool, typer.Option("--one-per-video", help="Only the best moment of each video.")] = False,
    all_copies: Annotated[
        bool,
        typer.Option("--all-copies", help="Show every copy of a video. Otherwise near-equal moments are one result, marked (x12)."),
    ] = False,
    empty: Annotated[bool, typer.Option("--empty", help="Also moments with nothing to see: black, frozen.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Find the moments most similar to a clip.

    Example: vret search clip.mp4 --start 3.0 --end 5.5 -k 10

    Example: vret search --like "videos/party.mp4@12.5" --library holidays --json

    Example: vret search clip.mp4 --encoder both --look 0.8
    """
    check_one_format(as_json, as_csv)
    query = _query(clip, start, end, like)

    from app.find_similar import find_similar
    from app.given_path import absolute_path
    from app.workspace import Workspace
    from index.search import Filters

    filters = Filters(
        library=library,
        folder=folder and absolute_path(folder),
        between_s=None if between is None else _between(between),
        include_flagged=empty,
    )
    with Workspace() as ws:
        result = find_similar(
            ws,
            query,
            encoder_name=encoder,
            k=top,
            filters=filters,
            one_per_video=one_per_video,
            look=look,
            collapse_copies=not all_copies,
        )
    for warning in result.warnings:
        talk(f"warning: {warning}")
    if not result.hits:
        talk(_nothing_found({"--library": library, "--folder": folder, "--between": between}, empty=empty))
    if as_json:
        print_json(result.to_dict())
    elif as_csv:
        print_csv(_COLUMNS, result.to_dict()["hits"])
    else:
        _print_hits(result)


def parse_moment(text: str) -> "MomentQuery":
    """`path@12.5`, `path@12.5-15` or `path@0:12.50-0:15` as a query. The last @ counts, so that a path may contain one. Raises
    BadRange, BadPath.
    """
    from app.errors import BadRange
    from app.find_similar import MomentQuery
    from app.given_path import given_path

    path, at, span = text.rpartition("@")
    if not at or not path:
        raise BadRange(f"--like needs a path and a second, path@12.5, path@12.5-15 or path@0:12.50, got {text!r}.")
    try:
        at_s, end_s = parse_range(span) if RANGE_MARK.search(span) else (parse_seconds(span), None)
    except BadRange as error:
        raise BadRange(f"--like needs a path and a second, path@12.5 or path@0:12.50-0:15, got {text!r}. {error}") from error
    return MomentQuery(path=given_path(path), at_s=at_s, end_s=None if end_s == inf else end_s)


def _between(text: str) -> tuple[float, float]:
    from app.errors import BadRange

    try:
        return parse_range(text)
    except BadRange as error:
        raise BadRange(f"--between: {error}") from error


def _query(clip: Path | None, start: float | None, end: float | None, like: str | None) -> "ClipQuery | MomentQuery":
    from app.find_similar import ClipQuery

    if (clip is None) == (like is None):
        raise typer.BadParameter("Give a video file, or --like with a moment of an indexed video; not both.")
    if like is not None:
        if start is not None or end is not None:
            raise typer.BadParameter("--start and --end belong to a file; with --like write the range behind the @.")
        return parse_moment(like)
    assert clip is not None
    return ClipQuery(path=clip, start_s=start, end_s=end)


def _nothing_found(asked: Mapping[str, object], *, empty: bool) -> str:
    """Which filters were on, for one of them it was."""
    on = [f"{option} {one_line(value)}" for option, value in asked.items() if value is not None]
    where = f"with {', '.join(on)}" if on else "in all libraries"
    left_out = "" if empty else " Black and frozen footage is left out; --empty includes it."
    return f"Nothing found {where}.{left_out}"


def _print_hits(result: "SearchResult") -> None:
    if not result.hits:
        return
    columns = {"#": "right", "score": "right", "from": "right", "to": "right", "video": "left", "library": "left"}
    rows = [
        (
            str(hit.rank),
            f"{hit.score:.3f}",
            clock(hit.start_s),
            clock(hit.end_s),
            one_line(hit.path) + (f" (x{hit.copies + 1})" if hit.copies else "") + _AWAY * hit.missing,
            hit.library,
        )
        for hit in result.hits
    ]
    print_table(columns, rows)
    how = f", look {result.look:g}" if result.look is not None else ""
    how += f", query on {result.provider}" if result.provider else ""
    talk(f"{len(result.hits)} moments like these {result.query_s:.2f} s, in {result.seconds:.2f} s (encoder {result.encoder}{how})")
