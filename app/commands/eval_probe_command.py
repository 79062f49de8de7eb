"""`vret eval probe`: what can be told from frozen features."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.eval_options import (
    EncodersOption,
    FoldOption,
    HtmlOption,
    IgnoreLabelOption,
    LabelledLibraryOption,
    LabelsOption,
    LayoutOption,
    VideosOption,
    WithinOption,
)
from app.commands.eval_output import (
    FLOOR_WORDS,
    check_outputs,
    figure_cell,
    followed,
    interval_cell,
    labels_of,
    print_found,
    tell_beside,
    tell_no_floor,
    tell_stored,
)
from app.commands.options import CsvOption, JsonOption
from app.commands.output import print_table
from app.evaluation.ways import Preset

if TYPE_CHECKING:
    from app.evaluation.probe_rows import ProbeReport


def register(evaluation: typer.Typer) -> None:
    """Adds the verb."""
    evaluation.command("probe")(probe)


def probe(
    labels: LabelsOption,
    library: LabelledLibraryOption = None,
    encoder: EncodersOption = None,
    videos: VideosOption = None,
    layout: LayoutOption = None,
    fold: FoldOption = 1,
    within: WithinOption = None,
    preset: Annotated[
        Preset,
        typer.Option(
            help="library: the means of the vectors in the index. vcop, gap: features of their own of ten clips a video, as in "
            "papers, with an untrained network beside; the videos are read, no library is needed."
        ),
    ] = "library",
    ignore_label: IgnoreLabelOption = None,
    seeds: Annotated[int, typer.Option(min=1, max=10, help="With vcop and gap: how many untrained networks.")] = 1,
    stride: Annotated[int, typer.Option(min=1, help="With vcop and gap: take every so many frames one; papers take all.")] = 1,
    html: HtmlOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """What a linear classifier and nearest neighbours can tell from frozen features: they learn the train rows, and are asked the
    test rows once.

    Settings are chosen on held-out groups of the train rows. "linear raw" takes features as they are, "linear L2+BN" of unit
    length and standardised.

    Example: vret eval probe --labels videos/labels.csv --within source -e default -e mine
    """
    check_outputs(html, as_json, as_csv)
    if preset != "library" and library:
        raise typer.BadParameter(f"--library is for the preset library; {preset} makes vectors of its own.")
    if preset == "library" and (seeds, stride) != (1, 1):
        raise typer.BadParameter("--seeds and --stride are for the presets vcop and gap.")
    from app.evaluation.labelled_library import library_of_labels
    from app.evaluation.probe import probe_encoders
    from app.evaluation.probe_rows import report_to_dict, row_to_dict
    from app.workspace import Workspace

    label_set = labels_of(labels, videos, layout, fold)
    with Workspace() as ws:
        name = (library or library_of_labels(ws, label_set)) if preset == "library" else None
        with followed(ws, name) as tell:
            report = probe_encoders(
                ws,
                name,
                label_set,
                preset,
                encoders=encoder or (),
                within=within,
                ignore_labels=ignore_label or (),
                seeds=range(1, seeds + 1),
                stride=stride,
                on_step=tell,
            )
    rows = [row_to_dict(row) for row in report.rows]
    whole = {"run": report.run_id} | report_to_dict(report)
    print_found(whole, rows, lambda: _print_rows(report, within), as_json=as_json, as_csv=as_csv)
    tell_beside(report.warnings, report.checks, report.left_out)
    tell_no_floor((row.is_floor for row in report.rows), preset)
    tell_stored(report.run_id, html)


def _print_rows(report: "ProbeReport", within: str | None) -> None:
    from app.evaluation.beside_floor import floor_cell

    columns = ({within: "left"} if within else {}) | {"encoder": "left", "probe": "left"}
    columns |= {"queries": "right", "train": "right", "labels": "right"}
    columns |= {"top-1": "right", "class mean": "right", "95 %": "right", "chance": "right", "majority": "right"}
    columns |= {"untrained": "right", "held out": "right", "chosen": "left"}
    print_table(
        columns,
        [
            (
                *([row.group] if within else []),
                row.encoder,
                row.probe,
                str(len(row.queries)),
                str(len(row.train)),
                str(row.num_labels),
                f"{row.top_1:.3f}",
                f"{row.class_mean_top_1:.3f}",
                interval_cell(row.class_mean_interval),
                f"{row.chance:.3f}",
                f"{row.majority_top_1:.3f}",
                floor_cell(row),
                figure_cell(row.held_out_class_mean),
                row.settings,
            )
            for row in report.rows
        ],
        caption="class mean: top-1, averaged over the labels; 95 %: its bootstrap interval, by groups where there are ten or more; "
        "chance: of the class mean; majority: top-1 of always the commonest label; untrained: the best untrained network's class "
        f"mean, {FLOOR_WORDS}; held out: class mean of the settings where they were chosen",
    )
