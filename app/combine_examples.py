"""Several examples become one query: what they have in common, and not what the unlike ones are.

Shapes: n examples, D numbers of a vector, which lie in parts such as motion and look.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.errors import BadQuery
from embedder.encoder_card import COLOUR, LOOK, EncoderCard
from embedder.vector_parts import part_slices, sees_look, shares
from index.search import QueryClips
from index.vectors.vector_index import unit_vectors

UNLIKE_SHARE = 0.3
"""How much the unlike examples count against the others. Below 1, and of means of length one, so that they cannot outweigh them.
Chosen by measurement on gestures: a fifth to two fifths fewer hits like the unlike ones, nearly as many right ones
(docs/results.md). G. Salton and C. Buckley found about the same good for texts ("Improving retrieval performance by relevance
feedback", 1990: 0.25 to 0.75).
"""

_LEAST_LENGTH = 1e-4  # of a mean of unit vectors: below, they point away from one another and it points nowhere


@dataclass(frozen=True)
class Example:
    """One example. name: what its owner calls it, for messages."""

    name: str
    clips: QueryClips


def combine(examples: Sequence[Example], unlike: Sequence[Example], card: EncoderCard) -> QueryClips:
    """One query of several examples, by Rocchio's formula (J. J. Rocchio, "Relevance feedback in information retrieval", in
    Salton, The SMART Retrieval System, 1971) on the vectors of whole examples.

    In each part of a vector: p is the mean of the examples, n that of the unlike ones, both of length one; the query is the
    direction of p - 0.3 n, as long as that part of a stored vector. So every example counts as much as every other, as queries that
    are added in rclip do; the unlike ones, however many and however like one another, count 0.3 of what the others do; and a
    clip's score stays the weighted sum of its parts' cosines, -1 to 1, at every weight of look. A still picture takes no part in
    the movement of a combination that holds clips.

    The query is as long as the median of the examples that are clips, and one clip: without the finer windows that one example has,
    since those of several lie at no common seconds. Examples in which there is nothing to see are left out, unless all are so;
    with look, a frozen clip counts as a picture does.
    Raises BadQuery for one that is too long to be one clip, and where examples cancel one another out.
    """
    for one in (*examples, *unlike):
        if one.clips.whole is None:
            raise BadQuery(
                f"{one.name} lasts {one.clips.duration_s:.1f} s; one of several examples must be short enough to be seen at once, "
                f"up to {longest_example_s(card):g} s with this encoder. Choose some seconds of it, such as those of one movement."
            )
    liked = [one.clips for one in examples if not _has_nothing(one, card)] or [one.clips for one in examples]
    disliked = [one.clips for one in unlike if not _has_nothing(one, card)]
    moving = [clips for clips in liked if not (clips.stands_still or clips.is_plain)]
    vector_D = np.zeros(card.dim, np.float32)
    for (name, where), share in zip(part_slices(card.parts).items(), shares(card.parts), strict=True):
        # What stands still has a vector of movement, too, but it says nothing; among pictures alone it is never looked at.
        of_all = name in (LOOK, COLOUR) or len(card.parts) == 1 or not moving
        chosen = liked if of_all else moving
        against = disliked if of_all else [clips for clips in disliked if not clips.stands_still]
        direction = _rocchio(_wholes(chosen)[:, where], _wholes(against)[:, where] if against else None)
        vector_D[where] = direction * np.sqrt(share)
    duration_s = float(np.median([clips.duration_s for clips in moving or liked]))
    return QueryClips(
        duration_s,
        np.array([[0.0, duration_s]]),
        vector_D[None],
        0,
        dense=np.zeros(0, np.int64),
        is_blank=not moving,
        is_plain=all(clips.is_plain for clips in liked),
        is_still=all(clips.is_still for clips in liked),
    )


def nothing_to_see(examples: Sequence[Example], unlike: Sequence[Example], card: EncoderCard) -> tuple[str, ...]:
    """What to say of examples that `combine` leaves out."""
    all_empty = all(_has_nothing(one, card) for one in examples)
    empty = [one.name for one in (*(() if all_empty else examples), *unlike) if _has_nothing(one, card)]
    why = "it is black or one colour" if sees_look(card) else "it is black, frozen or one colour"
    return tuple(f"{name} is left out: there is nothing to see in it, {why}" for name in empty)


def _has_nothing(example: Example, card: EncoderCard) -> bool:
    return replace(example.clips, sees_look=sees_look(card)).has_nothing


def longest_example_s(card: EncoderCard) -> float:
    """Seconds up to which a clip is seen at once, and so may be one of several examples."""
    from embedder.clip_plan import WHOLE_QUERY_FACTOR

    return WHOLE_QUERY_FACTOR * card.spans_s[-1]


def _wholes(clips: Sequence[QueryClips]) -> NDArray[np.float32]:
    """Unit vectors (n, D) over the whole of each."""
    return np.stack([unit_vectors(one.vectors, one.vectors.shape[1])[one.whole or 0] for one in clips])


def _rocchio(positive_nD: NDArray[np.float32], negative_nD: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Direction (D,) of length one. Raises BadQuery where the positive ones cancel one another out."""
    towards = _direction(positive_nD)
    if towards is None:
        raise BadQuery("The examples have nothing in common: their vectors cancel one another out. Search by fewer of them.")
    away = None if negative_nD is None else _direction(negative_nD)
    if away is None:  # none, or unlike ones that point everywhere
        return towards
    query: NDArray[np.float32] = towards - np.float32(UNLIKE_SHARE) * away
    return query / np.float32(np.linalg.norm(query))


def _direction(vectors_nD: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Of the mean of vectors that are first brought to length one; None where it has none."""
    lengths = np.linalg.norm(vectors_nD, axis=1, keepdims=True)
    mean = (vectors_nD / np.maximum(lengths, np.finfo(np.float32).tiny)).mean(axis=0)
    length = float(np.linalg.norm(mean))
    return None if length < _LEAST_LENGTH else (mean / length).astype(np.float32)
