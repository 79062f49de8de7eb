"""`vret search`: a clip in, moments out."""

import os
from collections.abc import Mapping, Sequence
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
    from app.find_similar import MomentQuery, Query, SearchResult

_COLUMNS = (
    *("rank", "score", "path", "start_s", "end_s", "library", "video_id", "flagged", "missing"),
    *("copies", "strength", "false_alarm_rate"),
)
_AWAY = " (not there now)"


def search(
    clips: Annotated[
        list[Path] | None,
        typer.Argument(
            parser=given.path,
            help="Video files or still pictures, indexed or not. Several are searched by what they have in common.",
        ),
    ] = None,
    start: Annotated[
        float | None,
        typer.Option(parser=given.seconds, metavar="TIME", help="Start of the query in the file, such as 12.5 or 0:12.50."),
    ] = None,
    end: Annotated[float | None, typer.Option(parser=given.seconds, metavar="TIME", help="End of the query in the file.")] = None,
    at: Annotated[
        float | None,
        typer.Option(
            parser=given.seconds, metavar="TIME", help="Search by the look of one frame: the one at this time of the file."
        ),
    ] = None,
    like: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH@TIME",
            help="Search with a moment of an indexed video: path@12.5, path@12.5-15 or path@0:12.50. Fast, since its vectors are "
            "stored. The last @ in the text counts. May be repeated, and given beside files.",
        ),
    ] = None,
    unlike: Annotated[
        list[str] | None,
        typer.Option(
            "--not",
            metavar="FILE|PATH@TIME",
            help="An example of what is not meant: a file, or a moment as with --like. May be repeated.",
        ),
    ] = None,
    top: Annotated[int, typer.Option("--top", "-k", min=1, max=MOST, help="Number of results.")] = 10,
    min_score: Annotated[
        float | None,
        typer.Option(
            parser=given.cosine,
            metavar="-1..1",
            help="Leave out moments that score lower. 1 is the same; what is a good score "
            "depends on the encoder and on your videos.",
        ),
    ] = None,
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
            f"Default: {DEFAULT_LOOK}; 1 where nothing moves, as in pictures.",
        ),
    ] = None,
    one_per_video: Annotated[bool, typer.Option("--one-per-video", help="Only the best moment of each video.")] = False,
    all_copies: Annotated[
        bool,
        typer.Option("--all-copies", help="Show every copy of a video. Otherwise near-equal moments are one result, marked (x12)."),
    ] = False,
    empty: Annotated[bool, typer.Option("--empty", help="Also black moments, and at --look 0 those that stand still.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Find the moments most similar to a clip, a picture, or several examples.

    A picture (JPEG, PNG, WebP, BMP, HEIC, AVIF), or a frame of a video by --at, is compared by its look alone, so the encoder must
    see looks, as the default does.

    Of several examples, each counts the same; those given with --not together count 0.3 of what the others do. They may be short
    videos (up to 1.25 times the encoder's longest clip), moments and pictures in any mix.

    Example: vret search clip.mp4 --start 3.0 --end 5.5 -k 10

    Example: vret search --like "videos/party.mp4@12.5" --library holidays --json

    Example: vret search clip.mp4 --look 0.8

    Example: vret search photo.jpg --min-score 0.6

    Example: vret search film.mp4 --at 12.5

    Example: vret search jump.mp4 leap.mp4 --not walk.mp4
    """
    check_one_format(as_json, as_csv)
    examples = _examples(clips or [], start, end, at, like or [])
    not_meant = [_unlike(text) for text in unlike or []]

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
            examples,
            unlike=not_meant,
            encoder_name=encoder,
            k=top,
            filters=filters,
            one_per_video=one_per_video,
            look=look,
            collapse_copies=not all_copies,
            min_score=min_score,
        )
    for warning in (*result.warnings, *result.notes):
        talk(f"warning: {warning}")
    if not result.hits and result.best_score is not None:
        talk(f"No good match: the best moment scores {result.best_score:.3f}, below --min-score {min_score:g}.")
    elif not result.hits:
        asked = {"--library": library, "--folder": folder, "--between": between}
        # Where a note tells why, footage that is left out is not it.
        talk(_nothing_found(asked, empty=empty or bool(result.notes)))
    elif not result.has_good_match:
        talk("No good match: unrelated clips get results as good as these.")
    if as_json:
        print_json(result.to_dict())
    elif as_csv:
        print_csv(_COLUMNS, result.to_dict()["hits"])
    else:
        _print_hits(result)


def parse_moment(text: str, option: str = "--like") -> "MomentQuery":
    """`path@12.5`, `path@12.5-15` or `path@0:12.50-0:15` as a query. The last @ counts, so that a path may contain one. option:
    what it was given with. Raises BadRange, BadPath.
    """
    from app.errors import BadRange
    from app.find_similar import MomentQuery
    from app.given_path import given_path

    path, at, span = text.rpartition("@")
    if not at or not path:
        raise BadRange(f"{option} needs a path and a second, path@12.5, path@12.5-15 or path@0:12.50, got {text!r}.")
    try:
        at_s, end_s = parse_range(span) if RANGE_MARK.search(span) else (parse_seconds(span), None)
    except BadRange as error:
        raise BadRange(f"{option} needs a path and a second, path@12.5 or path@0:12.50-0:15, got {text!r}. {error}") from error
    return MomentQuery(path=given_path(path), at_s=at_s, end_s=None if end_s == inf else end_s)


def _between(text: str) -> tuple[float, float]:
    from app.errors import BadRange

    try:
        return parse_range(text)
    except BadRange as error:
        raise BadRange(f"--between: {error}") from error


def _examples(
    clips: Sequence[Path], start: float | None, end: float | None, at: float | None, like: Sequence[str]
) -> "list[Query]":
    """What is searched by, files first. Raises BadParameter for options that do not go together, BadQuery for seconds of a
    picture."""
    if not clips and not like:
        raise typer.BadParameter("Give a video file or a picture, or --like with a moment of an indexed video.")
    if (start, end, at) != (None, None, None):
        if not clips:
            raise typer.BadParameter("--start, --end and --at belong to a file; with --like write the range behind the @.")
        if len(clips) > 1:
            raise typer.BadParameter(f"--start, --end and --at belong to one file, got {len(clips)}. Of several, use --like.")
    if at is not None and (start, end) != (None, None):
        raise typer.BadParameter("--at is one frame, --start and --end are a range. Give the one or the other.")
    return [*(_of_file(path, start, end, at) for path in clips), *(parse_moment(text) for text in like)]


def _of_file(path: Path, start: float | None, end: float | None, at: float | None) -> "Query":
    """A video's range or frame, or a picture: what its first bytes say that it is."""
    from app.errors import BadQuery
    from app.find_similar import ClipQuery, PictureQuery
    from embedder.file_kind import is_picture

    if not is_picture(path):  # also of what cannot be read; the search says so
        return ClipQuery(path=path, start_s=start, end_s=end) if at is None else PictureQuery(path=path, at_s=at)
    given_s = [name for name, value in (("--start", start), ("--end", end), ("--at", at)) if value is not None]
    if given_s:
        raise BadQuery(f"{path} is a picture and has no seconds. Leave out {' and '.join(given_s)}.")
    return PictureQuery(path=path)


def _unlike(text: str) -> "Query":
    """A file of that name, else a moment `path@12.5`."""
    from app.given_path import given_path

    path = given_path(text)
    return parse_moment(text, "--not") if "@" in text and not os.path.isfile(path) else _of_file(path, None, None, None)


def _nothing_found(asked: Mapping[str, object], *, empty: bool) -> str:
    """Which filters were on, for one of them it was."""
    on = [f"{option} {one_line(value)}" for option, value in asked.items() if value is not None]
    where = f"with {', '.join(on)}" if on else "in all libraries"
    left_out = "" if empty else " Empty footage is left out; --empty includes it."
    return f"Nothing found {where}.{left_out}"


def _print_hits(result: "SearchResult") -> None:
    if not result.hits:
        return
    columns = {"#": "right", "score": "right", "match": "left", "from": "right", "to": "right", "video": "left", "library": "left"}
    rows = [
        (
            str(hit.rank),
            f"{hit.score:.3f}",
            hit.strength or "",
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
    moments = "1 moment" if len(result.hits) == 1 else f"{len(result.hits)} moments"
    ungraded = "; too little footage of such lengths to say how good a match is" if result.hits[0].strength is None else ""
    talk(f"{moments} like {_asked_by(result)}, in {result.seconds:.2f} s (encoder {result.encoder}{how}){ungraded}")


def _asked_by(result: "SearchResult") -> str:
    if result.num_examples == 1 and not result.num_unlike:
        return f"these {result.query_s:.2f} s"
    these = "this example" if result.num_examples == 1 else f"these {result.num_examples} examples"
    return these + (f" and unlike {result.num_unlike}" if result.num_unlike else "")
