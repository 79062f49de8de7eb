"""Judging hits in a real browser, by keys and by mouse: it is there after a reload, and measured as reckoned by hand."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.evaluation.judged import evaluate_judgements
from app.settings import Settings
from app.workspace import Workspace
from embedder.preview import write_preview
from tests.browser.conftest import Served, at_rest

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

MARK = "rgb(217, 96, 28)"  # the border of the hit that keys are about


@pytest.fixture
def cut(served: Served, tmp_path: Path) -> Path:
    """Seconds 3.0 to 6.0 of the second reel, as a file of its own."""
    clip = tmp_path / "judged.mp4"
    write_preview(served.videos / "reel-2.mp4", 3.0, 6.0, clip)
    return clip


def search(page: "Page", served: Served, clip: Path) -> None:
    page.goto(served.url)
    page.locator("input[type=file]").set_input_files(clip)
    page.get_by_role("button", name="Find similar moments").click()
    page.locator(".st-key-hit-12 .vret-judge").wait_for()
    at_rest(page)
    page.wait_for_function(  # keys are heard from now on
        "mark => [...document.querySelectorAll('[class*=st-key-hit-]')].some(e => getComputedStyle(e).borderTopColor === mark)",
        arg=MARK,
    )


def said(page: "Page", num_hits: int = 5) -> list[str]:
    """What the first cards show: r, x or - for each."""
    letters = {"relevant": "r", "wrong": "x"}
    cards = (page.locator(f".st-key-hit-{place} .vret-judge [aria-pressed=true]") for place in range(1, num_hits + 1))
    return [
        "".join(letters[word] for word in card.evaluate_all("all => all.map(one => one.dataset.word)")) or "-" for card in cards
    ]


def wait_until_kept(page: "Page", served: Served, expected: list[bool]) -> None:
    """Until the catalog holds these judgements of the clip, by hit."""
    with Workspace(Settings.at(served.home)) as ws:
        for _ in range(600):
            kept = [one for one in ws.catalog.judgements() if one.query_name == "judged.mp4"]
            if [one.relevant for one in kept] == expected:
                return
            page.wait_for_timeout(100)
    pytest.fail(f"the catalog holds {kept}, not {expected}")


def marked(page: "Page") -> list[int]:
    """Places of the cards with the mark's border."""
    colours = [page.locator(f".st-key-hit-{place}").evaluate("e => getComputedStyle(e).borderTopColor") for place in range(1, 13)]
    return [place for place, colour in enumerate(colours, start=1) if colour == MARK]


def test_judging_by_keys_is_kept_and_measured(page: "Page", served: Served, cut: Path) -> None:
    search(page, served, cut)
    assert marked(page) == [1]
    for key in "xrjr":  # the third is passed over
        page.keyboard.press(key)
    assert said(page) == ["x", "r", "-", "r", "-"]  # at once, before the server knows
    assert marked(page) == [5]
    wait_until_kept(page, served, [False, True, True])

    page.reload()
    search(page, served, cut)
    assert said(page) == ["x", "r", "-", "r", "-"]
    assert marked(page) == [3]  # the first of which nothing was said

    with Workspace(Settings.at(served.home)) as ws:
        report = evaluate_judgements(ws, "drawn", encoders=["tiny"])
    (scores,) = report.scores
    assert [(query.name, query.first_hit) for query in scores.queries] == [("judged.mp4", 1)]
    assert scores.top_k[1] == 0.0
    assert scores.top_k[5] == 1.0
    assert scores.mean_average_precision == pytest.approx((1 / 2 + 2 / 3) / 2)  # wrong, right, (not judged), right
    assert scores.chance == pytest.approx(2 / 3)

    for key in "kkxjr":  # the first one's word is taken back, and so the second's
        page.keyboard.press(key)
    assert said(page) == ["-", "-", "-", "r", "-"]
    wait_until_kept(page, served, [True])
    page.locator(".st-key-hit-4").get_by_role("button", name="Not relevant").click()
    wait_until_kept(page, served, [False])
    page.locator(".st-key-hit-4").get_by_role("button", name="Not relevant").click()
    wait_until_kept(page, served, [])
    assert said(page) == ["-"] * 5


def test_keys_mean_nothing_while_one_types_or_watches(page: "Page", served: Served, cut: Path) -> None:
    search(page, served, cut)
    page.get_by_role("combobox", name="Search in").press_sequentially("rx")
    page.keyboard.press("Escape")
    below = page.locator(".vret-keys").element_handle()
    assert below is not None
    page.locator(".st-key-hit-2").get_by_role("button", name="Watch").click()
    page.get_by_role("dialog").locator("video").wait_for()
    page.keyboard.press("x")
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    at_rest(page)
    assert below.evaluate("element => element.isConnected")  # the end of a search moves nothing, so nothing is set up anew
    assert marked(page) == [2]
    assert said(page) == ["-"] * 5
    page.keyboard.press("Control+x")
    page.keyboard.press("x")
    assert said(page, 12) == ["-", "x"] + ["-"] * 10  # the hit that was watched is the marked one, and judged but once
    page.keyboard.press("k")
    page.keyboard.press("x")
    wait_until_kept(page, served, [])


def away_and_back(page: "Page") -> None:
    page.get_by_role("link", name="Libraries").click()
    page.get_by_role("heading", name="Libraries").wait_for()
    page.get_by_role("link", name="Search").click()
    page.locator(".st-key-hit-12 .vret-judge").wait_for()
    at_rest(page)


def test_one_comes_back_to_the_hit_one_was_at(page: "Page", served: Served, cut: Path) -> None:
    search(page, served, cut)
    page.keyboard.press("j")
    page.keyboard.press("j")
    away_and_back(page)
    assert marked(page) == [3]
    page.keyboard.press("r")  # heard once, though the page's part that hears has been set up twice
    assert said(page) == ["-", "-", "r", "-", "-"]
    wait_until_kept(page, served, [True])
    page.keyboard.press("k")
    page.keyboard.press("r")
    wait_until_kept(page, served, [])


def test_what_was_said_elsewhere_meanwhile_stays(page: "Page", served: Served, cut: Path) -> None:
    search(page, served, cut)
    page.keyboard.press("r")
    wait_until_kept(page, served, [True])
    with Workspace(Settings.at(served.home)) as ws:
        (one,) = [one for one in ws.catalog.judgements() if one.query_name == "judged.mp4"]
        ws.catalog.remove_judgement(one.video_id, one.query, one.start_s, one.end_s)
    away_and_back(page)
    assert said(page) == ["-"] * 5
    page.keyboard.press("x")  # of the second hit
    wait_until_kept(page, served, [False])
    assert said(page) == ["-", "x", "-", "-", "-"]
    page.keyboard.press("k")
    page.keyboard.press("x")
    wait_until_kept(page, served, [])
