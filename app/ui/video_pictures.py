"""A picture for each video, from the thumbnails that were made when it was indexed."""

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.ui import cached

if TYPE_CHECKING:
    from index.catalog import VideoRow


def middle_pictures(videos: "Sequence[VideoRow]") -> dict[int, bytes]:
    """WebP from the middle of each indexed video by its id, from whichever encoder has one; videos without are left out."""
    catalog = cached.workspace().catalog
    found: dict[int, bytes] = {}
    wanted = [video.id for video in videos if video.num_clips]
    for encoder in catalog.encoders():
        left = [video_id for video_id in wanted if video_id not in found]
        if not left or not encoder.num_clips:
            continue
        middles = [(video_id, len(clips) // 2) for video_id, clips in catalog.clips_of(left, encoder.id).items()]
        found |= {video_id: picture for (video_id, _), picture in catalog.thumbnails(middles, encoder.id).items()}
    return found


def as_address(picture: bytes) -> str:
    """The picture as an address that holds all of it."""
    return "data:image/webp;base64," + base64.b64encode(picture).decode("ascii")
