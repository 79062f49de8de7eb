"""The catalog, on every database it supports."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index.catalog import Catalog, FileFingerprint
from index.errors import EncoderMismatch, NoClips, UnknownEncoder, UnknownLibrary, UnknownVideo, ValueRefused
from tests.helpers.catalog_rows import FACTS, SPANS, file, put, unit
from tests.helpers.old_catalog import take_back


def test_put_embedded_gives_back_what_went_in(filled: Catalog) -> None:
    video_id = put(filled, "/films/a.mp4")

    row = filled.video(video_id)
    assert (row.library, row.path, row.outcome, row.num_clips, row.warnings) == (
        "films",
        Path("/films/a.mp4"),
        "indexed",
        3,
        ("odd",),
    )
    assert (row.duration_s, row.width, row.height, row.frame_rate, row.codec, row.container) == (8.0, 640, 360, 25.0, "h264", "mp4")
    clips = filled.clips(video_id, 1)
    assert clips.vectors.dtype == np.float16
    np.testing.assert_array_equal(clips.spans_s, SPANS)
    np.testing.assert_allclose(clips.vectors, unit(3), atol=1e-3)
    assert clips.flags.tolist() == [0, 1, 2], "the third clip covers the whole video"
    pictures = filled.thumbnails([(video_id, ordinal) for ordinal in range(4)], 1)
    assert pictures == {(video_id, 0): b"a", (video_id, 1): b"bb", (video_id, 2): b"a"}
    assert filled.thumbnails([(video_id, 1), (video_id, 9), (77, 0)], 1) == {(video_id, 1): b"bb"}


def test_put_embedded_replaces_and_keeps_the_id(filled: Catalog) -> None:
    first = put(filled, "/films/a.mp4", "c1")
    second = put(filled, "/films/a.mp4", "c2", seed=1)

    assert first == second
    np.testing.assert_allclose(filled.clips(first, 1).vectors, unit(3, seed=1), atol=1e-3)
    assert filled.libraries()[0].num_clips == 3


def test_changed_content_drops_vectors_of_other_encoders(filled: Catalog) -> None:
    other = filled.register_encoder("cd" * 32, "other", 8, "{}")
    video_id = put(filled, "/films/a.mp4", "c1")
    put(filled, "/films/a.mp4", "c1", encoder_id=other)
    assert filled.video(video_id).num_clips == 6

    put(filled, "/films/a.mp4", "c2", encoder_id=other)

    with pytest.raises(NoClips):
        filled.clips(video_id, 1)
    assert len(filled.clips(video_id, other)) == 3


def test_same_name_in_ten_folders_is_ten_videos(filled: Catalog) -> None:
    ids = {put(filled, f"/films/{number}/a.mp4", f"c{number}") for number in range(10)}

    assert len(ids) == 10
    assert len(filled.videos("films")) == 10


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"vectors": unit(3, dim=5)}, EncoderMismatch, "8 dimensions, got 5"),
        ({"vectors": unit(2)}, ValueError, "must be spans"),
        ({"vectors": unit(3) * 2}, ValueError, "length 1"),
        ({"vectors": np.full((3, 8), np.nan)}, ValueError, "length 1"),
        ({"spans_s": [[0, 2], [3, 3], [0, 8]]}, ValueError, "for clip 1"),
        ({"spans_s": np.zeros((0, 2)), "vectors": unit(0), "flags": []}, ValueError, "1 to 1048575 clips, got 0"),
        ({"thumbnails": [b"a"]}, ValueError, "3 clips, 1 thumbnails"),
        ({"library": "nope"}, UnknownLibrary, "no library 'nope'. There are: films"),
        ({"encoder_id": 9}, UnknownEncoder, "id 9"),
        ({"path": "relative.mp4"}, ValueError, "absolute"),
    ],
)
def test_put_embedded_refuses_nonsense_and_stores_nothing(filled: Catalog, change: dict, error: type, message: str) -> None:
    given = {"library": "films", "path": "/films/a.mp4", "encoder_id": 1, "spans_s": SPANS, "vectors": unit(3), "flags": [0, 0, 0]}
    given |= {"thumbnails": []} | change

    with pytest.raises(error, match=message):
        filled.put_embedded(
            given["library"],
            file(given["path"]),
            FACTS,
            given["encoder_id"],
            given["spans_s"],
            given["vectors"],
            given["flags"],
            given["thumbnails"],
        )

    assert filled.videos() == []
    assert filled.revision == 0


def test_broken_file_is_kept_with_its_reason_and_loses_its_vectors(filled: Catalog) -> None:
    video_id = put(filled, "/films/a.mp4")

    assert filled.put_broken("films", file("/films/a.mp4", "c2"), "no video stream \udcff\0") == video_id

    row = filled.video(video_id)
    assert (row.outcome, row.reason, row.num_clips) == ("broken", "no video stream %FF\ufffd", 0)
    assert [v.path.name for v in filled.videos("films", outcome="broken")] == ["a.mp4"]
    put(filled, "/films/a.mp4", "c3")
    assert (filled.video(video_id).outcome, filled.video(video_id).reason) == ("indexed", None)


def test_known_files_tell_what_must_be_read(filled: Catalog) -> None:
    other = filled.register_encoder("cd" * 32, "other", 8, "{}")
    a = put(filled, "/films/a.mp4")
    filled.put_broken("films", file("/films/b.mp4", "", mtime_ns=-1), "cannot be read")
    filled.mark_missing([put(filled, "/films/c.mp4", "c3")])

    known = filled.known_files("films", 1)
    assert {path: (k.outcome, k.embedded) for path, k in known.items()} == {
        "/films/a.mp4": ("indexed", True),
        "/films/b.mp4": ("broken", False),
        "/films/c.mp4": ("missing", True),
    }
    assert (known["/films/a.mp4"].video_id, known["/films/a.mp4"].size, known["/films/a.mp4"].mtime_ns) == (a, 10, 1)
    assert not any(k.embedded for k in filled.known_files("films", other).values())


def test_moved_file_keeps_id_and_vectors(filled: Catalog) -> None:
    video_id = put(filled, "/films/a.mp4")
    filled.mark_missing([video_id])
    filled.put_broken("films", file("/films/b.mp4", "x"), "was something else once")

    filled.move_videos([(video_id, file("/films/b.mp4", mtime_ns=5))])

    assert [(v.id, str(v.path), v.mtime_ns, v.outcome) for v in filled.videos("films")] == [
        (video_id, "/films/b.mp4", 5, "indexed")
    ]
    assert len(filled.clips(video_id, 1)) == 3
    with pytest.raises(UnknownVideo, match="no video 99"):
        filled.move_videos([(99, file("/films/c.mp4"))])


def test_copied_file_takes_the_vectors(filled: Catalog) -> None:
    filled.add_library("more", [])
    source = put(filled, "/films/a.mp4")
    twins = filled.find_by_content("c1", 1)
    assert [twin.id for twin in twins] == [source]

    copy = filled.copy_embedding(source, "more", file("/more/a.mp4"), 1)

    assert copy not in (None, source)
    assert filled.video(copy).duration_s == 8.0
    np.testing.assert_array_equal(filled.clips(copy, 1).vectors, filled.clips(source, 1).vectors)
    assert filled.thumbnails([(copy, 1)], 1) == {(copy, 1): b"bb"}
    assert filled.copy_embedding(4711, "films", file("/films/z.mp4"), 1) is None
    assert filled.find_by_content("", 1) == filled.find_by_content(None, 1) == filled.find_by_content("?", 1) == []


def test_touch_takes_the_new_time_and_brings_back(filled: Catalog) -> None:
    video_id = put(filled, "/films/a.mp4")
    filled.mark_missing([video_id])

    filled.touch(video_id, file("/films/a.mp4", mtime_ns=9))

    assert (filled.video(video_id).mtime_ns, filled.video(video_id).outcome) == (9, "indexed")
    with filled.snapshot() as snapshot:
        assert snapshot.count_clips(1) == 3


def test_forgetting_is_for_good_and_of_those_only(filled: Catalog) -> None:
    gone, stays = put(filled, "/films/a.mp4"), put(filled, "/films/b.mp4", "c2")

    assert filled.forget_videos([gone]) == 1
    assert filled.forget_videos([gone]) == 0
    assert [video.id for video in filled.videos()] == [stays]
    assert put(filled, "/films/a.mp4") > stays, "ids are never used twice"


def test_paths_that_are_not_unicode_come_back_as_they_were(filled: Catalog) -> None:
    odd = os.fsdecode(b"/films/caf\xe9/\xff%20.mp4")
    spelled = "/films/caf\u00e9/100% 'x'_\U0001f3a5.mp4"
    ids = [put(filled, odd), put(filled, spelled, "c2")]

    assert [str(filled.video(video_id).path) for video_id in ids] == [odd, spelled]
    assert set(filled.known_files("films", 1)) == {odd, spelled}
    found = filled.find_video(odd)
    assert found is not None
    assert found.id == ids[0]
    assert filled.video_ids(folder=Path("/films")) == ids
    assert filled.video_ids(folder=Path(os.fsdecode(b"/films/caf\xe9"))) == ids[:1]
    assert [v.id for v in filled.videos(text="100% '")] == ids[1:]


def test_the_videos_of_a_library_are_those_that_are_there_now(filled: Catalog, catalog_url: str) -> None:
    """However often they were asked for before, and whoever changes them."""
    first = put(filled, "/films/1.mp4")
    assert filled.video_ids(library="films") == [first]
    with Catalog.open(catalog_url) as other:
        second = put(other, "/films/2.mp4", "c2")
    assert filled.video_ids(library="films") == [first, second]
    filled.video_ids(library="films").clear()
    assert filled.video_ids(library="films") == [first, second]
    with Catalog.open(catalog_url) as other:
        other.forget_videos([first])
    assert filled.video_ids(library="films") == [second]
    with pytest.raises(UnknownLibrary):
        filled.video_ids(library="other")


def test_folders_are_compared_whole_and_exactly(filled: Catalog) -> None:
    inside = put(filled, "/films/A/x.mp4")
    put(filled, "/films/Ab/x.mp4", "c2")
    put(filled, "/films/a/x.mp4", "c3")

    assert filled.video_ids(folder=Path("/films/A")) == [inside]
    assert len(filled.video_ids(folder=Path("/"))) == 3


def test_libraries_count_and_go(filled: Catalog) -> None:
    put(filled, "/films/a.mp4")
    put(filled, "/films/b.mp4", "c2")
    filled.put_broken("films", file("/films/c.mp4", "c3"), "broken")
    filled.mark_missing([put(filled, "/films/d.mp4", "c4")])
    filled.add_library("films", [Path("/films"), Path("/more")])
    filled.add_library("empty", [])

    empty, films = filled.libraries()
    assert (empty.name, empty.num_videos, empty.num_clips, empty.seconds) == ("empty", 0, 0, 0.0)
    assert films.folders == (Path("/films"), Path("/more"))
    assert (films.num_videos, films.num_indexed, films.num_broken, films.num_missing) == (4, 2, 1, 1)
    assert (films.num_clips, films.seconds) == (9, 16.0)

    assert filled.remove_library("films") == 4
    assert [library.name for library in filled.libraries()] == ["empty"]
    assert filled.videos() == []
    with pytest.raises(UnknownLibrary, match="There are: empty"):
        filled.library("films")
    with pytest.raises(ValueError, match="printable"):
        filled.add_library(" ", [])


def test_remove_folder_keeps_what_another_folder_holds(filled: Catalog) -> None:
    filled.add_library("films", [Path("/films/deep")])
    put(filled, "/films/a.mp4")
    kept = put(filled, "/films/deep/b.mp4", "c2")

    assert filled.remove_folder("films", Path("/films")) == 1
    assert [video.id for video in filled.videos()] == [kept]
    with pytest.raises(ValueError, match=r"no folder /nope\. It has: /films/deep"):
        filled.remove_folder("films", Path("/nope"))


def test_videos_pages_and_finds_text(filled: Catalog) -> None:
    for number in range(7):
        put(filled, f"/films/Holiday{number}.mp4", f"c{number}")

    assert [v.path.name for v in filled.videos("films", limit=2, offset=5)] == ["Holiday5.mp4", "Holiday6.mp4"]
    assert [v.path.name for v in filled.videos(text="holiday3")] == ["Holiday3.mp4"]
    assert filled.videos(text="h%3") == []
    assert filled.count_videos("films", text="holiday") == 7
    assert filled.count_videos(outcome="broken") == 0


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("\u0414\u0435\u043d\u044c", "\u0434\u0435\u043d\u044c"),
        ("\u00c9t\u00e9", "e\u0301te\u0301"),
        ("E\u0301te\u0301", "\u00e9t\u00e9"),
        ("Stra\u00dfe", "STRASSE"),
        ("STRASSE", "stra\u00dfe"),
        ("\u0130STANBUL", "istanbul"),
        ("ISPARTA", "\u0131sparta"),
        ("\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03cc\u03c2".replace("\u03cc", "\u03bf")),
        ("\ud55c\uae00", "\u1112\u1161\u11ab\u1100\u1173\u11af"),
        ("100% ok_", "100% OK_"),
    ],
)
def test_text_is_found_however_it_is_spelt(filled: Catalog, name: str, typed: str) -> None:
    put(filled, f"/films/x {name} y.mp4", "spelt")
    put(filled, "/films/other.mp4", "other")
    assert [v.path.name for v in filled.videos("films", text=typed)] == [f"x {name} y.mp4"]
    assert filled.count_videos(text=typed) == 1
    assert filled.videos(text=typed, offset=1) == []


def test_text_with_an_accent_is_not_one_without(filled: Catalog) -> None:
    put(filled, "/films/caf\u00e9.mp4", "1")
    assert filled.videos(text="cafe") == []
    assert filled.count_videos(text="caf") == 1


def test_text_finds_a_name_of_bytes_as_it_is_shown(filled: Catalog) -> None:
    put(filled, os.fsdecode(b"/films/\xd0\xb4 caf\xe9.mp4"), "1")
    assert filled.count_videos(text="CAF%E9") == filled.count_videos(text="\u0414 caf") == 1


def test_find_video_prefers_a_library_where_it_is_indexed(filled: Catalog) -> None:
    filled.add_library("another", [])
    filled.put_broken("films", file("/films/a.mp4"), "broken")
    put(filled, "/films/a.mp4", library="another")

    found = filled.find_video(Path("/films/a.mp4"))

    assert found is not None
    assert found.library == "another"
    assert filled.find_video("/films/none.mp4") is None


def test_encoders_are_known_by_their_identity(filled: Catalog) -> None:
    assert filled.register_encoder("ab" * 32, "renamed", 8, '{"a": 1}') == 1
    assert [(e.name, e.card_json, e.num_clips) for e in filled.encoders()] == [("renamed", '{"a": 1}', 0)]
    with pytest.raises(EncoderMismatch, match="known with 8 dimensions, got 16"):
        filled.register_encoder("ab" * 32, "tiny", 16, "{}")
    assert not filled.has_clips(1)
    put(filled, "/films/a.mp4")
    filled.add_library("empty", [])
    assert filled.has_clips(1)
    assert filled.has_clips(1, library="films")
    assert not filled.has_clips(1, library="empty")


def test_change_log_tells_what_a_cache_must_do(filled: Catalog) -> None:
    a = put(filled, "/films/a.mp4")
    start = filled.revision
    b = put(filled, "/films/b.mp4", "c2")
    filled.mark_missing([a])
    filled.put_broken("films", file("/films/c.mp4", "c3"), "broken")

    with filled.snapshot() as snapshot:
        assert snapshot.revision == filled.revision > start
        assert snapshot.changed_videos(1, start) == [a, b]
        assert snapshot.changed_videos(1, snapshot.revision) == []
        assert snapshot.changed_videos(2, 0) == []
        assert [clips.video_id for clips in snapshot.all_clips(1)] == [b]
        assert [clips.video_id for clips in snapshot.clips_of(1, [a, b])] == [b]
        assert snapshot.token(snapshot.revision) not in (None, "", snapshot.token(start))
        assert snapshot.token(10_000) is None


def test_snapshot_does_not_see_later_writes(filled: Catalog) -> None:
    put(filled, "/films/a.mp4")
    with filled.snapshot() as snapshot:
        put(filled, "/films/b.mp4", "c2")
        assert snapshot.count_clips(1) == 3
        assert snapshot.revision == 1
    assert filled.revision == 2


def test_known_files_of_a_thousand_take_one_query(filled: Catalog) -> None:
    """Speed that does not depend on the machine: the number of statements does not grow with the number of files."""
    import sqlalchemy as sa

    for number in range(40):
        put(filled, f"/films/{number}.mp4", f"c{number}")
    statements: list[str] = []
    sa.event.listen(filled._db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))

    assert len(filled.known_files("films", 1)) == 40

    assert len([statement for statement in statements if "FROM video" in statement]) == 1
    assert json.dumps(statements).count("embedding") > 0


def test_thumbnails_beyond_the_limit_are_thinned_evenly(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.catalog.serialization.MAX_PICTURE_BYTES", 25_000)
    catalog.add_library("films", [Path("/films")])
    catalog.register_encoder("ab" * 32, "tiny", 8, "{}")
    pictures = [bytes([number]) * 1000 for number in range(100)]
    spans = [(float(n), n + 1.0) for n in range(100)]
    facts = replace(FACTS, duration_s=100.0)
    vectors = np.eye(8, dtype=np.float32)[np.arange(100) % 8]
    video_id = catalog.put_embedded("films", file("/films/a.mp4"), facts, 1, spans, vectors, np.zeros(100, np.uint8), pictures)
    found = catalog.thumbnails([(video_id, number) for number in range(100)], 1)
    kept = [picture[0] for picture in found.values()]
    assert len(set(kept)) == pytest.approx(25, abs=2)
    assert len(found) == 100
    assert all(0 <= number - shown <= 8 for (_, number), shown in zip(found, kept, strict=True))


def test_a_catalog_of_the_first_schema_is_migrated_with_what_it_holds(catalog: Catalog, tmp_path: Path) -> None:
    catalog.add_library("films", [Path("/films")])
    catalog.register_encoder("ab" * 32, "tiny", 8, "{}")
    catalog.put_broken("films", file("/films/b.mp4"), "no video")
    put(catalog, "/films/a.mp4", "c2")
    catalog.close()
    take_back(f"sqlite:///{tmp_path / 'catalog.db'}", "0001")
    with Catalog.open(f"sqlite:///{tmp_path / 'catalog.db'}") as migrated:
        known = migrated.known_files("films", 1)
        assert {path: (entry.outcome, entry.failures) for path, entry in known.items()} == {
            "/films/a.mp4": ("indexed", 0),
            "/films/b.mp4": ("broken", 0),
        }
        migrated.put_broken("films", file("/films/b.mp4"), "crashed", failures=2)
        assert migrated.known_files("films", 1)["/films/b.mp4"].failures == 2
        # Nothing is known of the rules by which they were read: they are looked at once more.
        assert (known["/films/a.mp4"].reading, migrated.count_read_before(1, 2)) == (1, {1: 1})
        migrated.note_reading(known["/films/a.mp4"].video_id, 1, 2, ["2 video tracks"])
        assert (migrated.known_files("films", 1)["/films/a.mp4"].reading, migrated.count_read_before(1, 2)) == (2, {})
        assert migrated.video(known["/films/a.mp4"].video_id).warnings == ("odd", "2 video tracks")


def test_a_library_keeps_what_it_leaves_out_in_order(filled: Catalog) -> None:
    filled.set_excludes("films", ["drafts/", "*.lrv", "!keep.lrv", "drafts/"])
    assert filled.library("films").excludes == ("drafts/", "*.lrv", "!keep.lrv")
    assert [library.excludes for library in filled.libraries()] == [("drafts/", "*.lrv", "!keep.lrv")]
    filled.set_excludes("films", ["#recycle"])
    assert filled.library("films").excludes == ("#recycle",)
    with pytest.raises(UnknownLibrary):
        filled.set_excludes("nothing", [])
    filled.remove_library("films")
    filled.add_library("films")
    assert filled.library("films").excludes == ()


def test_a_file_of_another_kind_is_not_among_the_broken(filled: Catalog) -> None:
    video_id = filled.put_broken("films", file("/films/code.ts"), "is a text file, not a video", not_video=True)
    filled.put_broken("films", file("/films/bad.mp4"), "damaged")
    assert filled.video(video_id).outcome == "not-video"
    assert filled.known_files("films", 1)["/films/code.ts"].outcome == "not-video"
    assert [row.path.name for row in filled.videos("films", outcome="broken")] == ["bad.mp4"]
    assert [row.path.name for row in filled.videos("films", outcome="not-video")] == ["code.ts"]
    films = next(library for library in filled.libraries() if library.name == "films")
    assert (films.num_broken, films.num_not_videos) == (1, 1)
    filled.mark_missing([video_id])
    assert (filled.video(video_id).outcome, filled.count_videos("films", outcome="not-video")) == ("missing", 0)
    filled.put_broken("films", file("/films/code.ts"), "damaged by now")
    assert filled.video(video_id).outcome == "broken"


@pytest.mark.parametrize("number", [2**63, -(2**70)])
def test_a_value_that_the_database_cannot_hold_is_told_apart_from_a_catalog_that_is_away(filled: Catalog, number: int) -> None:
    before = filled.videos("films")
    for size, mtime_ns in ((number, 1), (1, number)):
        with pytest.raises(ValueRefused, match="cannot hold a value") as told:
            filled.put_broken("films", FileFingerprint("/films/odd.mp4", size, mtime_ns, "x"), "odd")
        assert "\n" not in str(told.value)
    assert filled.videos("films") == before
