"""`vret eval`: measure instead of believing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.options import CsvOption, JsonOption
from app.commands.output import check_one_format, print_csv, print_json, print_table, talk
from app.evaluation.ways import WAYS, Way
from app.labels.rows import Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.commands.index_command import ProgressBar
    from app.evaluation.compare import ComparisonReport
    from app.evaluation.retrieval import OnQuery, RetrievalReport
    from app.labels.rows import LabelSet

evaluation = typer.Typer(
    help="Measure how good the retrieval is.\n\nExample: vret eval retrieval --labels labels.csv", no_args_is_help=True
)
_LEFT_OUT_SHOWN = 10


@evaluation.callback()
def eval_callback() -> None:
    """Measure how good the retrieval is.

    Example: vret eval retrieval --labels labels.csv
    """


LabelsOption = Annotated[
    Path,
    typer.Option(
        help="CSV with path, label, split (train or test), group, source; a folder of class folders; or the official split "
        "files of UCF101, HMDB51 or Kinetics."
    ),
]
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


@evaluation.command("retrieval")
def retrieval(
    labels: LabelsOption,
    library: LabelledLibraryOption = None,
    encoder: Annotated[
        list[str] | None, typer.Option("--encoder", "-e", help="An encoder to measure; repeat it to see several side by side.")
    ] = None,
    videos: VideosOption = None,
    layout: LayoutOption = None,
    fold: FoldOption = 1,
    within: WithinOption = None,
    by: ByOption = None,
    ignore_label: IgnoreLabelOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Hit rates of an indexed library against labels: queries are the test rows, the gallery the train rows.

    Each video is compared by the mean of its clip vectors ("mean") and by the search itself ("sequence").

    Example: vret eval retrieval --labels videos/labels.csv --within source --ignore-label unclassified -e default -e colour
    """
    check_one_format(as_json, as_csv)
    from app.commands.index_command import ProgressBar
    from app.evaluation.retrieval import evaluate_retrieval, row_to_dict
    from app.workspace import Workspace

    label_set = _read_labels(labels, videos, layout, fold)
    with Workspace() as ws, ProgressBar() as bar:
        report = evaluate_retrieval(
            ws,
            library or label_set.root.name,
            label_set,
            encoders=encoder or (),
            within=within,
            ways=(by,) if by else WAYS,
            ignore_labels=ignore_label or (),
            on_query=_shown_on(bar),
        )
    rows = [row_to_dict(row) for row in report.rows]
    if as_json:
        per_label = [row.per_label_top_1 for row in report.rows]
        rows = [row | {"per_label_top_1": labels_of} for row, labels_of in zip(rows, per_label, strict=True)]
        print_json({"rows": rows, "left_out": report.left_out})
    elif as_csv:
        print_csv(tuple(rows[0]), rows)
    else:
        _print_rows(report)
    _tell_left_out(report.left_out)


@evaluation.command("compare")
def compare(
    a: Annotated[str, typer.Argument(help="The encoder to beat.")],
    b: Annotated[str, typer.Argument(help="The other encoder.")],
    labels: LabelsOption,
    library: LabelledLibraryOption = None,
    videos: VideosOption = None,
    layout: LayoutOption = None,
    fold: FoldOption = 1,
    within: WithinOption = None,
    by: ByOption = None,
    ignore_label: IgnoreLabelOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Is encoder B better than A? Both on the same queries and gallery, with the 95 % interval of the difference.

    Example: vret eval compare default mine --labels videos/labels.csv --within source
    """
    check_one_format(as_json, as_csv)
    from app.commands.index_command import ProgressBar
    from app.evaluation.compare import compare_encoders, comparison_to_dict
    from app.workspace import Workspace

    label_set = _read_labels(labels, videos, layout, fold)
    with Workspace() as ws, ProgressBar() as bar:
        report = compare_encoders(
            ws,
            library or label_set.root.name,
            label_set,
            a,
            b,
            within=within,
            ways=(by,) if by else WAYS,
            ignore_labels=ignore_label or (),
            on_query=_shown_on(bar),
        )
    rows = [comparison_to_dict(comparison, a, b) for comparison in report.comparisons]
    if as_json:
        print_json({"comparisons": rows, "left_out": report.left_out})
    elif as_csv:
        print_csv(tuple(rows[0]), rows)
    else:
        _print_comparisons(report, a, b)
    _tell_left_out(report.left_out)


def _read_labels(labels: Path, videos: Path | None, layout: Layout | None, fold: int) -> "LabelSet":
    """Also tells what makes figures of these labels doubtful."""
    from app.labels.read_labels import read_labels

    label_set = read_labels(labels.expanduser(), videos=videos and videos.expanduser(), layout=layout, fold=fold)
    for warning in label_set.warnings:
        talk(f"warning: {warning}")
    return label_set


def _shown_on(bar: "ProgressBar") -> "OnQuery":
    from app.index_report import IndexProgress

    return lambda name, done, total: bar.show(IndexProgress(phase=f"queries, {name}", done=done, total=total))


def _tell_left_out(left_out: "Sequence[tuple[str, str]]") -> None:
    for what, why in left_out[:_LEFT_OUT_SHOWN]:
        talk(f"left out: {what}: {why}")
    if len(left_out) > _LEFT_OUT_SHOWN:
        talk(f"and {len(left_out) - _LEFT_OUT_SHOWN} more left out; all of them with --json")


def _print_comparisons(report: "ComparisonReport", a: str, b: str) -> None:
    words = {"a": f"{a} is better", "b": f"{b} is better", "unsure": "cannot be told"}
    columns = {"group": "left", "compared by": "left", "queries": "right", a: "right", b: "right"}
    print_table(
        columns | {"difference": "right", "95 %": "right", "": "left"},
        [
            (
                comparison.group,
                comparison.way,
                str(comparison.num_queries),
                f"{comparison.a:.3f}",
                f"{comparison.b:.3f}",
                f"{comparison.difference.mean:+.3f}",
                f"{comparison.difference.interval.low:+.2f} to {comparison.difference.interval.high:+.2f}",
                words[comparison.verdict],
            )
            for comparison in report.comparisons
        ],
        caption="class-mean top-1; better: the 95 % interval (paired bootstrap) leaves out 0, and there are ten queries or more",
    )


def _print_rows(report: "RetrievalReport") -> None:
    ranks = tuple(report.rows[0].top_k)
    columns = {"group": "left", "encoder": "left", "compared by": "left", "queries": "right", "gallery": "right"}
    columns |= {f"top-{k}": "right" for k in ranks}
    columns |= {"mAP": "right", "class mean": "right", "95 %": "right", "chance": "right"}
    print_table(
        columns,
        [
            (
                row.group,
                row.encoder,
                row.way,
                str(row.num_queries),
                str(row.num_gallery),
                *[f"{row.top_k[k]:.3f}" for k in ranks],
                f"{row.mean_average_precision:.3f}",
                f"{row.class_mean_top_1:.3f}",
                f"{row.class_mean_interval.low:.2f}-{row.class_mean_interval.high:.2f}",
                f"{row.chance:.3f}",
            )
            for row in report.rows
        ],
        caption="class mean: top-1, averaged over the labels; 95 %: its bootstrap interval, by groups where there are ten or more",
    )
