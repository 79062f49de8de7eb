"""Which videos are queries where the labels do not say it: about a fifth, by hashes, so that it is the same every time."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

from app.labels.rows import LabelledVideo

TEST_SHARE = 0.2
PER_LABEL = "of each label about a fifth"


def drawn_tests(keys: Collection[str]) -> set[str]:
    """Of the keys of videos those that are test: about a fifth, one at least and not all where there are two. In all but tiny
    collections a key stays on its side when others come.
    """
    hashes = {key: hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest() for key in keys}
    drawn = {key for key, digest in hashes.items() if int.from_bytes(digest[:8]) < TEST_SHARE * 2**64}
    if len(hashes) < 2:
        return set()
    order = sorted(hashes, key=hashes.__getitem__)
    if not drawn:
        return {order[0]}
    return drawn if len(drawn) < len(hashes) else set(order[:-1])


def with_drawn_split(rows: Sequence[LabelledVideo]) -> tuple[list[LabelledVideo], str]:
    """The rows on the sides that were drawn, and a sentence about it: whole groups where there are such, else of each label."""
    if any(row.group for row in rows):
        tests = drawn_tests({_unit(row) for row in rows})
        how = "whole groups"
    else:
        of_label: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            of_label[row.label].add(_unit(row))
        tests = {unit for units in of_label.values() for unit in drawn_tests(units)}
        how = PER_LABEL
    drawn = [replace(row, split="test" if _unit(row) in tests else "train") for row in rows]
    return drawn, f"no split is given: {drawn_note(drawn, how)}"


def drawn_note(rows: Sequence[LabelledVideo], how: str) -> str:
    """How many were drawn. how: in what way."""
    queries = sum(row.split == "test" for row in rows)
    return f"{queries} of {len(rows)} videos were drawn to be queries, {how}"


def _unit(row: LabelledVideo) -> str:
    """What stands on one side. A library moved elsewhere must be drawn alike, so of a path its last two names."""
    return f"{row.source}/{row.group}" if row.group else "/".join(row.path.parts[-2:])
