"""`vret eval finetune`: how well a network learns labels when all of it is trained on."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.commands import given
from app.commands.eval_options import (
    CacheDirOption,
    CacheGbOption,
    DeviceOption,
    EncodersOption,
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
    followed,
    interval_cell,
    labels_of,
    print_found,
    tell_beside,
    tell_stored,
)
from app.commands.options import CsvOption, JsonOption
from app.commands.output import print_table, talk

if TYPE_CHECKING:
    from app.evaluation.finetune_rows import FinetuneReport

_ALL_FOLDS = (1, 2, 3)


def register(evaluation: typer.Typer) -> None:
    """Adds the verb."""
    evaluation.command("finetune")(finetune)


def finetune(
    labels: LabelsOption,
    encoder: EncodersOption = None,
    videos: VideosOption = None,
    layout: LayoutOption = None,
    fold: Annotated[
        list[int] | None,
        typer.Option(min=1, max=3, help="Which of the three splits of UCF101 or HMDB51; may be repeated. Default: the first."),
    ] = None,
    all_folds: Annotated[bool, typer.Option("--all-folds", help="All three splits, and their mean.")] = False,
    source: SourceOption = None,
    ignore_label: IgnoreLabelOption = None,
    recipe: Annotated[
        str,
        typer.Option(
            help="laptop: the encoder's own small clips, minutes for some hundred videos. vcop: the papers' schedule, 150 epochs "
            "of 16 frames of 112 pixels, for a GPU."
        ),
    ] = "laptop",
    epochs: Annotated[int | None, typer.Option(min=1, help="Of one clip from each video. Default: the recipe's.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Clips of each step. Default: the recipe's.")] = None,
    lr: Annotated[
        float | None, typer.Option(parser=given.positive, metavar="NUMBER", help="Learning rate. Default: the recipe's.")
    ] = None,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch/--no-from-scratch", help="Train the same networks from scratch too, to compare with.")
    ] = True,
    seed: Annotated[int, typer.Option(min=0, help="Of the new layer, of clips and their order, and of what is held out.")] = 1,
    device: DeviceOption = "auto",
    cache_dir: CacheDirOption = None,
    cache_gb: CacheGbOption = 8.0,
    html: HtmlOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """How well a network learns labels when all of it is trained on the train rows; the test rows are asked once, with ten clips
    each.

    A part of the train rows chooses the epoch. The same network from scratch is trained beside. No library is needed; training
    parts of vret are (the train extra).

    Example: vret eval finetune --labels ucfTrainTestlist --videos UCF-101 --all-folds --recipe vcop -e mine --cache-gb 120
    """
    check_outputs(html, as_json, as_csv)
    if fold and all_folds:
        raise typer.BadParameter("Give --fold or --all-folds, not both.")
    from app.evaluation.finetune import FinetuneAsked, evaluate_finetuning
    from app.evaluation.target_videos import FramesChoice
    from app.workspace import Workspace

    asked = FinetuneAsked(
        recipe=recipe,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=lr,
        from_scratch=from_scratch,
        source=source,
        ignore_labels=ignore_label or (),
        seed=seed,
        device=device,
        frames=FramesChoice(folder=cache_dir, gigabytes=cache_gb),
    )
    numbers = _ALL_FOLDS if all_folds else tuple(dict.fromkeys(fold or (1,)))
    folds = {number: labels_of(labels, videos, layout, number) for number in numbers}
    with Workspace() as ws, followed(ws, None) as tell:
        report = evaluate_finetuning(ws, folds, encoder or (), asked, on_step=tell, on_news=talk)
    rows = [row.to_dict() for row in report.rows]
    whole = {"run": report.run_id} | report.results()
    print_found(whole, rows, lambda: _print_rows(report), as_json=as_json, as_csv=as_csv)
    tell_beside(report.warnings, report.checks, report.left_out)
    tell_stored(report.run_id, html)


def _print_rows(report: "FinetuneReport") -> None:
    from app.evaluation.beside_floor import floor_cell

    columns = {"encoder": "left", "split": "right", "train": "right", "held out": "right", "test": "right", "labels": "right"}
    columns |= {"top-1": "right", "95 %": "right", "top-5": "right", "class mean": "right", "its 95 %": "right"}
    columns |= {"chance": "right", "epoch": "right", "scratch": "right"}
    print_table(
        columns,
        [
            (
                row.encoder,
                str(row.fold),
                str(row.num_train),
                str(row.num_held_out),
                str(row.num_test),
                str(row.num_labels),
                f"{row.top_1:.3f}",
                interval_cell(row.top_1_interval),
                f"{row.top_5:.3f}",
                f"{row.class_mean_top_1:.3f}",
                interval_cell(row.class_mean_interval),
                f"{row.chance:.3f}",
                "" if row.epoch is None else str(row.epoch),
                floor_cell(row),
            )
            for row in report.rows
        ],
        caption="top-1: the mean logits of ten clips; class mean: top-1, averaged over the labels; 95 %: bootstrap intervals, by "
        "groups where there are ten or more; held out: train videos that chose the epoch; scratch: class mean of the same network "
        f"from scratch, {FLOOR_WORDS}",
    )
