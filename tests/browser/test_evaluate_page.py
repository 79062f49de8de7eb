"""The Evaluate page in a real browser: an evaluation from its start to a failure that plays, and runs of before."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import Served, at_rest, choose, wait_until_it_plays
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.patience import PATIENCE_S

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

LIBRARY = "labelled <i>videos</i>"
ROW_PX = 35


def vret(served: Served, *arguments: str) -> str:
    """What the command line prints about the same data folder."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("VRET_")}
    environment |= {"VRET_HOME": str(served.home), "VRET_ENCODER": "tiny"}
    command = [sys.executable, "-m", "app", *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def labels(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Indexed videos of three labels; one that is asked with has a label that no video to be found has."""
    folder = tmp_path_factory.mktemp("labelled")
    rows = ["path,label,split"]
    for seed, (label, split) in enumerate([*[("<b>run", "train"), ("sit", "train"), ("sit", "test")] * 3, ("jump & run", "test")]):
        draw_moving_picture(folder / f"{seed}.mp4", seed=300 + seed)
        rows.append(f"{seed}.mp4,{label},{split}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    vret(served, "index", str(folder), "--library", LIBRARY)
    return folder / "labels.csv"


def open_form(page: "Page", served: Served) -> None:
    page.goto(f"{served.url}/evaluate")
    page.locator(".st-key-measure-panel details").wait_for()
    if page.locator(".st-key-measure-panel details[open]").count() == 0:  # it is open from the start while there is no run
        page.locator(".st-key-measure-panel summary").click()
    page.get_by_role("combobox", name="Library").wait_for()
    choose(page, "Library", LIBRARY)


def figures(page: "Page") -> dict[str, str]:
    """The headline figures by their names."""
    cards = page.locator(".vret-figures > div")
    return {card.locator("span").inner_text(): card.locator("b").inner_text() for card in cards.all()}


def run_number(page: "Page") -> int:
    heading = page.locator(".vret-run-head h2").inner_text()
    number, _, library = heading.removeprefix("Run ").partition(": ")
    assert library == LIBRARY
    return int(number)


def stored_rows(served: Served, labels: Path) -> dict[str, Any]:
    """What the command line measures, by way of comparing; it is stored as a run of its own."""
    told = json.loads(vret(served, "eval", "retrieval", f"--library={LIBRARY}", f"--labels={labels}", "--json"))
    return {row["way"]: row for row in told["rows"] if row["encoder"] == "tiny"}


def test_evaluation_from_the_form_to_a_failure_that_plays(page: "Page", served: Served, labels: Path) -> None:
    from playwright.sync_api import expect

    open_form(page, served)
    expect(page.get_by_role("textbox", name="Labels")).to_have_value(str(labels))
    page.get_by_text("10 videos with 3 labels").wait_for()
    page.get_by_role("button", name="Measure", exact=True).click()
    page.locator(".vret-run-head", has_text=LIBRARY).wait_for()
    at_rest(page)

    measured = figures(page)
    first = run_number(page)
    printed = stored_rows(served, labels)
    # What a search finds comes first; the mean of a video's vectors is for comparing with papers.
    assert measured["top-1"] == f"{printed['stored']['top_1']:.3f}"
    assert measured["class-mean top-1"] == f"{printed['stored']['class_mean_top_1']:.3f}"
    page.get_by_role("radio", name="by mean vector").click()
    by_mean = f"{printed['mean']['mean_average_precision']:.3f}"
    expect(page.locator(".vret-figures")).to_contain_text(by_mean)
    assert figures(page)["top-1"] == f"{printed['mean']['top_1']:.3f}"

    # The one that cannot be right comes first. It plays beside what was returned, right and wrong ones marked.
    at_rest(page)
    failure = page.locator(".st-key-failure-1")
    failure.get_by_text("jump & run is in no video that was found").wait_for()
    expect(failure.locator(".vret-answer")).to_have_count(6)
    expect(failure.locator(".vret-wrong")).to_have_count(5)
    expect(failure.locator("img")).to_have_count(6)
    failure.get_by_role("button", name="Play").click()
    failure.locator("video").nth(5).wait_for()
    for place in (0, 5):
        failure.locator("video").nth(place).scroll_into_view_if_needed()
        wait_until_it_plays(page, failure.locator("video").nth(place))
    assert page.locator("b", has_text="run").count() == 0

    # The command line's run is the newest now; the page's own one is below it in the list.
    page.reload()
    page.locator(".vret-run-head", has_text=f"Run {first + 1}:").wait_for()
    at_rest(page)
    page.locator(".st-key-run-history summary").click()
    table = page.locator(".st-key-run-history [data-testid=stDataFrame]")
    table.locator("td", has_text=LIBRARY).nth(1).wait_for(state="attached")  # its rows are drawn
    table.click(position={"x": 15, "y": ROW_PX * 2.5})
    page.locator(".vret-run-head", has_text=f"Run {first}:").wait_for()
    at_rest(page)
    assert figures(page) == measured
    table.click(position={"x": 15, "y": ROW_PX * 1.5})
    page.get_by_text("2 runs side by side").wait_for()
    names = page.locator(".vret-table td:first-child")
    expect(names).to_have_text([f"{first + 1}: tiny", f"{first}: tiny"])


def test_a_point_of_the_map_plays(page: "Page", served: Served, labels: Path) -> None:
    from playwright.sync_api import expect

    stored_rows(served, labels)
    page.goto(f"{served.url}/evaluate")
    page.get_by_role("radio", name="Map", exact=True).click()
    points = page.locator(".st-key-map-chart svg.marks g.mark-symbol.role-mark path")
    expect(points).to_have_count(10)
    points.first.click()
    wait_until_it_plays(page, page.locator(".st-key-map-video video"))
    expect(page.locator(".st-key-map-video")).to_contain_text(re.compile(r"\d\.mp4"))


def test_a_table_that_is_too_wide_shows_that_it_goes_on(page: "Page", served: Served, labels: Path) -> None:
    stored_rows(served, labels)
    page.set_viewport_size({"width": 700, "height": 900})
    page.goto(f"{served.url}/evaluate")
    table = page.locator(".vret-scroll").first
    table.wait_for()
    at_rest(page)
    assert table.evaluate("table => table.scrollWidth > table.clientWidth")
    fades = "table => getComputedStyle(table).maskImage !== 'none'"
    assert table.evaluate(fades)
    table.evaluate("table => { table.scrollLeft = table.scrollWidth }")
    page.wait_for_function(f"!({fades})(document.querySelector('.vret-scroll'))")
    page.set_viewport_size({"width": 1600, "height": 900})
    page.wait_for_function("(table => table.scrollWidth <= table.clientWidth)(document.querySelector('.vret-scroll'))")
    assert not table.evaluate(fades)


def test_report_is_downloaded(page: "Page", served: Served, labels: Path) -> None:
    stored_rows(served, labels)
    page.goto(f"{served.url}/evaluate")
    page.get_by_role("button", name="Report").wait_for()
    at_rest(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Report").click()
    assert re.fullmatch(r"vret-run-\d+\.html", download.value.suggested_filename)
    assert "</html>" in download.value.path().read_text()


def test_what_is_wrong_with_labels_is_said(page: "Page", served: Served, labels: Path) -> None:
    from playwright.sync_api import expect

    open_form(page, served)
    field = page.get_by_role("textbox", name="Labels")
    expect(field).to_have_value(str(labels))
    at_rest(page)
    field.fill(str(served.videos / "labels.csv"))
    field.press("Enter")
    page.get_by_text("has no test rows, so there are no queries").wait_for()
    page.get_by_role("button", name="Measure", exact=True).wait_for(state="detached")


@contextmanager
def evaluation_elsewhere(home: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has entered an evaluation and says how far it is, as `vret eval` does, but never comes to its end."""
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from app.evaluation.progress import evaluation_job\n"
        "from app.settings import Settings\n"
        "from app.workspace import Workspace\n"
        "with evaluation_job(Workspace(Settings.at(Path(sys.argv[1]))), 'far <u>away</u>') as tell:\n"
        "    tell('queries, tiny', 30, 120)\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(3600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def test_progress_survives_a_reload_and_can_be_stopped(page: "Page", served: Served, labels: Path) -> None:
    from playwright.sync_api import expect

    with evaluation_elsewhere(served.home) as process:
        page.goto(f"{served.url}/evaluate")
        for _ in range(2):
            panel = page.locator(".st-key-evaluation-panel")
            panel.get_by_text("queries, tiny: 30 of 120").wait_for()
            expect(panel).to_contain_text("Measuring far <u>away</u>")
            page.reload()
        page.locator(".st-key-evaluation-panel").get_by_role("button", name="Stop").click()
        process.wait(timeout=PATIENCE_S)
        page.locator(".st-key-evaluation-panel").wait_for(state="detached")
