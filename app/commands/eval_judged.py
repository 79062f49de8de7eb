"""`vret eval retrieval --judgements`: the search against what its user judged."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from app.commands.eval_output import FLOOR_WORDS, figure_cell, followed, print_found, tell_left_out, tell_looks, tell_stored
from app.commands.output import print_table, talk

if TYPE_CHECKING:
    from app.evaluation.judged_report import JudgedReport


def check_judged(library: str | None, of_labels: Mapping[str, object]) -> str:
    """The library that was named. of_labels: options that judgements have no use for, as given. Raises a usage error."""
    given = [option for option, value in of_labels.items() if value]
    if library is None or given:
        without = f", without {', '.join(given)}" if given else ""
        raise typer.BadParameter(f"--judgements are those of one library: give --library{without}.")
    return library


def measure_judged(
    library: str, encoders: Sequence[str], html: Path | None, *, look: float | None, as_json: bool, as_csv: bool
) -> None:
    """Measures, stores, prints."""
    from app.evaluation.judged import evaluate_judgements, store_judged
    from app.workspace import Workspace

    with Workspace() as ws:
        with followed(ws, library) as tell:
            report = evaluate_judgements(ws, library, encoders=encoders, look=look, on_query=tell)
        run_id = store_judged(ws, report)
    whole = {"run": run_id} | report.to_dict()
    print_found(whole, report.rows(), lambda: _print_rows(report), as_json=as_json, as_csv=as_csv)
    tell_looks(report.looks)
    for note in report.notes():
        talk(f"note: {note}")
    tell_left_out(report.left_out)
    tell_stored(run_id, html)


def _print_rows(report: "JudgedReport") -> None:
    from app.evaluation.beside_floor import floor_cell

    columns = {"encoder": "left", "queries": "right", "judgements": "right", "top-1": "right", "95 %": "right", "top-5": "right"}
    columns |= {"top-10": "right", "mAP": "right", "right of judged in 10": "right", "chance": "right", "untrained": "right"}
    print_table(
        columns,
        [
            (
                row["encoder"],
                str(row["queries"]),
                str(row["judgements"]),
                f"{row['top_1']:.3f}",
                f"{row['top_1_low']:.2f}-{row['top_1_high']:.2f}",
                f"{row['top_5']:.3f}",
                f"{row['top_10']:.3f}",
                f"{row['mean_average_precision']:.3f}",
                figure_cell(row["precision_at_10"]),
                f"{row['chance']:.3f}",
                floor_cell(scores),
            )
            for row, scores in zip(report.rows(), (*report.scores, *report.beside), strict=True)
        ],
        caption="hits that nobody judged do not count among the ranks; chance: top-1 of a random order of the judged ones; "
        f"untrained: top-1 of the best untrained network, {FLOOR_WORDS}",
    )
