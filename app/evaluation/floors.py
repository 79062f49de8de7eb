"""Use case: what learnt nothing, indexed beside what did, so that every figure has a floor to stand on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.errors import BadQuery
from app.workspace import Workspace

if TYPE_CHECKING:
    from app.index_library import OnEvent
    from app.index_report import IndexReport

COLOUR = "colour"
"""The packaged encoder of raw colour."""


@dataclass(frozen=True)
class FloorReport:
    """encoders: the floors that the library is now indexed with. made: which of them were written anew. reports: of each run."""

    encoders: tuple[str, ...]
    made: tuple[str, ...]
    reports: "tuple[IndexReport, ...]"


def floor_name(backbone: str, seed: int) -> str:
    """What the untrained network of a backbone and seed is called."""
    return f"untrained-{backbone}-{seed}"


def index_floors(
    ws: Workspace,
    library: str,
    *,
    encoder: str | None = None,
    seeds: Sequence[int] = (1,),
    whiten_dim: int | None = None,
    on_floor: Callable[[str], None] | None = None,
    on_event: "OnEvent | None" = None,
) -> FloorReport:
    """Makes untrained networks like the encoder's (backbone, clip lengths, pooling and whitening of a default export), one for each
    seed, and brings the library up to date with them and with raw colour. whiten_dim: of a new file, None as `vret export` does it.
    on_floor: told the name of each before its turn.

    What is there already is neither made nor embedded anew. Raises BadQuery for an encoder that is a floor itself, MissingPart
    without torch, and what `export_baseline` and `index_library` raise.
    """
    from app.encoder_files import list_encoders
    from app.export_encoder import ExportChoices, export_baseline
    from app.index_library import index_library

    ws.catalog.library(library)
    card = ws.encoder_card(encoder)
    if card.task == "untrained":
        raise BadQuery(f"{card.name!r} has learnt nothing itself. Name the encoder to be judged: --encoder default")
    names = [floor_name(card.backbone, seed) for seed in seeds]
    known = {file.name for file in list_encoders(ws.encoders_folder)}
    missing = [(name, seed) for name, seed in zip(names, seeds, strict=True) if name not in known]
    for name, seed in missing:
        export_baseline(ws, card.backbone, ExportChoices(name=name, spans_s=card.spans_s, whiten_dim=whiten_dim), seed=seed)
    reports = []
    for name in (*names, COLOUR):
        if on_floor is not None:
            on_floor(name)
        reports.append(index_library(ws, library, encoder_name=name, on_event=on_event))
        if reports[-1].stopped:
            break
    return FloorReport((*names, COLOUR), tuple(name for name, _ in missing), tuple(reports))
