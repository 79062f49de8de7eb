"""Which encoder of the catalog a file is.

Older versions knew an encoder by the hash that its file claims for the weights. What they stored is kept where it is sure to be
this file's: nobody's library is embedded anew for want of a better name.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from app.encoder_metadata import EncoderFacts, check_self_contained, weights_sha256

if TYPE_CHECKING:
    from embedder.encoder_card import EncoderCard
    from index.catalog import Catalog, EncoderRow

_EXPECTED_SHARE = 0.97  # of a video; a clip that is longer counts as the whole of it
_MOST_LACKING = 0.1  # share of videos without clips of a length that fits: a hole in the time stamps may have left none

logger = logging.getLogger(__name__)


def find_known(catalog: "Catalog", path: Path, facts: EncoderFacts, others: set[str]) -> int | None:
    """The number of an encoder file in the catalog; None when the catalog has not seen it. others: identities that an old row was
    found not to be, so that it is looked into and told once. Raises EncoderError, CatalogError.
    """
    from index.errors import CatalogReadOnly

    found = catalog.find_encoder(facts.identity)
    if found is not None:
        return found
    row = catalog.unidentified_encoder(facts.card.weights_sha256)
    if row is None or facts.identity in others:
        return None
    why = _why_another(catalog, path, facts.card, row)
    if why is not None:
        others.add(facts.identity)
        if row.num_clips:
            logger.warning(
                "%s is taken for a new encoder, and the %d clips that an older vret stored under the hash that it claims are not "
                "used: %s. Index the libraries with it again.", path, row.num_clips, why,
            )  # fmt: skip
        return None
    try:
        catalog.identify_encoder(row.id, facts.identity)
    except CatalogReadOnly:
        logger.debug("Encoder %d could not be given its identity: the catalog cannot be written.", row.id)
    return row.id


def _why_another(catalog: "Catalog", path: Path, card: "EncoderCard", row: "EncoderRow") -> str | None:
    """Why the clips of a row need not be this file's; None when they are."""
    from embedder.encoder_card import EncoderCard
    from embedder.errors import EncoderCardError

    check_self_contained(path)
    if weights_sha256(path) != card.weights_sha256:
        return "its weights have another hash than it claims"
    try:
        # Not the clip lengths: they became those of whatever file was used last, and the clips themselves tell.
        if EncoderCard.from_json(row.card_json).deciding | {"spans_s": None} != card.deciding | {"spans_s": None}:
            return "the encoder that last used these weights took other pictures"
    except EncoderCardError as error:
        return f"the stored card of that encoder cannot be read ({error})"
    fitting, lacking = 0, 0
    for duration_s, lengths_s in catalog.clip_lengths_s(row.id):
        if not lengths_s <= {round(span_s, 3) for span_s in card.spans_s}:
            return "some of them are of other lengths, so another encoder's are among them"
        expected = {round(span_s, 3) for span_s in card.spans_s if span_s <= duration_s * _EXPECTED_SHARE}
        fitting += bool(expected)
        lacking += not expected <= lengths_s
    if lacking > _MOST_LACKING * fitting:
        return "clips of some lengths are missing, so they were made by another encoder"
    return None
