"""A ranking reduced to what was judged (condensed list: Sakai, "Alternatives to Bpref", SIGIR 2007). Answers are spans of video and
no documents, so which hit is which judged moment is decided by what they have in common.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.find_similar import Hit

if TYPE_CHECKING:
    from index.catalog.records import Judgement

Found = list[tuple[int, int]]
"""(place of a hit, place of the judged moment that it finds), both from 0, in the order of the hits."""

_FOUND_SHARE = 0.5 - 1e-9  # half of a rounded span is half


def found_moments(judged: Sequence["Judgement"], hits: Sequence[Hit]) -> Found:
    """Which judged moments the hits find, best hit first.

    A hit finds the moment of its video with which it has most in common, of those that no better hit has found, if that is at least
    half of the shorter of both. One hit finds one moment, so that a wide hit does not find right and wrong neighbours at once.
    """
    from index.catalog.relevance import shared_share

    of_video: dict[int, list[int]] = {}
    for place, one in enumerate(judged):
        of_video.setdefault(one.video_id, []).append(place)
    found: Found = []
    for rank, hit in enumerate(hits):
        left = of_video.get(hit.video_id, [])
        shares = [shared_share((judged[place].start_s, judged[place].end_s), (hit.start_s, hit.end_s)) for place in left]
        if shares and max(shares) >= _FOUND_SHARE:
            found.append((rank, left.pop(shares.index(max(shares)))))
    return found
