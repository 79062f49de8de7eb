"""More ways to ask: still pictures, a frame of a video, several examples, unlike ones, and a lowest score; from outside."""

import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.combine_examples import UNLIKE_SHARE, Example, combine
from app.errors import BadQuery, BadRange, WrongValue
from app.find_similar import ClipQuery, MomentQuery, PictureQuery, SearchResult, embed_for_search, find_similar
from app.index_library import index_library
from app.workspace import Workspace
from embedder.encoder_card import LOOK, MOTION, EncoderCard, VectorPart
from embedder.errors import VideoRejected
from index.search import Filters
from index.search.query import QueryClips
from tests.app.test_commands import failed, ok
from tests.helpers.draw_picture import frame_of, write_picture
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.tiled_avif import tiled_avif
from tests.helpers.whole_command import vret

EXIF_ORIENTATIONS = range(1, 9)


def found(ws: Workspace, *examples: ClipQuery | MomentQuery | PictureQuery, **options: object) -> SearchResult:
    return find_similar(ws, examples, encoder_name="both", one_per_video=True, **options)  # type: ignore[arg-type]


def names(result: SearchResult) -> list[str]:
    return [hit.path.stem for hit in result.hits]


def scores(result: SearchResult) -> dict[str, float]:
    return {hit.path.stem: hit.score for hit in result.hits}


# Pictures


def test_a_picture_finds_the_clip_that_looks_like_it(joined: Workspace, folder: Path, tmp_path: Path) -> None:
    shown = frame_of(folder / "below" / "long.mp4", 4.2)
    for kind in ("jpg", "png", "bmp", "webp", "avif"):
        # The name says nothing of the kind, and everything that FFmpeg or a shell might read something into.
        path = write_picture(tmp_path / "ph\N{LATIN SMALL LETTER O WITH DIAERESIS} %03d [0-9]" / f"-x;&'{kind}.{kind}", shown)
        path = path.rename(path.with_suffix(""))
        result = found(joined, PictureQuery(path=path))
        hit = result.hits[0]
        assert (hit.path.stem, result.look, result.query_s) == ("long", 1.0, 1.0), kind
        assert hit.start_s <= 4.2 <= hit.end_s
        assert hit.end_s - hit.start_s == pytest.approx(1.0)
        # The moment is one clip of the index: half a clip from one to the next.
        assert (2 * hit.start_s) % 1 == pytest.approx(0, abs=0.01)
        assert 0.9 < hit.score <= 1
        assert result.provider == "CPUExecutionProvider"


def test_a_frame_of_a_video(joined: Workspace, folder: Path, tmp_path: Path) -> None:
    (folder / "below" / "long.mp4").rename(tmp_path / "long.mp4")
    result = found(joined, PictureQuery(path=tmp_path / "long.mp4", at_s=4.2))
    assert names(result)[0] == "long"
    assert result.hits[0].start_s <= 4.2 <= result.hits[0].end_s
    with pytest.raises(VideoRejected, match=r"no frame at 7\.00 s, the video ends at 6\.00 s"):
        found(joined, PictureQuery(path=tmp_path / "long.mp4", at_s=7.0))
    with pytest.raises(BadRange, match="0 s or later"):
        found(joined, PictureQuery(path=tmp_path / "long.mp4", at_s=-1.0))


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_a_photo_is_turned_as_it_is_shown(joined: Workspace, folder: Path, tmp_path: Path, kind: str) -> None:
    from PIL import Image, ImageOps

    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # what EXIF has players do, as Pillow's Transpose numbers
    undo = {1: None, **turns, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    shown = Image.fromarray(frame_of(folder / "b.mp4", 1.5))
    vectors = []
    for orientation in EXIF_ORIENTATIONS:
        turn = undo[orientation]
        stored = shown if turn is None else shown.transpose(Image.Transpose(turn))
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = tmp_path / f"{orientation}.{kind}"
        stored.save(path, exif=exif, quality=98)
        with Image.open(path) as again:
            assert ImageOps.exif_transpose(again).size == shown.size
        vectors.append(embed_for_search(joined, PictureQuery(path=path), encoder_name="both").clips.vectors[0])
    likeness = np.array(vectors) @ np.array(vectors).T
    assert likeness.min() > 0.98, likeness.round(2)


def test_what_is_transparent_is_white(joined: Workspace, folder: Path, tmp_path: Path) -> None:
    shown = frame_of(folder / "b.mp4", 1.5)
    cover = (np.arange(shown.shape[1]) % 96 < 48).astype(np.uint8)[None, :, None] * np.ones((shown.shape[0], 1, 1), np.uint8)
    white = shown * cover + 255 * (1 - cover)
    hidden = np.concatenate([shown, 255 * cover], axis=2)
    seen = [
        embed_for_search(joined, PictureQuery(path=write_picture(tmp_path / name, picture)), encoder_name="both").clips.vectors[0]
        for name, picture in (("white.png", white), ("hidden.png", hidden))
    ]
    assert seen[0] @ seen[1] > 0.999


def test_a_picture_of_one_colour_finds_nothing_and_says_so(joined: Workspace, tmp_path: Path) -> None:
    plain = write_picture(tmp_path / "plain.png", np.full((60, 80, 3), (20, 60, 200), np.uint8))
    result = found(joined, PictureQuery(path=plain))
    assert result.hits == []
    assert any("nothing to see in the query" in warning and "nothing is like it" in warning for warning in result.warnings)
    assert found(joined, PictureQuery(path=plain), filters=Filters(include_flagged=True)).hits


def _png(width: int, height: int) -> bytes:
    """A PNG that says it is so large, and holds nothing."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b"")]
    parts = [struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


BROKEN: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "is empty"),
    "text": (lambda _: b"just some words, no picture\n" * 9, "is a text file, not a picture"),
    "cut off": (lambda data: data[:40], "damaged picture|cannot be opened as a picture"),
    "without pixels": (lambda data: data[:20] + bytes(200), "damaged picture|cannot be opened as a picture"),
    "huge": (lambda _: _png(60_000, 60_000), "more than the limit of 200 million|cannot be opened|damaged"),
    "animated": (lambda _: b"RIFF\x24\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x0f\0\0\x0f\0\0ANIM\x06\0\0\0" + bytes(6), "picture"),
    "a playlist": (lambda _: b"#EXTM3U\n/etc/passwd\n", "is a playlist, not a picture"),
    "TIFF": (lambda _: b"II*\0" + bytes(400), "is a TIFF picture; read are JPEG, PNG"),
    "AVIF that ends": (lambda _: b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "cannot be opened|no picture that"),
}


def test_a_broken_picture_is_refused_in_a_line(joined: Workspace, folder: Path, tmp_path: Path) -> None:
    sound = write_picture(tmp_path / "sound.jpg", frame_of(folder / "a.mp4", 1.0)).read_bytes()
    for what, (spoil, reason) in BROKEN.items():
        path = tmp_path / f"{what}.jpg"
        path.write_bytes(spoil(sound))
        with pytest.raises(VideoRejected, match=reason) as refused:
            found(joined, PictureQuery(path=path))
        assert str(path) in str(refused.value), what
        assert "\n" not in str(refused.value), what
    assert found(joined, ClipQuery(path=folder / "a.mp4")).hits


def test_a_half_picture_is_searched_by_what_there_is_of_it(joined: Workspace, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    path = write_picture(tmp_path / "half.jpg", noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    result = found(joined, PictureQuery(path=path))
    assert any("damaged: not all of the picture" in warning for warning in result.warnings)
    assert result.hits


def test_a_picture_in_tiles_is_seen_by_its_preview(joined: Workspace, folder: Path, tmp_path: Path) -> None:
    shown = np.repeat(np.repeat(frame_of(folder / "c.mp4", 1.5), 4, axis=0), 4, axis=1)
    path = tmp_path / "photo.heic"
    path.write_bytes(tiled_avif(shown, with_preview=True))
    result = found(joined, PictureQuery(path=path))
    assert names(result)[0] == "c"
    assert result.hits[0].score > 0.9
    path.write_bytes(tiled_avif(shown, with_preview=False))
    with pytest.raises(VideoRejected, match=r"is cut into tiles.*Save it as JPEG or PNG"):
        found(joined, PictureQuery(path=path))


def test_odd_files(joined: Workspace, folder: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "none.jpg", folder):
        with pytest.raises(BadQuery, match=r"There is no file|is a folder"):
            found(joined, PictureQuery(path=path))
    with pytest.raises(VideoRejected, match=r"is not a picture.*a frame by its second"):
        found(joined, PictureQuery(path=folder / "a.mp4"))
    picture = write_picture(tmp_path / "p.jpg", frame_of(folder / "a.mp4", 1.0))
    with pytest.raises(VideoRejected, match="is a JPEG picture, not a video"):
        found(joined, PictureQuery(path=picture, at_s=0.5))
    foreign = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    os.rename(picture, foreign)
    assert names(found(joined, PictureQuery(path=Path(os.fsdecode(foreign)))))[0] == "a"


def test_a_picture_needs_an_encoder_that_sees_looks(joined: Workspace, folder: Path, tmp_path: Path) -> None:
    picture = PictureQuery(path=write_picture(tmp_path / "p.png", frame_of(folder / "c.mp4", 1.0)))
    with pytest.raises(BadQuery, match=r"'motion' sees how things move, not how they look.* --encoder both\."):
        find_similar(joined, picture, encoder_name="motion")
    with pytest.raises(BadQuery, match="A picture does not move, so only its look can be compared: leave out --look, or give 1"):
        found(joined, picture, look=0.5)
    assert found(joined, picture, look=1.0).hits == found(joined, picture).hits
    index_library(joined, "home", [folder], encoder_name="looks")
    alone = find_similar(joined, picture, encoder_name="looks", one_per_video=True)
    assert (names(alone)[0], alone.look) == ("c", None)
    (joined.encoders_folder / "both.onnx").unlink()
    with pytest.raises(BadQuery, match="vret encoders join motion LOOK --name NAME"):
        find_similar(joined, picture, encoder_name="motion")


# Several examples


def _query(
    rng: np.random.Generator, *, seconds: float = 2.0, still: bool = False, blank: bool = False, frozen: bool = False
) -> QueryClips:
    parts = [rng.normal(size=dim) for dim in (5, 3)]
    vector = np.concatenate([part / np.linalg.norm(part) for part in parts])[None].astype(np.float32) / np.float32(np.sqrt(2))
    return QueryClips(seconds, np.array([[0.0, seconds]]), vector, 0, is_still=still, is_blank=blank or frozen, is_plain=blank)


@pytest.fixture
def card() -> EncoderCard:
    return EncoderCard(
        name="both",
        backbone="none",
        task="joined",
        num_frames=8,
        height_px=32,
        width_px=32,
        spans_s=(1.0, 2.0),
        geometry="squash",
        dim=8,
        precision="fp32",
        training={},
        weights_sha256="0" * 64,
        parts=(VectorPart(MOTION, 5), VectorPart(LOOK, 3)),
    )


def test_the_formula(card: EncoderCard) -> None:
    rng = np.random.default_rng(3)
    clips = [_query(rng, seconds=seconds) for seconds in (1.0, 2.0, 2.4)]
    photo, other, other_photo = _query(rng, seconds=1.0, still=True), _query(rng), _query(rng, seconds=4.0, frozen=True)
    liked, disliked = (
        [Example(str(number), one) for number, one in enumerate(many)] for many in ((*clips, photo), (other, other_photo))
    )
    query = combine(liked, disliked, card)
    assert query.duration_s == 2.0  # the picture has no length
    assert not query.is_still

    def unit(vector: np.ndarray) -> np.ndarray:
        return vector / np.linalg.norm(vector)

    for where, positive, negative in (
        (slice(0, 5), clips, [other]),
        (slice(5, 8), [*clips, photo], [other, other_photo]),
    ):
        towards = unit(np.mean([unit(one.vectors[0, where]) for one in positive], axis=0))
        away = unit(np.mean([unit(one.vectors[0, where]) for one in negative], axis=0))
        expected = unit(towards - UNLIKE_SHARE * away) / np.sqrt(2)
        np.testing.assert_allclose(query.vectors[0, where], expected, atol=1e-6)


def test_unlike_ones_never_outweigh_the_others(card: EncoderCard) -> None:
    rng = np.random.default_rng(4)
    one = _query(rng)
    against_itself = combine([Example("a", one)], [Example("a", one)] * 50, card)
    np.testing.assert_allclose(against_itself.vectors, one.vectors, atol=1e-6)
    many = [Example(str(number), _query(rng)) for number in range(9)]
    alike = [Example("x", _query(rng))] * 30
    with_unlike, without = combine(many, alike, card), combine(many, [], card)
    assert float(with_unlike.vectors[0] @ without.vectors[0]) > 0.9
    assert np.linalg.norm(with_unlike.vectors) == pytest.approx(1, abs=1e-5)


def test_examples_that_cancel_out_and_blank_ones(card: EncoderCard) -> None:
    rng = np.random.default_rng(5)
    one, blank = _query(rng), _query(rng, blank=True)
    opposite = QueryClips(2.0, one.spans_s, -one.vectors, 0)
    with pytest.raises(BadQuery, match="cancel one another out"):
        combine([Example("a", one), Example("b", opposite)], [], card)
    np.testing.assert_allclose(
        combine([Example("a", one), Example("b", blank)], [Example("c", blank)], card).vectors, one.vectors, atol=1e-6
    )
    assert combine([Example("b", blank)], [Example("a", one)], card).is_blank
    stills = [Example("p", _query(rng, still=True)), Example("q", _query(rng, still=True))]
    both = combine(stills, [], card)
    assert both.is_still
    assert np.linalg.norm(both.vectors[0, 5:]) == pytest.approx(np.sqrt(0.5), abs=1e-6)


@pytest.mark.parametrize("look", [0.0, 0.35, 1.0])
def test_a_clip_and_itself_are_that_clip_at_every_weight(joined: Workspace, folder: Path, look: float) -> None:
    """Though the parts of a vector do not have equal shares of its length."""
    a = ClipQuery(path=folder / "a.mp4", start_s=0.0, end_s=2.0)
    (hit, *_), (alone, *_) = found(joined, a, a, look=look).hits, found(joined, a, look=look).hits
    assert (hit.path.stem, alone.path.stem) == ("a", "a")
    assert hit.score == pytest.approx(1, abs=0.02)
    assert alone.score == pytest.approx(1, abs=0.02)


def test_sums_and_unlike_ones_change_the_ranking(joined: Workspace, folder: Path) -> None:
    a, b, c = (ClipQuery(path=folder / f"{name}.mp4", start_s=0.5, end_s=2.5) for name in "abc")
    alone, with_b = found(joined, a), found(joined, a, b)
    assert names(alone)[0] == "a"
    assert set(names(with_b)[:2]) == {"a", "b"}
    assert scores(with_b)["b"] > scores(alone)["b"]
    assert (with_b.num_examples, with_b.num_unlike, with_b.query_vectors, with_b.query_s) == (2, 0, 1, pytest.approx(2.0, abs=0.1))
    without_c = found(joined, a, b, unlike=[c])
    assert scores(without_c)["c"] < scores(with_b)["c"]
    assert names(without_c)[-1] == "c"
    turned = found(joined, c, unlike=[a])
    assert (names(turned)[0], names(turned)[-1], turned.num_unlike) == ("c", "a", 1)
    for result in (with_b, without_c, turned):
        assert all(-1 <= hit.score <= 1 for hit in result.hits)


def test_clips_moments_and_pictures_in_any_mix(joined: Workspace, folder: Path, tmp_path: Path) -> None:
    clip = ClipQuery(path=folder / "a.mp4", start_s=0.5, end_s=2.5)
    moment = MomentQuery(path=folder / "b.mp4", at_s=1.0)
    picture = PictureQuery(path=write_picture(tmp_path / "p.png", frame_of(folder / "c.mp4", 1.5)))
    result = found(joined, clip, moment, picture, look=1.0)
    assert set(names(result)[:3]) == {"a", "b", "c"}
    assert names(found(joined, clip, picture, look=0.0, unlike=[picture]))[0] == "a"
    embedded = [embed_for_search(joined, one, encoder_name="both") for one in (clip, moment, picture)]
    again = find_similar(joined, embedded, encoder_name="both", one_per_video=True, look=1.0)
    assert again.hits == result.hits
    two = [picture, PictureQuery(path=folder / "c.mp4", at_s=1.0)]
    stills = found(joined, *two)
    assert (names(stills)[0], stills.look, stills.query_s) == ("c", 1.0, 1.0)
    alone = find_similar(joined, [clip], encoder_name="both", one_per_video=True)
    assert alone.hits == find_similar(joined, clip, encoder_name="both", one_per_video=True).hits


def test_what_cannot_be_combined(joined: Workspace, folder: Path, tmp_path: Path) -> None:
    long = ClipQuery(path=folder / "below" / "long.mp4")
    short = ClipQuery(path=folder / "a.mp4", start_s=0.5, end_s=2.5)
    for examples, unlike in (((short, long), ()), ((short,), (long,))):
        with pytest.raises(BadQuery, match=r"long\.mp4 lasts 6\.0 s; .* up to 2\.5 s with this encoder"):
            found(joined, *examples, unlike=unlike)
    assert found(joined, long).hits
    with pytest.raises(BadQuery, match="no example to search by"):
        found(joined, unlike=[short])
    black = ClipQuery(path=draw_moving_picture(tmp_path / "black.mp4", light=0.0, seconds=2.0))
    with_black = found(joined, short, black)
    assert any("black.mp4 is left out: there is nothing to see" in warning for warning in with_black.warnings)
    assert names(with_black)[0] == "a"
    assert found(joined, black, unlike=[short]).hits == []


# A lowest score


def test_a_lowest_score(joined: Workspace, folder: Path) -> None:
    query = ClipQuery(path=folder / "a.mp4", start_s=0.5, end_s=2.5)
    everything = found(joined, query)
    bound = everything.hits[1].score
    assert found(joined, query, min_score=bound).hits == everything.hits[:2]
    nothing = found(joined, MomentQuery(path=folder / "a.mp4", at_s=1.0), unlike=[query], min_score=1.0)
    assert nothing.hits == []
    assert nothing.best_score is not None
    assert nothing.best_score < 1
    for wrong in (-1.1, 2.0, float("nan")):
        with pytest.raises(WrongValue, match="must be -1 to 1"):
            found(joined, query, min_score=wrong)


# On the command line


def test_on_the_command_line(joined: Workspace, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VRET_ENCODER", "both")
    photo = write_picture(tmp_path / "photo.jpg", frame_of(folder / "c.mp4", 1.5))
    short = draw_moving_picture(tmp_path / "at@home.mp4", seed=0, seconds=2.0)
    result = json.loads(ok("search", photo, "--json"))
    assert (Path(result["hits"][0]["path"]).name, result["look"], result["num_examples"]) == ("c.mp4", 1.0, 1)
    frame = json.loads(ok("search", folder / "b.mp4", "--at", "1.5", "--json", "-k", "1"))
    assert [Path(hit["path"]).name for hit in frame["hits"]] == ["b.mp4"]
    mixed = ("search", short, photo, "--like", f"{folder / 'b.mp4'}@1.0", "--not", f"{folder / 'below' / 'long.mp4'}@3")
    result = json.loads(ok(*mixed, "--not", short, "--json"))
    assert (result["num_examples"], result["num_unlike"]) == (3, 2)
    told = vret(*mixed)
    assert "moments like these 3 examples and unlike 1, in" in told.stderr
    assert "c.mp4" in ok("search", photo, "--one-per-video", "--csv", "--min-score", "0.9")
    none = vret("search", short, "--not", f"{folder}/c.mp4@1", "--min-score", "1", "--json")
    assert none.returncode == 0
    assert json.loads(none.stdout)["hits"] == []
    assert none.stderr.startswith("No good match: the best moment scores 0.") and "below --min-score 1." in none.stderr


def test_usage_that_makes_no_sense(joined: Workspace, folder: Path, tmp_path: Path) -> None:
    photo = write_picture(tmp_path / "photo.jpg", frame_of(folder / "c.mp4", 1.5))
    assert "Give a video file or a picture" in failed("search", code=2)
    assert "is a picture and has no seconds. Leave out --start." in failed("search", photo, "--start", "1", "-e", "both")
    assert "belong to one file" in failed("search", photo, folder / "a.mp4", "--end", "1", code=2)
    assert "belong to a file" in failed("search", "--like", "x@1", "--at", "1", code=2)
    assert "--at is one frame" in failed("search", folder / "a.mp4", "--at", "1", "--end", "2", code=2)
    assert "leave out --look" in failed("search", photo, "--look", "0.5", "-e", "both")
    assert "--not needs a path and a second" in failed("search", folder / "a.mp4", "--not", "b@x", "-e", "both", code=2)
    assert "There is no file" in failed("search", folder / "a.mp4", "--not", tmp_path / "none.mp4", "--start", "1", "-e", "both")
    assert "a number from -1 to 1" in failed("search", folder / "a.mp4", "--min-score", "3", code=2)
