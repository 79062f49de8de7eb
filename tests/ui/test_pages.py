"""The pages without a browser: what they say and which widgets they have, by Streamlit's own tester."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.index_library import index_library
from app.settings import Settings
from app.workspace import Workspace
from index.catalog import FileFingerprint
from tests.helpers.make_video import draw_moving_picture, encode_anew
from tests.helpers.patience import PATIENCE_S

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest


def search_page() -> None:
    import app.ui.search_page as page

    page.show()


def library_page() -> None:
    import app.ui.library_page as page

    page.show()


def about_page() -> None:
    import app.ui.about_page as page

    page.show()


def opened(page: object) -> "AppTest":
    from streamlit.testing.v1 import AppTest

    tested = AppTest.from_function(page, default_timeout=PATIENCE_S)  # type: ignore[arg-type]
    tested.run()
    assert not tested.exception, tested.exception
    return tested


def shown(page: "AppTest") -> str:
    return " ".join(element.body for element in page.get("html"))  # type: ignore[attr-defined]


@pytest.fixture
def indexed(home: Path, tmp_path: Path) -> Path:
    """Two videos and an empty file in a library called `home`."""
    folder = tmp_path / "videos"
    for seed in range(2):
        draw_moving_picture(folder / f"{seed}.mp4", seed=seed)
    (folder / "<i>broken &amp;.mp4").touch()
    with Workspace(Settings.at(home)) as ws:
        index_library(ws, "home", [folder])
    return folder


def test_search_page__nothing_indexed(home: Path) -> None:
    page = opened(search_page)
    assert "There is nothing to search in yet." in shown(page)


def test_search_page__only_broken_videos(home: Path, tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "broken.mp4").touch()
    with Workspace(Settings.at(home)) as ws:
        index_library(ws, "home", [tmp_path / "videos"])
    assert "None of your videos could be indexed yet." in shown(opened(search_page))


def test_search_page__begins_with_a_suggestion(indexed: Path) -> None:
    page = opened(search_page)
    assert "2 videos can be searched" in shown(page)
    page.button(key="suggest-0").click().run()
    assert not page.exception
    assert "Like this clip" in shown(page)
    assert page.button(key="like-1").label == "More like this"  # the other one; the query itself is left out
    assert 'vret-rank">2<' not in shown(page)


def test_search_page__a_rerun_empties_no_place(indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written twice in a run may reach the browser in two pieces, which then builds anew what was there, and all in it."""
    from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

    page = opened(search_page)
    page.button(key="suggest-0").click().run()
    written: list[tuple[int, ...]] = []
    monkeypatch.setattr(ForwardMsgQueue, "_before_enqueue_msg", lambda message: written.append(tuple(message.metadata.delta_path)))
    for _ in range(20):  # until the previews are made, which at first take the places of pictures
        written.clear()
        page.run()
        assert not page.exception
        twice = [path for path, times in Counter(filter(None, written)).items() if times > 1]
        if not twice:
            break
    assert len(set(written)) > 20, "hits were drawn"
    assert not twice


def test_search_page__encoder_is_missing(indexed: Path, home: Path) -> None:
    page = opened(search_page)
    (home / "encoders" / "default.onnx").unlink()
    page.button(key="suggest-0").click().run()
    assert not page.exception
    assert "encoder 'default'" in page.error[0].value  # there is none, or another came with vret under this name


def test_search_page__path_that_is_no_file(indexed: Path) -> None:
    page = opened(search_page)
    page.get("button_group")[0].set_value("File on this computer").run()  # type: ignore[attr-defined]
    page.text_input(key="clip-path").set_value("/no/such/file.mp4")
    next(button for button in page.button if button.label == "Open").click().run()
    assert "There is no file" in page.error[0].value


def test_search_page__who_comes_from_elsewhere_names_no_file(indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sources() -> list[str]:
        return [option.content for option in opened(search_page).get("button_group")[0].proto.options]  # type: ignore[attr-defined]

    assert "File on this computer" in sources()
    monkeypatch.setattr("app.ui.access.is_open_to_others", lambda: True)
    assert sources() == ["Upload a clip", "From a library"]


def uploaded(name: str, content: bytes) -> "AppTest":
    """The search page with an upload."""
    page = opened(search_page)
    page.file_uploader(key="clip-upload").set_value((name, content, "video/mp4")).run()
    assert not page.exception
    return page


def test_search_page__upload_that_is_no_video(indexed: Path, home: Path) -> None:
    page = uploaded("my *holiday*.mp4", b"no video")
    assert page.error[0].value.replace("\\", "") == "my *holiday*.mp4: is a text file, not a video"
    assert not list((home / "uploads").iterdir()), "nobody can search by it"
    page.button(key="suggest-0").click().run()  # the page goes on
    assert "Like this clip" in shown(page)


def test_search_page__upload_that_is_kept_no_longer(indexed: Path, home: Path) -> None:
    page = uploaded("mine.mp4", (indexed / "0.mp4").read_bytes())
    assert "mine.mp4" in shown(page)
    (kept,) = (home / "uploads").iterdir()
    kept.unlink()
    page.run()
    assert page.error[0].value.replace("\\", "") == "This clip cannot be shown: mine.mp4 is no longer kept. Upload it again."


def test_search_page__upload_that_cannot_be_searched_by(indexed: Path, home: Path) -> None:
    page = uploaded("mine.mp4", (indexed / "0.mp4").read_bytes())
    (kept,) = (home / "uploads").iterdir()
    next(button for button in page.button if button.label == "Find similar moments").click().run()
    assert "Like this clip" in shown(page)
    kept.write_bytes(b"no video")
    next(box for box in page.selectbox if box.label == "Hits").set_value(24).run()
    assert page.error[0].value.replace("\\", "") == "mine.mp4: is a text file, not a video"


def test_library_page__first_library(home: Path) -> None:
    page = opened(library_page)
    assert "Add your first library" in shown(page)
    page.text_input(key="add-folder-path").set_value("/no/such/folder")
    page.button[0].click().run()
    assert "There is no folder" in page.error[0].value


def test_library_page__broken_file_has_its_reason(indexed: Path) -> None:
    page = opened(library_page)
    assert "1 broken" in shown(page)
    table = page.dataframe[0].value
    row = table[table["outcome"] == "broken"].iloc[0]
    assert (row["name"], row["reason"]) == ("<i>broken &amp;.mp4", "the file is empty")
    assert "<i>" not in shown(page)


def test_library_page__long_reason_can_be_read_to_its_end(indexed: Path, home: Path) -> None:
    assert opened(library_page).dataframe[0].proto.row_height == 52
    reason = "decoding it took longer than 600 s, so the decoder was ended; only --reembed tries again. " * 2
    with Workspace(Settings.at(home)) as ws:
        ws.catalog.put_broken("home", FileFingerprint(str(indexed / "slow.mp4"), 1, 1, "x"), reason)
    page = opened(library_page)
    page.get("button_group")[0].set_value("broken").run()  # type: ignore[attr-defined]
    table = page.dataframe[0]
    assert reason in list(table.value["reason"])
    assert {"picture", "length", "clips", "codec"}.isdisjoint(table.value.columns)  # what a broken file has not takes no room
    assert table.proto.row_height >= 4 * 20  # Streamlit wraps in rows this high; the column is 44 letters wide


def test_library_page__what_is_left_out_is_kept_with_the_library(indexed: Path, home: Path) -> None:
    page = opened(library_page)
    area = next(area for area in page.text_area if (area.key or "").startswith("excludes-text-"))
    area.set_value("drafts/\n\n#old\n")
    next(button for button in page.button if button.label == "Save").click().run()
    assert not page.exception
    assert "without drafts/, #old" in shown(page)
    with Workspace(Settings.at(home)) as ws:
        assert ws.catalog.library("home").excludes == ("drafts/", "#old")
    area = next(area for area in page.text_area if (area.key or "").startswith("excludes-text-"))
    area.set_value("!")
    next(button for button in page.button if button.label == "Save").click().run()
    assert "leaves nothing out" in page.error[0].value or "gitignore" in page.error[0].value


def pressed(page: "AppTest", label: str) -> "AppTest":
    next(button for button in page.button if button.label.replace("\\", "") == label).click().run()
    assert not page.exception
    return page


def text_of(page: "AppTest") -> str:
    return " ".join(element.value for element in page.markdown).replace("\\", "")


def test_library_page__library_is_removed_once_that_was_confirmed(indexed: Path, home: Path) -> None:
    page = pressed(opened(library_page), "Remove this library")
    assert "Videos of home" in shown(page)
    assert "3 videos" in text_of(page) and str(indexed) in text_of(page)
    pressed(page, "Remove home")
    assert "Add your first library" in shown(page)
    assert (indexed / "0.mp4").exists()


def test_library_page__library_that_is_kept_after_all(indexed: Path, home: Path) -> None:
    page = pressed(pressed(opened(library_page), "Remove this library"), "Keep it")
    assert "Remove home" not in [button.label for button in page.button]
    assert "Videos of home" in shown(page.run())


def test_library_page__missing_videos_are_forgotten_once_that_was_confirmed(indexed: Path, home: Path) -> None:
    (indexed / "0.mp4").unlink()
    with Workspace(Settings.at(home)) as ws:
        index_library(ws, "home", [indexed])
    page = pressed(opened(library_page), "Forget 1 missing video")
    assert "1 missing" in shown(page)
    assert "If a drive is disconnected" in text_of(page)
    page.button(key="question-yes").click().run()
    assert "1 missing" not in shown(page)


def test_library_page__a_folder_that_is_away_is_marked_and_its_videos_are_kept(indexed: Path, home: Path) -> None:
    indexed.rename(indexed.with_name("unplugged"))
    assert ">away<" in shown(opened(library_page))
    with Workspace(Settings.at(home)) as ws:
        ws.catalog.mark_missing(video.id for video in ws.catalog.videos("home"))
    page = pressed(opened(library_page), "Forget 3 missing videos")
    page.button(key="question-yes").click().run()
    assert not page.exception
    with Workspace(Settings.at(home)) as ws:
        assert ws.catalog.count_videos("home") == 3


def test_about_page__previews_are_deleted_once_that_was_confirmed(indexed: Path, home: Path) -> None:
    preview = home / "previews" / f"{'0' * 32}.mp4"
    preview.parent.mkdir(exist_ok=True)
    preview.write_bytes(b"a preview")
    page = pressed(opened(about_page), "Delete the previews")
    assert preview.exists()
    page.button(key="question-yes").click().run()
    assert not preview.exists()


def test_about_page(indexed: Path, home: Path) -> None:
    page = opened(about_page)
    assert str(home) in shown(page)
    assert "CPUExecutionProvider" in shown(page)
    assert "48 numbers each" in shown(page)


def test_catalog_that_cannot_be_opened__one_line(home: Path) -> None:
    from streamlit.testing.v1 import AppTest

    (home / "catalog.db").write_bytes(b"this is no database" * 100)
    page = AppTest.from_file(str(Path(__file__).parents[2] / "app" / "ui" / "main_page.py"), default_timeout=PATIENCE_S).run()
    assert not page.exception
    assert "is damaged or no SQLite file" in page.error[0].value.replace("\\", "")


def test_search_page__encoder_is_chosen_where_there_are_two(indexed: Path, home: Path) -> None:
    from tests.helpers.tiny_encoder import write_tiny_encoder

    write_tiny_encoder(home / "encoders" / "other.onnx", name="other", seed=1)
    assert "Encoder" not in [box.label for box in opened(search_page).selectbox]  # nothing is indexed with the other one
    with Workspace(Settings.at(home)) as ws:
        index_library(ws, "home", [indexed], encoder_name="other")
    page = opened(search_page)
    choice = next(box for box in page.selectbox if box.label == "Encoder")
    assert (choice.value, list(choice.options)) == ("default", ["default", "other"])
    choice.set_value("other").run()
    page.button(key="suggest-0").click().run()
    assert "encoder other" in shown(page)


def test_search_page__only_another_encoder_was_indexed_with(home: Path, tmp_path: Path) -> None:
    from tests.helpers.tiny_encoder import write_tiny_encoder

    write_tiny_encoder(home / "encoders" / "other.onnx", name="other", seed=1)
    for seed in range(2):
        draw_moving_picture(tmp_path / "videos" / f"{seed}.mp4", seed=seed)
    with Workspace(Settings.at(home)) as ws:
        index_library(ws, "home", [tmp_path / "videos"], encoder_name="other")
    page = opened(search_page)
    page.button(key="suggest-0").click().run()
    assert not page.error
    assert "encoder other" in shown(page)


def test_search_page__movement_against_look(indexed: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.find_similar import EmbeddedQuery
    from app.ui import search_page as the_page
    from app.ui import state_keys
    from app.ui.queries import ShownQuery
    from embedder.encoder_card import DEFAULT_LOOK
    from pretrain.join_encoders import join_encoders
    from tests.helpers.tiny_encoder import write_tiny_encoder

    encoders = home / "encoders"
    write_tiny_encoder(encoders / "look.onnx", dim=24, seed=5, task="look")
    join_encoders(encoders / "default.onnx", encoders / "look.onnx", encoders / "both.onnx", name="both")
    with Workspace(Settings.at(home)) as ws:
        index_library(ws, "home", [indexed], encoder_name="both")
    embedded: list[object] = []

    def counted(*arguments: object, **options: object) -> EmbeddedQuery:
        embedded.append(arguments)
        return real(*arguments, **options)  # type: ignore[arg-type]

    real = the_page.embed_for_search
    monkeypatch.setattr(the_page, "embed_for_search", counted)
    page = opened(search_page)
    assert not page.slider
    clip = indexed / "0.mp4"
    asked = ShownQuery(path=clip, name=clip.name, start_s=0.2, end_s=2.0, duration_s=3.0, video_id=None, note="uploaded")
    page.session_state[state_keys.HISTORY] = (asked,)
    next(box for box in page.selectbox if box.label == "Encoder").set_value("both").run()
    assert page.slider[0].label == "Movement ↔ Look"
    assert page.slider[0].value == DEFAULT_LOOK
    assert f"look {DEFAULT_LOOK:g}" in shown(page)
    shown_at = {}
    for look in (0.0, 1.0):
        page.slider[0].set_value(look).run()
        assert not page.exception
        assert f"look {look:g}" in shown(page)
        shown_at[look] = page.session_state[state_keys.RESULT][1].hits
    assert [hit.score for hit in shown_at[0.0]] != [hit.score for hit in shown_at[1.0]]
    assert len(embedded) == 1, "the slider alone embeds nothing"
    next(box for box in page.selectbox if box.label == "Encoder").set_value("default").run()
    assert not page.slider
    assert len(embedded) == 2
    next(box for box in page.selectbox if box.label == "Encoder").set_value("both").run()
    assert page.slider[0].value == 1.0, "kept while another encoder was chosen"


def test_library_page__tells_of_videos_known_by_their_look_only(home: Path, tmp_path: Path) -> None:
    from pretrain.join_encoders import join_encoders
    from tests.helpers.tiny_encoder import write_tiny_encoder

    encoders = home / "encoders"
    write_tiny_encoder(encoders / "look.onnx", dim=24, seed=5, task="look")
    join_encoders(encoders / "default.onnx", encoders / "look.onnx", encoders / "both.onnx", name="both")
    draw_moving_picture(tmp_path / "videos" / "one.mp4")
    for quick, expected in ((True, True), (False, False)):
        with Workspace(Settings.at(home)) as ws:
            index_library(ws, "home", [tmp_path / "videos"], encoder_name="both", quick=quick)
        assert ("1 by look only so far" in shown(opened(library_page))) is expected


def test_search_page__copies_are_one_hit_until_each_is_asked_for(home: Path, tmp_path: Path) -> None:
    from app.ui import state_keys
    from app.ui.queries import ShownQuery

    folder = tmp_path / "videos"
    for seed in range(3):
        draw_moving_picture(folder / f"{seed}.mp4", seed=seed, seconds=4.0)
    for name in ("second", "third"):
        encode_anew(folder / "1.mp4", folder / f"{name}.mp4", crf=24 if name == "second" else 28)
    with Workspace(Settings.at(home)) as ws:
        index_library(ws, "home", [folder])
        number = {video.path.name: video.id for video in ws.catalog.videos("home")}
    page = opened(search_page)
    asked = ShownQuery(
        path=folder / "0.mp4", name="0", start_s=0, end_s=4, duration_s=4.0, video_id=number["0.mp4"], note="indexed"
    )
    page.session_state[state_keys.HISTORY] = (asked,)
    page.run()
    assert "x3" in shown(page)
    assert page.session_state[state_keys.RESULT][1].hits[0].copies == 0
    next(one for one in page.toggle if one.label == "Every copy").set_value(True).run()
    assert not page.exception and "x3" not in shown(page)
    paths = {hit.path.stem for hit in page.session_state[state_keys.RESULT][1].hits}
    assert {"1", "second", "third"} <= paths

    for name in ("1.mp4", "third.mp4"):  # the query itself is no hit; its copies are one, whichever of them was indexed first
        page.session_state[state_keys.HISTORY] = (replace(asked, path=folder / name, video_id=number[name]),)
        next(one for one in page.toggle if one.label == "Every copy").set_value(False).run()
        first = page.session_state[state_keys.RESULT][1].hits[0]
        assert first.copies == 1 and first.path.name != name and "x2" in shown(page)


def test_search_page__a_frozen_clip_is_compared_by_its_look(indexed: Path, home: Path, tmp_path: Path) -> None:
    from app.ui import state_keys
    from app.ui.queries import ShownQuery
    from pretrain.join_encoders import join_encoders
    from tests.helpers.tiny_encoder import write_tiny_encoder

    encoders = home / "encoders"
    write_tiny_encoder(encoders / "look.onnx", dim=24, seed=5, task="look")
    join_encoders(encoders / "default.onnx", encoders / "look.onnx", encoders / "both.onnx", name="both")
    with Workspace(Settings.at(home)) as ws:
        index_library(ws, "home", [indexed], encoder_name="both")
    still = draw_moving_picture(tmp_path / "still.mp4", seed=3, speed=0.0)
    page = opened(search_page)
    asked = ShownQuery(path=still, name="still", start_s=0, end_s=3, duration_s=3.0, video_id=None, note="uploaded")
    page.session_state[state_keys.HISTORY] = (asked,)
    next(box for box in page.selectbox if box.label == "Encoder").set_value("both").run()
    assert "look 1" in shown(page) and any("by its look alone" in one.value for one in page.warning)
    page.slider[0].set_value(0.6).run()
    assert "look 0.6" in shown(page)


@pytest.mark.parametrize("shown_kind", ["grey16.png", "turned.jpg", "damaged.jpg"])
def test_search_page__odd_pictures_are_shown_or_left_out(indexed: Path, home: Path, tmp_path: Path, shown_kind: str) -> None:
    """Whatever the picture is, the page stays."""
    import numpy as np
    from PIL import Image

    from app.ui import state_keys
    from app.ui.queries import ShownQuery

    path = tmp_path / shown_kind
    noise = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    if shown_kind == "grey16.png":
        Image.fromarray(noise[..., 0].astype(np.uint16) * 256).save(path)
    else:
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(noise).save(path, exif=exif)
    if shown_kind == "damaged.jpg":
        path.write_bytes(path.read_bytes()[:900])
    page = opened(search_page)
    page.session_state[state_keys.HISTORY] = (ShownQuery.of_picture(path, path.name, "uploaded"),)
    page.run()
    assert not page.exception
    assert "Like this picture" in shown(page)


def test_search_page__by_a_picture(indexed: Path, home: Path, tmp_path: Path) -> None:
    from app.ui import state_keys
    from app.ui.queries import ShownQuery
    from pretrain.join_encoders import join_encoders
    from tests.helpers.draw_picture import frame_of, write_picture
    from tests.helpers.tiny_encoder import write_tiny_encoder

    picture = write_picture(tmp_path / "photo.png", frame_of(indexed / "0.mp4", 1.0))
    asked = ShownQuery.of_picture(picture, picture.name, "uploaded")
    page = opened(search_page)
    page.session_state[state_keys.HISTORY] = (asked,)
    page.run()
    assert not page.exception
    assert any("no picture can be compared" in error.value for error in page.error), "the encoder sees movement alone"

    encoders = home / "encoders"
    write_tiny_encoder(encoders / "look.onnx", dim=24, seed=5, task="look")
    join_encoders(encoders / "default.onnx", encoders / "look.onnx", encoders / "both.onnx", name="both")
    with Workspace(Settings.at(home)) as ws:
        index_library(ws, "home", [indexed], encoder_name="both")
    page = opened(search_page)
    page.session_state[state_keys.HISTORY] = (asked,)
    next(box for box in page.selectbox if box.label == "Encoder").set_value("both").run()
    page.slider[0].set_value(0.6).run()
    assert not page.exception and not page.error
    assert "Like this picture" in shown(page) and "look 1" in shown(page)
    assert page.session_state[state_keys.RESULT][1].hits[0].path.name == "0.mp4"


def test_search_page__further_examples_and_unlike_ones(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    for seed in range(4):
        draw_moving_picture(folder / f"{seed}.mp4", seed=seed, seconds=2.0)
    with Workspace(Settings.at(home)) as ws:
        index_library(ws, "home", [folder])
    from app.ui import state_keys
    from app.ui.queries import ShownQuery

    page = opened(search_page)
    clip = folder / "0.mp4"
    asked = ShownQuery(path=clip, name="<0>.mp4", start_s=0.0, end_s=2.0, duration_s=2.0, video_id=None, note="uploaded")
    page.session_state[state_keys.HISTORY] = (asked,)
    page.run()
    assert not page.exception
    assert "vret-judge" in shown(page)
    result = page.session_state[state_keys.RESULT][1]
    second, last = result.hits[1], result.hits[-1]
    page.button(key="also-2").click().run()  # the file of the query is the first hit, for it was not asked as an indexed moment
    assert not page.exception
    assert not page.error
    assert "<b>Like</b> &lt;0&gt;.mp4" in shown(page)
    assert f"<b>Like</b> {second.path.name}" in shown(page)
    assert "vret-judge" not in shown(page)
    result = page.session_state[state_keys.RESULT][1]
    assert (result.num_examples, result.num_unlike) == (2, 0)
    place = next(place for place in range(1, 9) if f'vret-rank">{place}</span>{last.path.name}' in shown(page))
    page.button(key=f"unlike-{place}").click().run()
    assert f"<b>Unlike</b> {last.path.name}" in shown(page)
    assert page.session_state[state_keys.RESULT][1].num_unlike == 1
    assert page.session_state[state_keys.RESULT][1].hits[-1].path == last.path
    assert len(page.session_state[state_keys.EMBEDDED]) == 3
    page.button(key="drop-example-0").click().run()
    assert page.button(key="drop-example-0").disabled
    page.button(key="drop-unlike-example-0").click().run()
    assert not page.exception
    assert "<b>Like</b>" not in shown(page)
    assert page.session_state[state_keys.HISTORY][-1].name == second.path.name
    for _ in range(4):
        next(button for button in page.button if button.label == "Back").click().run()
    assert page.session_state[state_keys.HISTORY] == (asked,)


def test_search_page__an_example_that_is_too_long_for_several(indexed: Path) -> None:
    page = opened(search_page)
    page.button(key="suggest-0").click().run()
    from dataclasses import replace

    from app.ui import state_keys

    (asked,) = page.session_state[state_keys.HISTORY]
    whole = replace(asked, start_s=0.0, end_s=3.0, duration_s=3.0, video_id=None)
    page.session_state[state_keys.HISTORY] = (whole,)
    page.run()
    page.button(key="also-2").click().run()
    assert "must be short enough to be seen at once" in page.error[0].value
    page.button(key="drop-example-1").click().run()
    assert not page.error


def test_search_page__a_lowest_score(indexed: Path) -> None:
    page = opened(search_page)
    page.button(key="suggest-0").click().run()
    assert "vret-rank" in shown(page)
    page.number_input[0].set_value(100).run()
    assert not page.exception
    assert "No good match" in shown(page)
    assert "lower <b>At least</b>" in shown(page)
    page.number_input[0].set_value(0).run()
    assert "vret-rank" in shown(page)
