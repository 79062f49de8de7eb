"""A query made of what the catalog holds: "more like this" without opening a video or an encoder.

Shapes: n stored clips, D dimensions. Times are seconds of the video.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from index.errors import NoClips
from index.search.query import SAME_LENGTH, QueryClips
from index.search.video_view import VideoView

if TYPE_CHECKING:
    from index.catalog import Catalog

_ONE_CLIP_FACTOR = 1.25  # a range up to so many times the longest clip is one clip
_FINER = 0.8  # windows up to this share of a query's length serve to set its place right


def moment_as_query(catalog: "Catalog", encoder_id: int, video_id: int, at_s: float, end_s: float | None = None) -> QueryClips:
    """A query made of stored vectors: nothing is decoded, nothing is encoded.

    at_s alone: the longest clip about that second. With end_s: the range [at_s, end_s], moved to where clips are stored, that is
    by at most half a hop. Raises UnknownVideo, ValueError for an empty range, and NoClips where the video has no vectors of
    this encoder or ends before the range begins.
    """
    row = catalog.video(video_id)
    try:
        clips = catalog.clips(video_id, encoder_id)
    except NoClips as error:
        name = catalog.encoder(encoder_id).name
        raise NoClips(f"{row.path} has no clips of encoder {name!r}. Index library {row.library!r} with it first.") from error
    view = VideoView.of(clips, row.duration_s or 0.0, None)
    if end_s is not None and not at_s < end_s:
        raise ValueError(f"The moment must end after it starts, got {at_s} to {end_s} s.")
    if not 0 <= at_s <= view.end_s:
        raise NoClips(
            f"{row.path} lasts {view.end_s:.2f} s, so it has no second {at_s:.2f}. Choose one from 0 to {view.end_s:.2f}."
        )
    if end_s is None:
        return _one_clip(view, _longest_about(view, at_s))
    end_s = min(end_s, view.end_s)
    if end_s - at_s <= _ONE_CLIP_FACTOR * float(view.lengths_s.max()):
        return _one_clip(view, view.nearest_row(at_s, end_s))
    return _sequence(view, at_s, end_s)


def _longest_about(view: VideoView, at_s: float) -> int:
    """Row of the longest clip that holds a second; of several, the one with the second nearest to its middle."""
    holds = (view.spans_s[:, 0] <= at_s) & (at_s <= view.spans_s[:, 1])
    rows = np.flatnonzero(holds)
    if not len(rows):  # inside a hole of the video's time stamps: the nearest clip there is
        return int(np.argmin(np.abs(view.centres_s - at_s)))
    lengths = view.lengths_s[rows]
    longest = rows[lengths >= lengths.max() * (1 - SAME_LENGTH)]
    return int(longest[np.argmin(np.abs(view.centres_s[longest] - at_s))])


def _one_clip(view: VideoView, row: int) -> QueryClips:
    start_s, end_s = (float(second) for second in view.spans_s[row])
    inside = _inside(view, start_s, end_s)
    inside[row] = False
    rows = np.concatenate([[row], np.flatnonzero(inside)])
    dense = np.flatnonzero(view.lengths_s[rows] <= _FINER * (end_s - start_s))
    parts = np.arange(len(rows))
    return QueryClips(
        end_s - start_s,
        view.spans_s[rows] - start_s,
        view.vectors[rows],
        0,
        dense,
        parts,
        is_blank=bool(view.flagged[rows].all()),
        is_plain=bool(view.plain[rows].all()),
        is_whole_video=bool(view.whole_video[row]),
    )


def _sequence(view: VideoView, start_s: float, end_s: float) -> QueryClips:
    longest_s = float(view.lengths_s.max())
    long_rows = view.rows_of_length(longest_s)
    slack_s = longest_s / 4
    chosen = long_rows[(view.spans_s[long_rows, 0] >= start_s - slack_s) & (view.spans_s[long_rows, 1] <= end_s + slack_s)]
    if not len(chosen):
        return _one_clip(view, view.nearest_row(start_s, end_s))
    start_s, end_s = float(view.spans_s[chosen, 0].min()), float(view.spans_s[chosen, 1].max())
    rows = np.flatnonzero(_inside(view, start_s, end_s))
    return QueryClips(
        end_s - start_s,
        view.spans_s[rows] - start_s,
        view.vectors[rows],
        None,
        is_blank=bool(view.flagged[rows].all()),
        is_plain=bool(view.plain[rows].all()),
    )


def _inside(view: VideoView, start_s: float, end_s: float) -> NDArray[np.bool_]:
    return (view.spans_s[:, 0] >= start_s - 1e-6) & (view.spans_s[:, 1] <= end_s + 1e-6)
