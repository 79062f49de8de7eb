"""Queries as the page keeps them, and the uploads they may come from."""

import os
from pathlib import Path

import pytest

from app.errors import DataFolderError
from app.find_similar import ClipQuery, Hit, MomentQuery
from app.ui.queries import Draft, ShownQuery
from app.ui.uploads import keep_upload

CLIP = Path("/videos/clip.mp4")


def draft(start_s: float, end_s: float, video_id: int | None = None) -> Draft:
    return Draft(path=CLIP, name="clip.mp4", duration_s=8.0, start_s=start_s, end_s=end_s, video_id=video_id)


def hit(start_s: float, end_s: float, video_id: int = 7) -> Hit:
    return Hit(
        rank=1,
        video_id=video_id,
        path=CLIP,
        library="home",
        start_s=start_s,
        end_s=end_s,
        score=0.9,
        clip_ordinal=0,
        flagged=False,
    )


def test_to_find__whole_file_has_no_range() -> None:
    assert ShownQuery.of_draft(draft(0.0, 8.0)).to_find() == ClipQuery(path=CLIP)
    assert ShownQuery.of_draft(draft(0.0, 7.5)).to_find() == ClipQuery(path=CLIP, start_s=0.0, end_s=7.5)


def test_to_find__indexed_video_is_a_moment() -> None:
    assert ShownQuery.of_draft(draft(1.0, 3.0, video_id=7)).to_find() == MomentQuery(video_id=7, at_s=1.0, end_s=3.0)
    assert ShownQuery.of_hit(hit(1.0, 3.0)).to_find() == MomentQuery(video_id=7, at_s=1.0, end_s=3.0)


@pytest.mark.parametrize(
    ("other", "itself"),
    [(hit(1.0, 3.0), True), (hit(1.5, 3.5), True), (hit(2.8, 4.8), False), (hit(3.0, 5.0), False), (hit(1.0, 3.0, 8), False)],
)
def test_is_itself(other: Hit, itself: bool) -> None:
    assert ShownQuery.of_hit(hit(1.0, 3.0)).is_itself(other) is itself


def test_is_itself__never_for_a_file_from_outside() -> None:
    assert not ShownQuery.of_draft(draft(1.0, 3.0)).is_itself(hit(1.0, 3.0))


def test_keep_upload(tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    first = keep_upload(folder, "../../odd <name>.MP4", b"one")
    assert (first.parent, first.suffix, first.read_bytes()) == (folder, ".mp4", b"one")
    assert keep_upload(folder, "other.mp4", b"one") == first
    assert keep_upload(folder, "no suffix", b"two").suffix == ".video"
    assert len(list(folder.iterdir())) == 2


def test_keep_upload__old_ones_go(tmp_path: Path) -> None:
    first = keep_upload(tmp_path, "a.mp4", b"first")
    os.utime(first, (1, 1))
    for number in range(20):
        keep_upload(tmp_path, "a.mp4", b"%d" % number)
    assert not first.exists()
    assert len(list(tmp_path.iterdir())) == 20


def test_keep_upload__what_is_needed_stays(tmp_path: Path) -> None:
    first = keep_upload(tmp_path, "a.mp4", b"first")
    os.utime(first, (1, 1))
    for number in range(20):
        keep_upload(tmp_path, "a.mp4", b"%d" % number, needed={first.name})
    assert first.exists()
    assert len(list(tmp_path.iterdir())) == 21  # it takes no place from the others


def test_keep_upload__no_folder_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataFolderError, match="Cannot keep the uploaded clip"):
        keep_upload(tmp_path / "file" / "uploads", "a.mp4", b"x")
