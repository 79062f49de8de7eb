"""Options that several verbs of `vret eval` share."""

from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from app.commands import given
from app.evaluation.ways import WAYS, Way
from app.labels.rows import Layout
from embedder.encoder_card import DEFAULT_LOOK

LABELS_HELP = (
    "CSV with path, label, split (train or test), group, source; a folder of class folders; or the official split files of "
    "UCF101, HMDB51 or Kinetics."
)
LabelsOption = Annotated[Path, typer.Option(parser=given.path, metavar="PATH", help=LABELS_HELP)]
OptionalLabelsOption = Annotated[Path | None, typer.Option(parser=given.path, metavar="PATH", help=LABELS_HELP)]
LabelledLibraryOption = Annotated[
    str | None,
    typer.Option(
        "--library",
        "-l",
        help="The indexed library. Default: the only one; of several, the one named as the folder of the labelled videos.",
    ),
]
VideosOption = Annotated[
    Path | None,
    typer.Option(
        parser=given.path,
        metavar="PATH",
        help="Folder of the videos that the label file names. Default: the folder of the label file.",
    ),
]
LayoutOption = Annotated[Layout | None, typer.Option(help="How the labels are laid out. Default: told by what is there.")]
FoldOption = Annotated[int, typer.Option(min=1, max=3, help="Which of the three splits of UCF101 or HMDB51.")]
WithinOption = Annotated[
    Literal["source", "group"] | None, typer.Option(help="Compare only inside one source (or group): 'source'.")
]


def _check_ways(ways: list[str] | None) -> list[str] | None:
    """Typer takes no list of choices."""
    for way in ways or ():
        if way not in WAYS:
            raise typer.BadParameter(f"{way!r} is none of {', '.join(WAYS)}.")
    return ways


ByOption = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        callback=_check_ways,
        help="How videos are compared: mean, by the means of their stored vectors, which is quick; stored, by the search, asked "
        "with the stored vectors; sequence, by the search, asked with the files. May be repeated. "
        "Default: mean, stored; of very many videos mean.",
    ),
]
IgnoreLabelOption = Annotated[
    list[str] | None, typer.Option(parser=given.text, metavar="LABEL", help="Leave out the rows of this label; may be repeated.")
]
EncodersOption = Annotated[
    list[str] | None, typer.Option("--encoder", "-e", help="An encoder to measure; repeat it to see several side by side.")
]
SourceOption = Annotated[
    str | None,
    typer.Option(parser=given.text, metavar="TEXT", help="Only rows of this source; what differs by source gives labels away."),
]
DeviceOption = Annotated[str, typer.Option(help="cpu, cuda, or auto.")]
CacheDirOption = Annotated[
    Path | None,
    typer.Option(
        parser=given.path, metavar="PATH", help="Keep decoded frames here for later runs. Default: until the run is done."
    ),
]
CacheGbOption = Annotated[
    float, typer.Option(parser=given.not_negative, metavar="NUMBER", help="Gigabytes of decoded frames at most.")
]
LookOption = Annotated[
    float | None,
    typer.Option(
        parser=given.share,
        metavar="0..1",
        help="How much look counts against movement, with encoders that keep both apart, as the default does. "
        f"Default: {DEFAULT_LOOK}.",
    ),
]
HtmlOption = Annotated[
    Path | None,
    typer.Option(
        "--html", parser=given.path, metavar="PATH", help="Write a report with plots into this file, which needs no other."
    ),
]


def ways_of(by: list[str] | None) -> tuple[Way, ...]:
    """What `--by` asks for, each once; none for the usual ones."""
    return cast("tuple[Way, ...]", tuple(dict.fromkeys(by or ())))
