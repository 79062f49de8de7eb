"""`vret eval`: measure instead of believing."""

import typer

from app.commands import (
    eval_cloze_command,
    eval_compare_command,
    eval_finetune_command,
    eval_floors_command,
    eval_probe_command,
    eval_retrieval_command,
    eval_runs_command,
)

evaluation = typer.Typer(
    help="Measure how good the retrieval is.\n\nExample: vret eval retrieval --labels labels.csv", no_args_is_help=True
)


@evaluation.callback()
def eval_callback() -> None:
    """Measure how good the retrieval is.

    Example: vret eval retrieval --labels labels.csv
    """


for verb in (
    eval_retrieval_command,
    eval_compare_command,
    eval_probe_command,
    eval_cloze_command,
    eval_finetune_command,
    eval_floors_command,
    eval_runs_command,
):
    verb.register(evaluation)
