"""Indexing from outside: real files, a real catalog, real searches."""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import pytest

from app.errors import BadFolder, BadLibraryName, Busy, DataFolderError, UnknownEncoder
from app.find_similar import ClipQuery, find_similar
from app.index_library import index_library
from app.index_report import IndexProgress, clips_rate, rate_words
from app.run_lock import run_lock
from app.settings import Settings
from app.workspace import Workspace
from embedder.embed_videos import RejectedVideo
from index.errors import CatalogError, UnknownLibrary
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.report_counts import counts
from tests.helpers.tiny_encoder import write_tiny_encoder


def best(ws: Workspace, path: Path) -> tuple[Path, float]:
    hit = find_similar(ws, ClipQuery(path=path)).hits[0]
    return hit.path, hit.score


def test_first_run_adds_all_and_each_is_found(ws: Workspace, folder: Path) -> None:
    report = index_library(ws, "home", [folder])
    assert counts(report) == {"added": 4}
    assert report.provider == "CPUExecutionProvider"
    assert report.clips == ws.catalog.libraries()[0].num_clips > 4
    assert report.video_seconds == pytest.approx(15.0, abs=0.2)
    for path in folder.rglob("*.mp4"):
        found, score = best(ws, path)
        assert (found, score) == (path, pytest.approx(1.0, abs=0.01))


def test_second_run_embeds_nothing_and_needs_no_encoder_run(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    revision = ws.catalog.revision
    report = index_library(ws, "home", [folder])
    assert counts(report) == {"unchanged": 4}
    assert (report.clips, report.provider) == (0, None)
    assert ws.catalog.revision == revision


def test_without_folders_the_library_knows_its_own(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    draw_moving_picture(folder / "new.mp4", seed=50)
    assert counts(index_library(ws, "home")) == {"added": 1, "unchanged": 4}


def test_touched_file_is_compared_not_embedded(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    os.utime(folder / "a.mp4", ns=(0, 10**18))
    assert counts(index_library(ws, "home")) == {"touched": 1, "unchanged": 3}
    assert counts(index_library(ws, "home")) == {"unchanged": 4}


def test_changed_file_is_embedded_anew(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    draw_moving_picture(folder / "a.mp4", seed=77)
    assert counts(index_library(ws, "home")) == {"changed": 1, "unchanged": 3}
    assert best(ws, folder / "a.mp4") == (folder / "a.mp4", pytest.approx(1.0, abs=0.01))
    assert ws.catalog.libraries()[0].num_videos == 4


def test_what_is_embedded_anew_is_not_called_changed(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    draw_moving_picture(folder / "a.mp4", seed=77)
    report = index_library(ws, "home", reembed=True)
    assert counts(report) == {"changed": 1, "re-embedded": 3}
    assert "re-embedded 3" in report.summary()
    assert report.to_dict()["reembedded"] == 3


def test_a_run_too_short_to_time_has_no_rate() -> None:
    assert rate_words(clips_rate(432, 0.0995)) == ""
    assert rate_words(clips_rate(4, 2.0)) == "2.0 clips/s"
    assert rate_words(clips_rate(43395, 10.0)) == "4,340 clips/s"


def test_hours_made_up_by_two_time_stamps_are_told(ws: Workspace, folder: Path) -> None:
    late = folder / "late.mkv"
    with av.open(str(folder / "a.mp4")) as source, av.open(str(late), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.dts is not None]
        for place, packet in enumerate(packets):
            if place >= len(packets) - 2:
                packet.pts = packet.dts = packet.dts + int(28 * 3600 / packet.time_base)
            packet.stream = stream
            target.mux(packet)
    report = index_library(ws, "home", [folder])
    assert [warning for path, warning in report.warnings if path == str(late) and "28.0 h by its time stamps" in warning]
    assert not [warning for path, warning in report.warnings if path != str(late)]


def test_moved_file_keeps_its_number_and_vectors(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    before = ws.catalog.find_video(folder / "a.mp4")
    assert before is not None
    (folder / "elsewhere").mkdir()
    (folder / "a.mp4").rename(folder / "elsewhere" / "renamed.mp4")
    report = index_library(ws, "home")
    assert counts(report) == {"moved": 1, "unchanged": 3}
    assert report.provider is None
    after = ws.catalog.find_video(folder / "elsewhere" / "renamed.mp4")
    assert after is not None
    assert after.id == before.id
    assert best(ws, after.path)[0] == after.path
    assert ws.catalog.find_video(folder / "a.mp4") is None


def test_copied_file_shares_the_vectors(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    shutil.copy(folder / "a.mp4", folder / "copy.mp4")
    report = index_library(ws, "home")
    assert counts(report) == {"copied": 1, "unchanged": 4}
    assert report.provider is None
    hits = find_similar(ws, ClipQuery(path=folder / "a.mp4")).hits
    assert {hit.path.name for hit in hits[:2]} == {"a.mp4", "copy.mp4"}
    assert hits[1].score == pytest.approx(1.0, abs=0.01)


def test_same_content_many_times_in_a_first_run_is_embedded_once(ws: Workspace, tmp_path: Path) -> None:
    source = draw_moving_picture(tmp_path / "source.mp4")
    for number in range(10):
        (tmp_path / "ten" / str(number)).mkdir(parents=True)
        shutil.copy(source, tmp_path / "ten" / str(number) / "same.mp4")
    report = index_library(ws, "ten", [tmp_path / "ten"])
    assert counts(report) == {"added": 1, "copied": 9}
    assert ws.catalog.libraries()[0].num_indexed == 10
    hits = find_similar(ws, ClipQuery(path=source), k=20, one_per_video=True, every_file=True).hits
    assert len({hit.path for hit in hits}) == 10
    assert len(find_similar(ws, ClipQuery(path=source), k=20, one_per_video=True).hits) == 1  # copies are one video


def test_missing_file_leaves_results_and_returns(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    index_library(ws, "home", [folder])
    away = tmp_path / "away.mp4"
    (folder / "a.mp4").rename(away)
    assert counts(index_library(ws, "home")) == {"missing": 1, "unchanged": 3}
    assert folder / "a.mp4" not in {hit.path for hit in find_similar(ws, ClipQuery(path=away), k=50).hits}
    assert counts(index_library(ws, "home")) == {"unchanged": 3}
    away.rename(folder / "a.mp4")
    assert counts(index_library(ws, "home")) == {"returned": 1, "unchanged": 3}
    assert best(ws, folder / "a.mp4")[0] == folder / "a.mp4"


def test_only_the_named_folder_is_swept(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    (folder / "a.mp4").unlink()
    assert counts(index_library(ws, "home", [folder / "below"])) == {"unchanged": 1}
    assert counts(index_library(ws, "home")) == {"missing": 1, "unchanged": 3}


def test_broken_file_is_told_once_and_tried_again_when_it_changes(ws: Workspace, folder: Path) -> None:
    (folder / "bad.mp4").write_bytes(b"\0\0\0\x20ftypisom, cut off here")
    report = index_library(ws, "home", [folder])
    assert counts(report) == {"added": 4, "broken": 1}
    ((path, reason),) = report.broken
    assert path == str(folder / "bad.mp4")
    assert reason
    assert "\n" not in reason
    assert report.newly_broken == 1
    again = index_library(ws, "home")
    assert (counts(again), again.broken, again.newly_broken) == ({"unchanged": 4, "broken": 1}, report.broken, 0)
    row = ws.catalog.find_video(folder / "bad.mp4")
    assert row is not None
    assert (row.outcome, row.reason) == ("broken", reason)
    draw_moving_picture(folder / "bad.mp4", seed=60)
    assert counts(index_library(ws, "home")) == {"added": 1, "unchanged": 4}


def test_another_encoder_is_another_set_of_vectors(ws: Workspace, folder: Path) -> None:
    write_tiny_encoder(ws.encoders_folder / "other.onnx", name="other", dim=16, seed=5)
    index_library(ws, "home", [folder])
    assert counts(index_library(ws, "home", encoder_name="other")) == {"added": 4}
    assert best(ws, folder / "b.mp4")[0] == folder / "b.mp4"
    assert find_similar(ws, ClipQuery(path=folder / "b.mp4"), encoder_name="other").hits[0].path == folder / "b.mp4"


def test_a_failure_costs_no_vectors_of_the_same_content(ws: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index_library(ws, "home", [folder])
    clips = ws.catalog.libraries()[0].num_clips

    def refuse(paths: Iterable[Path], *_: object, **__: object) -> Iterator[RejectedVideo]:
        yield from (RejectedVideo(path=path, reason="decoding it took too long or hung; given up") for path in paths)

    with monkeypatch.context() as patch:
        patch.setattr("embedder.embed_videos.embed_videos", refuse)
        assert counts(index_library(ws, "home", reembed=True)) == {"broken": 4}
    assert ws.catalog.libraries()[0].num_clips == clips
    assert counts(index_library(ws, "home")) == {"unchanged": 4}


CRASHING_WORKER = """
import os, signal, sys
import embedder.decode_worker as worker

honest = worker._run
def crashing(job):
    if job.path.name.startswith("bad"):
        os.kill(os.getpid(), signal.SIGSEGV)
    yield from honest(job)
worker._run = crashing
worker.main()
"""


@pytest.fixture
def crashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Decode workers that crash on a file called bad, until the patch is undone."""
    with monkeypatch.context() as patch:
        patch.setattr("embedder.worker_process.WORKER_COMMAND", (sys.executable, "-P", "-c", CRASHING_WORKER))
        yield patch


def test_a_failure_that_passes_is_tried_again(ws: Workspace, folder: Path, crashing: pytest.MonkeyPatch) -> None:
    draw_moving_picture(folder / "bad.mp4", seed=60)
    report = index_library(ws, "home", [folder])
    assert counts(report) == {"added": 4, "broken": 1}
    assert "crashed on it (SIGSEGV) (try 1 of 3; the next run tries again)" in report.broken[0][1]
    os.utime(folder / "bad.mp4", ns=(0, 10**18))  # nor does a time stamp settle it
    crashing.undo()
    assert counts(index_library(ws, "home")) == {"added": 1, "unchanged": 4}
    assert best(ws, folder / "bad.mp4")[0] == folder / "bad.mp4"


def test_a_file_that_always_fails_is_tried_three_times(ws: Workspace, folder: Path, crashing: pytest.MonkeyPatch) -> None:
    draw_moving_picture(folder / "bad.mp4", seed=60)
    reports = [index_library(ws, "home", [folder]) for _ in range(5)]
    assert [report.newly_broken for report in reports] == [1, 1, 1, 0, 0]
    assert all(len(report.broken) == 1 for report in reports)
    assert "only --reembed tries again" in reports[-1].broken[0][1]
    crashing.undo()
    assert counts(index_library(ws, "home")) == {"unchanged": 4, "broken": 1}
    assert counts(index_library(ws, "home", reembed=True)) == {"added": 1, "re-embedded": 4}


def test_what_the_machine_does_never_counts_against_a_file(ws: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_moving_picture(folder / "bad.mp4", seed=60)
    with monkeypatch.context() as patch:
        killed = CRASHING_WORKER.replace("SIGSEGV", "SIGKILL")
        patch.setattr("embedder.worker_process.WORKER_COMMAND", (sys.executable, "-P", "-c", killed))
        reports = [index_library(ws, "home", [folder]) for _ in range(5)]
    assert [report.newly_broken for report in reports] == [1, 1, 1, 1, 1]
    assert "killed from outside (SIGKILL)" in reports[-1].broken[0][1]
    assert "the next run tries again" in reports[-1].broken[0][1]
    assert counts(index_library(ws, "home")) == {"added": 1, "unchanged": 4}


def test_reembed_does_all_again_and_doubles_nothing(ws: Workspace, folder: Path) -> None:
    first = index_library(ws, "home", [folder])
    again = index_library(ws, "home", reembed=True)
    assert again.clips == first.clips == ws.catalog.libraries()[0].num_clips
    assert counts(again) == {"re-embedded": 4}


def test_progress_reaches_the_caller_and_the_catalog(ws: Workspace, folder: Path) -> None:
    events: list[IndexProgress] = []
    index_library(ws, "home", [folder], on_event=events.append)
    phases = [event.phase for event in events]
    assert phases[0] == "scanning"
    assert phases[-1] == "done"
    embedding = [event for event in events if event.phase == "embedding"]
    assert (embedding[-1].done, embedding[-1].total) == (4, 4)
    (job,) = ws.catalog.jobs()
    assert (job.kind, job.library, job.state) == ("index", "home", "done")
    assert job.progress["report"]["added"] == 4
    (folder / "a.mp4").unlink()
    draw_moving_picture(folder / "new.mp4", seed=60)
    index_library(ws, "home")
    latest = max(ws.catalog.jobs(), key=lambda job: job.id)
    assert (latest.progress["report"]["added"], latest.progress["report"]["missing"]) == (1, 1)


def test_a_stop_keeps_what_is_done(ws: Workspace, folder: Path) -> None:
    def stop_after_two(event: IndexProgress) -> None:
        if event.phase == "embedding" and event.done == 2:
            raise KeyboardInterrupt

    report = index_library(ws, "home", [folder], on_event=stop_after_two)
    assert report.stopped
    assert (report.added, report.left) == (2, 2)
    assert ws.catalog.jobs()[0].state == "stopped"
    assert counts(index_library(ws, "home")) == {"added": 2, "unchanged": 2}


def test_a_run_at_a_time(ws: Workspace, folder: Path) -> None:
    with run_lock(ws.home), pytest.raises(Busy, match="Another run is at work"):
        index_library(ws, "home", [folder])


@pytest.mark.parametrize(("given", "said"), [("vidoes", "There is no folder .*nearest folder that exists"), ("a.mp4", "is a file")])
def test_a_bad_folder_makes_no_library(ws: Workspace, folder: Path, given: str, said: str) -> None:
    with pytest.raises(BadFolder, match=said):
        index_library(ws, "home", [folder / given])
    assert ws.catalog.libraries() == []


def test_a_bad_name_makes_no_library(ws: Workspace, folder: Path) -> None:
    with pytest.raises(BadLibraryName, match="--library NAME"):
        index_library(ws, "two\nlines", [folder])
    assert ws.catalog.libraries() == []


def test_an_unplugged_disk_is_not_a_thousand_missing_videos(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    folder.rename(folder.with_name("unplugged"))
    with pytest.raises(BadFolder, match="Connect the drive"):
        index_library(ws, "home")
    assert ws.catalog.libraries()[0].num_missing == 0


def test_unknown_names_are_told(ws: Workspace, folder: Path) -> None:
    with pytest.raises(UnknownEncoder, match="'nosuch'"):
        index_library(ws, "home", [folder], encoder_name="nosuch")
    index_library(ws, "home", [folder])
    with pytest.raises(UnknownLibrary, match="home"):
        index_library(ws, "hoem")


def test_an_encoder_file_swapped_for_one_of_another_dimension_is_another_encoder(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    write_tiny_encoder(ws.encoders_folder / "default.onnx", dim=16, seed=8)
    assert counts(index_library(ws, "home")) == {"added": 4}


@pytest.mark.parametrize("has_library", [False, True])
def test_a_folder_without_videos_is_told_and_added_to_nothing(
    ws: Workspace, folder: Path, tmp_path: Path, has_library: bool
) -> None:
    empty = tmp_path / "empty"
    (empty / "below").mkdir(parents=True)
    for name in ("notes.txt", "below/.hidden.mp4", "below/clip.mp4.part"):
        (empty / name).write_text("no video")
    if has_library:
        index_library(ws, "home", [folder])
    before = ws.catalog.libraries()
    with pytest.raises(BadFolder) as told:
        index_library(ws, "home", [empty])
    assert f"No video was found in {empty} or below." in str(told.value)
    assert " .mp4, " in str(told.value)
    assert "hidden" in str(told.value)
    assert ws.catalog.libraries() == before


def test_a_folder_without_videos_beside_one_that_has_some_is_a_warning(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    warned = [(str(tmp_path / "empty"), "no video was found in it")]
    assert index_library(ws, "home", [folder, tmp_path / "empty"]).warnings == warned
    assert index_library(ws, "home").warnings == warned
    assert index_library(ws, "home", [tmp_path / "empty"]).warnings == warned  # it is one of the library's by now
    draw_moving_picture(tmp_path / "empty" / "new.mp4", seed=50)
    report = index_library(ws, "home")
    assert (counts(report), report.warnings) == ({"added": 1, "unchanged": 4}, [])


def test_a_folder_whose_videos_are_all_gone_is_no_slip(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    for path in folder.rglob("*.mp4"):
        path.unlink()
    for missing, told in ((4, [str(folder / "below")]), (0, [])):  # a folder that holds nothing more may be a mount point
        report = index_library(ws, "home", [folder])
        assert (report.missing, [path for path, _ in report.warnings]) == (missing, told)


def test_odd_names(ws: Workspace, tmp_path: Path) -> None:
    names = ["-rf.mp4", "a b@12.mp4", "ünï.MP4", "line\nbreak.mp4", os.fsdecode(b"bytes\xff.mp4")]
    for seed, name in enumerate(names):
        draw_moving_picture(tmp_path / "v" / f"{seed}.mp4", seed=seed).rename(tmp_path / "v" / name)
    assert counts(index_library(ws, "odd", [tmp_path / "v"])) == {"added": len(names)}
    assert counts(index_library(ws, "odd")) == {"unchanged": len(names)}


def test_a_data_folder_that_cannot_be(tmp_path: Path, folder: Path, home: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    encoder = str(home / "encoders" / "default.onnx")
    with Workspace(Settings.at(file / "home")) as ws, pytest.raises(DataFolderError, match="VRET_HOME"):
        index_library(ws, "home", [folder], encoder_name=encoder)


def test_a_damaged_catalog_is_said(ws: Workspace, folder: Path) -> None:
    (ws.home / "catalog.db").write_bytes(b"no database, whatever it is called" * 100)
    with pytest.raises(CatalogError, match=r"catalog\.db"):
        index_library(ws, "home", [folder])
