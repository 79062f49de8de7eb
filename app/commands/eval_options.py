"""Options that several verbs of `vret eval` share."""

from pathlib import Path
from typing import Annotated

import typer

from app.evaluation.ways import Way
from app.labels.rows import Layout

LABELS_HELP = (
    "CSV with path, label, split (train or test), group, source; a folder of class folders; or the official split files of "
    "UCF101, HMDB51 or Kinetics."
)
LabelsOption = Annotated[Path, typer.Option(help=LABELS_HELP)]
LabelledLibraryOption = Annotated[
    str | None, typer.Option("--library", "-l", help="The indexed library. Default: the name of the folder of the labelled videos.")
]
VideosOption = Annotated[Path | None, typer.Option(help="Where the videos of official split files are. Default: beside them.")]
LayoutOption = Annotated[Layout | None, typer.Option(help="How the labels are laid out. Default: told by what is there.")]
FoldOption = Annotated[int, typer.Option(min=1, max=3, help="Which of the three splits of UCF101 or HMDB51.")]
WithinOption = Annotated[str | None, typer.Option(help="Compare only inside one source (or group): 'source'.")]
ByOption = Annotated[
    Way | None,
    typer.Option(
        "--by",
        help="How videos are compared: mean, by the means of their vectors, which is quick, or sequence, as the search does. "
        "Default: both.",
    ),
]
IgnoreLabelOption = Annotated[list[str] | None, typer.Option(help="Leave out the rows of this label; may be repeated.")]
EncodersOption = Annotated[
    list[str] | None, typer.Option("--encoder", "-e", help="An encoder to measure; repeat it to see several side by side.")
]
HtmlOption = Annotated[Path | None, typer.Option("--html", help="Write a report with plots into this file, which needs no other.")]
