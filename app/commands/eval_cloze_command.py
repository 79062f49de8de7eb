"""`vret eval cloze`: how well frozen features tell what was done to a clip."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.eval_options import (
    CacheDirOption,
    CacheGbOption,
    DeviceOption,
    EncodersOption,
    FoldOption,
    HtmlOption,
    IgnoreLabelOption,
    LabelsOption,
    LayoutOption,
    SourceOption,
    VideosOption,
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
    tell_stored,
)
from app.commands.options import CsvOption, JsonOption
from app.commands.output import print_table

if TYPE_CHECKING:
    from app.evaluation.cloze_rows import ClozeReport


def register(evaluation: typer.Typer) -> None:
    """Adds the verb."""
    evaluation.command("cloze")(cloze)


def cloze(
    labels: LabelsOption,
    encoder: EncodersOption = None,
    videos: VideosOption = None,
    layout: LayoutOption = None,
    fold: FoldOption = 1,
    source: SourceOption = None,
    ignore_label: IgnoreLabelOption = None,
    tuples: Annotated[int, typer.Option(min=1, help="Of each operation, from each train video.")] = 2,
    hidden: Annotated[
        int, typer.Option(min=0, help="Width of a hidden layer of the head, such as 256. Default: none, as published.")
    ] = 0,
    seeds: Annotated[int, typer.Option(min=1, max=10, help="How many untrained networks.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the tuples, of what is held out, and of the head.")] = 1,
    device: DeviceOption = "auto",
    cache_dir: CacheDirOption = None,
    cache_gb: CacheGbOption = 8.0,
    html: HtmlOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """How well frozen features tell what was done to the middle one of three clips: nothing, rotated, its tiles permuted, its
    parts shuffled (adjacent), or replaced by a clip from elsewhere in the video (remote).

    A linear head learns from the train rows; every test row is asked under all five. Of the labels only the sides count. Untrained
    networks and raw colour are measured beside. No library is needed; training parts of vret are (the train extra).

    Example: vret eval cloze --labels videos/labels.csv --source kitchen -e default -e mine
    """
    check_outputs(html, as_json, as_csv)
    from app.evaluation.cloze import ClozeAsked, evaluate_cloze
    from app.evaluation.target_videos import FramesChoice
    from app.workspace import Workspace

    asked = ClozeAsked(
        source=source,
        ignore_labels=ignore_label or (),
        tuples=tuples,
        hidden=hidden,
        seed=seed,
        untrained=seeds,
        device=device,
        frames=FramesChoice(folder=cache_dir, gigabytes=cache_gb),
    )
    label_set = labels_of(labels, videos, layout, fold)
    with Workspace() as ws, followed(ws, None) as tell:
        report = evaluate_cloze(ws, label_set, encoder or (), asked, on_step=tell)
    rows = [row.to_dict() for row in report.rows]
    whole = {"run": report.run_id} | report.results()
    print_found(whole, rows, lambda: _print_rows(report), as_json=as_json, as_csv=as_csv)
    tell_beside(report.warnings, report.checks, report.left_out)
    tell_stored(report.run_id, html)


def _print_rows(report: "ClozeReport") -> None:
    from app.evaluation.beside_floor import floor_cell

    operations, angles = tuple(report.rows[0].recalls), tuple(report.rows[0].rotation)
    columns = {"encoder": "left", "train": "right", "test": "right", "with remote": "right", "mean": "right", "95 %": "right"}
    columns |= dict.fromkeys((*operations, *(f"{angle}°" for angle in angles)), "right")
    columns |= {"chance": "right", "untrained": "right"}
    print_table(
        columns,
        [
            (
                row.encoder,
                str(row.num_train),
                str(row.num_test),
                str(row.num_remote),
                f"{row.mean_recall:.3f}",
                interval_cell(row.interval),
                *[figure_cell(recall) for recall in row.recalls.values()],
                *[f"{recall:.3f}" for recall in row.rotation.values()],
                f"{row.chance:.3f}",
                floor_cell(row),
            )
            for row in report.rows
        ],
        caption="recall of each operation, and their mean with its 95 % bootstrap interval, by groups where there are ten or more; "
        "with remote: test videos long enough to be asked under remote; degrees: recall of rotations by each angle; untrained: "
        f"mean of the best untrained network, {FLOOR_WORDS}",
    )
    for row in report.rows:
        print_table(
            {f"{row.encoder}: done, answered": "left"} | dict.fromkeys(operations, "right"),
            [(name, *map(str, counts)) for name, counts in zip(operations, row.counts, strict=True)],
        )
