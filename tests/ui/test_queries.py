"""Queries as the page keeps them, and the uploads they may come from."""

import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest

from app.errors import DataFolderError
from app.find_similar import ClipQuery, Hit, MomentQuery
from app.ui.queries import Draft, ShownQuery
from app.ui.uploads import SessionUploads, keep_upload

CLIP = Path("/videos/clip.mp4")


def draft(start_s: float, end_s: float, video_id: int | None = None) -> Draft:
    return Draft(path=CLIP, name="clip.mp4", duration_s=8.0, start_s=start_s, end_s=end_s, video_id=video_id)


def hit(start_s: float, end_s: float, video_id: int = 7, path: Path = CLIP) -> Hit:
    return Hit(
        rank=1,
        video_id=video_id,
        path=path,
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
    [
        (hit(1.0, 3.0), True),
        (hit(1.5, 3.5), True),
        (hit(2.8, 4.8), False),
        (hit(3.0, 5.0), False),
        (hit(1.0, 3.0, 8, Path("/videos/other.mp4")), False),
        (hit(1.0, 3.0, 8), True),  # the same file in another library
    ],
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


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_keep_upload__foreign_files_stay(tmp_path: Path) -> None:
    foreign = {"mine.mp4", ".mine.part", "notes.txt", f".{'0' * 32}.mp4.part", f"{'0' * 31}.mp4", f"{'A' * 32}.mp4"}
    for name in foreign:
        (tmp_path / name).write_bytes(b"mine")
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / f"{'0' * 32}.mp4").mkdir()
    for number in range(25):
        keep_upload(tmp_path, "a.mp4", b"%d" % number)
    uploads(tmp_path).sweep()
    assert foreign | {f"{'0' * 32}.mp4"} <= names(tmp_path)
    assert len(names(tmp_path)) == len(foreign) + 1 + 20


def test_keep_upload__disk_is_full(tmp_path: Path) -> None:
    """A limit of the process on the size of files stops writing half-way, as a full disk does."""
    folder = tmp_path / "uploads"
    script = (
        "import resource, sys; from pathlib import Path; from app.ui.uploads import keep_upload\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "keep_upload(Path(sys.argv[1]), 'a.mp4', bytes(5000))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=False)
    assert "DataFolderError: Cannot keep the uploaded clip in" in done.stderr
    assert names(folder) == set()


def uploads(folder: Path, *, needed: Collection[str] = (), open_ones: Collection[str] = ()) -> SessionUploads:
    return SessionUploads(folder, needed=lambda: needed, is_open=lambda session: session in open_ones)


def test_session_uploads__go_when_the_session_is_over(tmp_path: Path) -> None:
    needed: set[str] = set()
    open_ones = {"one", "other"}
    kept = uploads(tmp_path, needed=needed, open_ones=open_ones)
    mine = kept.keep("one", "a.mp4", b"mine").name
    judged = kept.keep("one", "b.mp4", b"judged").name
    shared = kept.keep("one", "c.mp4", b"shared").name
    assert kept.keep("other", "d.mp4", b"shared").name == shared
    needed.add(judged)
    kept.sweep(now_s=0.0)
    open_ones.remove("one")
    kept.sweep(now_s=100.0)
    assert names(tmp_path) == {mine, judged, shared}, "its connection may only be broken"
    open_ones.add("one")
    kept.sweep(now_s=150.0)
    open_ones.remove("one")
    kept.sweep(now_s=300.0)
    kept.sweep(now_s=400.0)
    assert names(tmp_path) == {mine, judged, shared}, "it was back in between"
    kept.sweep(now_s=1000.0)
    assert names(tmp_path) == {judged, shared}


def test_session_uploads__a_session_has_a_limit(tmp_path: Path) -> None:
    kept = uploads(tmp_path, open_ones={"one", "other"})
    others = kept.keep("other", "a.mp4", b"of the other").name
    own = [kept.keep("one", "a.mp4", b"%d" % number).name for number in range(15)]
    assert names(tmp_path) == {others, *own[-10:]}
    kept.keep("one", "a.mp4", b"14")  # the newest once more
    assert names(tmp_path) == {others, *own[-10:]}


def test_session_uploads__what_a_killed_page_left_goes(tmp_path: Path) -> None:
    stray = tmp_path / f".{'0' * 32}.mp4.123.part"
    upload = tmp_path / f"{'1' * 32}.mp4"
    for path in (stray, upload):
        path.write_bytes(b"x")
    uploads(tmp_path).sweep()
    assert names(tmp_path) == {stray.name, upload.name}, "another page may be writing"
    for path in (stray, upload):
        os.utime(path, (1, 1))
    uploads(tmp_path, needed={upload.name}).sweep()
    assert names(tmp_path) == {upload.name}
    uploads(tmp_path).sweep()
    assert names(tmp_path) == set()


def test_further_examples__one_of_each_and_of_one_kind() -> None:
    query = ShownQuery.of_draft(draft(0.0, 4.0))
    one, other = ShownQuery.of_hit(hit(1.0, 3.0)), ShownQuery.of_hit(hit(5.0, 7.0))
    both = query.with_example(one).with_example(other, is_unlike=True)
    assert (both.examples, both.unlike, both.has_several) == ((query, one), (other,), True)
    assert both.with_example(one) == both
    assert both.with_example(query) == both
    turned = both.with_example(one, is_unlike=True)
    assert (turned.examples, turned.unlike) == ((query,), (other, one))
    assert both.without(one).without(other) == query
    # Without the first, the next one is the first; the last stays.
    assert both.without(query) == ShownQuery.of_hit(hit(1.0, 3.0)).with_example(other, is_unlike=True)
    assert query.without(query) == query
    assert not query.has_several
