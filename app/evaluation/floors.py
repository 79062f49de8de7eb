"""Use case: what learnt nothing, indexed beside what did, so that every figure has a floor to stand on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.errors import BadQuery
from app.workspace import Workspace

if TYPE_CHECKING:
    from app.export_encoder import OnWork
    from app.index_library import OnEvent
    from app.index_report import IndexReport
    from embedder.encoder_card import EncoderCard

COLOUR = "colour"
"""The packaged encoder of raw colour."""
_USUAL_SPANS_S = (2.0, 4.0, 8.0)  # what an export has when nothing is said, and the packaged encoders have


@dataclass(frozen=True)
class FloorReport:
    """encoders: the floors that the library is now indexed with. made: which of them were written anew. reports: of each run."""

    encoders: tuple[str, ...]
    made: tuple[str, ...]
    reports: "tuple[IndexReport, ...]"


def floor_name(card: "EncoderCard", seed: int) -> str:
    """What the untrained network of this seed, like an encoder's, is called: other clip lengths than usual are in it."""
    spans = "" if card.spans_s == _USUAL_SPANS_S else "-" + "-".join(f"{span_s:g}s" for span_s in card.spans_s)
    return f"untrained-{card.backbone}{spans}-{seed}"


def _check_like(name: str, floor: "EncoderCard", card: "EncoderCard") -> None:
    """A file of a floor's name may be anything. Raises BadQuery where it is no such network, or cut in other clips."""
    if (floor.task, floor.backbone, floor.spans_s) != ("untrained", card.backbone, card.spans_s):
        spans = ", ".join(f"{span_s:g}" for span_s in floor.spans_s)
        raise BadQuery(
            f"The encoder {name!r} is there already, but is {floor.backbone}, {floor.task}, of clips of {spans} s, and no floor of "
            f"{card.name!r}. Remove it (vret encoders says where it lies) or give it another name."
        )


def index_floors(
    ws: Workspace,
    library: str,
    *,
    encoder: str | None = None,
    seeds: Sequence[int] = (1,),
    whiten_dim: int | None = None,
    on_floor: Callable[[str], None] | None = None,
    on_work: "OnWork | None" = None,
    on_event: "OnEvent | None" = None,
) -> FloorReport:
    """Makes untrained networks like the encoder's, one for each seed, and brings the library up to date with them and with raw
    colour: backbone, clip lengths, pooling and whitening of a default export; of an encoder of movement and look, those of its
    network of movement. whiten_dim: of a new file, None as `vret export` does it. on_floor: told what is done with each before its
    turn. on_work: told how far the making of a network is, on_event: the indexing.

    What is there already is neither made nor embedded anew. Raises BadQuery for an encoder that is a floor itself and for a file
    of a floor's name that is none, MissingPart without torch, and what `export_baseline` and `index_library` raise.
    """
    from app.encoder_files import list_encoders
    from app.export_encoder import ExportChoices, export_baseline
    from app.index_library import index_library

    ws.catalog.library(library)
    card = ws.encoder_card(encoder).motion_card
    if card.task == "untrained":
        raise BadQuery(f"{card.name!r} has learnt nothing itself. Name the encoder to be judged: --encoder default")
    tell = on_floor or (lambda said: None)
    names = [floor_name(card, seed) for seed in seeds]
    known = {file.name for file in list_encoders(ws.encoders_folder)}
    missing = [(name, seed) for name, seed in zip(names, seeds, strict=True) if name not in known]
    for name in names:
        if name in known:
            _check_like(name, ws.encoder_card(name), card)
    for name, seed in missing:
        tell(f"making {name}, which takes minutes")
        choices = ExportChoices(name=name, spans_s=card.spans_s, whiten_dim=whiten_dim)
        export_baseline(ws, card.backbone, choices, seed=seed, on_work=on_work or (lambda doing, done, total: None))
    reports = []
    for name in (*names, COLOUR):
        tell(f"indexing with {name}")
        reports.append(index_library(ws, library, encoder_name=name, on_event=on_event))
        if reports[-1].stopped:
            break
    return FloorReport((*names, COLOUR), tuple(name for name, _ in missing), tuple(reports))
