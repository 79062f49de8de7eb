"""How much the look of a clip counts against its movement, where an encoder's vectors hold both: `--look`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.encoder_files import list_encoders
from app.errors import BadQuery, WrongValue
from app.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.search import QueryClips


def chosen_look(ws: Workspace, encoder_name: str | None, look: float | None) -> float | None:
    """The weight of look, 0 to 1, that a search with this encoder uses: the one given, or the default. None for an encoder whose
    vectors are not motion and look.

    Raises WrongValue (no number from 0 to 1), BadQuery (given, and the encoder has no such parts), UnknownEncoder, EncoderError.
    """
    from embedder.encoder_card import DEFAULT_LOOK

    _check_weight(look)
    if weighs_look(ws, encoder_name):
        return DEFAULT_LOOK if look is None else float(look)
    if look is None:
        return None
    raise BadQuery(_no_parts(ws, encoder_name or ws.settings.encoder_name))


def look_of_pictures(ws: Workspace, encoder_name: str | None, look: float | None) -> float | None:
    """The weight of look that a search by pictures alone uses: 1; None for an encoder whose vectors are look and nothing else.

    Raises WrongValue as `chosen_look`, BadQuery (another weight is given, or the encoder sees no look), UnknownEncoder,
    EncoderError.
    """
    _check_weight(look)
    check_sees_look(ws, encoder_name)
    if look is not None and look != 1:
        raise BadQuery(
            f"A picture does not move, so only its look can be compared: leave out --look, or give 1 instead of {look:g}."
        )
    return 1.0 if weighs_look(ws, encoder_name) else None


def check_sees_look(ws: Workspace, encoder_name: str | None, *, so: str = "no picture can be compared") -> None:
    """Raises BadQuery where an encoder's vectors hold no look, with what follows of that; UnknownEncoder, EncoderError."""
    from embedder.vector_parts import sees_look

    if sees_look(ws.encoder_facts(encoder_name).card):
        return
    name = encoder_name or ws.settings.encoder_name
    raise BadQuery(f"Encoder {name!r} sees how things move, not how they look, so {so}. {_with_look(ws, name)}")


def _check_weight(look: float | None) -> None:
    if look is not None and not 0 <= look <= 1:
        raise WrongValue(f"The weight of look (--look) must be 0 to 1, got {look:g}.")


def chosen_looks(ws: Workspace, encoder_names: Sequence[str], look: float | None) -> dict[str, float]:
    """As `chosen_look`, of those encoders that see movement and look, by name. Raises as that does where a weight is given and none
    does.
    """
    looks = {name: chosen_look(ws, name, look) for name in encoder_names if weighs_look(ws, name)}
    if not looks and encoder_names:
        chosen_look(ws, encoder_names[0], look)
    return {name: weight for name, weight in looks.items() if weight is not None}


def weighs_look(ws: Workspace, encoder_name: str | None) -> bool:
    """Whether an encoder's vectors are motion and look, perhaps with colours. Raises UnknownEncoder, EncoderError."""
    from embedder.vector_parts import has_motion_and_look

    return has_motion_and_look(ws.encoder_facts(encoder_name).card.parts)


def look_scale(ws: Workspace, encoder_name: str | None, look: float | None) -> "NDArray[np.float32] | None":
    """What a query's vectors are multiplied by, float32 (D,), for a weight that `chosen_look` gave; None for none."""
    from embedder.vector_parts import look_weights, query_scale

    if look is None:
        return None
    parts = ws.encoder_facts(encoder_name).card.parts
    return query_scale(parts, look_weights(parts, look))


def weighed(ws: Workspace, encoder_name: str | None, clips: "QueryClips", look: float | None) -> "QueryClips":
    """A query whose parts count as a weight says that `chosen_look` gave; None for an encoder of one part."""
    from embedder.vector_parts import is_look_alone, look_weights
    from index.search.query import PartWeight

    card = ws.encoder_facts(encoder_name).card
    weights = None if look is None else look_weights(card.parts, look)
    return replace(
        clips,
        scale=look_scale(ws, encoder_name, look),
        part_weights=None if weights is None else tuple(PartWeight(part.dim, weights[part.name]) for part in card.parts),
        sees_look=bool(look) or is_look_alone(card),
        by_look_alone=look == 1 or is_look_alone(card),
    )


def _no_parts(ws: Workspace, name: str) -> str:
    return f"Encoder {name!r} does not keep movement and look apart, so --look has nothing to weigh. {_with_look(ws, name)}"


def _with_look(ws: Workspace, name: str) -> str:
    """How to get what this encoder lacks."""
    from embedder.errors import EncoderError
    from embedder.vector_parts import has_motion_and_look

    both = []
    for file in list_encoders(ws.encoders_folder):
        try:
            if has_motion_and_look(file.read_card().parts):
                both.append(file.name)
        except EncoderError:  # a damaged file is no help; `vret encoders` tells of it
            continue
    if both:
        return f"Use one that has both: --encoder {' or '.join(both)}."
    return f"Make an encoder that has both: vret encoders join {name} LOOK --name NAME"
