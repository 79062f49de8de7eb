"""`vret search`: a clip in, moments out."""

from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.options import CsvOption, EncoderOption, JsonOption, LibraryOption
from app.commands.output import check_one_format, clock, one_line, print_csv, print_json, print_table, talk

if TYPE_CHECKING:
    from app.find_similar import ClipQuery, MomentQuery, SearchResult

_COLUMNS = ("rank", "score", "path", "start_s", "end_s", "library", "video_id", "flagged", "missing")
_AWAY = " (not there now)"


def search(
    clip: Annotated[Path | None, typer.Argument(help="A video file, indexed or not.")] = None,
    start: Annotated[float | None, typer.Option(help="Second of the file at which the query begins.")] = None,
    end: Annotated[float | None, typer.Option(help="Second of the file at which the query ends.")] = None,
    like: Annotated[
        str | None,
        typer.Option(help="A moment of an indexed video: path@12.5, or path@12.5-15. Answers from stored vectors, at once."),
    ] = None,
    top: Annotated[int, typer.Option("--top", "-k", min=1, help="How many moments.")] = 10,
    library: LibraryOption = None,
    folder: Annotated[Path | None, typer.Option(help="Only videos below this folder.")] = None,
    between: Annotated[
        str | None, typer.Option(help="Only moments inside these seconds of their videos: 10-60, or 10- for all from 10 s on.")
    ] = None,
    encoder: EncoderOption = None,
    one_per_video: Annotated[bool, typer.Option("--one-per-video", help="Only the best moment of each video.")] = False,
    empty: Annotated[bool, typer.Option("--empty", help="Also moments with nothing to see: black, frozen.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Find the moments most similar to a clip.

    Example: vret search clip.mp4 --start 3.0 --end 5.5 -k 10

    Example: vret search --like "videos/party.mp4@12.5" --library holidays --json
    """
    check_one_format(as_json, as_csv)
    query = _query(clip, start, end, like)

    from app.find_similar import find_similar
    from app.workspace import Workspace
    from index.search import Filters

    filters = Filters(
        library=library,
        folder=folder and folder.expanduser().absolute(),
        between_s=None if between is None else parse_seconds(between),
        include_flagged=empty,
    )
    with Workspace() as ws:
        result = find_similar(ws, query, encoder_name=encoder, k=top, filters=filters, one_per_video=one_per_video)
    for warning in result.warnings:
        talk(f"warning: {warning}")
    if as_json:
        print_json(result.to_dict())
    elif as_csv:
        print_csv(_COLUMNS, result.to_dict()["hits"])
    else:
        _print_hits(result)


def parse_moment(text: str) -> "MomentQuery":
    """`path@12.5` or `path@12.5-15` as a query. The last @ counts, so that a path may contain one. Raises BadQuery."""
    from app.errors import BadQuery
    from app.find_similar import MomentQuery

    path, at, span = text.rpartition("@")
    first, dash, last = span.partition("-")
    try:
        at_s, end_s = float(first), float(last) if dash else None
    except ValueError:
        at = ""
    if not at or not path:
        raise BadQuery(f"--like needs a path and a second, path@12.5 or path@12.5-15, got {text!r}.")
    if not 0 <= at_s < inf or (end_s is not None and not at_s < end_s < inf):  # float() takes nan and inf, too
        raise BadQuery(f"--like needs a range that ends after it begins, got {span!r}.")
    return MomentQuery(path=Path(path).expanduser(), at_s=at_s, end_s=end_s)


def parse_seconds(text: str) -> tuple[float, float]:
    """`10-60`, or `10-` for the rest of a video, as seconds. Raises BadQuery."""
    from app.errors import BadQuery

    first, dash, last = text.partition("-")
    try:
        start_s, end_s = float(first), float(last) if last else inf
    except ValueError:
        dash = ""
    if not dash or not 0 <= start_s < end_s:
        raise BadQuery(f"--between needs seconds, the later one last, such as 10-60 or 10-, got {text!r}.")
    return start_s, end_s


def _query(clip: Path | None, start: float | None, end: float | None, like: str | None) -> "ClipQuery | MomentQuery":
    from app.find_similar import ClipQuery

    if (clip is None) == (like is None):
        raise typer.BadParameter("Give a video file, or --like with a moment of an indexed video; not both.")
    if like is not None:
        if start is not None or end is not None:
            raise typer.BadParameter("--start and --end belong to a file; with --like write the range behind the @.")
        return parse_moment(like)
    assert clip is not None
    return ClipQuery(path=clip.expanduser(), start_s=start, end_s=end)


def _print_hits(result: "SearchResult") -> None:
    if not result.hits:
        talk("Nothing found: no indexed moment passes the filters.")
        return
    columns = {"#": "right", "score": "right", "from": "right", "to": "right", "video": "left", "library": "left"}
    rows = [
        (
            str(hit.rank),
            f"{hit.score:.3f}",
            clock(hit.start_s),
            clock(hit.end_s),
            one_line(hit.path) + _AWAY * hit.missing,
            hit.library,
        )
        for hit in result.hits
    ]
    print_table(columns, rows)
    how = f", query on {result.provider}" if result.provider else ""
    talk(f"{len(result.hits)} moments like these {result.query_s:.2f} s, in {result.seconds:.2f} s (encoder {result.encoder}{how})")
