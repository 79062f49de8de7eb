"""A catalog that older rules of reading have filled: only what is read otherwise today is embedded anew."""

import errno
import os
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from app.find_similar import ClipQuery, find_similar
from app.index_library import index_library
from app.workspace import Workspace
from index.catalog import FileFingerprint, VideoFacts
from tests.helpers.barred_video import padded, scene, write_video
from tests.helpers.counting_video import draw_late_video
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.report_counts import counts
from tests.helpers.tiny_encoder import write_tiny_encoder


def best(ws: Workspace, path: Path) -> tuple[Path, float]:
    hit = find_similar(ws, ClipQuery(path=path)).hits[0]
    return hit.path, hit.score


def of_older_reading(ws: Workspace, reading: int = 1) -> None:
    """Makes all that is stored look as if it had been read by older rules."""
    with sqlite3.connect(ws.home / "catalog.db") as connection:
        connection.execute(f"UPDATE embedding SET reading = {reading}")
        connection.execute(f"UPDATE video SET reading = {reading}")
    connection.close()


def test_only_what_new_rules_read_otherwise_is_embedded_anew(ws: Workspace, folder: Path) -> None:
    late = draw_late_video(folder / "late.mp4", picture_from_s=3.0, num_frames=75)
    index_library(ws, "home", [folder])
    assert find_similar(ws, ClipQuery(path=late)).hits[0].start_s == pytest.approx(3.0, abs=0.05)
    of_older_reading(ws)
    (note,) = find_similar(ws, ClipQuery(path=folder / "a.mp4")).notes
    assert "5 video(s) were indexed by an older vret" in note
    report = index_library(ws, "home")
    assert counts(report) == {"unchanged": 4, "reread": 1}
    assert find_similar(ws, ClipQuery(path=folder / "a.mp4")).notes == ()
    again = index_library(ws, "home")
    assert (counts(again), again.provider) == ({"unchanged": 5}, None)


def test_what_may_have_been_called_damaged_for_want_of_memory_is_read_anew(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    of_older_reading(ws, reading=3)
    with sqlite3.connect(ws.home / "catalog.db") as connection:
        damage = '["damaged: 142 of 251 frames did not decode cleanly"]'
        connection.execute("UPDATE video SET warnings = ? WHERE path LIKE '%a.mp4'", (damage,))
    connection.close()
    assert counts(index_library(ws, "home")) == {"unchanged": 3, "reread": 1}
    with sqlite3.connect(ws.home / "catalog.db") as connection:
        assert connection.execute("SELECT DISTINCT warnings FROM video").fetchall() == [("[]",)]
    connection.close()
    assert counts(index_library(ws, "home")) == {"unchanged": 4}


def test_what_was_called_damaged_is_read_anew_for_every_encoder(ws: Workspace, folder: Path) -> None:
    write_tiny_encoder(ws.encoders_folder / "other.onnx", seed=5)
    for name in ("default", "other"):
        index_library(ws, "home", [folder], encoder_name=name)
    of_older_reading(ws, reading=3)
    with sqlite3.connect(ws.home / "catalog.db") as connection:
        connection.execute("UPDATE video SET warnings = '[\"damaged: it was not\"]' WHERE path LIKE '%a.mp4'")
    connection.close()
    assert len(find_similar(ws, ClipQuery(path=folder / "b.mp4")).notes) == 1
    for name in ("default", "other"):
        assert counts(index_library(ws, "home", encoder_name=name)) == {"unchanged": 3, "reread": 1}, name
        assert counts(index_library(ws, "home", encoder_name=name)) == {"unchanged": 4}, name
    assert all(video.warnings == () for video in ws.catalog.videos("home"))


def test_a_touched_file_of_an_older_reading_is_looked_at_too(ws: Workspace, folder: Path) -> None:
    late = draw_late_video(folder / "late.mp4", picture_from_s=3.0)
    index_library(ws, "home", [folder])
    of_older_reading(ws)
    for path in (late, folder / "a.mp4"):
        os.utime(path, ns=(0, 10**18))
    assert counts(index_library(ws, "home")) == {"unchanged": 3, "touched": 1, "reread": 1}
    assert counts(index_library(ws, "home")) == {"unchanged": 5}


def test_what_is_back_and_of_an_older_reading_is_looked_at_at_once(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    """Older versions called everything missing when a disk was away."""
    late = draw_late_video(folder / "late.mp4", picture_from_s=3.0)
    index_library(ws, "home", [folder])
    (tmp_path / "away").mkdir()
    for name in ("a.mp4", "late.mp4"):
        (folder / name).rename(tmp_path / "away" / name)
    assert counts(index_library(ws, "home")) == {"unchanged": 3, "missing": 2}
    of_older_reading(ws)
    for name in ("a.mp4", "late.mp4"):
        (tmp_path / "away" / name).rename(folder / name)
    assert counts(index_library(ws, "home")) == {"unchanged": 3, "returned": 1, "reread": 1}
    assert best(ws, late)[0] == late
    assert find_similar(ws, ClipQuery(path=folder / "a.mp4")).notes == ()
    assert counts(index_library(ws, "home")) == {"unchanged": 5}


def test_what_is_back_and_cannot_be_read_keeps_its_clips(
    ws: Workspace, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_library(ws, "home", [folder])
    (folder / "a.mp4").rename(tmp_path / "a.mp4")
    assert counts(index_library(ws, "home")) == {"unchanged": 3, "missing": 1}
    of_older_reading(ws)
    (tmp_path / "a.mp4").rename(folder / "a.mp4")

    def sleeping(path: Path) -> str:
        raise OSError(errno.EIO, "Input/output error", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("embedder.fingerprint.hash_file", sleeping)
        patch.setattr("app.index_run.IndexRun._stays_as_it_is", lambda *_: False)
        report = index_library(ws, "home")
    assert report.broken[-1][1] == "cannot be read: Input/output error"
    assert {video.outcome for video in ws.catalog.videos()} == {"indexed"}
    assert counts(index_library(ws, "home")) == {"unchanged": 4}


@pytest.mark.parametrize(("name", "wanted"), [("0.mp4", {"added": 1}), ("z.mp4", {"copied": 1})])
def test_a_copy_takes_no_clips_that_older_rules_made(ws: Workspace, folder: Path, name: str, wanted: dict[str, int]) -> None:
    late = draw_late_video(folder / "late.mp4", picture_from_s=3.0)
    index_library(ws, "home", [folder])
    of_older_reading(ws)
    for old, new in ((late, folder / name), (folder / "a.mp4", folder / "a2.mp4")):
        shutil.copy(old, new)
    wanted = {"copied": 1, "unchanged": 4, "reread": 1} | wanted | ({"copied": 2} if "copied" in wanted else {})
    assert counts(index_library(ws, "home")) == wanted
    assert find_similar(ws, ClipQuery(path=folder / "a.mp4")).notes == ()
    assert counts(index_library(ws, "home")) == {"unchanged": 7}


def test_clips_of_another_encoder_do_not_say_how_long_these_reach(ws: Workspace, folder: Path) -> None:
    """The length that is kept of a video is of its last reading, by whatever encoder."""
    long = folder / "below" / "long.mp4"
    index_library(ws, "home", [folder])
    of_older_reading(ws)
    encoder_id = ws.encoder_id()
    known = ws.catalog.known_files("home", encoder_id)[str(long)]
    video, clips = ws.catalog.video(known.video_id), ws.catalog.clips(known.video_id, encoder_id)
    shorter = clips.spans_s[:, 1] <= 4.0  # as if older rules had seen no more of it
    file = FileFingerprint(str(long), known.size, known.mtime_ns, known.content_hash)
    assert video.duration_s is not None
    facts = VideoFacts(video.duration_s, 96, 64, 10.0, "h264", "mp4")
    vectors = clips.vectors[shorter].astype(np.float32)
    ws.catalog.put_embedded(
        "home", file, facts, encoder_id, clips.spans_s[shorter], vectors, clips.flags[shorter] & 1, [], reading=1
    )
    assert counts(index_library(ws, "home")) == {"unchanged": 3, "reread": 1}
    assert ws.catalog.clips(known.video_id, encoder_id).spans_s.max() == pytest.approx(6.0, abs=0.2)


def test_what_older_rules_refused_is_tried_once_more(ws: Workspace, folder: Path) -> None:
    (folder / "bad.mp4").write_bytes((folder / "a.mp4").read_bytes()[:600])
    index_library(ws, "home", [folder])
    of_older_reading(ws)
    draw_moving_picture(folder / "new.mp4", seed=60)
    report = index_library(ws, "home")
    assert (counts(report), report.newly_broken) == ({"added": 1, "unchanged": 4, "broken": 1}, 1)
    assert index_library(ws, "home").newly_broken == 0


def test_of_what_was_read_before_bars_were_cut_off_only_what_has_some_is_read_anew(ws: Workspace, folder: Path) -> None:
    write_video(folder / "letterbox.mp4", lambda number: padded(scene(number), top=16, bottom=16))
    draw_late_video(folder / "late.mp4", picture_from_s=3.0)  # rules of that time minded this already
    index_library(ws, "home", [folder])
    of_older_reading(ws, 2)
    assert counts(index_library(ws, "home")) == {"unchanged": 5, "reread": 1}
    assert counts(index_library(ws, "home")) == {"unchanged": 6}
