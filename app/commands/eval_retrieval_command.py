"""`vret eval retrieval`: hit rates against labels."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands.eval_judged import check_judged, measure_judged
from app.commands.eval_options import (
    ByOption,
    EncodersOption,
    FoldOption,
    HtmlOption,
    IgnoreLabelOption,
    LabelledLibraryOption,
    LayoutOption,
    LookOption,
    OptionalLabelsOption,
    VideosOption,
    WithinOption,
    ways_of,
)
from app.commands.eval_output import (
    FLOOR_WORDS,
    check_outputs,
    followed,
    interval_cell,
    labels_of,
    print_found,
    tell_beside,
    tell_looks,
    tell_no_floor,
    tell_stored,
)
from app.commands.options import CsvOption, JsonOption
from app.commands.output import print_table
from app.evaluation.ways import Preset

if TYPE_CHECKING:
    from app.evaluation.retrieval_rows import RetrievalReport


def register(evaluation: typer.Typer) -> None:
    """Adds the verb."""
    evaluation.command("retrieval")(retrieval)


def retrieval(
    labels: OptionalLabelsOption = None,
    library: LabelledLibraryOption = None,
    encoder: EncodersOption = None,
    videos: VideosOption = None,
    layout: LayoutOption = None,
    fold: FoldOption = 1,
    within: WithinOption = None,
    preset: Annotated[
        Preset,
        typer.Option(
            help="library: the vectors in the index. vcop, gap: features of their own of ten clips a video, as in papers, with "
            "an untrained network beside; the videos are read, no library is needed."
        ),
    ] = "library",
    by: ByOption = None,
    ignore_label: IgnoreLabelOption = None,
    look: LookOption = None,
    judgements: Annotated[
        bool, typer.Option("--judgements", help="Measure with what was judged on the search page (r and x) instead of labels.")
    ] = False,
    seeds: Annotated[int, typer.Option(min=1, max=10, help="With vcop and gap: how many untrained networks.")] = 1,
    stride: Annotated[int, typer.Option(min=1, help="With vcop and gap: take every so many frames one; papers take all.")] = 1,
    html: HtmlOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Hit rates of an indexed library against labels: queries are the test rows, the gallery the train rows; or against judgements.

    Videos are compared by the mean of their clip vectors ("mean") and by the search itself ("stored").

    Untrained networks and raw colour are measured beside, where the library is indexed with them (vret eval floors).

    Example: vret eval retrieval --labels videos/labels.csv --within source --ignore-label unclassified -e default -e mine
    """
    check_outputs(html, as_json, as_csv)
    if judgements:
        of_labels: dict[str, object] = {"--labels": labels, "--videos": videos, "--layout": layout, "--within": within, "--by": by}
        of_labels |= {"--ignore-label": ignore_label, "--preset": preset != "library"}
        measure_judged(check_judged(library, of_labels), encoder or (), html, look=look, as_json=as_json, as_csv=as_csv)
        return
    if labels is None:
        raise typer.BadParameter("Give --labels, or --judgements with --library.")
    if preset != "library" and (by or library or look is not None):
        raise typer.BadParameter(f"--by, --look and --library are for the preset library; {preset} makes vectors of its own.")
    if preset == "library" and (seeds, stride) != (1, 1):
        raise typer.BadParameter("--seeds and --stride are for the presets vcop and gap.")
    from app.evaluation.labelled_library import library_of_labels
    from app.evaluation.retrieval import evaluate_retrieval
    from app.evaluation.retrieval_rows import row_to_dict
    from app.workspace import Workspace

    label_set = labels_of(labels, videos, layout, fold)
    chosen: dict[str, Any] = {"encoders": encoder or (), "within": within, "ignore_labels": ignore_label or ()}
    with Workspace() as ws:
        if preset == "library":
            name = library or library_of_labels(ws, label_set)
            with followed(ws, name) as tell:
                report = evaluate_retrieval(ws, name, label_set, ways=ways_of(by), look=look, on_query=tell, **chosen)
        else:
            from app.evaluation.protocol_retrieval import evaluate_by_protocol

            with followed(ws, None) as tell:
                report = evaluate_by_protocol(
                    ws, label_set, preset, seeds=range(1, seeds + 1), stride=stride, on_query=tell, **chosen
                )
    rows = [row_to_dict(row) for row in report.rows]
    by_label = [{"per_label_top_1": dict(row.scores.per_class_top_1)} for row in report.rows]
    whole = {"run": report.run_id, "rows": [row | labels for row, labels in zip(rows, by_label, strict=True)]}
    whole |= {"left_out": report.left_out, "checks": report.checks, "warnings": report.warnings, "look": dict(report.looks)}
    print_found(whole, rows, lambda: _print_rows(report, within), as_json=as_json, as_csv=as_csv)
    tell_looks(report.looks)
    tell_beside(report.warnings, report.checks, report.left_out)
    tell_no_floor((row.is_floor for row in report.rows), preset)
    tell_stored(report.run_id, html)


def _print_rows(report: "RetrievalReport", within: str | None) -> None:
    from app.evaluation.beside_floor import floor_cell

    ranks = tuple(report.rows[0].scores.top_k)
    columns = ({within: "left"} if within else {}) | {
        "encoder": "left",
        "compared by": "left",
        "queries": "right",
        "gallery": "right",
    }
    columns |= {f"top-{k}": "right" for k in ranks}
    columns |= {"mAP": "right", "class mean": "right", "95 %": "right", "chance": "right", "untrained": "right"}
    print_table(
        columns,
        [
            (
                *([row.group] if within else []),
                row.encoder,
                row.way,
                str(len(row.queries)),
                str(len(row.gallery)),
                *[f"{row.scores.top_k[k]:.3f}" for k in ranks],
                f"{row.scores.mean_average_precision:.3f}",
                f"{row.scores.class_mean_top_1:.3f}",
                interval_cell(row.class_mean_interval),
                f"{row.scores.chance_class_mean_top_1:.3f}",
                floor_cell(row),
            )
            for row in report.rows
        ],
        caption="class mean: top-1, averaged over the labels; 95 %: its bootstrap interval, by groups where there are ten or more; "
        f"untrained: the best untrained network's class mean, {FLOOR_WORDS}",
    )
