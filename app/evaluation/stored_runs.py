"""What an evaluation was asked, as the catalog keeps it beside the results."""

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from app.labels.rows import LabelSet
from app.workspace import Workspace

if TYPE_CHECKING:
    from embedder.encoder_card import EncoderCard

FORMAT = 1


def is_floor(card: "EncoderCard") -> bool:
    """Whether an encoder is a network that learnt nothing, against which others are judged."""
    return card.task == "untrained" and card.backbone != "colour"


def encoder_facts(card: "EncoderCard") -> dict[str, Any]:
    """What of an encoder a result depends on."""
    return {
        "sha256": card.weights_sha256,
        "backbone": card.backbone,
        "task": card.task,
        "precision": card.precision,
        "floor": is_floor(card),
    }


def run_settings(labels: LabelSet, encoders: Mapping[str, Mapping[str, Any]], fingerprint: str, **others: Any) -> dict[str, Any]:
    """encoders: by name, as `encoder_facts` has them. fingerprint: of the data. others: what else was chosen."""
    return {
        "format": FORMAT,
        "labels": str(labels.path),
        "layout": labels.layout,
        "fold": labels.fold,
        "encoders": {name: dict(facts) for name, facts in encoders.items()},
        "fingerprint": fingerprint,
        "version": version("vret"),
        **others,
    }


def look_setting(looks: Mapping[str, float]) -> dict[str, Any]:
    """How much look counted, by encoder, as a setting of a run; nothing where no encoder has movement and look apart."""
    return {"look": dict(looks)} if looks else {}


def stored_encoders(ws: Workspace, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The facts of encoders by name. Raises UnknownEncoder, EncoderError."""
    facts = {name: ws.encoder_facts(name) for name in names}
    return {name: encoder_facts(found.card) | {"identity": found.identity} for name, found in facts.items()}
