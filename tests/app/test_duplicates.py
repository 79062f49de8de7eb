"""`vret duplicates` from outside: real files, encoded anew in several ways, a real index, a tiny encoder."""

import csv
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import BadQuery
from app.find_duplicates import find_duplicates, part_scales, part_videos
from app.find_similar import ClipQuery, find_similar
from app.index_library import index_library
from app.still_pictures import still_vector
from app.workspace import Workspace
from pretrain.join_encoders import join_encoders
from tests.app.test_commands import failed, ok
from tests.helpers.make_video import draw_moving_picture, encode_anew
from tests.helpers.tiny_encoder import write_tiny_encoder
from tests.helpers.whole_command import vret


@pytest.fixture
def copies(home: Path, tmp_path: Path) -> Path:
    """A library: `party` in six versions, `beach` twice with the same content, and two videos of which there is one."""
    root = tmp_path / "copies"
    party = draw_moving_picture(root / "party.mp4", seconds=5.0, seed=0, size=(128, 96))
    encode_anew(party, root / "party-small.mp4", size=(64, 48))
    encode_anew(party, root / "party-bad.mp4", crf=38)
    encode_anew(party, root / "party-15.mp4", rate=15)
    encode_anew(party, root / "party-cropped.mp4", crop_px=3)
    encode_anew(party, root / "party-short.mp4", seconds=(0.0, 4.6))
    beach = draw_moving_picture(root / "beach.mp4", seconds=4.0, seed=1)
    (root / "old").mkdir()
    shutil.copy(beach, root / "old" / "beach again.mp4")
    os.utime(root / "old" / "beach again.mp4", (1e9, 1e9))
    draw_moving_picture(root / "dog.mp4", seconds=5.0, seed=2)
    draw_moving_picture(root / "cat.mp4", seconds=5.0, seed=3)
    ok("index", root, "-l", "copies")
    return root


def listed(*arguments: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ok("duplicates", *arguments, "--json"))
    return found


def names(found: dict[str, Any]) -> list[list[str]]:
    """The file names of each group, the one to keep first."""
    return [[Path(video["path"]).name for video in (group["keep"], *group["others"])] for group in found["groups"]]


def test_copies_are_grouped_and_nothing_else(copies: Path) -> None:
    found = listed()
    party, beach = sorted(found["groups"], key=lambda group: -len(group["others"]))
    assert party["keep"]["path"] == str(copies / "party.mp4")
    assert {Path(video["path"]).stem for video in party["others"]} == {
        f"party-{how}" for how in ("small", "bad", "15", "cropped", "short")
    }
    assert party["kept_for"] in ("largest file", "longest")  # as many pixels have three of them
    assert all(0.88 <= video["score"] <= 1 and not video["identical"] for video in party["others"])
    assert beach["keep"]["path"] == str(copies / "old" / "beach again.mp4")
    assert (beach["kept_for"], beach["others"][0]["identical"], beach["others"][0]["score"]) == ("oldest", True, 1.0)
    assert beach["keep"]["modified"].startswith("2001-09-09")
    assert (found["compared"], found["away"], found["changed"], found["without_vectors"], found["parted"]) == (10, 0, 0, 0, 0)


def test_each_is_shown_with_what_one_chooses_by(copies: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(ok("duplicates", "--csv"))))
    (small,) = (row for row in rows if row["path"].endswith("party-small.mp4"))
    assert (small["width"], small["height"], small["keep"], small["libraries"]) == ("64", "48", "false", '["copies"]')
    assert int(small["size"]) == (copies / "party-small.mp4").stat().st_size
    assert float(small["duration_s"]) == pytest.approx(5.0, abs=0.05)
    assert [row["keep"] for row in rows].count("true") == 2
    done = vret("duplicates")
    lines = [line for line in done.stdout.splitlines() if ".mp4" in line]
    assert len(lines) == 8
    assert [line for line in lines if "keep: " in line] == [lines[0], lines[6]]
    assert "identical" in lines[7] and "128x96" in lines[0] and "2001-09-09" in lines[6]
    assert "2 group(s) among 10 videos; 6 of them could go" in done.stderr
    assert all((copies / name).exists() for name in ("party-small.mp4", "beach.mp4"))


def test_what_is_said_to_be_no_duplicate_stays_apart(copies: Path) -> None:
    bad, party = copies / "party-bad.mp4", copies / "party.mp4"
    assert ok("duplicates", "--not", bad, party) == "remembered 1\n"
    done = vret("duplicates", "--not", party, bad)
    assert (done.stdout, done.stderr) == ("remembered 0\n", "That was known already.\n")
    found = listed()
    assert found["parted"] == 1
    assert not any({"party.mp4", "party-bad.mp4"} <= set(group) for group in names(found))
    assert sum("party.mp4" in group for group in names(found)) == 1
    assert ok("duplicates", "--undo-not", party, bad) == "forgotten 1\n"
    assert "party-bad.mp4" in next(group for group in names(listed()) if "party.mp4" in group)


def test_identical_files_can_be_said_to_be_no_duplicates(copies: Path) -> None:
    """As of a backup that is to stay. What was said goes when one of the two is forgotten."""
    again = shutil.move(copies / "old" / "beach again.mp4", copies / "again.mp4")
    ok("index", "-l", "copies")
    ok("duplicates", "--not", copies / "beach.mp4", again)
    assert len(listed()["groups"]) == 1
    away = shutil.move(again, copies.parent / "away.mp4")
    ok("index", "-l", "copies")
    ok("libraries", "purge", "copies", "--yes")
    shutil.move(away, again)
    ok("index", "-l", "copies")
    assert len(listed()["groups"]) == 2
    assert listed()["parted"] == 0


def test_three_at_once(copies: Path, home: Path) -> None:
    paths = [copies / f"party{name}.mp4" for name in ("", "-bad", "-small")]
    with Workspace(home) as ws:
        assert part_videos(ws, paths) == 3
        (group,) = (group for group in find_duplicates(ws).groups if group.keep.path == paths[0])
        assert not {video.path for video in group.others} & set(paths)
        assert part_videos(ws, paths, undo=True) == 3


def test_one_file_in_two_libraries_or_by_links_is_no_duplicate(ws: Workspace, folder: Path) -> None:
    """Whoever deleted the other would lose both."""
    (folder.parent / "link").symlink_to(folder)
    os.link(folder / "a.mp4", folder / "hard.mp4")
    index_library(ws, "one", [folder])
    index_library(ws, "two", [folder.parent / "link"])
    report = find_duplicates(ws)
    assert report.groups == []
    assert report.compared == 4
    shutil.copy(folder / "a.mp4", folder / "copy.mp4")
    index_library(ws, "one", [])
    (group,) = find_duplicates(ws).groups
    video = next(video for video in (group.keep, *group.others) if video.path.name != "copy.mp4")
    assert video.libraries == ("one", "two")
    assert {video.path, *video.other_paths} == {folder / "a.mp4", folder.parent / "link" / "a.mp4"}
    with pytest.raises(BadQuery, match="are one file"):
        part_videos(ws, [folder / "a.mp4", folder / "hard.mp4"])


def test_a_library_alone(copies: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(copies / "dog.mp4", other / "dog.mp4")
    ok("index", other, "-l", "other")
    assert ["dog.mp4", "dog.mp4"] in names(listed())
    assert listed("-l", "other")["groups"] == []
    assert len(listed("-l", "copies")["groups"]) == 2
    assert "no library 'nosuch'" in failed("duplicates", "-l", "nosuch")


def test_what_is_not_as_it_was_takes_no_part(copies: Path) -> None:
    (copies / "party-small.mp4").unlink()
    shutil.copy(copies / "dog.mp4", copies / "party-bad.mp4")
    done = vret("duplicates", "--json")
    found = json.loads(done.stdout)
    assert (found["away"], found["changed"], found["compared"]) == (1, 1, 8)
    assert not {"party-small.mp4", "party-bad.mp4"} & {name for group in names(found) for name in group}
    assert "1 video(s) are not at their path now" in done.stderr and "1 video(s) have changed" in done.stderr


def test_an_encoder_of_two_parts(ws: Workspace, copies: Path) -> None:
    """Both must agree; what is calm needs no certainty, since the look tells it apart."""
    motion = write_tiny_encoder(ws.encoders_folder / "motion.onnx", dim=40)
    look = write_tiny_encoder(ws.encoders_folder / "look.onnx", dim=24, seed=7, task="look")
    join_encoders(motion, look, ws.encoders_folder / "both.onnx", name="both")
    index_library(ws, "copies", [], encoder_name="both")
    by_both, by_one = (find_duplicates(ws, encoder_name=name) for name in ("both", None))
    groups = [{video.path for video in (group.keep, *group.others)} for group in by_both.groups]
    assert groups == [{video.path for video in (group.keep, *group.others)} for group in by_one.groups]
    assert [len(scale) for scale in part_scales(ws, "both") if scale is not None] == [64, 64]
    assert (part_scales(ws, None), still_vector(ws, "both")) == ((None,), None)
    assert find_duplicates(ws, encoder_name="both", moments=True).moments == []


def test_min_score(copies: Path) -> None:
    assert len(names(listed("--min-score", "1"))) == 1  # those with the same content
    assert "0 to 1" in failed("duplicates", "--min-score", "2", code=2)


def test_moments_that_two_videos_share(home: Path, tmp_path: Path) -> None:
    root = tmp_path / "films"
    film = draw_moving_picture(root / "film.mp4", seconds=14.0, seed=4)
    encode_anew(film, root / "trailer.mp4", seconds=(5.0, 10.0), size=(64, 48))
    draw_moving_picture(root / "other.mp4", seconds=12.0, seed=5)
    ok("index", root)
    found = listed("--moments")
    assert found["groups"] == []
    (moment,) = found["moments"]
    spans = {Path(moment["path"]).stem: (moment["start_s"], moment["end_s"])}
    spans[Path(moment["other_path"]).stem] = moment["other_start_s"], moment["other_end_s"]
    assert spans == {"film": pytest.approx((5.0, 10.0), abs=1.0), "trailer": pytest.approx((0.0, 5.0), abs=1.0)}
    assert len(ok("duplicates", "--moments", "--csv").splitlines()) == 2
    done = vret("duplicates", "--moments")
    assert "trailer.mp4" in done.stdout
    assert "1 shared moment(s)" in done.stderr
    ok("duplicates", "--not", root / "film.mp4", root / "trailer.mp4")
    assert listed("--moments")["moments"] == []
    assert listed()["moments"] is None


def test_near_equal_hits_are_one_hit(copies: Path) -> None:
    """And what they hid comes up behind."""
    ask = ("search", copies / "party.mp4", "--end", "2", "-k", "3", "--one-per-video")
    found = json.loads(ok(*ask, "--json"))["hits"]
    assert [hit["copies"] for hit in found] == [5, 0, 0]
    assert Path(found[0]["path"]).name.startswith("party")
    assert len({Path(hit["path"]).name[:3] for hit in found}) == 3
    assert "(x6)" in ok(*ask)
    everything = json.loads(ok(*ask, "--all-copies", "--json"))
    assert all("party" in hit["path"] and hit["copies"] == 0 for hit in everything["hits"])
    rows = list(csv.DictReader(io.StringIO(ok("search", copies / "beach.mp4", "-k", "1", "--csv"))))
    assert (rows[0]["copies"], len(rows)) == ("1", 1)


def test_hits_without_copies_are_as_they_were(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    query = ClipQuery(path=folder / "below" / "long.mp4", start_s=1.0, end_s=3.0)
    assert find_similar(ws, query, collapse_copies=True).hits == find_similar(ws, query).hits


def test_what_a_still_picture_looks_like_is_kept(ws: Workspace, home: Path) -> None:
    still = still_vector(ws, None)
    assert still is not None
    assert float(np.linalg.norm(still)) == pytest.approx(1, abs=1e-3)
    assert not list(home.rglob("*.still.npy")), "nothing is indexed, so that there is no folder of vectors"
    ws.vectors_folder.mkdir()
    still_vector(ws, None)
    (kept,) = ws.vectors_folder.iterdir()
    whole = kept.read_bytes()
    for damaged in (b"", whole[:60], whole[:-8] + bytes.fromhex("0000807f") * 2, b"no array"):
        kept.write_bytes(damaged)
        again = still_vector(ws, None)
        assert again is not None and np.array_equal(again, still)
        assert kept.read_bytes() == whole


@pytest.mark.parametrize(
    "name", ["caf\udce9 100%.mp4", "two\nlines.mp4", "\u0434\u0435\u043d\u044c @1.mp4", "-x.mp4", "bytes:a.mp4"]
)
def test_odd_names(home: Path, folder: Path, name: str) -> None:
    shutil.copy(folder / "a.mp4", folder / name)
    ok("index", folder)
    (group,) = listed()["groups"]
    shown = {group["keep"]["path"], group["others"][0]["path"]} - {str(folder / "a.mp4")}
    assert ok("duplicates").count("a.mp4") >= 1
    assert ok("duplicates", "--not", shown.pop(), folder / "a.mp4") == "remembered 1\n"
    assert listed()["groups"] == []


def test_nothing_indexed_and_nothing_found(home: Path, folder: Path) -> None:
    assert "Nothing is indexed with encoder 'default' yet" in failed("duplicates")
    ok("index", folder)
    done = vret("duplicates")
    assert (done.stdout, done.stderr) == ("", "No duplicates among 4 videos (encoder default, score from 0.88).\n")
    assert ok("duplicates", "--csv").count("\n") == 1
    assert listed()["groups"] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["a.mp4"], "--not"),
        (["--not"], "two paths"),
        (["--not", "a.mp4"], "two paths"),
        (["--not", "--undo-not", "a.mp4", "b.mp4"], "not both"),
        (["--not", "a.mp4", "b.mp4", "--json"], "--json"),
        (["--json", "--csv"], "not both"),
        (["--not", "a.mp4", ""], "empty"),
    ],
)
def test_wrong_usage(home: Path, arguments: list[str], told: str) -> None:
    assert told in failed("duplicates", *arguments, code=2)


def test_only_indexed_videos_can_be_told_apart(home: Path, folder: Path) -> None:
    (folder / "bad.mp4").write_bytes(b"\0\0\0\x20ftypisom, cut off here")
    ok("index", folder)
    assert "nosuch.mp4 is not indexed" in failed("duplicates", "--not", folder / "a.mp4", folder / "nosuch.mp4")
    assert "bad.mp4 is broken" in failed("duplicates", "--not", folder / "a.mp4", folder / "bad.mp4")
    twice = (folder / "a.mp4", folder / "b.mp4", folder / "below" / ".." / "a.mp4")
    assert "are one file" in failed("duplicates", "--not", *twice)
    assert ok("duplicates", "--undo-not", *twice[:2]) == "forgotten 0\n", "all or nothing"
