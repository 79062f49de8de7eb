"""`vret eval`: measure instead of believing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.options import CsvOption, JsonOption
from app.commands.output import check_one_format, print_csv, print_json, print_table, talk
from app.labels.rows import Layout

if TYPE_CHECKING:
    from app.evaluate_retrieval import RetrievalReport

evaluation = typer.Typer(
    help="Measure how good the retrieval is.\n\nExample: vret eval retrieval --labels labels.csv", no_args_is_help=True
)
_LEFT_OUT_SHOWN = 10


@evaluation.callback()
def eval_callback() -> None:
    """Measure how good the retrieval is.

    Example: vret eval retrieval --labels labels.csv
    """


@evaluation.command("retrieval")
def retrieval(
    labels: Annotated[
        Path,
        typer.Option(
            help="CSV with path, label, split (train or test), group, source; a folder of class folders; or the official split "
            "files of UCF101, HMDB51 or Kinetics."
        ),
    ],
    library: Annotated[
        str | None, typer.Option("--library", "-l", help="The indexed library. Default: the name of the label file's folder.")
    ] = None,
    encoder: Annotated[
        list[str] | None, typer.Option("--encoder", "-e", help="An encoder to measure; repeat it to see several side by side.")
    ] = None,
    videos: Annotated[Path | None, typer.Option(help="Where the videos of official split files are. Default: beside them.")] = None,
    layout: Annotated[Layout | None, typer.Option(help="How the labels are laid out. Default: told by what is there.")] = None,
    fold: Annotated[int, typer.Option(min=1, max=3, help="Which of the three splits of UCF101 or HMDB51.")] = 1,
    within: Annotated[str | None, typer.Option(help="Compare only inside one source (or group): 'source'.")] = None,
    ignore_label: Annotated[list[str] | None, typer.Option(help="Leave out the rows of this label; may be repeated.")] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Hit rates of an indexed library against labels: queries are the test rows, the gallery the train rows.

    Each video is compared by the mean of its clip vectors ("mean") and by the search itself ("sequence").

    Example: vret eval retrieval --labels videos/labels.csv --within source --ignore-label unclassified -e default -e colour
    """
    check_one_format(as_json, as_csv)
    from app.commands.index_command import ProgressBar
    from app.evaluate_retrieval import evaluate_retrieval, row_to_dict
    from app.index_report import IndexProgress
    from app.labels.read_labels import read_labels
    from app.workspace import Workspace

    labels = labels.expanduser().absolute()
    label_set = read_labels(labels, videos=videos and videos.expanduser().absolute(), layout=layout, fold=fold)
    for warning in label_set.warnings:
        talk(f"warning: {warning}")
    with Workspace() as ws, ProgressBar() as bar:
        report = evaluate_retrieval(
            ws,
            library or (labels.name if labels.is_dir() else labels.parent.name),
            label_set,
            encoders=encoder or (),
            within=within,
            ignore_labels=ignore_label or (),
            on_query=lambda name, done, total: bar.show(IndexProgress(phase=f"queries, {name}", done=done, total=total)),
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
    for what, why in report.left_out[:_LEFT_OUT_SHOWN]:
        talk(f"left out: {what}: {why}")
    if len(report.left_out) > _LEFT_OUT_SHOWN:
        talk(f"and {len(report.left_out) - _LEFT_OUT_SHOWN} more left out; all of them with --json")


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
        caption="class mean: top-1, averaged over the labels; 95 %: its bootstrap interval, drawn over the queries of each label",
    )
