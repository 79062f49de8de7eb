"""Searching by a clip in a real browser: hits that really play, more like this, back, and watching a hit in its video."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from embedder.preview import write_preview
from tests.browser.conftest import Served, choose, wait_until_it_plays

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def search_by_upload(page: "Page", served: Served, clip: Path) -> None:
    page.goto(served.url)
    page.locator("input[type=file]").set_input_files(clip)
    page.get_by_role("button", name="Find similar moments").click()
    page.locator(".st-key-hit-1").get_by_role("button", name="More like this").wait_for()


@pytest.fixture
def cut(served: Served, tmp_path: Path) -> Path:
    """Seconds 4.0 to 7.0 of the first reel, as a file of its own."""
    clip = tmp_path / "cut.mp4"
    write_preview(served.videos / "reel-1.mp4", 4.0, 7.0, clip)
    return clip


def test_upload_finds_its_moment__hits_play(page: "Page", served: Served, cut: Path) -> None:
    from playwright.sync_api import expect

    search_by_upload(page, served, cut)
    first = page.locator(".st-key-hit-1")
    assert "reel-1.mp4" in first.inner_text()
    assert re.match(r"score (100|9[5-9]) %", first.locator(".vret-score").get_attribute("title") or "")
    assert first.locator(".vret-score b").inner_text() == "strong"
    wait_until_it_plays(page, first.locator("video"))
    wait_until_it_plays(page, page.locator(".st-key-query-bar video"))
    assert page.locator(".st-key-hit-1 video").evaluate("v => v.muted && v.loop")
    expect(page.locator("[class*='st-key-hit-']")).to_have_count(12)

    # A hit that cannot be seen does not play; it begins when it comes into sight.
    last = page.locator(".st-key-hit-12 video")
    last.wait_for()
    assert last.evaluate("v => v.paused")
    last.scroll_into_view_if_needed()
    wait_until_it_plays(page, last)


def test_more_like_this_and_back(page: "Page", served: Served, cut: Path) -> None:
    from playwright.sync_api import expect

    search_by_upload(page, served, cut)
    name = page.locator(".st-key-query-bar .vret-name")
    expect(name).to_have_text("cut.mp4")
    second = page.locator(".st-key-hit-2 .vret-name").get_attribute("title")
    assert second is not None
    page.locator(".st-key-hit-2").get_by_role("button", name="More like this").click()
    page.get_by_text("Like this moment").wait_for()
    expect(name).to_have_attribute("title", second)
    wait_until_it_plays(page, page.locator(".st-key-hit-1 video"))

    page.get_by_role("button", name="Back").click()
    page.get_by_text("Like this clip").wait_for()
    expect(name).to_have_text("cut.mp4")
    page.locator(f".st-key-hit-2 .vret-name[title='{second}']").wait_for()  # the query is there before its hits


def test_further_examples__added_and_taken_away(page: "Page", served: Served, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    write_preview(served.videos / "reel-1.mp4", 4.0, 6.0, tmp_path / "short.mp4")  # seen at once, as examples must be
    search_by_upload(page, served, tmp_path / "short.mp4")
    second = page.locator(".st-key-hit-2 .vret-name").get_attribute("title")
    page.locator(".st-key-hit-2").get_by_role("button", name="This too").click()
    examples = page.locator(".st-key-examples p[title]")
    expect(examples).to_have_count(2)
    expect(examples.nth(1)).to_have_attribute("title", second or "")
    page.locator(".st-key-hit-1").get_by_role("button", name="More like this").wait_for()
    page.locator(".st-key-hit-3").get_by_role("button", name="Not this").click()
    expect(page.locator(".st-key-examples")).to_contain_text("Unlike")
    wait_until_it_plays(page, page.locator(".st-key-hit-1 video"))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.locator(".st-key-drop-unlike-example-0").get_by_role("button", name="Remove").click()
    expect(examples).to_have_count(2)
    page.locator(".st-key-drop-example-1").get_by_role("button", name="Remove").click()
    expect(examples).to_have_count(0)
    wait_until_it_plays(page, page.locator(".st-key-query-bar video"))


def test_watch_begins_at_the_moment(page: "Page", served: Served, cut: Path) -> None:
    from playwright.sync_api import expect

    search_by_upload(page, served, cut)
    page.locator(".st-key-hit-1").get_by_role("button", name="Watch").click()
    dialog = page.get_by_role("dialog")
    video = dialog.locator("video")
    wait_until_it_plays(page, video)
    began_s = video.evaluate("v => v.played.start(0)")
    assert began_s == pytest.approx(4.0, abs=0.6)  # the piece begins with the video, for the moment is in its first 10 s
    assert video.evaluate("v => v.duration") > 9  # the moment and 10 s after it, or the end of the reel
    expect(dialog).to_contain_text(str(served.videos / "reel-1.mp4"))
    for beyond in ("Earlier", "Later"):  # all of the reel is in the piece
        expect(dialog.get_by_role("button", name=beyond)).to_be_disabled()


def test_one_click_from_the_start_finds_hits(page: "Page", served: Served) -> None:
    page.goto(served.url)
    page.get_by_role("button", name="Find similar", exact=True).first.click()
    wait_until_it_plays(page, page.locator(".st-key-hit-1 video"))


def test_range_of_an_indexed_video(page: "Page", served: Served) -> None:
    from playwright.sync_api import expect

    page.goto(served.url)
    page.get_by_role("radio", name="From a library").click()
    page.get_by_role("combobox", name="Library").wait_for()
    choose(page, "Video", "reel-2.mp4")
    chosen = page.get_by_text("s chosen")
    chosen.wait_for()
    whole = chosen.inner_text()
    page.locator(".vret-end img").nth(1).wait_for()
    expect(page.locator(".vret-strip img")).to_have_count(10)
    wait_until_it_plays(page, page.locator(".st-key-range-clip video"))
    for _ in range(5):
        page.get_by_role("slider").nth(1).press("ArrowLeft")
    page.get_by_text(whole).wait_for(state="detached")
    page.get_by_role("button", name="Use whole").click()
    page.get_by_text(whole).wait_for()
    page.get_by_role("button", name="Find similar moments").click()
    page.locator(".st-key-hit-1").wait_for()
    page.get_by_role("button", name="Change range").click()
    page.get_by_role("button", name="Use whole").wait_for()


def test_options_are_obeyed(page: "Page", served: Served, cut: Path) -> None:
    search_by_upload(page, served, cut)
    page.get_by_text("One per video").click()
    page.wait_for_function(
        "() => { const names = [...document.querySelectorAll('.vret-hit .vret-name')].map(e => e.title);"
        " return names.length > 1 && new Set(names).size === names.length; }"
    )


def test_file_that_is_no_video(page: "Page", served: Served, tmp_path: Path) -> None:
    page.goto(served.url)
    wrong = tmp_path / "letter.mp4"
    wrong.write_text("Dear all")
    page.locator("input[type=file]").set_input_files(wrong)
    page.get_by_text("is a text file, not a video").wait_for()


def test_an_uploaded_picture_is_searched_by_at_once(page: "Page", served: Served, tmp_path: Path) -> None:
    """Without a range to choose; this page's encoder sees movement alone, and says so."""
    from playwright.sync_api import expect

    from tests.helpers.draw_picture import frame_of, write_picture

    picture = write_picture(tmp_path / "photo.png", frame_of(served.videos / "reel-1.mp4", 5.0))
    page.goto(served.url)
    page.locator("input[type=file]").set_input_files(picture)
    expect(page.get_by_text("Like this picture")).to_be_visible()
    expect(page.locator(".st-key-query-bar img")).to_be_visible()
    expect(page.get_by_text("no picture can be compared")).to_be_visible()
