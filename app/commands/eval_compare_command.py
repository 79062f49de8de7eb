"""`vret eval compare`: is one encoder better than another?"""

from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.eval_options import (
    ByOption,
    FoldOption,
    HtmlOption,
    IgnoreLabelOption,
    LabelledLibraryOption,
    LabelsOption,
    LayoutOption,
    LookOption,
    VideosOption,
    WithinOption,
    ways_of,
)
from app.commands.eval_output import check_outputs, figure_cell, followed, labels_of, print_found, tell_beside, tell_stored
from app.commands.options import CsvOption, JsonOption
from app.commands.output import print_table

if TYPE_CHECKING:
    from app.evaluation.compare import ComparisonReport


def register(evaluation: typer.Typer) -> None:
    """Adds the verb."""
    evaluation.command("compare")(compare)


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
    look: LookOption = None,
    html: HtmlOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Is encoder B better than A? Both on the same queries and gallery, with the 95 % interval of the difference.

    Example: vret eval compare default mine --labels videos/labels.csv --within source
    """
    check_outputs(html, as_json, as_csv)
    from app.evaluation.compare import compare_encoders, comparison_to_dict
    from app.evaluation.labelled_library import library_of_labels
    from app.workspace import Workspace

    label_set = labels_of(labels, videos, layout, fold)
    with Workspace() as ws:
        name = library or library_of_labels(ws, label_set)
        with followed(ws, name) as tell:
            report = compare_encoders(
                ws,
                name,
                label_set,
                a,
                b,
                within=within,
                ways=ways_of(by),
                ignore_labels=ignore_label or (),
                look=look,
                on_query=tell,
            )
    rows = [comparison_to_dict(comparison, a, b) for comparison in report.comparisons]
    told = {"left_out": report.left_out, "checks": report.checks, "warnings": report.warnings}
    whole = {"run": report.run_id, "comparisons": rows} | told
    print_found(whole, rows, lambda: _print_comparisons(report, a, b, within), as_json=as_json, as_csv=as_csv)
    tell_beside(report.warnings, report.checks, report.left_out)
    tell_stored(report.run_id, html)


def _print_comparisons(report: "ComparisonReport", a: str, b: str, within: str | None) -> None:
    words = {"a": f"{a} is better", "b": f"{b} is better", "unsure": "cannot be told"}
    columns = ({within: "left"} if within else {}) | {"compared by": "left", "queries": "right", a: "right", b: "right"}
    columns |= {"difference": "right", "95 %": "right", "": "left"}
    print_table(
        columns | {"untrained": "right", "raw colour": "right"},
        [
            (
                *([comparison.group] if within else []),
                comparison.way,
                str(comparison.num_queries),
                f"{comparison.a:.3f}",
                f"{comparison.b:.3f}",
                f"{comparison.difference.mean:+.3f}",
                f"{comparison.difference.interval.low:+.2f} to {comparison.difference.interval.high:+.2f}",
                words[comparison.verdict],
                figure_cell(comparison.floor),
                figure_cell(comparison.colour),
            )
            for comparison in report.comparisons
        ],
        caption="class-mean top-1; better: the 95 % interval (paired bootstrap) leaves out 0, and there are ten queries or more; "
        "untrained: the best untrained network",
    )
